import { newPushId, PushInitiator, type PushSubmission } from "@sip-push/initiator";
import { papVersions } from "@sip-push/pap";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { startCli } from "../support/cli.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { type Kannel, startKannel } from "../support/kannel.ts";

/** Octets that text would change. */
const notification = Uint8Array.of(0, 1, 0x0d, 0x0a, 0xff, 0x80, 0x25, 0x2b, 0x20, 0);
const urgent = { priority: "high", deliveryMethod: "unconfirmed" } as const;
const phone = "WAPPUSH=+358408676001/TYPE=PLMN@ppg.example.test";

function pushTo(addresses: readonly string[], more: Partial<PushSubmission> = {}): PushSubmission {
  return {
    pushId: newPushId("pi.example.test"),
    addresses,
    content: {
      contentType: "application/octet-stream",
      body: notification,
      applicationId: "x-wap-application:push.syncml",
    },
    ...more,
  };
}

describeWithPeers("the push initiator and Kannel's PPG", ["kannel"], () => {
  let kannel: Kannel;
  const opened: PushInitiator[] = [];
  const open = (more: Partial<ConstructorParameters<typeof PushInitiator>[0]> = {}): PushInitiator => {
    const initiator = new PushInitiator({ url: kannel.url, credentials: kannel.credentials, ...more });
    opened.push(initiator);
    return initiator;
  };

  beforeAll(async () => {
    kannel = await startKannel();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((each) => each.close()));
  });
  afterAll(() => kannel?.stop());

  it.each(papVersions)(
    "a push of PAP %s is accepted with 1001, and its octets reach the SMS centre",
    async (version) => {
      const push = pushTo([phone]);
      const outcome = await open({ version }).push(push);
      expect(outcome).toMatchObject({ kind: "answered", httpStatus: 202, papCode: 1001, pushId: push.pushId });
      const { to, header, data } = await kannel.smsc.messages.next();
      expect(to).toBe("+358408676001");
      // Application port addressing, to the port of connectionless push: 2948. WAP-259 WDP.
      expect(header.subarray(0, 5).toString("hex")).toBe("0605040b84");
      expect(data.subarray(-notification.length)).toEqual(Buffer.from(notification));
    },
  );

  it("of two numbers in one push, which it accepts, it reaches the last: each needs a push of its own", async () => {
    const outcome = await open().push(pushTo([phone, phone.replace("6001", "6002")]));
    expect(outcome).toMatchObject({ kind: "answered", papCode: 1001 });
    expect((await kannel.smsc.messages.next()).to).toBe("+358408676002");
  });

  it("quality of service, source reference and a notify URL do not disturb it", async () => {
    const push = pushTo([phone], {
      // Kannel wants both of network-required and bearer-required, or neither.
      quality: { ...urgent, network: "GSM", bearer: "SMS", networkRequired: true, bearerRequired: true },
      deliverBefore: new Date("2099-01-01T00:00:00Z"),
      sourceReference: "calendar",
      notifyUrl: "http://127.0.0.1:9/results",
    });
    expect(await open().push(push)).toMatchObject({ kind: "answered", papCode: 1001 });
    await kannel.smsc.messages.next();
  });

  it("a deliver-before that has passed is refused with 2001, and nothing is sent", async () => {
    const outcome = await open().push(pushTo([phone], { deliverBefore: new Date("2020-01-01T00:00:00Z") }));
    expect(outcome).toMatchObject({ kind: "refused", httpStatus: 202, papCode: 2001, retryable: false });
    expect(kannel.smsc.messages.waiting).toEqual([]);
  });

  it("an address that it cannot read is a badmessage-response 2000, with a fragment", async () => {
    const outcome = await open().push(pushTo(["WAPPUSH=alice/TYPE=USER@ppg.example.test"]));
    expect(outcome).toMatchObject({ kind: "refused", httpStatus: 202, papCode: 2000 });
    expect(outcome).toHaveProperty("badMessageFragment", expect.stringContaining("push-message"));
  });

  it.each([
    ["status", (initiator: PushInitiator) => initiator.status({ pushId: "1@pi.example.test" })],
    ["cancel", (initiator: PushInitiator) => initiator.cancel({ pushId: "1@pi.example.test" })],
    ["queryCapabilities", (initiator: PushInitiator) => initiator.queryCapabilities({ address: phone })],
  ] as const)("%s is a badmessage-response 2000: it has no such operation", async (_, ask) => {
    expect(await ask(open())).toMatchObject({ kind: "refused", httpStatus: 202, papCode: 2000 });
  });

  it("a wrong password is refused without PAP", async () => {
    const outcome = await open({ credentials: { user: "calendar", password: "guess" } }).push(pushTo([phone]));
    expect(outcome).toMatchObject({ kind: "refused", httpStatus: 401, papCode: null, retryable: false });
  });

  it("twenty pushes go through four connections, and all arrive", async () => {
    const initiator = open({ limits: { maxConnections: 4 } });
    const numbers = Array.from({ length: 20 }, (_, index) => `+3584000${String(index).padStart(5, "0")}`);
    const outcomes = await Promise.all(
      numbers.map((number) => initiator.push(pushTo([`WAPPUSH=${number}/TYPE=PLMN@ppg.example.test`]))),
    );
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(["answered"]));
    const reached = [];
    for (const number of numbers) reached.push((await kannel.smsc.messages.next(({ to }) => to === number)).to);
    expect(reached).toEqual(numbers);
  });

  it("sip-push push submits a DS notification to it", async () => {
    const { user, password } = kannel.credentials;
    const running = startCli([
      ...["push", "--ppg", kannel.url, "--user", user, "--password", password, "--to", phone, "--json"],
      ...["--ds-server", "ds.example.test", "--ds-session", "7", "--push-id", "1@pi.example.test"],
    ]);
    expect((await running.waitForExit(15_000)).code).toBe(0);
    expect(JSON.parse(running.stdout)).toMatchObject({ event: "accepted", pushId: "1@pi.example.test", papCode: 1001 });
    const { data } = await kannel.smsc.messages.next();
    // The server identifier ends the header of a DS 1.2 notification; it has no body here.
    expect(data.toString("latin1")).toContain("ds.example.test");
  });

  it("sip-push push --watch says that it does not tell the status, not that it refused the push", async () => {
    const { user, password } = kannel.credentials;
    const running = startCli([
      ...["push", "--ppg", kannel.url, "--user", user, "--password", password, "--to", phone, "--json"],
      ...["--ds-server", "ds.example.test", "--push-id", "2@pi.example.test", "--watch", "1"],
    ]);
    expect((await running.waitForExit(15_000)).code).toBe(1);
    const lines = running.stdout.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { event: "accepted", pushId: "2@pi.example.test", papCode: 1001 },
      { event: "status-refused", pushId: "2@pi.example.test", papCode: 2000 },
    ]);
    await kannel.smsc.messages.next();
  });
});
