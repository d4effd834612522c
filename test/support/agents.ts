import { type PushEvent, PushReceiver, type PushReceiverOptions, type ReceiverEvent } from "@sip-push/receiver";
import { PushSender, type PushSenderOptions } from "@sip-push/sender";
import type { ListenAddress } from "@sip-push/sip";
import { afterEach } from "vitest";
import { Inbox } from "./inbox.ts";

/** Ports of a loopback address, chosen by the system. */
export function listenOnLoopback(address: "127.0.0.1" | "::1"): ListenAddress[] {
  return (["UDP", "TCP", "WS"] as const).map((transport) => ({ transport, address, port: 0 }));
}

/** A receiver and what it told. */
export interface Handset {
  readonly receiver: PushReceiver;
  /** Pushes that were handed over. */
  readonly pushes: Inbox<PushEvent>;
  /** Everything else that happened. */
  readonly events: Inbox<ReceiverEvent>;
}

/** Our agents for one suite, closed after each test. */
export interface Agents {
  /** A Push Sender at sip:ppg@example.test that can send over UDP, TCP and WebSocket. */
  openSender(options?: Partial<PushSenderOptions>): Promise<PushSender>;
  /** A Push Receiver that listens on UDP, TCP and WebSocket. */
  openReceiver(options: Omit<PushReceiverOptions, "onPush" | "onEvent">): Promise<Handset>;
  /** The same, once it is registered. */
  openRegistered(options: Omit<PushReceiverOptions, "onPush" | "onEvent">): Promise<Handset>;
}

/** Call it inside a suite. */
export function useAgents(): Agents {
  const opened: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((agent) => agent.close()));
  });
  const agents: Agents = {
    async openSender(options = {}) {
      const listen = listenOnLoopback("127.0.0.1");
      const sender = await PushSender.open({ from: "sip:ppg@example.test", listen, ...options });
      opened.push(sender);
      return sender;
    },
    async openReceiver(options) {
      const pushes = new Inbox<PushEvent>(({ contentType, length }) => `${contentType} (${length} octets)`);
      const events = new Inbox<ReceiverEvent>((event) => JSON.stringify(event));
      const receiver = await PushReceiver.open({
        listen: listenOnLoopback("127.0.0.1"),
        ...options,
        onPush: (push) => pushes.put(push),
        onEvent: (event) => events.put(event),
      });
      opened.push(receiver);
      return { receiver, pushes, events };
    },
    async openRegistered(options) {
      const handset = await agents.openReceiver(options);
      await handset.events.next(({ event }) => event === "registered");
      return handset;
    },
  };
  return agents;
}
