import { once } from "node:events";
import { connect } from "node:net";
import { VirtualClock } from "@sip-push/sip/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sha256Hex } from "./secrets.ts";
import { authority, certificate } from "./testdata/certificates.ts";
import { exchangeRaw, FrontRig, initiator, post } from "./testdata/front-rig.ts";

const MIB = 1_048_576;

let rig: FrontRig;
beforeEach(() => {
  rig = new FrontRig();
});
afterEach(() => rig.close());

describe("listeners", () => {
  it("listens on several addresses, HTTP and HTTPS, IPv4 and IPv6, and says which ports it got", async () => {
    const { cert, key } = certificate("server");
    const front = await rig.open({
      listen: [
        { secure: false, host: "127.0.0.1", port: 0 },
        { secure: true, host: "::1", port: 0 },
      ],
      tls: { certificate: cert, key, clientCa: null, clientCertificates: "ask" },
    });
    const [plain, secure] = front.addresses;
    expect(plain?.url).toBe(`http://127.0.0.1:${plain?.port}`);
    expect(secure?.url).toBe(`https://[::1]:${secure?.port}`);
    expect((await post(plain?.url ?? "")).status).toBe(202);
    expect((await post(secure?.url ?? "", { ca: authority })).status).toBe(202);
  });

  it("ends a connection whose TLS handshake does not come (slowloris)", async () => {
    const { cert, key } = certificate("server");
    const front = await rig.open({
      listen: [{ secure: true, host: "127.0.0.1", port: 0 }],
      tls: { certificate: cert, key, clientCa: null, clientCertificates: "ask" },
      limits: { headersTimeoutMs: 50, timeoutCheckMs: 10 },
    });
    expect(await exchangeRaw(front.addresses[0]?.port ?? 0, Uint8Array.of(0x16, 0x03))).toBe("");
  });

  it("ends a connection whose peer does not read (slow read)", async () => {
    const closed = Promise.withResolvers<void>();
    const front = await rig.open({
      limits: { stalledMs: 200 },
      register: (site) => {
        site.get("/large", (_request, reply) => {
          reply.raw.once("close", closed.resolve);
          return reply.send(Buffer.alloc(64 * MIB));
        });
      },
    });
    const socket = connect(front.addresses[0]?.port ?? 0, "127.0.0.1").pause();
    socket.on("error", () => {});
    socket.write("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    await expect(closed.promise).resolves.toBeUndefined();
    socket.destroy();
  });

  it("takes new certificates without a restart, and keeps the ones that it has when they are none", async () => {
    const of = (name: "server" | "second") => {
      const { cert, key } = certificate(name);
      return { certificate: cert, key, clientCa: null, clientCertificates: "ask" } as const;
    };
    const front = await rig.open({ listen: [{ secure: true, host: "127.0.0.1", port: 0 }], tls: of("server") });
    const url = front.addresses[0]?.url ?? "";
    const fingerprint = async (): Promise<string> => {
      const { connect: connectTls } = await import("node:tls");
      const socket = connectTls({ port: front.addresses[0]?.port ?? 0, host: "127.0.0.1", ca: authority });
      await once(socket, "secureConnect");
      const { fingerprint256 } = socket.getPeerCertificate();
      socket.destroy();
      return fingerprint256;
    };
    const first = await fingerprint();
    front.reload({ tls: of("second") });
    const second = await fingerprint();
    expect(second).not.toBe(first);
    expect(() => front.reload({ tls: { ...of("server"), key: "no key" }, initiators: [] })).toThrow(
      expect.objectContaining({ code: "FRONT_BAD_TLS" }),
    );
    expect(await fingerprint()).toBe(second);
    expect((await post(url, { ca: authority })).status).toBe(202);
  });

  it("takes other push initiators without a restart; who was too fast stays so", async () => {
    const clock = new VirtualClock();
    const rate = { perSecond: 1, burst: 1 };
    const front = await rig.open({ clock, initiators: [initiator({ rate })] });
    const url = front.addresses[0]?.url ?? "";
    const other = { headers: { authorization: "Bearer of-mail" } };
    expect([(await post(url)).status, (await post(url)).status, (await post(url, other)).status]).toEqual([
      202, 429, 401,
    ]);
    const mail = initiator({ name: "mail", tokens: [{ sha256: sha256Hex("of-mail") }] });
    front.reload({ initiators: [initiator({ rate }), mail] });
    expect([(await post(url)).status, (await post(url, other)).status]).toEqual([429, 202]);
    front.reload({ initiators: [initiator()] });
    expect([(await post(url)).status, (await post(url, other)).status]).toEqual([202, 401]);
    const twice = { initiators: [mail, mail] };
    expect(() => front.reload(twice)).toThrow(expect.objectContaining({ code: "FRONT_BAD_OPTION" }));
    expect((await post(url)).status).toBe(202);
  });

  it("says what it cannot work with, and leaves nothing open", async () => {
    const front = await rig.open();
    const taken = { secure: false, host: "127.0.0.1", port: front.addresses[0]?.port ?? 0 };
    await expect(rig.open({ listen: [taken] })).rejects.toMatchObject({ code: "FRONT_LISTEN_FAILED", retryable: true });
    const secure = { secure: true, host: "127.0.0.1", port: 0 };
    await expect(rig.open({ listen: [secure] })).rejects.toMatchObject({ code: "FRONT_BAD_TLS", retryable: false });
    await expect(rig.open({ listen: [] })).rejects.toMatchObject({ code: "FRONT_BAD_OPTION" });
    await expect(rig.open({ path: "pap" })).rejects.toMatchObject({ code: "FRONT_BAD_OPTION" });
    await expect(rig.open({ initiators: [initiator(), initiator()] })).rejects.toMatchObject({
      code: "FRONT_BAD_OPTION",
    });
  });
});
