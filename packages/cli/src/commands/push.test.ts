import { type PapMessage, papCodes } from "@sip-push/pap";
import { describe, expect, it, onTestFinished } from "vitest";
import { type PapReply, PapServer, type PapServerOptions } from "../../../../test/support/pap-server.ts";
import { runCli, type World } from "../testdata/fake-io.ts";

type Line = Readonly<Record<string, unknown>>;

async function openServer(options: PapServerOptions = {}): Promise<PapServer> {
  const server = await PapServer.open(options);
  onTestFinished(() => server.close());
  return server;
}

const alice = "sip:alice@example.test";
const bob = "WAPPUSH=+155519990730/TYPE=PLMN@ppg.example.test";
const to = ["--to", alice, "--to", bob];
const ds = ["--ds-server", "ds.example.test", "--ds-session", "7"];

interface Ran {
  readonly code: number;
  readonly lines: readonly Line[];
  readonly stderr: string;
}

async function runIn(world: World, server: PapServer, args: readonly string[]): Promise<Ran> {
  const { exitCode, stdout, stderr } = await runCli([...args, "--ppg", server.url, "--json"], world);
  const lines = stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Line]));
  return { code: exitCode, lines, stderr };
}

function run(server: PapServer, ...args: readonly string[]): Promise<Ran> {
  return runIn({}, server, args);
}

/** Starts a push that watches; resolves when it is accepted. */
async function watch(server: PapServer, ...args: readonly string[]): Promise<{ readonly ended: Promise<Ran> }> {
  const accepted = Promise.withResolvers<void>();
  const onLine = (line: string): void => {
    if (line.includes('"event":"accepted"')) accepted.resolve();
  };
  const ended = runIn({ onLine }, server, ["push", ...to, ...ds, "--push-id", "1@pi", ...args]);
  await Promise.race([accepted.promise, ended]);
  return { ended };
}

describe("sip-push push", () => {
  it("submits what the flags say, and exits 0 when it is accepted", async () => {
    const server = await openServer({ credentials: { user: "calendar", password: "secret" } });
    const flags = [
      ...["--push-id", "1@pi", "--priority", "high", "--method", "confirmed", "--replace", "0@pi"],
      ...["--deliver-before", "2099-01-01T00:00:00Z", "--deliver-after", "2098-01-01T00:00:00Z"],
      ...["--network", "GSM", "--network-required", "--bearer", "Packet Data", "--progress-notes"],
      ...["--notify-url", "http://127.0.0.1:9/results", "--pap-version", "2.1", "--content-language", "de"],
      ...["--user", "calendar", "--password", "secret"],
    ];
    const { code, lines, stderr } = await run(server, "push", ...to, ...ds, ...flags);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(lines).toEqual([
      {
        ...{
          event: "accepted",
          pushId: "1@pi",
          papCode: 1001,
          description: "Accepted for Processing",
          httpStatus: 202,
        },
        ...{ productName: "a test", elapsedMs: expect.any(Number) as number },
      },
    ]);
    expect(server.requests[0]?.message).toMatchObject({
      version: "2.1",
      productName: "sip-push",
      operation: {
        kind: "push-message",
        addresses: [alice, bob],
        replacePushId: "0@pi",
        progressNotesRequested: true,
        ppgNotifyRequestedTo: "http://127.0.0.1:9/results",
        deliverBeforeTimestamp: new Date("2099-01-01T00:00:00Z"),
        deliverAfterTimestamp: new Date("2098-01-01T00:00:00Z"),
        qualityOfService: {
          ...{ priority: "high", deliveryMethod: "confirmed", network: "GSM", networkRequired: true },
          ...{ bearer: "Packet Data", bearerRequired: false },
        },
      },
      content: {
        contentType: "application/vnd.syncml.ds.notification",
        headers: [
          ["X-Wap-Application-Id", "x-wap-application:push.syncml"],
          ["Content-Language", "de"],
        ],
      },
    });
  });

  it("says what the gateway refuses, and exits 1", async () => {
    const server = await openServer();
    await run(server, "push", "--to", alice, ...ds, "--push-id", "1@pi");
    const again = await run(server, "push", "--to", alice, ...ds, "--push-id", "1@pi");
    expect(again.code).toBe(1);
    expect(again.lines).toMatchObject([
      { event: "refused", pushId: "1@pi", papCode: 2007, description: "Duplicate Push ID", httpStatus: 202 },
    ]);
    const busy = await openServer({ answer: () => ({ status: 429, headers: { "retry-after": "9" } }) });
    const { code, lines } = await run(busy, "push", "--to", alice, ...ds);
    expect(code).toBe(1);
    expect(lines).toMatchObject([{ event: "refused", papCode: null, httpStatus: 429, retryAfterSeconds: 9 }]);
  });

  it("says why there is no answer, and exits 1", async () => {
    const server = await openServer();
    await server.close();
    const { code, lines } = await run(server, "push", "--to", alice, ...ds);
    expect(code).toBe(1);
    expect(lines).toMatchObject([{ event: "failed", reason: "unreachable", papCode: null, httpStatus: null }]);
  });

  it("--watch waits for the results of all recipients, prints each, and exits 0 when all have it", async () => {
    const server = await openServer();
    const running = await watch(server, "--watch");
    const address = alice;
    expect(await server.settle("1@pi", address, "delivered", papCodes.ok)).toMatchObject({
      ...{ kind: "resultnotification-response", code: 1000, address },
    });
    await server.settle("1@pi", bob, "pending", papCodes.acceptedForProcessing);
    await server.settle("1@pi", bob, "delivered", papCodes.ok);
    const { code, lines } = await running.ended;
    expect(code).toBe(0);
    const told = { event: "result", pushId: "1@pi", papCode: 1000, description: "OK", messageState: "delivered" };
    const eventTime = "2026-11-21T17:30:00.000Z";
    expect(lines.slice(1)).toEqual([
      { ...told, address, eventTime },
      {
        ...told,
        address: bob,
        messageState: "pending",
        papCode: 1001,
        description: "Accepted for Processing",
        eventTime,
      },
      { ...told, address: bob, eventTime },
    ]);
    expect(server.requests.map(({ message }) => message.operation.kind)).toEqual(["push-message"]);
  });

  it("--watch waits as long as anybody can say", async () => {
    const server = await openServer();
    const running = await watch(server, "--watch", "2147483647");
    await server.settle("1@pi", alice, "delivered", papCodes.ok);
    await server.settle("1@pi", bob, "delivered", papCodes.ok);
    expect(await running.ended).toMatchObject({ code: 0, stderr: "" });
  });

  it("--watch exits 1 when somebody did not get it", async () => {
    const server = await openServer();
    const running = await watch(server, "--watch");
    await server.settle("1@pi", alice, "delivered", papCodes.ok);
    await server.settle("1@pi", bob, "undeliverable", papCodes.addressNotFound);
    expect((await running.ended).code).toBe(1);
  });

  it("--watch tells recipients apart whose names differ in case, and addresses of one recipient", async () => {
    const addresses = ["sip:Bob@example.test", "sip:bob@example.test", "sip:bob@EXAMPLE.test"];
    const server = await openServer();
    const accepted = Promise.withResolvers<void>();
    const world = { onLine: (line: string) => line.includes('"accepted"') && accepted.resolve() };
    const args = ["push", ...addresses.flatMap((each) => ["--to", each]), ...ds, "--push-id", "1@pi", "--watch"];
    const running = runIn(world, server, args);
    await accepted.promise;
    await server.settle("1@pi", "sip:bob@example.test", "delivered", papCodes.ok);
    await server.settle("1@pi", "sip:bob@example.test", "delivered", papCodes.ok);
    await server.settle("1@pi", "sip:bob@EXAMPLE.test", "rejected", papCodes.addressError);
    await server.settle("1@pi", "sip:Bob@example.test", "undeliverable", papCodes.addressNotFound);
    const { code, lines } = await running;
    expect(code).toBe(1);
    expect(lines.slice(1).map(({ address }) => address)).toEqual([
      "sip:bob@example.test",
      "sip:bob@EXAMPLE.test",
      "sip:Bob@example.test",
    ]);
  });

  it("--watch takes a result for a recipient that the gateway writes in its own way", async () => {
    const server = await openServer();
    const running = await watch(server, "--watch");
    await server.settle("1@pi", alice, "delivered", papCodes.ok);
    await server.settle("1@pi", "wappush=+155519990730/type=plmn@PPG.example.test", "delivered", papCodes.ok);
    expect((await running.ended).code).toBe(0);
  });

  it("--watch asks for what did not come when its time is over", async () => {
    const server = await openServer();
    const quiet = ["--notify-url", "http://127.0.0.1:9/nowhere"];
    const running = await watch(server, "--watch", "1", ...quiet);
    // The notification goes to a place where nobody is.
    await server.settle("1@pi", alice, "delivered", papCodes.ok).catch(() => undefined);
    const { code, lines } = await running.ended;
    expect(code).toBe(1);
    expect(lines.slice(1)).toMatchObject([
      { event: "result", address: alice, messageState: "delivered" },
      { event: "result", address: bob, messageState: "pending" },
    ]);
    expect(server.requests[1]?.message.operation).toMatchObject({
      kind: "statusquery-message",
      addresses: [alice, bob],
    });
  });

  it("--watch tells a gateway that says nothing of a push from one that refuses it", async () => {
    // As Kannel does, which knows no statusquery.
    const answer = ({ operation }: PapMessage): PapReply | undefined =>
      operation.kind === "statusquery-message" ? { kind: "badmessage-response", code: papCodes.badRequest } : undefined;
    const server = await openServer({ answer });
    const flags = ["--watch", "1", "--notify-url", "http://127.0.0.1:9/nowhere"];
    const { code, lines } = await (await watch(server, ...flags)).ended;
    expect(code).toBe(1); // nobody knows whether it was delivered
    expect(lines.slice(1)).toMatchObject([{ event: "status-refused", pushId: "1@pi", papCode: 2000 }]);
    const args = ["push", "--to", alice, ...ds, "--push-id", "2@pi", ...flags, "--ppg", server.url];
    expect((await runCli(args)).stdout).toBe(
      "accepted: 1001 Accepted for Processing; push-id 2@pi\nstatus not told: 2000 Bad Request\n",
    );
  });

  it("ends at once with Ctrl-C while it watches, having asked nothing more", async () => {
    const server = await openServer();
    const stop = new AbortController();
    const onLine = (line: string): void => {
      if (line.includes('"event":"accepted"')) stop.abort();
    };
    const world = { stop: stop.signal, onLine };
    const { code, lines } = await runIn(world, server, ["push", "--to", alice, ...ds, "--watch"]);
    expect(code).toBe(1);
    expect(lines.map(({ event }) => event)).toEqual(["accepted"]);
    expect(server.requests.length).toBe(1);
  });

  it("says how far the gateway came, with the notes or the times of its progress", async () => {
    const progressNotes = [
      { stage: "received", time: new Date("2026-11-21T17:30:00Z") },
      { stage: "stored", note: "in the queue" },
    ];
    const server = await openServer({
      answer: ({ operation }) => ({
        operation: {
          ...{ kind: "push-response", pushId: "pushId" in operation ? operation.pushId : "" },
          ...{ progressNotes, responseResult: { code: 1001 } },
        },
      }),
    });
    const flags = ["--push-id", "1@pi", "--progress-notes", "--ppg", server.url];
    const { stdout } = await runCli(["push", "--to", alice, ...ds, ...flags]);
    expect(stdout.split("\n").slice(1)).toEqual(["  received: 2026-11-21T17:30:00.000Z", "  stored: in the queue", ""]);
  });

  it("pushes a file, and says so to people", async () => {
    const server = await openServer();
    const flags = ["--file", "note.txt", "--content-type", "text/plain", "--push-id", "1@pi", "--ppg", server.url];
    const files = { "note.txt": "hello" };
    expect(await runCli(["push", "--to", "+155519990730", ...flags], { files })).toMatchObject({
      exitCode: 0,
      stderr: "",
      stdout: "accepted: 1001 Accepted for Processing; push-id 1@pi\n",
    });
    const { operation, content } = server.requests[0]?.message ?? {};
    expect(operation).toMatchObject({ addresses: ["+155519990730"] }); // as it was typed
    expect(Buffer.from(content?.body ?? []).toString()).toBe("hello");
    const again = await runCli(["push", "--to", "+155519990730", ...flags], { files });
    expect(again).toMatchObject({ exitCode: 1, stdout: "refused: 2007 Duplicate Push ID\n" });
    const status = await runCli(["status", "1@pi", "--ppg", server.url]);
    expect(status.stdout).toBe("+155519990730: pending, 1001 Accepted for Processing\n");
    const cancelled = await runCli(["cancel", "1@pi", "--ppg", server.url]);
    expect(cancelled.stdout).toBe("all recipients: cancelled, 1000 OK\n");
  });
});

describe("sip-push status, cancel and capabilities", () => {
  it("status says what became of each recipient", async () => {
    const server = await openServer();
    await run(server, "push", ...to, ...ds, "--push-id", "1@pi");
    await server.settle("1@pi", bob, "expired", 4001);
    const all = await run(server, "status", "1@pi");
    expect(all.code).toBe(0);
    expect(all.lines).toMatchObject([
      { event: "result", pushId: "1@pi", address: alice, messageState: "pending", papCode: 1001 },
      { event: "result", pushId: "1@pi", address: bob, messageState: "expired", papCode: 4001 },
    ]);
    expect((await run(server, "status", "1@pi", "--to", bob)).lines.length).toBe(1);
    const unknown = await run(server, "status", "2@pi");
    expect(unknown).toMatchObject({ code: 1, lines: [{ address: null, messageState: "unknown", papCode: 2004 }] });
  });

  it("status exits 0 when the gateway knows that nobody can tell, 1 when it could not look", async () => {
    const answering = (code: number): Promise<PapServer> => {
      const results = [{ messageState: "unknown", code, addresses: [alice] }] as const;
      const operation = { kind: "statusquery-response", pushId: "1@pi", statusQueryResults: results } as const;
      return openServer({ answer: () => operation });
    };
    expect((await run(await answering(papCodes.serviceFailure), "status", "1@pi")).code).toBe(0);
    expect((await run(await answering(papCodes.internalServerError), "status", "1@pi")).code).toBe(1);
  });

  it("cancel says to people how many, and names all in JSON", async () => {
    const server = await openServer();
    const addresses = Array.from({ length: 1_000 }, (_, index) => `sip:user${index}@example.test`);
    const flags = addresses.flatMap((address) => ["--to", address]);
    await run(server, "push", ...flags, ...ds, "--push-id", "1@pi");
    const args = ["cancel", "1@pi", "--ppg", server.url];
    const said = async (count: number): Promise<string> =>
      (await runCli([...args, ...flags.slice(0, 2 * count)])).stdout;
    const [a, b, c] = addresses;
    expect(await said(1)).toBe(`${a}: cancelled, 1000 OK\n`);
    expect(await said(3)).toBe(`${a}, ${b}, ${c}: cancelled, 1000 OK\n`);
    expect(await said(1_000)).toBe(`${a}, ${b}, ${c} and 997 more: cancelled, 1000 OK\n`);
    const { lines } = await run(server, "cancel", "1@pi", ...flags);
    expect(lines.map(({ address }) => address)).toEqual(addresses);
  });

  it("cancel exits 0 when all is cancelled, 1 when not", async () => {
    const server = await openServer();
    await run(server, "push", ...to, ...ds, "--push-id", "1@pi");
    const { code, lines } = await run(server, "cancel", "1@pi", "--to", bob);
    expect(code).toBe(0);
    expect(lines).toEqual([{ event: "cancel", pushId: "1@pi", address: bob, papCode: 1000, description: "OK" }]);
    const unknown = await run(server, "cancel", "2@pi");
    expect(unknown.code).toBe(1);
    expect(unknown.lines).toMatchObject([{ address: null, papCode: 2004, description: "Push ID Not Found" }]);
  });

  it("cancel of a push under way says that it is asked for, not that it is done", async () => {
    const desc = "an attempt is under way: cancelled if it fails, else delivered";
    const { ok, acceptedForProcessing: code } = papCodes;
    const cancelResults = [
      { code, desc, addresses: [alice] },
      { code: ok, addresses: [bob] },
    ];
    const server = await openServer({ answer: () => ({ kind: "cancel-response", pushId: "1@pi", cancelResults }) });
    expect(await runCli(["cancel", "1@pi", "--ppg", server.url])).toMatchObject({
      exitCode: 0,
      stdout: `${alice}: asked for, not cancelled yet, 1001 ${desc}\n${bob}: cancelled, 1000 OK\n`,
    });
    const { lines } = await run(server, "cancel", "1@pi");
    expect(lines).toMatchObject([
      { event: "cancel", address: alice, papCode: 1001, description: desc },
      { event: "cancel", address: bob, papCode: 1000 },
    ]);
  });

  it.each([
    ["status", "status-refused", "status not told: 2000 Bad Request\n"],
    ["cancel", "cancel-refused", "not cancelled: 2000 Bad Request\n"],
  ])("%s that the gateway does not understand is no refusal of the push", async (command, event, text) => {
    const operation = { kind: "badmessage-response", code: papCodes.badRequest } as const;
    const server = await openServer({ answer: () => operation });
    expect(await run(server, command, "1@pi")).toMatchObject({ code: 1, lines: [{ event, pushId: "1@pi" }] });
    expect((await runCli([command, "1@pi", "--ppg", server.url])).stdout).toBe(text);
  });

  it.each([
    ["status", "status-failed", /^status not told: no answer \(unreachable\): /],
    ["cancel", "cancel-failed", /^no answer to the cancellation \(unreachable\): /],
  ])("%s says so where there is no answer", async (command, event, text) => {
    const server = await openServer();
    await server.close();
    expect(await run(server, command, "1@pi")).toMatchObject({ code: 1, lines: [{ event, reason: "unreachable" }] });
    expect((await runCli([command, "1@pi", "--ppg", server.url])).stdout).toMatch(text);
  });

  it("capabilities prints what the gateway has of a handset", async () => {
    const rdf = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>';
    const server = await openServer({
      answer: () => ({
        operation: { kind: "ccq-response", code: 1000, address: alice },
        capabilities: { contentType: "application/xml", body: Buffer.from(rdf) },
      }),
    });
    const { code, lines } = await run(server, "capabilities", "--to", alice, "--app", "push.syncml");
    expect(code).toBe(0);
    const said = { event: "capabilities", address: alice, papCode: 1000, description: "OK" };
    expect(lines).toEqual([{ ...said, contentType: "application/xml", capabilities: rdf }]);
    expect(server.requests[0]?.message.operation).toMatchObject({ kind: "ccq-message", appId: "push.syncml" });
    const ignorant = await openServer();
    const refused = await run(ignorant, "capabilities", "--to", alice);
    expect(refused).toMatchObject({ code: 1, lines: [{ event: "refused", papCode: 3001 }] });
  });
});
