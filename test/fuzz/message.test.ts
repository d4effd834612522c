import { isDeepStrictEqual } from "node:util";
import {
  decodeMessage,
  FramingError,
  isSound,
  rejectionOf,
  responseTo,
  type SipMessage,
  SipParseError,
  StreamFramer,
} from "@sip-push/sip";
import { seededRandom } from "@sip-push/sip/testing";
import { describe, expect, it } from "vitest";
import { tortureMessages, tortureOctets } from "../conformance/rfc4475/messages.ts";
import { ipv6Messages, ipv6Octets } from "../conformance/rfc5118/messages.ts";

const seeds = [
  ...tortureMessages.map(({ name }) => tortureOctets(name)),
  ...ipv6Messages.map(({ name }) => ipv6Octets(name)),
];

/** What grammars turn on; put in where it hurts. */
// biome-ignore format: a list reads best dense
const dictionary = [
  "\r\n", "\r\n\r\n", "\r\n ", "\r", "\n", "\0", "\x80", "\xff", " ", "\t", ":", ";", ",", "<", ">", '"', "\\", "=", "@",
  "?", "&", "%", "%00", "%4", "[", "]", "::", "(", ")", "/", "*", "0", "-1", "4294967296", "99999999999999999999",
  "SIP/2.0", "sip:", "sips:", "tel:+1", "z9hG4bK", "Via: ", "v:", "To:", "Contact: *\r\n", "Content-Length: 0\r\n",
  "l:5\r\n", "CSeq: 1 ACK\r\n", "Route: <sip:a;lr>\r\n", "tag=", "SIP/2.0 200 OK\r\n", "MESSAGE sip:a@b SIP/2.0\r\n",
].map((text) => Buffer.from(text, "latin1"));

type Random = () => number;
const below = (random: Random, limit: number): number => Math.floor(random() * limit);
const splice = (octets: Buffer, at: number, removed: number, put: Uint8Array): Buffer =>
  Buffer.concat([octets.subarray(0, at), put, octets.subarray(at + removed)]);

const mutations: ReadonlyArray<(octets: Buffer, random: Random) => Buffer> = [
  (octets, random) => splice(octets, below(random, octets.length), 1, Uint8Array.of(below(random, 256))),
  (octets, random) =>
    splice(octets, below(random, octets.length), 0, dictionary[below(random, dictionary.length)] as Buffer),
  (octets, random) => splice(octets, below(random, octets.length), below(random, 20), Buffer.alloc(0)),
  (octets, random) => octets.subarray(0, below(random, octets.length + 1)),
  (octets, random) => {
    const from = below(random, octets.length);
    return splice(octets, below(random, octets.length), 0, octets.subarray(from, from + below(random, 60)));
  },
  (octets, random) => {
    const other = seeds[below(random, seeds.length)] as Buffer;
    return Buffer.concat([
      octets.subarray(0, below(random, octets.length)),
      other.subarray(below(random, other.length)),
    ]);
  },
];

function mutate(octets: Buffer, random: Random): Buffer {
  let result = octets;
  for (let times = 1 + below(random, 4); times > 0; times--) {
    result = (mutations[below(random, mutations.length)] as (typeof mutations)[number])(result, random);
  }
  return result;
}

/** Runs `read`; an error that is not ours goes through. */
function expected<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}

const getters = ["via", "from", "to", "cseq", "callId"] as const;

/** All that the stack does with a message before a core sees it. Returns what became of it. */
function exercise(octets: Buffer): "dropped" | "refused" | "taken" {
  const message = expected(() => decodeMessage(octets));
  if (message === undefined) return "dropped";
  for (const name of getters) expected(() => message[name]);
  const sound = message.kind === "request" ? rejectionOf(message) === undefined : isSound(message);
  if (message.kind === "request" && message.method !== "ACK") answer(message);
  if (sound) expectSameAgain(message);
  return sound ? "taken" : "refused";
}

/** An answer can be made of whatever was decoded, and is itself a message. */
function answer(message: Extract<SipMessage, { kind: "request" }>): void {
  const response = decodeMessage(responseTo(message, 400).encode());
  if (response.kind !== "response" || response.flaw !== undefined) throw new Error("the answer is no response");
}

/** What is taken is written so that it is read the same again: by us, and by the next hop. */
function expectSameAgain(message: SipMessage): void {
  const again = decodeMessage(message.encode());
  const same =
    again.flaw === undefined &&
    again.headers.get("Content-Length") !== undefined &&
    getters.every((name) => isDeepStrictEqual(again[name], message[name])) &&
    Buffer.compare(again.body, message.body) === 0;
  if (!same) throw new Error("written and read again it is another message");
}

describe("mutated torture messages (RFC 4475, RFC 5118)", () => {
  it("20,000 of them as datagrams: each is dropped, refused or taken, and nothing else is thrown", () => {
    const random = seededRandom(0x5150);
    const counts = { dropped: 0, refused: 0, taken: 0 };
    for (let i = 0; i < 20_000; i++) {
      const octets = mutate(seeds[i % seeds.length] as Buffer, random);
      try {
        counts[exercise(octets)]++;
      } catch (cause) {
        throw new Error(`mutation ${i}: ${JSON.stringify(octets.toString("latin1"))}`, { cause });
      }
    }
    // Each way out is taken often, or the mutations test nothing.
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(1000);
  });

  it("2,000 streams of them: the same frames, or the same end, whatever the chunks", () => {
    const random = seededRandom(0x1234);
    const show = (frame: SipMessage | string): string =>
      typeof frame === "string" ? frame : `${frame.headers.serialize()}|${Buffer.from(frame.body).toString("latin1")}`;
    const read = (chunks: readonly Buffer[]): string[] => {
      const framer = new StreamFramer(undefined, "acceptor");
      const frames: string[] = [];
      try {
        for (const chunk of chunks) frames.push(...framer.push(chunk).map(show));
        frames.push(`${framer.pendingBytes} pending`);
      } catch (error) {
        if (!(error instanceof FramingError)) throw error;
        frames.push(...error.framesBefore.map(show), error.message);
      }
      return frames;
    };
    let framed = 0;
    for (let i = 0; i < 2000; i++) {
      const pick = (): Buffer => seeds[below(random, seeds.length)] as Buffer;
      const stream = Buffer.concat([pick(), random() < 0.5 ? mutate(pick(), random) : pick(), Buffer.from("\r\n\r\n")]);
      const cuts = [0, ...Array.from({ length: 5 }, () => below(random, stream.length)), stream.length].toSorted(
        (a, b) => a - b,
      );
      const whole = read([stream]);
      expect(read(cuts.slice(1).map((end, k) => stream.subarray(cuts[k], end)))).toEqual(whole);
      if (whole.length > 2) framed++;
    }
    expect(framed).toBeGreaterThan(200);
  });
});
