// The thread that has the database: it takes calls, commits those that wait together, and sends back what they came to.
import { join } from "node:path";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { storeErrorOf } from "./errors.ts";
import { commitCalls } from "./sqlite-commit.ts";
import { SqliteDatabase } from "./sqlite-database.ts";
import { SqliteLookup } from "./sqlite-lookup.ts";
import type { ThreadError, ThreadReply, ThreadRequest, ThreadSettings } from "./sqlite-messages.ts";

const FILE = "ppg.sqlite";
/** Most calls committed together: bounds how long the first of them waits for the others. */
const MAX_GROUP = 1_024;
/** After a commit for many calls the next starts no sooner than this: fewer of them, each for more calls. */
const COMMIT_SPACING_MS = 8;
const MANY = 8;

const port = parentPort;
if (port === null) throw new Error("runs in a worker thread only");

let waiting: Exclude<ThreadRequest, "close">[number][] = [];
let closing = false;
let timer: NodeJS.Timeout | undefined;
let nextCommitMs = 0;

const send = (reply: ThreadReply): void => port.postMessage(reply);
const errorOf = (error: unknown): ThreadError => {
  const { code, message } = storeErrorOf(error);
  return { code, problem: message };
};

function open(): { db: SqliteDatabase; lookup: SqliteLookup } | undefined {
  try {
    const { directory, lookupInMemory } = workerData as ThreadSettings;
    const db = new SqliteDatabase(join(directory, FILE));
    const lookup = new SqliteLookup(db, lookupInMemory);
    send({ reply: "opened", error: null });
    return { db, lookup };
  } catch (error) {
    send({ reply: "opened", error: errorOf(error) });
    return undefined;
  }
}

function take(request: ThreadRequest): void {
  if (request === "close") closing = true;
  else waiting = waiting.length === 0 ? [...request] : waiting.concat(request);
}

/** What has been sent meanwhile takes part. */
function takeAll(): void {
  for (let next = receiveMessageOnPort(port as never); next !== undefined; next = receiveMessageOnPort(port as never))
    take(next.message as ThreadRequest);
}

const opened = open();
if (opened === undefined) port.close();
else {
  const { db, lookup } = opened;

  const commit = (): void => {
    timer = undefined;
    takeAll();
    nextCommitMs = performance.now() + (waiting.length < MANY ? 0 : COMMIT_SPACING_MS);
    while (waiting.length > 0) {
      const group = waiting.slice(0, MAX_GROUP);
      waiting = waiting.slice(MAX_GROUP);
      const outcomes = commitCalls(db, lookup, group);
      const results = group.map(([number], index) => {
        const outcome = outcomes[index];
        if (outcome === undefined || "error" in outcome) return [number, null, errorOf(outcome?.error)] as const;
        return [number, outcome.value, null] as const;
      });
      send({ reply: "results", results, worked: db.takeWork(), takenBack: db.takeTakenBack() });
    }
    if (!closing) return;
    db.close();
    send({ reply: "closed" });
    port.close();
  };

  port.on("message", (request: ThreadRequest) => {
    take(request);
    if (timer !== undefined && !closing) return;
    clearTimeout(timer);
    const restMs = nextCommitMs - performance.now();
    if (restMs < 0.5 || closing) commit();
    else timer = setTimeout(commit, restMs);
  });
}
