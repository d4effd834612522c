import type { PushReceiverOptions } from "@sip-push/receiver";
import type { PushSender, PushSenderOptions, SenderEvent } from "@sip-push/sender";
import type { Agents } from "./agents.ts";
import { Inbox } from "./inbox.ts";
import type { KamailioBed } from "./kamailio-bed.ts";

/** How agents reach Kamailio. */
export const coreTransports = ["udp", "tcp", "ws"] as const;
export type CoreTransport = (typeof coreTransports)[number];

/** A Push Sender, and what it told besides outcomes. */
export interface CoreSender {
  readonly sender: PushSender;
  readonly events: Inbox<SenderEvent>;
  readonly aor: string;
}

/** Our agents as users of a Kamailio. */
export interface KamailioAgents {
  proxyOver(transport: CoreTransport): string;
  /**
   * A Push Sender at `sip:user@example.test` that trusts the core and is bound there, so that requests to it arrive; or that
   * registers, with the option `register`.
   */
  openSender(user: string, options?: Partial<PushSenderOptions>): Promise<CoreSender>;
  /** Settings of the handset of `sip:user@example.test`, with an instance identifier, so that it gets a GRUU. */
  handset(user: string, transport: CoreTransport): Omit<PushReceiverOptions, "onPush" | "onEvent">;
}

export const aorOf = (user: string): string => `sip:${user}@example.test`;

let instances = 0;

/** Call it inside a suite, with the bed and the agents of that suite. */
export function useKamailioAgents(bed: KamailioBed, agents: Agents): KamailioAgents {
  const proxyOver = (transport: CoreTransport): string => {
    const { udpPort, tcpPort, wsPort } = bed.kamailio;
    const port = { udp: udpPort, tcp: tcpPort, ws: wsPort }[transport];
    return `sip:127.0.0.1:${port};transport=${transport}`;
  };
  return {
    proxyOver,
    async openSender(user, options = {}) {
      const events = new Inbox<SenderEvent>((event) => JSON.stringify(event));
      const aor = aorOf(user);
      const sender = await agents.openSender({
        from: aor,
        proxy: proxyOver("udp"),
        trusted: ["127.0.0.1"],
        onEvent: (event) => events.put(event),
        ...options,
      });
      if (options.register === true) {
        await events.next(({ event }) => event === "registered");
      } else {
        const listening = sender.listening.find(({ transport }) => transport === "UDP");
        await bed.bind(user, `sip:${user}@127.0.0.1:${listening?.port}`);
      }
      return { sender, events, aor };
    },
    handset: (user, transport) => ({
      aor: aorOf(user),
      proxy: proxyOver(transport),
      instanceId: `urn:uuid:00000000-0000-4000-8000-${String(++instances).padStart(12, "0")}`,
    }),
  };
}
