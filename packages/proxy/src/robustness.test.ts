import fc from "fast-check";
import { expect, test } from "vitest";
import { ProxyBed, RawPeer } from "./testdata/proxy-bed.ts";
import { parseUsers } from "./users-file.ts";

const METHODS = ["REGISTER", "MESSAGE", "SUBSCRIBE", "OPTIONS", "CANCEL", "INVITE", "FOO"];
const FIELDS = [
  'Contact: <sip:alice@127.0.0.1:7001;ob>;q=0.5;+sip.instance="<urn:uuid:1>";reg-id=1;expires=60',
  "Route: <sip:x@127.0.0.1:5060;lr>, <sip:127.0.0.1:7002;lr>",
  "Path: <sip:token@127.0.0.1:7002;lr;ob>",
  "Supported: path, outbound",
  'Accept-Contact: *;+g.oma.pusheventapp="push.syncml,!a,#>=5";require;explicit',
  "Reject-Contact: *;video",
  "Request-Disposition: no-fork, redirect",
  'P-Preferred-Identity: "A" <sip:alice@example.test>, <tel:+1>',
  'Proxy-Authorization: Digest username="a", realm="example.test", nonce="n", uri="sip:x", response="00"',
  'Authorization: Digest username="a", realm="example.test", nonce="n", uri="sip:x", response="00"',
  "Event: oma-push",
  "Expires: 0",
];

/** Puts `chars` in place of `drop` characters, somewhere. */
const edit = fc.record({
  at: fc.nat(1200),
  drop: fc.nat(3),
  chars: fc.oneof(
    fc.constantFrom("", "<", ">", ";", ",", '"', "\\", ":", "@", "*", "%", "[", "lr", "tag"),
    fc.string({ maxLength: 3, unit: "binary-ascii" }),
  ),
});

test.each([
  ["with users", { users: parseUsers("alice:secret") }],
  ["without", { trusted: ["127.0.0.1"] }],
])("whatever a peer sends, nothing breaks and the next request is served, %s", async (_, options) => {
  const complaints: string[] = [];
  const ignore = (): void => {};
  const logger = {
    trace: ignore,
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (_fields: object, text: string) => void complaints.push(text),
  };
  const bed = await ProxyBed.open({ logger, ...options });
  const raw = await RawPeer.open(bed, 6500);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...METHODS),
      fc.subarray(FIELDS),
      fc.array(edit, { maxLength: 3 }),
      async (method, fields, edits) => {
        let head = raw.head(method, "sip:alice@example.test", fields);
        for (const { at, drop, chars } of edits) head = head.slice(0, at) + chars + head.slice(at + drop);
        await raw.send(head);
        expect(complaints).toEqual([]);
      },
    ),
    { numRuns: 400 },
  );
  await bed.clock.advance(60_000);
  expect((await raw.ask(raw.head("OPTIONS", "sip:example.test"))).statusCode).toBe(200);
  await bed.close();
  expect([complaints, bed.clock.pendingTimers]).toEqual([[], 0]);
});
