import { request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { encodePap, type PapCode, papCodes, refusalReply } from "@sip-push/pap";
import type { InitiatorConfig } from "../../config/types.ts";
import type { PapAnswer, PapRequest, PapService } from "../../intake/types.ts";
import { PpgFront } from "../front.ts";
import type { PpgFrontOptions } from "../options.ts";
import { sha256Hex } from "../secrets.ts";

const accepted = encodePap({
  version: "2.1",
  operation: {
    kind: "push-response",
    pushId: "p@pi.test",
    progressNotes: [],
    responseResult: { code: papCodes.acceptedForProcessing },
  },
});

/** Takes all and keeps what it was asked; answers when it is told to if it is `held`. */
class RecordingService implements PapService {
  readonly requests: PapRequest[] = [];
  answer: Partial<PapAnswer> = {};
  #held: Promise<void> | null = null;
  #arrived: (() => void)[] = [];

  async handle(request: PapRequest): Promise<PapAnswer> {
    this.requests.push({ ...request, body: Uint8Array.from(request.body) });
    for (const resolve of this.#arrived.splice(0)) resolve();
    await this.#held;
    const { contentType, body } = accepted;
    const rest = {
      httpStatus: 202,
      retryAfterSeconds: null,
      operation: "push-message",
      pushId: null,
      papCode: 1001,
    } as const;
    return { contentType, body, ...rest, ...this.answer };
  }

  refuse(papCode: PapCode, description: string, beginning = new Uint8Array()): Pick<PapAnswer, "contentType" | "body"> {
    return encodePap(refusalReply(beginning, papCode, description));
  }

  /** Answers nothing until the function that it gives is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = promise;
    return resolve;
  }

  /** Resolves with the next request. */
  arrival(): Promise<void> {
    return new Promise((resolve) => this.#arrived.push(resolve));
  }
}

export const TOKEN = "a-token-of-calendar";

/** `calendar` with a bearer token, or as `changes` say. */
export function initiator(changes: Partial<InitiatorConfig> = {}): InitiatorConfig {
  return {
    name: "calendar",
    password: null,
    tokens: [{ sha256: sha256Hex(TOKEN) }],
    certificates: [],
    recipients: ["sip:*@example.test"],
    applications: ["push.syncml"],
    notifyUrls: [],
    rate: null,
    ...changes,
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Asking extends RequestOptions {
  readonly body?: Uint8Array | string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Called when 100 (Continue) comes; the body is not sent before. */
  readonly onContinue?: () => void;
}

/** A front with a recording service on a free port of loopback. */
export class FrontRig {
  readonly service = new RecordingService();
  readonly #fronts: PpgFront[] = [];

  async open(options: Partial<PpgFrontOptions> = {}): Promise<PpgFront> {
    const front = await PpgFront.open({
      listen: [{ secure: false, host: "127.0.0.1", port: 0 }],
      service: this.service,
      initiators: [initiator()],
      ...options,
    });
    this.#fronts.push(front);
    return front;
  }

  async close(): Promise<void> {
    await Promise.all(this.#fronts.splice(0).map((front) => front.close(0)));
  }
}

/** A push as `calendar`, or what `asking` says, on a connection of its own. */
export function post(url: string, asking: Asking = {}): Promise<Answer> {
  const { body = "<pap/>", onContinue, headers, path = "/pap", ...rest } = asking;
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const make = url.startsWith("https:") ? httpsRequest : httpRequest;
  const fields = headers ?? { authorization: `Bearer ${TOKEN}`, "content-type": "application/xml" };
  const request = make(
    new URL(path ?? "/", url),
    { method: "POST", agent: false, headers: fields, ...rest },
    (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(chunks).toString("utf8"),
        });
      });
    },
  );
  // An answer may come before all of the body is taken.
  request.on("error", reject);
  if (onContinue === undefined) request.end(rest.method === "GET" ? undefined : body);
  else {
    request.flushHeaders();
    request.on("continue", () => {
      onContinue();
      request.end(body);
    });
  }
  return promise;
}

/** Writes octets to a port, and gives all that came until the other side closed the connection. */
export function exchangeRaw(port: number, ...octets: (string | Uint8Array)[]): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
  });
  socket.on("error", () => {});
  socket.on("close", () => resolve(text));
  for (const each of octets) socket.write(each);
  return promise;
}
