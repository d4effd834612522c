/**
 * The least that is needed to read and write SIP octets. Written apart from packages/sip on purpose: the test bed must
 * prove itself without the code it is there to test.
 */
export interface RawMessage {
  readonly startLine: string;
  /** 200 from "SIP/2.0 200 OK"; undefined for a request. */
  readonly status: number | undefined;
  /** "MESSAGE" from "MESSAGE sip:… SIP/2.0"; undefined for a response. */
  readonly method: string | undefined;
  /** Every value of a header field, in order; the name in any case, long form. */
  values(name: string): readonly string[];
  /** First value; undefined without one. */
  value(name: string): string | undefined;
  readonly body: Uint8Array;
  readonly octets: Uint8Array;
}

// biome-ignore format: a table
const compactNames: Readonly<Record<string, string>> = {
  v: "via", f: "from", t: "to", i: "call-id", m: "contact", l: "content-length", c: "content-type", k: "supported",
  o: "event", r: "refer-to", u: "allow-events",
};

/** Octets of a message with the given body; Content-Length is added. */
export function buildMessage(
  startLine: string,
  headers: readonly string[],
  body: Uint8Array = new Uint8Array(),
): Uint8Array {
  const head = [startLine, ...headers, `Content-Length: ${body.length}`, "", ""].join("\r\n");
  return Buffer.concat([Buffer.from(head, "utf8"), body]);
}

/** Where the first message in `octets` ends; undefined while it is not all there. Leading CRLFs count as part of it. */
export function messageLength(octets: Uint8Array): number | undefined {
  const buffer = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
  let start = 0;
  while (buffer[start] === 0x0d || buffer[start] === 0x0a) start++;
  const headEnd = buffer.indexOf("\r\n\r\n", start);
  if (headEnd < 0) return undefined;
  const length = /^(?:content-length|l)[ \t]*:[ \t]*(\d+)/im.exec(buffer.toString("latin1", start, headEnd));
  const end = headEnd + 4 + Number(length?.[1] ?? 0);
  return end <= buffer.length ? end : undefined;
}

/** Reads one whole message; without a Content-Length the body is all that follows the head. */
export function parseMessage(octets: Uint8Array): RawMessage {
  const buffer = Buffer.from(octets);
  const headEnd = buffer.indexOf("\r\n\r\n");
  if (headEnd < 0) throw new Error(`not a SIP message: ${JSON.stringify(buffer.toString("latin1"))}`);
  const [startLine = "", ...lines] = buffer
    .toString("utf8", 0, headEnd)
    .replace(/\r\n[ \t]+/g, " ")
    .trimStart()
    .split("\r\n");
  const fields = lines.map((line) => {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).trim().toLowerCase();
    return { name: compactNames[name] ?? name, value: line.slice(colon + 1).trim() };
  });
  const values = (name: string): string[] =>
    fields.filter((field) => field.name === name.toLowerCase()).map((field) => field.value);
  const length = values("content-length")[0];
  const status = /^SIP\/2\.0 (\d{3})/.exec(startLine);
  return {
    startLine,
    status: status ? Number(status[1]) : undefined,
    method: status ? undefined : startLine.split(" ")[0],
    values,
    value: (name) => values(name)[0],
    body: buffer.subarray(headEnd + 4, length === undefined ? undefined : headEnd + 4 + Number(length)),
    octets: buffer,
  };
}

/** A response with the fields that RFC 3261 sections 8.2.6.2 and 12.1.1 copy from the request, and `extra` ones. */
export function buildResponse(request: RawMessage, status: string, extra: readonly string[] = []): Uint8Array {
  const to = request.value("to") ?? "";
  return buildMessage(`SIP/2.0 ${status}`, [
    ...request.values("via").map((via) => `Via: ${via}`),
    `From: ${request.value("from")}`,
    `To: ${to}${/;\s*tag=/.test(to) ? "" : ";tag=raw"}`,
    `Call-ID: ${request.value("call-id")}`,
    `CSeq: ${request.value("cseq")}`,
    ...request.values("record-route").map((route) => `Record-Route: ${route}`),
    ...extra,
  ]);
}
