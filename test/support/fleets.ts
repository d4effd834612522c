import { type FleetEvent, HandsetFleet, type HandsetFleetOptions } from "@sip-push/receiver";
import { afterEach } from "vitest";
import { Inbox, named } from "./inbox.ts";

/** A fleet and what it told. */
export interface OpenedFleet {
  readonly fleet: HandsetFleet;
  readonly events: Inbox<FleetEvent>;
}

/** Fleets for one suite, closed after each test. */
export interface Fleets {
  /** A fleet of sip:handset{n}@example.test on loopback, over one transport. */
  open(transport: "UDP" | "TCP" | "WS", options: Omit<HandsetFleetOptions, "aor" | "listen">): Promise<OpenedFleet>;
  /** The same, once all are registered. */
  openRegistered(
    transport: "UDP" | "TCP" | "WS",
    options: Omit<HandsetFleetOptions, "aor" | "listen">,
  ): Promise<OpenedFleet>;
}

/** Call it inside a suite. */
export function useFleets(): Fleets {
  const opened: HandsetFleet[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((fleet) => fleet.close()));
  });
  const fleets: Fleets = {
    async open(transport, options) {
      const events = new Inbox<FleetEvent>((event) => JSON.stringify(event));
      const clientOnly = transport === "WS" ? { clientOnly: true } : {};
      const fleet = await HandsetFleet.open({
        aor: "sip:handset{n}@example.test",
        listen: [{ transport, address: "127.0.0.1", port: 0, ...clientOnly }],
        ...options,
        onEvent: (event) => events.put(event),
      });
      opened.push(fleet);
      return { fleet, events };
    },
    async openRegistered(transport, options) {
      const made = await fleets.open(transport, options);
      await made.events.next(named("registered"));
      return made;
    },
  };
  return fleets;
}
