import {
  AuthenticationCentre,
  DigestServer,
  responseTo,
  type ServerTransaction,
  SipEndpoint,
  type SipRequest,
  Usim,
} from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { acceptRegister, ds, HANDSET, NETWORK, ReceiverRig } from "../../../../test/support/receiver-rig.ts";
import { INSTANCE } from "../testdata/push-notifier.ts";

let rig: ReceiverRig;

beforeEach(async () => {
  rig = await ReceiverRig.start();
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

describe("registration with a USIM (RFC 3310, TS 33.203)", () => {
  const keys = { k: "465b5ce8b199b49faa5f0a2ee238a6bc", opc: "cd63cb71954a9f4e48a5994e37a02baf" };

  it.each(["AKAv1-MD5", "AKAv2-SHA-256"])("answers %s with the private identity", async (algorithm) => {
    const source = new AuthenticationCentre({ subscriber: () => ({ id: "bob", ...keys }), store: new Map() });
    const server = new DigestServer({
      realm: "home.test",
      users: () => undefined,
      clock: rig.clock,
      aka: { source, algorithms: [algorithm] },
    });
    const granted: string[] = [];
    const challenge = async (transaction: ServerTransaction): Promise<void> => {
      const { request } = transaction;
      const verdict = await server.verify(request);
      if (verdict.ok) {
        granted.push(request.headers.get("Authorization") ?? "");
        transaction.respond(acceptRegister(request));
      } else {
        const values = await server.challengeFor(request, { stale: false });
        transaction.reply(401, { headers: values.map((value) => ["WWW-Authenticate", value] as const) });
      }
    };
    rig.methods["REGISTER"] = (transaction) => void challenge(transaction);
    await rig.open({ register: true, credentials: [{ username: "bob@private.home.test", usim: new Usim(keys) }] });
    await rig.clock.advance(1000);
    expect(rig.events.at(-1)).toMatchObject({ event: "registered" });
    expect(granted.length).toBe(1);
    expect(granted[0]).toContain('username="bob@private.home.test"');
    expect(granted[0]).toContain(`algorithm=${algorithm}`);
  });
});

describe("registration over several flows (RFC 5626)", () => {
  const SECOND = "192.0.2.11";

  /** Opens edge proxies on TCP; a closed one is a flow that is lost. */
  async function edge(address: string, seen: SipRequest[]): Promise<SipEndpoint> {
    const endpoint = await SipEndpoint.open({
      listen: [{ transport: "TCP", address, port: 5060 }],
      clock: rig.clock,
      open: rig.network.open,
      onRequest: (transaction) => {
        const { request } = transaction;
        seen.push(request);
        const headers = request.headers.getAll("Contact").map((contact) => ["Contact", contact] as const);
        transaction.respond(responseTo(request, 200, { headers: [...headers, ["Require", "outbound"]] }));
      },
    });
    rig.closeLater(endpoint);
    return endpoint;
  }

  const flows = {
    register: true,
    instanceId: INSTANCE,
    listen: [{ transport: "TCP", address: HANDSET, port: 5060 }] as const,
    proxies: ["sip:192.0.2.10;transport=tcp", `sip:${SECOND};transport=tcp`],
  };

  it("binds each with its applications, new ones too, and ends on the one that is left", async () => {
    const [one, other]: [SipRequest[], SipRequest[]] = [[], []];
    const first = await edge("192.0.2.10", one);
    await edge(SECOND, other);
    const receiver = await rig.open({ ...flows, ...withoutProxy });
    await rig.clock.advance(5000);
    expect([one, other].map((requests) => requests[0]?.headers.get("Contact"))).toEqual([
      expect.stringContaining("reg-id=1"),
      expect.stringContaining("reg-id=2"),
    ]);
    receiver.setApplications(["x.app"]);
    await rig.clock.advance(1000);
    for (const requests of [one, other]) expect(requests.at(-1)?.headers.get("Contact")).toContain('"x.app"');
    await rig.clock.until(first.close());
    await rig.clock.advance(100);
    expect(receiver.contact).toContain("ob");
    await rig.clock.until(receiver.close());
    expect(other.at(-1)?.headers.get("Expires")).toBe("0");
  });

  it.each([
    [{ proxies: [`sip:${NETWORK}`] }, "proxies"],
    [{ proxies: [], instanceId: INSTANCE }, "proxies"],
    [{ proxies: ["x y"], instanceId: INSTANCE }, "proxies[0]"],
    [{ pushNotificationService: { provider: "fcm", prid: "", param: null } }, "pushNotificationService.prid"],
  ])("refuses %j naming %s", async (options, field) => {
    await expect(rig.open({ ...options, ...withoutProxy })).rejects.toMatchObject({ field });
  });
});

/** The rig names a proxy unless told otherwise. */
const withoutProxy = { proxy: undefined as never };

describe("a push to a registered contact", () => {
  it("shows the push notification service that woke the handset (RFC 8599 §4.1)", async () => {
    const receiver = await rig.open({
      register: true,
      pushNotificationService: { provider: "apns", prid: "00fc13adff78512", param: "DEF123GHIJ.voip" },
    });
    await rig.clock.advance(10);
    await rig.send({ ...ds(rig.notification()), requestUri: receiver.contact });
    expect(rig.pushes[0]?.pushResource).toEqual({
      provider: "apns",
      prid: "00fc13adff78512",
      param: "DEF123GHIJ.voip",
    });
  });
});

describe("a terminal of an IMS (reference point Gm)", () => {
  const accessNetworkInfo = "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=2341507011234567";

  it.each([
    [true, accessNetworkInfo],
    [false, undefined],
  ])(
    "tells where it is only where nobody can listen (RFC 7315 §4.4, trustedAccess %s)",
    async (trustedAccess, told) => {
      await rig.open({ register: true, role: "gm", accessNetworkInfo, trustedAccess });
      await rig.clock.advance(10);
      expect(rig.registers[0]?.headers.get("P-Access-Network-Info")).toBe(told);
    },
  );
});
