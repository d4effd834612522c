// The thread that has the database: it takes calls, commits those that wait together, and sends back what they came to.
import { join } from "node:path";
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { errorForm } from "../error-form.ts";
import { storeErrorOf } from "./errors.ts";
import { commitCalls } from "./sqlite-commit.ts";
import { type Outcome, SqliteDatabase } from "./sqlite-database.ts";
import { SqliteLookup } from "./sqlite-lookup.ts";
import {
  isPatient,
  type ThreadCall,
  type ThreadError,
  type ThreadReply,
  type ThreadRequest,
  type ThreadResult,
  type ThreadSettings,
} from "./sqlite-messages.ts";

const FILE = "ppg.sqlite";
/** Most calls committed together: bounds how long the first of them waits for the others. */
const MAX_GROUP = 1_024;
/** After a commit for much the next starts no sooner than this: fewer of them, each for more. */
const SPACING_MS = 3;
const MUCH = 8;
/** The same for what became of deliveries, alone: nobody waits for it, and soon there is something else to go with. */
const ADVANCE_SPACING_MS = 12;

if (parentPort === null) throw new Error("runs in a worker thread only");
const owner = parentPort;

/** By which calls come: that of whoever started this thread, and those of other threads. */
const ports = new Set<MessagePort>([owner]);
interface Arrival {
  readonly port: MessagePort;
  readonly call: ThreadCall;
}
let waiting: Arrival[] = [];
/** To be closed when what came by them is answered. */
const closing = new Set<MessagePort>();
let timer: NodeJS.Timeout | undefined;
let muchAtMs = Number.NEGATIVE_INFINITY;

const send = (port: MessagePort, reply: ThreadReply): void => port.postMessage(reply);
const errorOf = (error: unknown): ThreadError => {
  const { code, message, cause } = storeErrorOf(error);
  return { code, problem: message, cause: cause === undefined ? null : errorForm(cause) };
};

function open(): { db: SqliteDatabase; lookup: SqliteLookup } | undefined {
  try {
    const { directory, lookupInMemory } = workerData as ThreadSettings;
    const db = new SqliteDatabase(join(directory, FILE));
    const lookup = new SqliteLookup(db, lookupInMemory);
    send(owner, { reply: "opened", error: null });
    return { db, lookup };
  } catch (error) {
    send(owner, { reply: "opened", error: errorOf(error) });
    return undefined;
  }
}

function take(port: MessagePort, request: ThreadRequest): void {
  if (request === "close") closing.add(port);
  else if ("link" in request) listen(request.link);
  else for (const call of request) waiting.push({ port, call });
}

/** Pushes, changes and the like in it. */
function sizeOf([, , args]: ThreadCall): number {
  const [first] = args as readonly unknown[];
  return Array.isArray(first) ? first.length : 1;
}

/** What has been sent meanwhile takes part. */
function takeAll(): void {
  for (const port of ports) {
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port))
      take(port, next.message as ThreadRequest);
  }
}

function listen(port: MessagePort): void {
  ports.add(port);
  port.on("message", (request: ThreadRequest) => {
    take(port, request);
    schedule();
  });
  port.on("close", () => ports.delete(port));
}

/** Each gets what it asked for. All hear of work; the first, of what was taken back: it is told once. */
function answer(group: readonly Arrival[], outcomes: readonly Outcome[], db: SqliteDatabase): void {
  const results = new Map<MessagePort, ThreadResult[]>();
  for (const [index, { port, call }] of group.entries()) {
    const outcome = outcomes[index];
    const failed = outcome === undefined || "error" in outcome;
    const result: ThreadResult = failed ? [call[0], null, errorOf(outcome?.error)] : [call[0], outcome.value, null];
    const those = results.get(port);
    if (those === undefined) results.set(port, [result]);
    else those.push(result);
  }
  const worked = db.takeWork();
  let takenBack = db.takeTakenBack();
  for (const [port, those] of results) {
    send(port, { reply: "results", results: those, worked, takenBack });
    takenBack = [];
  }
  if (worked.length === 0) return;
  for (const port of ports) if (!results.has(port)) send(port, { reply: "results", results: [], worked, takenBack });
}

let schedule = (): void => {};
const opened = open();
if (opened === undefined) owner.close();
else {
  const { db, lookup } = opened;

  const commit = (): void => {
    takeAll();
    const much = waiting.reduce((sum, { call }) => sum + sizeOf(call), 0) >= MUCH;
    muchAtMs = much ? performance.now() : Number.NEGATIVE_INFINITY;
    while (waiting.length > 0) {
      const group = waiting.slice(0, MAX_GROUP);
      waiting = waiting.slice(MAX_GROUP);
      const calls = group.map(({ call }) => call);
      answer(group, commitCalls(db, lookup, calls), db);
    }
    for (const port of closing.has(owner) ? ports : closing) port.close();
    if (closing.has(owner)) db.close();
    closing.clear();
  };

  schedule = (): void => {
    clearTimeout(timer);
    const spacingMs = waiting.every(({ call: [, name] }) => isPatient(name)) ? ADVANCE_SPACING_MS : SPACING_MS;
    const restMs = muchAtMs + spacingMs - performance.now();
    if (restMs < 0.5 || closing.size > 0) commit();
    else timer = setTimeout(commit, restMs);
  };
  listen(owner);
}
