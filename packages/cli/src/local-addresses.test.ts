import { type ListenAddress, parseUri, SipTransportError, type SipUri } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import { localAddresses, openBehind } from "./local-addresses.ts";

const uri = (text: string): SipUri => parseUri(text) as SipUri;

/** As on the command line, with a mark for those that only reach out. */
const spelled = ({ transport, address, port, clientOnly }: ListenAddress): string =>
  `${transport} ${address} ${port}${clientOnly === true ? " client" : ""}`;

describe("where an agent listens, by the URI of its proxy", () => {
  it.each([
    ["sip:127.0.0.1:5060", ["UDP 127.0.0.1 0", "TCP 127.0.0.1 0"]],
    ["sip:127.0.0.1:5060;transport=udp", ["UDP 127.0.0.1 0", "TCP 127.0.0.1 0"]],
    ["sip:localhost", ["UDP 127.0.0.1 0", "TCP 127.0.0.1 0"]],
    ["sip:[::1]:5060", ["UDP ::1 0", "TCP ::1 0"]],
    ["sip:proxy.example.test", ["UDP 0.0.0.0 0", "TCP 0.0.0.0 0"]],
    ["sip:192.0.2.1;transport=tcp", ["TCP 0.0.0.0 0"]],
    ["sip:[2001:db8::1];transport=TCP", ["TCP :: 0"]],
    ["sip:127.0.0.1;transport=tls", ["TLS 127.0.0.1 0 client"]],
    ["sips:proxy.example.test", ["TLS 0.0.0.0 0 client"]],
    ["sips:proxy.example.test;transport=tcp", ["TLS 0.0.0.0 0 client"]],
    ["sip:127.0.0.1:8080;transport=ws", ["WS 127.0.0.1 0 client"]],
    ["sip:127.0.0.1:8080;transport=wss", ["WSS 127.0.0.1 0 client"]],
    ["sips:127.0.0.1:8080;transport=ws", ["WSS 127.0.0.1 0 client"]],
    ["sip:127.0.0.1;transport=sctp", ["UDP 127.0.0.1 0", "TCP 127.0.0.1 0"]],
  ])("%s", (proxy, addresses) => {
    expect(localAddresses(uri(proxy)).map(spelled)).toEqual(addresses);
  });
});

describe("an agent behind a UDP proxy", () => {
  const inUse = new SipTransportError("SIP_LISTEN_FAILED", "in use");

  it("has one port number on UDP and TCP (RFC 3261 §18.1.1)", async () => {
    const listen = await openBehind(uri("sip:127.0.0.1"), async (addresses) => addresses);
    expect(listen.map(({ transport }) => transport)).toEqual(["UDP", "TCP"]);
    expect(listen[0]?.port).toBeGreaterThan(0);
    expect(listen[1]?.port).toBe(listen[0]?.port);
  });

  it("listens for all of several proxies, once for what they share", async () => {
    const proxies = ["sip:127.0.0.1;transport=ws", "sip:127.0.0.1", "sip:127.0.0.2;transport=tcp"].map(uri);
    const listen = await openBehind(proxies, async (addresses) => addresses);
    const port = listen.find(({ transport }) => transport === "UDP")?.port;
    expect(listen.map(spelled)).toEqual(["WS 127.0.0.1 0 client", `UDP 127.0.0.1 ${port}`, `TCP 127.0.0.1 ${port}`]);
  });

  it("takes another port when somebody was faster", async () => {
    const ports: number[] = [];
    const port = await openBehind(uri("sip:127.0.0.1"), async ([first]) => {
      ports.push(first?.port ?? 0);
      if (ports.length < 3) throw inUse;
      return first?.port;
    });
    expect(ports).toHaveLength(3);
    expect(port).toBe(ports[2]);
  });

  it("gives up after ten, and at once for another error", async () => {
    let attempts = 0;
    const failing = (error: Error): Promise<never> =>
      openBehind(uri("sip:127.0.0.1"), () => {
        attempts++;
        return Promise.reject(error);
      });
    await expect(failing(inUse)).rejects.toBe(inUse);
    expect(attempts).toBe(10);
    const other = new Error("no");
    await expect(failing(other)).rejects.toBe(other);
    expect(attempts).toBe(11);
  });
});
