/**
 * A push initiator that costs next to nothing, as a process of its own: submits `count` pushes, one address each, over
 * keep-alive connections, and measures how long each waits for its answer.
 *
 *   pap-load.ts '{"url":"http://…","count":10000,"connections":64,"ratePerSecond":null,"addresses":[…],…}'
 *
 * `ratePerSecond` null: each connection sends its next push when it has the answer. Else pushes leave at that rate, whatever the
 * gateway does, and a push's wait begins when it was to leave (so that a gateway that stalls is not flattered).
 * Prints one JSON object.
 */
import { connect, type Socket } from "node:net";

export interface LoadPlan {
  readonly url: string;
  /** Authorization header field value; null: none. */
  readonly authorization: string | null;
  readonly count: number;
  readonly connections: number;
  readonly ratePerSecond: number | null;
  /** First pushes, whose waits are not counted: this process compiles itself meanwhile. */
  readonly uncounted: number;
  /** Pushes go to these in turn. */
  readonly addresses: readonly string[];
  /** Makes push-ids of this run unlike those of others. */
  readonly run: string;
  /** Where results are wanted; null: nowhere. */
  readonly notifyUrl: string | null;
  readonly applicationId: string;
  /** Not to be delivered before then (YYYY-MM-DDThh:mm:ssZ); null: at once. */
  readonly deliverAfter: string | null;
}

export interface LoadResult {
  readonly accepted: number;
  readonly refused: number;
  /** First answer that was no 1001; null: none. */
  readonly firstRefusal: string | null;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly cpuSeconds: number;
}

const plan = JSON.parse(process.argv[2] ?? "{}") as LoadPlan;
const url = new URL(plan.url);
/** As long as a typical DS notification; octets above 0x7F, so that nothing can pass it off as text. */
const content = "\x81".repeat(60);
const waits = new Float64Array(plan.count);
let [started, answered, accepted, refused] = [0, 0, 0, 0];
let firstRefusal: string | null = null;
const { promise: done, resolve: finish } = Promise.withResolvers<void>();

const idle: Connection[] = [];

const attributes = Object.entries({
  "ppg-notify-requested-to": plan.notifyUrl,
  "deliver-after-timestamp": plan.deliverAfter,
})
  .map(([name, value]) => (value === null ? "" : ` ${name}="${value}"`))
  .join("");

/** One character an octet. */
function requestOf(index: number): string {
  const address = plan.addresses[index % plan.addresses.length];
  const head = `--b\r\nContent-Type: application/xml\r\n\r\n<?xml version="1.0"?>\n<!DOCTYPE pap PUBLIC "-//WAPFORUM//DTD PAP 1.0//EN" "http://www.wapforum.org/DTD/pap_1.0.dtd">\n<pap><push-message push-id="${plan.run}-${index}@pi.example.test"${attributes}><address address-value="${address}"/></push-message></pap>\r\n--b\r\nContent-Type: application/octet-stream\r\nX-Wap-Application-Id: ${plan.applicationId}\r\n\r\n`;
  const tail = "\r\n--b--\r\n";
  const length = head.length + content.length + tail.length;
  const authorization = plan.authorization === null ? "" : `Authorization: ${plan.authorization}\r\n`;
  const http = `POST ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nContent-Type: multipart/related; type="application/xml"; boundary=b\r\n${authorization}Content-Length: ${length}\r\n\r\n`;
  return http + head + content + tail;
}

/** One connection: one request at a time, the next when its answer is there. */
class Connection {
  #socket: Socket;
  #received = "";
  #startedMs = 0;
  #index = -1;
  readonly #onIdle: (connection: Connection) => void;

  constructor(onIdle: (connection: Connection) => void) {
    this.#onIdle = onIdle;
    this.#socket = this.#open();
  }

  send(index: number, dueMs: number): void {
    this.#index = index;
    this.#startedMs = dueMs;
    this.#socket.write(requestOf(index), "latin1");
  }

  close(): void {
    this.#socket.destroy();
  }

  #open(): Socket {
    const socket = connect({ host: url.hostname, port: Number(url.port) });
    socket.setNoDelay(true);
    socket.setEncoding("latin1");
    socket.on("data", (text) => this.#read(String(text)));
    // A gateway ends connections that it has not heard of for a while.
    socket.on("end", () => {
      const place = idle.indexOf(this);
      if (place >= 0) idle.splice(place, 1);
    });
    socket.on("error", (error) => {
      process.stderr.write(`${error.message}\n`);
      process.exit(1);
    });
    return socket;
  }

  #read(text: string): void {
    this.#received += text;
    const end = this.#received.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = this.#received.slice(0, end);
    const length = Number(/\r\nContent-Length: *(\d+)/i.exec(head)?.[1] ?? 0);
    if (this.#received.length < end + 4 + length) return;
    const body = this.#received.slice(end + 4, end + 4 + length);
    this.#received = this.#received.slice(end + 4 + length);
    waits[this.#index] = performance.now() - this.#startedMs;
    if (/code *="1001"/.test(body)) accepted++;
    else {
      refused++;
      firstRefusal ??= `${head.split("\r\n", 1)[0]} ${body.slice(0, 600)}`;
    }
    if (/\r\nConnection: *close/i.test(head)) this.#socket = this.#open();
    if (++answered === plan.count) finish();
    else this.#onIdle(this);
  }
}

/** Times at which pushes that found no free connection were to leave. */
const late: number[] = [];
const startMs = performance.now();

function next(connection: Connection): void {
  if (plan.ratePerSecond === null) {
    if (started < plan.count) connection.send(started++, performance.now());
    return;
  }
  const dueMs = late.shift();
  if (dueMs === undefined) idle.push(connection);
  else connection.send(started++, dueMs);
}

const connections: Connection[] = [];
/** A connection more, if there may be one. */
function open(): Connection | undefined {
  if (connections.length >= plan.connections) return undefined;
  const connection = new Connection(next);
  connections.push(connection);
  return connection;
}

const { ratePerSecond } = plan;
if (ratePerSecond === null) for (let each = open(); each !== undefined; each = open()) next(each);
else {
  let left = 0;
  const pace = setInterval(() => {
    const due = Math.min(plan.count, Math.floor(((performance.now() - startMs) * ratePerSecond) / 1000));
    for (; left < due; left++) {
      const dueMs = startMs + (left * 1000) / ratePerSecond;
      const connection = idle.pop() ?? open();
      if (connection === undefined) late.push(dueMs);
      else connection.send(started++, dueMs);
    }
    if (left === plan.count) clearInterval(pace);
  }, 1);
}
await done;

const seconds = (performance.now() - startMs) / 1000;
for (const connection of connections) connection.close();
const sorted = waits.subarray(plan.uncounted).sort();
const at = (share: number): number =>
  Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(2));
const { user, system } = process.cpuUsage();
const result: LoadResult = {
  accepted,
  refused,
  firstRefusal,
  seconds,
  p50Ms: at(0.5),
  p99Ms: at(0.99),
  maxMs: at(1),
  cpuSeconds: (user + system) / 1e6,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
