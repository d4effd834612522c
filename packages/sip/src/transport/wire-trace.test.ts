import { afterEach, describe, expect, it } from "vitest";
import { type Logger, silentLogger } from "../logger.ts";
import { SipEndpoint } from "../user-agent/endpoint.ts";
import { createRequest } from "../user-agent/request.ts";
import { RequestSender } from "../user-agent/request-sender.ts";
import type { TransportName } from "./transport.ts";
import { wireTraceOf } from "./wire-trace.ts";

interface Line {
  readonly direction: string;
  readonly sip: string;
  readonly [field: string]: unknown;
}

function recordingLogger(level: string): { logger: Logger; lines: Line[] } {
  const lines: Line[] = [];
  const trace = (fields: object, direction: string) => void lines.push({ direction, ...(fields as { sip: string }) });
  return { logger: { ...silentLogger, trace, isLevelEnabled: (asked) => asked === level }, lines };
}

const way = {
  transport: "UDP",
  local: { address: "127.0.0.1", port: 1 },
  remote: { address: "127.0.0.1", port: 2 },
} as const;

describe("a trace of SIP messages", () => {
  it("is there only for a logger that says that it writes it", () => {
    expect(wireTraceOf(silentLogger)).toBeUndefined();
    expect(wireTraceOf(recordingLogger("debug").logger)).toBeUndefined();
    expect(wireTraceOf(recordingLogger("trace").logger)).toBeDefined();
  });

  it("has the head as it is on the wire, and how long the body is", () => {
    const { logger, lines } = recordingLogger("trace");
    const head = "MESSAGE sip:bob@127.0.0.1 SIP/2.0\r\nCall-ID: c\r\nSubject: two\r\n lines";
    wireTraceOf(logger)?.sent(Buffer.from(`${head}\r\n\r\nbody\r\n\r\nof 14`), way);
    expect(lines).toEqual([{ direction: "sent", ...way, sip: head, bodyOctets: 13 }]);
  });

  it.each([
    ['Authorization: Digest username="bob",\r\n response="0"', "Authorization: (left out)"],
    ['proxy-authorization:Digest nonce="n"', "proxy-authorization: (left out)"],
    ['WWW-Authenticate : Digest nonce="n"', "WWW-Authenticate: (left out)"],
    ['Proxy-Authenticate: Digest nonce="n"', "Proxy-Authenticate: (left out)"],
    ['Authentication-Info: nextnonce="n"', "Authentication-Info: (left out)"],
    ['Proxy-Authentication-Info: nextnonce="n"', "Proxy-Authentication-Info: (left out)"],
    ["Contact: <sip:bob:secret@h.test>", "Contact: <sip:bob:(left out)@h.test>"],
    ["Contact: <sips:h.test:5061>, <sip:bob@h.test:5060>", "Contact: <sips:h.test:5061>, <sip:bob@h.test:5060>"],
    [
      "Contact: <sip:bob@h.test;pn-provider=p;PN-PRID=a%2Fb;pn-param=q>",
      "Contact: <sip:bob@h.test;pn-provider=p;PN-PRID=(left out);pn-param=q>",
    ],
    ["Subject: Authorization: none", "Subject: Authorization: none"],
  ])("leaves out what is secret: %j", (field, shown) => {
    const { logger, lines } = recordingLogger("trace");
    wireTraceOf(logger)?.sent(Buffer.from(`OPTIONS sip:h.test SIP/2.0\r\n${field}\r\nTo: <sip:h.test>\r\n\r\n`), way);
    expect(lines[0]?.sip).toBe(`OPTIONS sip:h.test SIP/2.0\r\n${shown}\r\nTo: <sip:h.test>`);
  });
});

describe("an endpoint that traces", () => {
  const endpoints: SipEndpoint[] = [];
  afterEach(async () => {
    await Promise.all(endpoints.splice(0).map((endpoint) => endpoint.close()));
  });

  async function open(transport: TransportName, logger: Logger): Promise<SipEndpoint> {
    const endpoint = await SipEndpoint.open({
      listen: [{ transport, address: "127.0.0.1", port: 0 }],
      logger,
      onRequest: (transaction) => transaction.reply(200),
    });
    endpoints.push(endpoint);
    return endpoint;
  }

  it.each(["UDP", "TCP", "WS"] as const)("says each message that it sends and receives over %s", async (transport) => {
    const { logger, lines } = recordingLogger("trace");
    const [a, b] = [await open(transport, logger), await open(transport, silentLogger)];
    const { port = 0 } = b.listening[0] ?? {};
    const requestUri = `sip:bob@127.0.0.1:${port};transport=${transport}`;
    const body = Buffer.from("hello");
    await new RequestSender({ endpoint: a }).send(
      createRequest({ method: "MESSAGE", requestUri, from: "sip:ppg@h.test", body }),
    );
    expect(lines).toHaveLength(2);
    const at = { transport, remote: { address: "127.0.0.1", port } };
    expect(lines[0]).toMatchObject({ direction: "sent", ...at, bodyOctets: 5 });
    expect(lines[0]?.sip).toMatch(/^MESSAGE sip:bob@127[^]* SIP\/2\.0\r\n[^]*Call-ID: [^]*Content-Length: 5/);
    expect(lines[1]).toMatchObject({ direction: "received", ...at, bodyOctets: 0 });
    expect(lines[1]?.sip).toMatch(/^SIP\/2\.0 200 OK\r\n[^]*Call-ID: [^]*[^\n]$/);
  });
});
