import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { decodePap, encodePap, type PapMessage, type PapOperation, replyTo } from "@sip-push/pap";
import { onTestFinished } from "vitest";
import type { PushInitiatorOptions } from "../options.ts";
import { PushInitiator } from "../push-initiator.ts";
import type { PushSubmission } from "../submission.ts";

/** A real HTTP server on a loopback port that answers as the test says. */
export interface Gateway {
  readonly url: string;
  /** Connections that it ever had. */
  readonly sockets: Socket[];
}

/** Opens one for the running test. */
export async function openGateway(answer: RequestListener, tls?: ServerOptions): Promise<Gateway> {
  const server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer);
  const sockets: Socket[] = [];
  server.on("connection", (socket: Socket) => void sockets.push(socket));
  // Clients that are not believed.
  server.on("tlsClientError", () => undefined);
  server.on("clientError", (_: Error, socket: Socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  });
  const scheme = tls === undefined ? "http" : "https";
  return { url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/pap`, sockets };
}

/** Answers what it can read with `operation`, in kind; keeps what it was asked. */
export function answering(
  reply: (request: PapMessage) => PapOperation | Pick<PapMessage, "operation" | "capabilities">,
  asked: Array<{ readonly message: PapMessage; readonly request: IncomingMessage }> = [],
): RequestListener {
  return (request, response) => {
    void buffer(request).then((octets) => {
      const message = decodePap(request.headers["content-type"] ?? "", octets);
      asked.push({ message, request });
      const said = reply(message);
      const whole = "operation" in said ? { ...replyTo(message, said.operation), ...said } : replyTo(message, said);
      sendPap(response, whole);
    });
  };
}

function sendPap(response: ServerResponse, message: PapMessage, status = 202): void {
  const { contentType, body } = encodePap(message);
  response.writeHead(status, { "content-type": contentType }).end(body);
}

/** 1001 to a push. */
export const accept = ({ operation }: PapMessage): PapOperation => ({
  kind: "push-response",
  pushId: "pushId" in operation ? operation.pushId : "",
  progressNotes: [],
  responseResult: { code: 1001 },
});

/** Opens an initiator for the running test. */
export function openInitiator(url: string, more: Partial<PushInitiatorOptions> = {}): PushInitiator {
  const initiator = new PushInitiator({ url, ...more });
  onTestFinished(() => initiator.close());
  return initiator;
}

/** Octets that text would change. */
export const notification: Uint8Array = Uint8Array.of(0, 1, 0x0d, 0x0a, 0x2d, 0x2d, 0xff, 0xfe, 0x80, 0);

export function submission(more: Partial<PushSubmission> = {}): PushSubmission {
  return {
    pushId: "1@pi.example.test",
    addresses: ["sip:alice@example.test"],
    content: {
      contentType: "application/vnd.syncml.ds.notification",
      body: notification,
      applicationId: "push.syncml",
    },
    ...more,
  };
}
