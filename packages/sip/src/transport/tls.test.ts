import { once } from "node:events";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { silentLogger } from "../logger.ts";
import type { SocketOptions, SocketTransport } from "./settings.ts";
import { authority, type CertificateName, certificate } from "./testdata/certificates.ts";
import { everyOctet, messageOctets, openSockets, Recorder } from "./testdata/recorder.ts";
import { openTls } from "./tls.ts";
import type { Address, Flow, FlowUser } from "./transport.ts";
import { openWss } from "./ws.ts";

const loopback = { address: "127.0.0.1", port: 0 };
const open: (() => unknown)[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()));
});

type Open = (local: Address, user: FlowUser, options: SocketOptions) => Promise<SocketTransport>;
const secure: readonly (readonly ["TLS" | "WSS", Open])[] = [
  ["TLS", openTls],
  ["WSS", openWss],
];

async function openRecorded(
  openTransport: Open,
  tls: SocketOptions["tls"] & object,
  options: SocketOptions = {},
): Promise<{ transport: SocketTransport; user: Recorder }> {
  const user = new Recorder();
  const transport = await openTransport(loopback, user, { ...options, tls: { ca: authority, ...tls } });
  open.push(() => transport.close());
  return { transport, user };
}

describe.each(secure)("SIP over %s", (name, openTransport) => {
  const server = (which: CertificateName = "server", tls = {}): ReturnType<typeof openRecorded> =>
    openRecorded(openTransport, { ...certificate(which), ...tls });
  const client = (tls = {}): ReturnType<typeof openRecorded> => openRecorded(openTransport, tls, { listen: false });

  it("carries all 256 octet values there and back; the server's names are known", async () => {
    const [a, b] = [await client(), await server()];
    b.user.onMessage = (message, flow) => flow.send(message.encode());
    const flow = await a.transport.flowTo({ transport: name, ...b.transport.local, serverName: "Example.test" });
    flow.send(messageOctets());
    expect(await a.user.flowOf(0)).toBe(flow);
    expect(a.user.messages[0]?.body).toEqual(Buffer.from(everyOctet));
    expect(flow.peerNames).toEqual(["example.test"]);
    expect(b.user.flows[0]?.peerNames).toEqual([]);
    expect(flow.transport).toBe(name);
  });

  const names: readonly (readonly [CertificateName, string, boolean])[] = [
    ["server", "example.test", true],
    ["server", "127.0.0.1", true],
    ["server", "proxy.example.test", false], // a sip: URI is there, so the DNS name does not count
    ["dns-only", "example.test", true],
    ["dns-only", "example.org", false], // only in a URI with a user
    ["common-name", "example.test", true],
    ["wildcard", "foo.example.test", false],
    ["wrong-name", "example.test", false],
    ["untrusted", "example.test", false],
    ["expired", "example.test", false],
    ["client-only", "example.test", false], // extendedKeyUsage says clientAuth (RFC 5280 §4.2.1.12)
  ];

  it.each(names)(
    "shown certificate %s, asked for %s: connects %s (RFC 5922 §7)",
    async (which, serverName, connects) => {
      const [a, b] = [await client(), await server(which)];
      const attempt = a.transport.flowTo({ transport: name, ...b.transport.local, serverName });
      if (connects) expect((await attempt).open).toBe(true);
      else await expect(attempt).rejects.toMatchObject({ code: "SIP_TLS_REFUSED", retryable: false });
    },
  );

  it("verifies the address when there is no name", async () => {
    const [a, b, c] = [await client(), await server("server"), await server("wrong-name")];
    expect((await a.transport.flowTo({ transport: name, ...b.transport.local })).open).toBe(true);
    const refused = a.transport.flowTo({ transport: name, ...c.transport.local });
    await expect(refused).rejects.toThrow("the certificate stands for other.example, not for 127.0.0.1");
  });

  it("knows the names of a client with a certificate (RFC 5922 §7.4)", async () => {
    const [a, b] = [await client(certificate("client")), await server("server", { requireClientCertificate: true })];
    (await a.transport.flowTo({ transport: name, ...b.transport.local })).send(messageOctets());
    expect((await b.user.flowOf(0)).peerNames).toEqual(["client.example.test"]);
  });

  it("asks for a certificate where that is wished, and takes clients without one as nameless (RFC 5922 §7.4)", async () => {
    const [a, b] = [await client(), await server("server", { askClientCertificate: true })];
    const named = await client(certificate("client"));
    (await a.transport.flowTo({ transport: name, ...b.transport.local })).send(messageOctets());
    expect((await b.user.flowOf(0)).peerNames).toEqual([]);
    (await named.transport.flowTo({ transport: name, ...b.transport.local })).send(messageOctets());
    expect((await b.user.flowOf(1)).peerNames).toEqual(["client.example.test"]);
    expect(b.transport.stats.refused).toBe(0);
  });

  it("says what was wrong with a certificate: to the one who connects by the error, to the other in the log", async () => {
    const problems: unknown[] = [];
    const logger = { ...silentLogger, debug: (fields: unknown) => problems.push(fields) };
    const [a, b] = [await client(), await server("expired")];
    const expired = a.transport.flowTo({ transport: name, ...b.transport.local, serverName: "example.test" });
    await expect(expired).rejects.toThrow(/certificate has expired/);
    const c = await openRecorded(
      openTransport,
      { ...certificate("server"), requireClientCertificate: true },
      { logger },
    );
    const d = await client(certificate("expired"));
    const target = { transport: name, ...c.transport.local };
    await d.transport.flowTo(target).then(
      (flow) => flow.send(messageOctets()),
      () => {},
    );
    await d.user.until(() => d.user.ends.length > 0 || d.transport.existingFlow(target) === undefined);
    expect(problems).toContainEqual(
      expect.objectContaining({ problem: expect.stringContaining("CERT_HAS_EXPIRED"), remote: "127.0.0.1" }),
    );
  });

  const asking = { askClientCertificate: true };
  const requiring = { requireClientCertificate: true };

  it.each([
    ["without a certificate where one is required", {}, requiring],
    ["with one that nobody trusts where one is required", certificate("untrusted"), requiring],
    ["with one that has expired where one is required", certificate("expired"), requiring],
    ["with one that nobody trusts where one is asked for", certificate("untrusted"), asking],
    ["with one that has expired where one is asked for", certificate("expired"), asking],
  ])("refuses and counts a client %s", async (_, tls, serverTls) => {
    const [a, b] = [await client(tls), await server("server", serverTls)];
    const target = { transport: name, ...b.transport.local };
    // With TLS 1.3 the client hears of it when it is connected already.
    await a.transport.flowTo(target).then(
      (flow) => flow.send(messageOctets()),
      (error: unknown) =>
        expect(error).toMatchObject({ code: expect.stringMatching(/^SIP_(TLS_REFUSED|CONNECT_FAILED)$/) }),
    );
    await a.user.until(() => a.user.ends.length > 0 || a.transport.existingFlow(target) === undefined);
    expect(b.transport.stats.refused).toBe(1);
    expect(b.user.messages).toEqual([]);
  });

  it("does not reuse a connection for a name that the certificate does not stand for", async () => {
    const [a, b] = [await client(), await server("dns-only")];
    const target = { transport: name, ...b.transport.local };
    const flow = await a.transport.flowTo({ ...target, serverName: "example.test" });
    expect(a.transport.existingFlow({ ...target, serverName: "EXAMPLE.TEST" })).toBe(flow);
    expect(a.transport.existingFlow({ ...target, serverName: "other.example" })).toBeUndefined();
    await expect(a.transport.flowTo({ ...target, serverName: "other.example" })).rejects.toMatchObject({
      code: "SIP_TLS_REFUSED",
    });
    expect(flow.open).toBe(true);
  });

  it("asks a client that connected to it by address only, not by a name it never proved (RFC 5922 §7.5)", async () => {
    const [a, b] = [await client(), await server()];
    (await a.transport.flowTo({ transport: name, ...b.transport.local })).send(messageOctets());
    const { remote } = await b.user.flowOf(0);
    const found = (serverName?: string): Flow | undefined =>
      b.transport.existingFlow({ ...remote, ...(serverName !== undefined && { serverName }) });
    expect(found()).toBe(b.user.flows[0]);
    expect(found("127.0.0.1")).toBe(b.user.flows[0]);
    expect(found("bank.example")).toBeUndefined();
  });

  it("counts what is not TLS as refused and goes on", async () => {
    const [a, b] = [await client(), await server()];
    const plain = connect(b.transport.local.port, "127.0.0.1");
    plain.on("error", () => {}).resume();
    plain.write(messageOctets());
    await once(plain, "close");
    expect(b.transport.stats.refused).toBe(1);
    (await a.transport.flowTo({ transport: name, ...b.transport.local })).send(messageOctets());
    await b.user.flowOf(0);
  });

  it("accepts nothing older than TLS 1.2", async () => {
    const { transport } = await server();
    const socket = connectTls({
      host: "127.0.0.1",
      port: transport.local.port,
      maxVersion: "TLSv1.1",
      minVersion: "TLSv1",
    });
    await expect(once(socket, "secureConnect")).rejects.toThrow(/protocol version|unsupported protocol|no protocols/i);
  });

  it("does not listen without a certificate and its key (SIP_LISTEN_FAILED)", async () => {
    const { cert } = certificate("server");
    for (const tls of [{}, { cert }]) {
      await expect(openTransport(loopback, new Recorder(), { tls })).rejects.toMatchObject({
        code: "SIP_LISTEN_FAILED",
      });
    }
  });

  it("does not listen with a certificate that is none (SIP_LISTEN_FAILED)", async () => {
    const opened = openTransport(loopback, new Recorder(), { tls: { cert: "not PEM", key: "not PEM" } });
    await expect(opened).rejects.toMatchObject({ code: "SIP_LISTEN_FAILED", cause: expect.any(Error) });
  });

  it("leaves no socket open, not even one whose handshake never ended", async () => {
    const { transport } = await server();
    const silent = connect(transport.local.port, "127.0.0.1");
    silent.on("error", () => {}).resume();
    await once(silent, "connect");
    await transport.close();
    await once(silent, "close");
    expect(await openSockets()).toEqual([]);
  });
});
