import { describe, expect, it } from "vitest";
import { runCli } from "./command-line.ts";

describe("sip-push notification, through pipes", () => {
  it("passes octets above 0x7F unchanged, and prints the fields of the contract in their order", async () => {
    const digest = "00ff80c3a90d0a1b00ff80c3a90d0a1b";
    const input = {
      format: "ds-1.2",
      serverId: "ds.example.test",
      sessionId: 0xff80,
      uiMode: "informative",
      syncs: [{ alertCode: 206, contentType: "text/x-vcard", serverUri: "./contacts" }],
      digest,
    };
    const encoded = await runCli(["notification", "encode", "--json", "-"], JSON.stringify(input));
    expect(encoded).toMatchObject({ exitCode: 0, stderr: "" });
    expect(encoded.stdout.toString("hex")).toContain(digest);
    const decoded = await runCli(["notification", "decode", "-"], encoded.stdout);
    expect(decoded).toMatchObject({ exitCode: 0, stderr: "" });
    expect(decoded.stdout.toString("utf8")).toBe(
      '{"format":"ds-1.2","version":"1.2","uiMode":"informative","initiator":"server","sessionId":65408,' +
        '"serverId":"ds.example.test","syncs":[{"syncType":"two-way","alertCode":206,"contentType":"text/x-vcard",' +
        `"serverUri":"./contacts"}],"vendor":"","digest":"${digest}"}\n`,
    );
  });
});
