import { decodeMessage, SipParseError, SipRequest } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import { titleOf, tortureFiles, tortureMessages, tortureOctets } from "./messages.ts";

describe("the torture messages of RFC 4475", () => {
  it("each file has a row and each row a file", () => {
    const rows = tortureMessages.map(({ group, name }) => `${group}/${name}`);
    expect(rows.toSorted()).toEqual(tortureFiles().toSorted());
    expect(new Set(tortureMessages.map(({ name }) => name)).size).toBe(50);
  });

  // Octets that the message level does not give back: behind Content-Length, of a body whose length is in doubt, of a
  // Request-Line that no one may forward, or all.
  const notKept: Readonly<Record<string, "a tail" | "body" | "start line" | "nothing decoded">> = {
    dblreq: "a tail",
    inv2543: "a tail",
    clerr: "body",
    ncl: "body",
    mcl01: "body",
    baddn: "a tail",
    ltgtruri: "start line",
    lwsruri: "start line",
    lwsstart: "start line",
    trws: "start line",
    badvers: "start line",
    bigcode: "nothing decoded",
    test: "nothing decoded",
  };

  it.each(tortureMessages.filter(({ name }) => notKept[name] === undefined))(
    "§$section $name is written back octet for octet when nothing was changed",
    ({ name }) => {
      const octets = tortureOctets(name);
      expect(Buffer.from(decodeMessage(octets).encode()).equals(octets)).toBe(true);
    },
  );

  it.each(tortureMessages.filter(({ name }) => notKept[name] === "nothing decoded").map(titleOf))(
    "%s is no message",
    (title) => {
      const name = /§\S+ (\w+)/.exec(title)?.[1] ?? "";
      expect(() => decodeMessage(tortureOctets(name))).toThrow(SipParseError);
    },
  );

  it.each(tortureMessages.filter(({ name }) => ["a tail", "body", "start line"].includes(notKept[name] ?? "")))(
    "§$section $name keeps its header fields octet for octet",
    ({ name }) => {
      const octets = tortureOctets(name).toString("latin1");
      const message = decodeMessage(Buffer.from(octets, "latin1"));
      const [head = ""] = octets.split("\r\n\r\n");
      expect(message).toBeInstanceOf(SipRequest);
      expect(`${head.replace(/\r\n$/, "")}\r\n`).toBe(
        `${head.slice(0, head.indexOf("\r\n") + 2)}${message.headers.serialize()}`,
      );
    },
  );
});
