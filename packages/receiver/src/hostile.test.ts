import { gzipSync } from "node:zlib";
import { encodeCpim, imdnHeaders } from "@sip-push/bodies";
import { referHeaders } from "@sip-push/push";
import { decodeText } from "@sip-push/sip";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DS_TYPE, NETWORK, ReceiverRig } from "../../../test/support/receiver-rig.ts";
import { openNotifier, PSI, type PushNotifier, subscribing } from "./testdata/push-notifier.ts";

type Fields = ReadonlyArray<readonly [name: string, value: string]>;

let rig: ReceiverRig;
let peer: PushNotifier;

beforeEach(async () => {
  rig = await ReceiverRig.start();
  peer = await openNotifier(rig);
  await rig.open({
    ...subscribing,
    applications: ["push.syncml", "*"],
    digest: { credentials: () => ({ password: "a", nonce: "b" }), onInvalid: "accept" },
  });
  await rig.clock.advance(100);
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

const edits = fc.array(fc.tuple(fc.nat(5000), fc.nat(255)), { maxLength: 6 });
const text = fc.string({ maxLength: 30, unit: "grapheme-composite" }).map((value) => value.replace(/[\r\n\0]/g, " "));
const field = fc.tuple(
  fc.constantFrom(
    ..."Expires Date Accept-Contact X-Wap-Application-Id Content-Disposition Priority Subject Refer-Sub".split(" "),
    ...["P-Asserted-Identity", "Content-Language", "Content-Encoding"],
  ),
  text,
);
const fields = fc.array(field, { maxLength: 1 });

/** `octets` with some of them changed. */
function spoilt(octets: Uint8Array, changes: ReadonlyArray<readonly [at: number, value: number]>): Uint8Array {
  const copy = new Uint8Array(octets);
  for (const [at, value] of changes) copy[at % copy.length] = value;
  return copy;
}

const asked = imdnHeaders("m", ["positive-delivery", "negative-delivery"]);
const cpim = (): Uint8Array =>
  encodeCpim({ headers: asked, content: { contentType: DS_TYPE, body: rig.notification() } });
const multipart = (): Uint8Array =>
  new TextEncoder().encode(
    [
      ...["--x", `Content-Type: ${DS_TYPE}`, "Content-Transfer-Encoding: base64", "", "AAAA"],
      ...["--x", "Content-Type: multipart/related;boundary=y", ""],
      ...[
        "--y",
        "Content-Type: text/plain",
        "Content-Disposition: render;handling=optional",
        "",
        "hi",
        "--y--",
        "--x--",
      ],
    ].join("\r\n"),
  );

const bodies: Readonly<Record<string, () => readonly [Fields, Uint8Array]>> = {
  notification: () => [[["Content-Type", DS_TYPE]], rig.notification()],
  envelope: () => [[["Content-Type", "message/cpim"]], cpim()],
  "coded envelope": () => [
    [
      ["Content-Type", "message/cpim"],
      ["Content-Encoding", "gzip"],
    ],
    gzipSync(cpim()),
  ],
  multipart: () => [[["Content-Type", "multipart/mixed;boundary=x"]], multipart()],
};

/** What says that the fault is the peer's, or that there is none. */
const SOUND = expect.toSatisfy((status: number) => status >= 200 && status < 500);

describe("what a peer sends, however spoilt, is answered, and never with our own failure (RFC 3261 §21.5.1)", () => {
  it.each(Object.keys(bodies))("in a MESSAGE: %s", async (kind) => {
    const property = fc.asyncProperty(edits, fields, async (changes, more) => {
      const [headers, body] = bodies[kind]?.() ?? expect.fail(kind);
      const response = await rig.send({ body: spoilt(body, changes), headers: [...headers, ...more] });
      expect(response.statusCode).toEqual(SOUND);
    });
    await fc.assert(property, { numRuns: 150 });
  });

  it("in a NOTIFY of a subscription, which outlives it", async () => {
    const property = fc.asyncProperty(edits, async (changes) => {
      const push = { contentType: "message/cpim", body: spoilt(cpim(), changes) };
      const outcome = await rig.clock.until(peer.notifier.notify(peer.id, push));
      expect(outcome).toMatchObject({ response: { statusCode: SOUND }, subscriptionEnded: false });
    });
    await fc.assert(property, { numRuns: 150 });
  });

  it("in a REFER", async () => {
    const property = fc.asyncProperty(edits, fields, async (changes, more) => {
      const headers = referHeaders({ target: PSI, event: { applicationIds: ["x.app"] } }).map(([name, value]) => {
        if (name !== "Refer-To") return [name, value] as const;
        const octets = spoilt(new TextEncoder().encode(value), changes);
        return [name, decodeText(Buffer.from(octets).toString("latin1")).replace(/[\r\n\0]/g, "x")] as const;
      });
      const contact = ["Contact", `<sip:psi@${NETWORK}>`] as const;
      const response = await rig.send({ method: "REFER", headers: [...headers, contact, ...more] });
      expect(response.statusCode).toEqual(SOUND);
    });
    await fc.assert(property, { numRuns: 150 });
  });
});
