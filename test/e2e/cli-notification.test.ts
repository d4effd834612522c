import { notificationToJson } from "@sip-push/notification";
import { describe, expect, it } from "vitest";
import { dmVectors, dsVectors, syncmlVectors } from "../../packages/notification/test/vectors.ts";
import { linesOf, runCli } from "./command-line.ts";

const decode = (octets: Uint8Array, format: string): ReturnType<typeof runCli> =>
  runCli(["notification", "decode", "--format", format, "-"], octets);

describe("sip-push notification, through pipes", () => {
  it.each([...dsVectors, ...dmVectors, ...syncmlVectors])(
    "decodes and encodes $id",
    async ({ octets, notification }) => {
      const { format } = notification;
      const decoded = await decode(octets, format);
      expect(decoded).toMatchObject({ exitCode: 0, stderr: "" });
      const json = notificationToJson(notification);
      expect(linesOf(decoded.stdout)).toEqual([json]);

      const encoded = await runCli(["notification", "encode"], decoded.stdout);
      expect(encoded).toMatchObject({ exitCode: 0, stderr: "" });
      // A document may be written in several ways, so it is compared by what it says.
      if (format.startsWith("syncml")) expect(linesOf((await decode(encoded.stdout, format)).stdout)).toEqual([json]);
      else expect(encoded.stdout).toEqual(Buffer.from(octets));
    },
  );

  it.each([...dsVectors, ...dmVectors])(
    "makes the digest of $id with its password and nonce",
    async ({ octets, notification, credentials }) => {
      const { password, nonce } = credentials;
      const input = { ...notificationToJson(notification), digest: "00".repeat(16), password, nonce };
      const encoded = await runCli(["notification", "encode"], JSON.stringify(input));
      expect(encoded).toMatchObject({ exitCode: 0, stderr: "", stdout: Buffer.from(octets) });
    },
  );

  it("prints the fields of the contract in their order", async () => {
    const input = {
      format: "ds-1.2",
      serverId: "ds.example.test",
      sessionId: 1,
      uiMode: "informative",
      syncs: [{ alertCode: 206, contentType: "text/x-vcard", serverUri: "./contacts" }],
    };
    const encoded = await runCli(["notification", "encode", "--json", "-"], JSON.stringify(input));
    const decoded = await runCli(["notification", "decode", "-"], encoded.stdout);
    expect(decoded.stdout.toString("utf8")).toBe(
      '{"format":"ds-1.2","version":"1.2","uiMode":"informative","initiator":"server","sessionId":1,' +
        '"serverId":"ds.example.test","syncs":[{"syncType":"two-way","alertCode":206,"contentType":"text/x-vcard",' +
        `"serverUri":"./contacts"}],"vendor":"","digest":"${"00".repeat(16)}"}\n`,
    );
  });
});
