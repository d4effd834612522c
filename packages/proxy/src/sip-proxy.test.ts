import {
  createRequest,
  type ListenAddress,
  type Logger,
  parseListenAddress,
  parseUri,
  RequestSender,
  SipEndpoint,
  type SipRequest,
  SipTransportError,
  type SipUri,
  type TransportName,
} from "@sip-push/sip";
import { afterEach, describe, expect, test } from "vitest";
import { ProxyConfigError } from "./errors.ts";
import type { SipProxyOptions } from "./options.ts";
import { SipProxy } from "./sip-proxy.ts";
import { parseUsers } from "./users-file.ts";

const closing: Array<() => Promise<void>> = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function openProxy(listen: string[], options: Partial<SipProxyOptions> = {}): Promise<SipProxy> {
  const proxy = await SipProxy.open({ listen: listen.map(parseListenAddress), domains: ["example.test"], ...options });
  closing.push(() => proxy.close());
  return proxy;
}

function uriOf(proxy: SipProxy, transport: TransportName): SipUri {
  const { address, port } = proxy.listening.find((each) => each.transport === transport) as ListenAddress;
  const host = address.includes(":") ? `[${address}]` : address;
  return parseUri(`sip:${host}:${port};transport=${transport.toLowerCase()}`) as SipUri;
}

/** What is logged, as "level text"; without the trace of the wire. */
function recordingLogger(): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const at = (level: string) => (_: object, text: string) => void lines.push(`${level} ${text}`);
  const logger = { trace: () => {}, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  return { logger, lines };
}

interface Agent {
  readonly endpoint: SipEndpoint;
  readonly received: SipRequest[];
  ask(method: string, requestUri: string, init?: Partial<Parameters<typeof createRequest>[0]>): Promise<number>;
}

/** A user agent over sockets; WebSocket ones only reach out, as a browser does. */
async function openAgent(proxy: SipProxy, transport: TransportName, address = "127.0.0.1"): Promise<Agent> {
  const received: SipRequest[] = [];
  const endpoint = await SipEndpoint.open({
    listen: [{ transport, address, port: 0, clientOnly: transport === "WS" }],
    onRequest: (transaction) => {
      received.push(transaction.request);
      transaction.reply(200);
    },
  });
  closing.push(() => endpoint.close());
  const sender = new RequestSender({ endpoint });
  const ask: Agent["ask"] = async (method, requestUri, init = {}) => {
    const request = createRequest({ method, requestUri, from: "sip:alice@example.test", ...init });
    const outcome = await sender.send(request, { nextHop: uriOf(proxy, transport) });
    return outcome.kind === "response" ? outcome.response.statusCode : -1;
  };
  return { endpoint, received, ask };
}

function register(agent: Agent, user: string, transport: TransportName): Promise<number> {
  const contact = `<sip:${user}@${agent.endpoint.sentBy(transport)};transport=${transport.toLowerCase()}>`;
  return agent.ask("REGISTER", "sip:example.test", { to: `sip:${user}@example.test`, headers: [["Contact", contact]] });
}

describe("over sockets", () => {
  const body = Uint8Array.from({ length: 256 }, (_, i) => i);
  const names = ["UDP", "TCP", "WS"] as const;

  test.each(names.flatMap((from) => names.map((to) => [from, to] as const)))(
    "a MESSAGE goes from %s to %s with all 256 octets",
    async (from, to) => {
      const proxy = await openProxy(["udp:127.0.0.1:0", "tcp:127.0.0.1:0", "ws:127.0.0.1:0"]);
      const handset = await openAgent(proxy, to);
      expect(await register(handset, "alice", to)).toBe(200);
      const sender = await openAgent(proxy, from);
      expect(await sender.ask("MESSAGE", "sip:alice@example.test", { body })).toBe(200);
      expect(Buffer.from(handset.received[0]?.body ?? []).equals(Buffer.from(body))).toBe(true);
    },
  );

  test("over IPv6, too", async () => {
    const proxy = await openProxy(["udp:[::1]:0", "tcp:[::1]:0"]);
    const handset = await openAgent(proxy, "TCP", "::1");
    expect(await register(handset, "alice", "TCP")).toBe(200);
    const sender = await openAgent(proxy, "UDP", "::1");
    expect(await sender.ask("MESSAGE", "sip:alice@example.test", { body })).toBe(200);
    expect(await sender.ask("SUBSCRIBE", "sip:alice@example.test")).toBe(200);
    expect(handset.received[1]?.headers.list("Record-Route")[0]).toMatch(/^<sip:[\w-]+@\[::1\]:\d+;transport=tcp;lr>$/);
  });

  test("a WebSocket handset that goes away is off-line at once, and the owner hears of it", async () => {
    const proxy = await openProxy(["udp:127.0.0.1:0", "ws:127.0.0.1:0"]);
    const gone = new Promise<string>((resolve) => {
      proxy.on("unregistered", ({ binding, reason }) => resolve(`${binding.aor} ${reason}`));
    });
    const handset = await openAgent(proxy, "WS");
    await register(handset, "alice", "WS");
    expect(proxy.registrations).toBe(1);
    await handset.endpoint.close();
    expect(await gone).toBe("sip:alice@example.test flow-closed");
    const sender = await openAgent(proxy, "UDP");
    expect(await sender.ask("MESSAGE", "sip:alice@example.test")).toBe(480);
  });
});

describe("opening and closing", () => {
  test("it says where it listens, with real ports, and closes them all", async () => {
    const { logger, lines } = recordingLogger();
    const proxy = await openProxy(["udp:127.0.0.1:0", "tcp:127.0.0.1:0"], { logger });
    const [udp, tcp] = proxy.listening;
    expect(lines).toEqual([`info listening on udp:127.0.0.1:${udp?.port} tcp:127.0.0.1:${tcp?.port}`]);
    expect([udp?.port, tcp?.port].every((port) => port !== undefined && port > 0)).toBe(true);
    await proxy.close();
    await proxy.close();
    expect(proxy.listening).toEqual([]);
    // The ports are free again.
    await openProxy([`udp:127.0.0.1:${udp?.port}`, `tcp:127.0.0.1:${tcp?.port}`]);
  });

  test("an address in use is a SipTransportError, and what was bound before is free again", async () => {
    const other = await openProxy(["tcp:127.0.0.1:0"]);
    const taken = other.listening[0]?.port;
    await expect(openProxy(["udp:127.0.0.1:0", `tcp:127.0.0.1:${taken}`])).rejects.toThrow(SipTransportError);
  });

  test("without a domain, the first listening address is it", async () => {
    const proxy = await openProxy(["udp:127.0.0.1:0"], { domains: [] });
    expect(proxy.domain).toBe("127.0.0.1");
    const handset = await openAgent(proxy, "UDP");
    const { address, port } = proxy.listening[0] as ListenAddress;
    const aor = `sip:alice@${address}:${port}`;
    const headers = [["Contact", `<sip:alice@${handset.endpoint.sentBy("UDP")}>`]] as const;
    expect(await handset.ask("REGISTER", `sip:${address}:${port}`, { to: aor, headers })).toBe(200);
    expect(await handset.ask("MESSAGE", aor)).toBe(200);
    expect(proxy.bindings("sip:alice@127.0.0.1")).toHaveLength(1);
  });

  test("requests that are under way when it closes end with it", async () => {
    const { logger, lines } = recordingLogger();
    const proxy = await openProxy(["udp:127.0.0.1:0"], { logger });
    const sender = await openAgent(proxy, "UDP");
    const silent = await SipEndpoint.open({
      listen: [parseListenAddress("udp:127.0.0.1:0")],
      onRequest: () => arrived(),
    });
    closing.push(() => silent.close());
    let arrived = (): void => {};
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const headers = [["Contact", `<sip:alice@${silent.sentBy("UDP")}>`]] as const;
    await sender.ask("REGISTER", "sip:example.test", { to: "sip:alice@example.test", headers });
    const answers: Array<number | undefined> = [];
    proxy.on("forwarded", ({ statusCode }) => answers.push(statusCode));
    void sender.ask("MESSAGE", "sip:alice@example.test");
    await arrival;
    await proxy.close();
    expect([proxy.registrations, answers]).toEqual([0, [undefined]]);
    expect(lines.filter((line) => /^(?:warn|error)/.test(line))).toEqual([]);
  });
});

describe("options that make no sense", () => {
  test.each([
    [{ listen: [] }, "PROXY_BAD_OPTION", /listen/],
    [{ expires: { minSeconds: 3601 } }, "PROXY_BAD_OPTION", /minSeconds/],
    [{ expires: { minSeconds: 100, maxSeconds: 50 } }, "PROXY_BAD_OPTION", /maxSeconds/],
    [{ contactTimeoutMs: 0 }, "PROXY_BAD_OPTION", /contactTimeoutMs/],
    [{ digestAlgorithms: ["MD4"], users: parseUsers("a:b") }, "PROXY_BAD_OPTION", /MD4/],
    [{ trusted: ["127.0.0.1/33", "host", "::1/129"] }, "PROXY_BAD_PEER", /33[^]*host[^]*129/],
    [{ domains: ["a b", "x.test:5060"] }, "PROXY_BAD_DOMAIN", /a b[^]*x\.test:5060/],
  ] as const)("%o: %s", async (options, code, problem) => {
    const opened = openProxy(["udp:127.0.0.1:0"], options);
    await expect(opened).rejects.toThrow(problem);
    await expect(opened).rejects.toMatchObject({ name: "ProxyConfigError", code, retryable: false });
    await expect(opened).rejects.toThrow(ProxyConfigError);
  });
});
