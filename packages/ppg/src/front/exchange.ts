import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "@sip-push/sip";
import type { Refusal } from "./refusals.ts";

/** What stays unread of a body that is refused: so long and so much is read and thrown away, so that the peer sees the answer. */
const LINGER_MS = 2_000;
const LINGER_OCTETS = 16_777_216;
/** What is shown of a body that is refused. */
const BEGINNING_OCTETS = 1_024;

/** `broken`: the peer is gone. `spoiled`: what comes is no HTTP any more, or comes too late. */
export type BodyEnd = "whole" | "tooLarge" | "noRoom" | "broken" | "spoiled";

/** Room for bodies, shared by all exchanges. */
export interface BodyRoom {
  bufferedBytes: number;
  readonly maxBufferedBytes: number;
}

/** One request on the path of PAP and its answer, which is given once. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Another request came on the connection since: its answer would be lost if this one ended the connection. */
  isFollowed = false;
  readonly #room: BodyRoom;
  readonly #clock: Clock;
  readonly #release: () => void;
  #chunks: Buffer[] = [];
  #octets = 0;
  #reading: ((end: BodyEnd) => void) | null = null;
  #done = false;
  #spoiledBy: Refusal | null = null;

  /** @param release called once, when the exchange needs no room any more. */
  constructor(request: IncomingMessage, response: ServerResponse, room: BodyRoom, clock: Clock, release: () => void) {
    this.request = request;
    this.response = response;
    this.#room = room;
    this.#clock = clock;
    this.#release = release;
  }

  /** The answer was given, or the peer is gone. */
  get done(): boolean {
    return this.#done;
  }

  /** Why the rest of the body cannot be read; null: it can. */
  get spoiledBy(): Refusal | null {
    return this.#spoiledBy;
  }

  /** What `readBody` got, as one piece. */
  get body(): Uint8Array {
    const [first] = this.#chunks;
    return first !== undefined && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks, this.#octets);
  }

  /** What came first of it. */
  get beginning(): Uint8Array {
    return Buffer.concat(this.#chunks, Math.min(this.#octets, BEGINNING_OCTETS));
  }

  /**
   * Reads the body within the limits; `then` is called once, with `broken` when the peer is gone before its end.
   *
   * @param maxOctets more is `tooLarge`.
   */
  readBody(then: (end: BodyEnd) => void, maxOctets: number): void {
    const { request } = this;
    if (this.#spoiledBy !== null || (request.destroyed && !request.complete)) {
      then(this.#spoiledBy === null ? "broken" : "spoiled");
      return;
    }
    const end = (how: BodyEnd): void => {
      if (this.#reading === null) return;
      this.#reading = null;
      request.removeListener("data", take);
      then(how);
    };
    const take = (chunk: Buffer): void => {
      this.#octets += chunk.length;
      this.#room.bufferedBytes += chunk.length;
      this.#chunks.push(chunk);
      if (this.#octets > maxOctets) end("tooLarge");
      else if (this.#room.bufferedBytes > this.#room.maxBufferedBytes) end("noRoom");
    };
    this.#reading = end;
    request.on("data", take);
    request.on("end", () => end("whole"));
    request.on("error", () => end("broken"));
    request.on("close", () => end("broken"));
  }

  /** What follows on the connection cannot be read: the connection ends with this answer, or with the one to what is missing. */
  spoil(refusal: Refusal): void {
    this.response.shouldKeepAlive = false;
    if (this.#done) this.response.end();
    if (this.request.complete || this.#done) return;
    this.#spoiledBy = refusal;
    this.#reading?.("spoiled");
  }

  /** Answers, unless the peer is gone. `headers`: names and values in turn. */
  answer(httpStatus: number, headers: string[], body: Uint8Array): void {
    if (!this.#finish()) return;
    const { request, response } = this;
    if (response.destroyed) return;
    headers.push("Content-Length", String(body.length));
    if (request.complete || this.#spoiledBy !== null) {
      response.writeHead(httpStatus, headers).end(body);
      return;
    }
    headers.push("Connection", "close");
    response.shouldKeepAlive = false;
    response.writeHead(httpStatus, headers).write(body);
    this.#linger();
  }

  /** The peer is gone. */
  abandon(): void {
    this.#finish();
  }

  #finish(): boolean {
    if (this.#done) return false;
    this.#done = true;
    this.#room.bufferedBytes -= this.#octets;
    this.#chunks = [];
    this.#octets = 0;
    this.#release();
    return true;
  }

  /**
   * A connection that is closed with octets unread is reset, and a reset takes the answer with it. So the rest of the body is
   * read and thrown away, within limits, before the connection ends.
   */
  #linger(): void {
    const { request, response } = this;
    let left = LINGER_OCTETS;
    const end = (): void => {
      timer.cancel();
      request.removeListener("data", discard);
      if (!response.writableEnded) response.end();
    };
    const discard = (chunk: Buffer): void => {
      left -= chunk.length;
      if (left <= 0) end();
    };
    const timer = this.#clock.schedule(LINGER_MS, end);
    request.on("data", discard);
    request.once("end", end);
    request.once("close", end);
    request.resume();
  }
}
