import jssip from "jssip";
import type { MessageListener } from "jssip/lib/UA.js";
import { Messager, Registerer, RegistererState, UserAgent } from "sip.js";
import { Inbox } from "./inbox.ts";

/** A push as these libraries show it: the body is a string already. */
export interface TextPush {
  readonly contentType: string;
  readonly body: string;
}

/** A SIP library made for browsers, as a registered user of example.test over WebSocket. Text only. */
export interface BrowserPeer {
  /** Sends a MESSAGE; gives the status of the final response. */
  send(uri: string, text: string, contentType: string): Promise<number>;
  /** The next MESSAGE that it got, and answered 200 by itself. */
  nextPush(): Promise<TextPush>;
  /** Unregisters and closes the connection. */
  stop(): Promise<void>;
}

export interface BrowserPeerOptions {
  readonly user: string;
  readonly wsPort: number;
}

/** The libraries by name. */
export const browserPeers: Readonly<Record<"JsSIP" | "sip.js", (options: BrowserPeerOptions) => Promise<BrowserPeer>>> =
  { JsSIP: openJssip, "sip.js": openSipJs };

async function openJssip({ user, wsPort }: BrowserPeerOptions): Promise<BrowserPeer> {
  const agent = new jssip.UA({
    sockets: [new jssip.WebSocketInterface(`ws://127.0.0.1:${wsPort}`)],
    uri: `sip:${user}@example.test`,
    register_expires: 600,
  });
  const inbox = new Inbox<TextPush>(({ contentType }) => contentType);
  const onMessage: MessageListener = ({ originator, request }: Parameters<MessageListener>[0]) => {
    const by: string = originator;
    if (by !== "remote") return;
    inbox.put({ contentType: request.getHeader("content-type") ?? "", body: request.body ?? "" });
  };
  agent.on("newMessage", onMessage);
  await new Promise<void>((resolve, reject) => {
    agent.on("registered", () => resolve());
    agent.on("registrationFailed", ({ cause }) => reject(new Error(`JsSIP is not registered: ${cause}`)));
    agent.start();
  });
  return {
    send: (uri, text, contentType) =>
      new Promise((resolve) => {
        const answered = ({ response }: { response?: { status_code: number } }): void =>
          resolve(response?.status_code ?? 0);
        agent.sendMessage(uri, text, { contentType, eventHandlers: { succeeded: answered, failed: answered } });
      }),
    nextPush: () => inbox.next(),
    stop: () =>
      new Promise((resolve) => {
        agent.on("disconnected", () => resolve());
        agent.stop();
      }),
  };
}

async function openSipJs({ user, wsPort }: BrowserPeerOptions): Promise<BrowserPeer> {
  const uriOf = (text: string) => {
    const uri = UserAgent.makeURI(text);
    if (uri === undefined) throw new Error(`sip.js does not take the URI ${text}`);
    return uri;
  };
  const inbox = new Inbox<TextPush>(({ contentType }) => contentType);
  const agent = new UserAgent({
    uri: uriOf(`sip:${user}@example.test`),
    transportOptions: { server: `ws://127.0.0.1:${wsPort}` },
    logBuiltinEnabled: false,
    delegate: {
      onMessage: (message) => {
        const { request } = message;
        inbox.put({ contentType: request.getHeader("content-type") ?? "", body: request.body });
        void message.accept();
      },
    },
  });
  await agent.start();
  const registerer = new Registerer(agent, { expires: 600 });
  const reached = (state: RegistererState): Promise<void> =>
    new Promise((resolve) => registerer.stateChange.addListener((now) => now === state && resolve()));
  const registered = reached(RegistererState.Registered);
  await registerer.register();
  await registered;
  return {
    send: (uri, text, contentType) =>
      new Promise((resolve, reject) => {
        new Messager(agent, uriOf(uri), text, contentType)
          .message({
            requestDelegate: {
              onAccept: ({ message }) => resolve(message.statusCode ?? 0),
              onReject: ({ message }) => resolve(message.statusCode ?? 0),
            },
          })
          .catch(reject);
      }),
    nextPush: () => inbox.next(),
    stop: async () => {
      const unregistered = reached(RegistererState.Unregistered);
      await registerer.unregister();
      await unregistered;
      await agent.stop();
    },
  };
}
