import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import {
  badMessageReply,
  decodePap,
  encodePap,
  type MessageState,
  PapError,
  type PapMessage,
  type PapOperation,
  type PushMessage,
  papCodes,
  type ResultNotificationMessage,
  replyTo,
} from "@sip-push/pap";

/** A push that the server took, and the state of each recipient. */
interface Taken {
  readonly push: PushMessage;
  readonly states: Map<string, { readonly messageState: MessageState; readonly code: number }>;
}

/** What a server of ours answers to one operation: an operation, or HTTP of its own. */
export type PapReply =
  | PapOperation
  | Pick<PapMessage, "operation" | "capabilities">
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> };

export interface PapServerOptions {
  /** Basic credentials that are asked for. */
  readonly credentials?: { readonly user: string; readonly password: string };
  /** Answers in place of the server; undefined leaves it to the server. */
  readonly answer?: (request: PapMessage) => PapReply | undefined | Promise<PapReply | undefined>;
}

/**
 * A push proxy gateway on a loopback port that keeps what it takes and delivers nothing: `settle` says what became of a push. It
 * speaks PAP over real HTTP; what it says is for the test to decide.
 */
export class PapServer {
  readonly url: string;
  /** All that was asked, with the header fields of the HTTP request. */
  readonly requests: Array<{ readonly message: PapMessage; readonly headers: IncomingMessage["headers"] }> = [];
  /** Called when a push was taken, and answered. */
  onTaken: (push: PushMessage) => Promise<unknown> = () => Promise.resolve();
  readonly #server: Server;
  readonly #options: PapServerOptions;
  readonly #taken = new Map<string, Taken>();

  static async open(options: PapServerOptions = {}): Promise<PapServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new PapServer(server, options);
  }

  private constructor(server: Server, options: PapServerOptions) {
    this.#server = server;
    this.#options = options;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/pap`;
    server.on("request", (request, response) => {
      this.#answer(request).then(
        ({ status, headers, body, taken }) => {
          response.writeHead(status, headers).end(body);
          if (taken !== undefined) void this.onTaken(taken);
        },
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    });
  }

  /** Says what became of a push for one recipient, and tells the initiator when it asked for that; gives its answer. */
  async settle(
    pushId: string,
    address: string,
    messageState: MessageState,
    code: number,
  ): Promise<PapOperation | null> {
    const taken = this.#taken.get(pushId);
    if (taken === undefined) throw new Error(`no push ${pushId} was taken`);
    taken.states.set(address, { messageState, code });
    const url = taken.push.ppgNotifyRequestedTo;
    if (url === undefined) return null;
    const eventTime = new Date("2026-11-21T17:30:00Z");
    const operation: ResultNotificationMessage = {
      ...{ kind: "resultnotification-message", pushId, eventTime, messageState, code, address },
    };
    const { contentType, body } = encodePap({ version: "2.1", operation });
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": contentType },
      body: new Uint8Array(body),
    });
    const octets = new Uint8Array(await answer.arrayBuffer());
    return decodePap(answer.headers.get("content-type") ?? "", octets).operation;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage): Promise<{
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Uint8Array | string;
    readonly taken?: PushMessage;
  }> {
    const body = await buffer(request);
    const { credentials } = this.#options;
    const wanted =
      credentials && `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString("base64")}`;
    if (wanted !== undefined && request.headers.authorization !== wanted) return { status: 401, headers: {}, body: "" };
    let message: PapMessage;
    try {
      message = decodePap(request.headers["content-type"] ?? "", body);
    } catch (error) {
      if (!(error instanceof PapError)) throw error;
      return entity(badMessageReply(error));
    }
    this.requests.push({ message, headers: request.headers });
    const reply = (await this.#options.answer?.(message)) ?? this.#reply(message.operation);
    if ("status" in reply) return { headers: {}, body: "", ...reply };
    if ("operation" in reply) return entity({ ...replyTo(message, reply.operation), ...reply });
    const answer = entity({ ...replyTo(message, reply), productName: "a test" });
    const { operation } = message;
    return operation.kind === "push-message" ? { ...answer, taken: operation } : answer;
  }

  #reply(operation: PapOperation): PapOperation {
    switch (operation.kind) {
      case "push-message":
        return this.#take(operation);
      case "statusquery-message":
        return this.#status(operation.pushId, operation.addresses);
      case "cancel-message": {
        const { pushId, addresses } = operation;
        const code = this.#taken.has(pushId) ? papCodes.ok : papCodes.pushIdNotFound;
        return { kind: "cancel-response", pushId, cancelResults: [{ code, addresses }] };
      }
      default:
        return { kind: "badmessage-response", code: papCodes.notImplemented };
    }
  }

  #take(push: PushMessage): PapOperation {
    const { pushId, addresses } = push;
    const isNew = !this.#taken.has(pushId);
    const pending = { messageState: "pending", code: papCodes.acceptedForProcessing } as const;
    if (isNew) this.#taken.set(pushId, { push, states: new Map(addresses.map((address) => [address, pending])) });
    const code = isNew ? papCodes.acceptedForProcessing : papCodes.duplicatePushId;
    return { kind: "push-response", pushId, progressNotes: [], responseResult: { code } };
  }

  #status(pushId: string, addresses: readonly string[]): PapOperation {
    const states = this.#taken.get(pushId)?.states;
    const unknown = { messageState: "unknown", code: papCodes.pushIdNotFound, addresses: [] } as const;
    const known = [...(states ?? [])].filter(([address]) => addresses.length === 0 || addresses.includes(address));
    const statusQueryResults = known.map(([address, state]) => ({ ...state, addresses: [address] }));
    return {
      kind: "statusquery-response",
      pushId,
      statusQueryResults: statusQueryResults.length > 0 ? statusQueryResults : [unknown],
    };
  }
}

function entity(message: PapMessage): { status: number; headers: Record<string, string>; body: Uint8Array } {
  const { contentType, body } = encodePap(message);
  return { status: 202, headers: { "content-type": contentType }, body };
}
