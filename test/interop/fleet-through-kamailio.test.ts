import { expect, it } from "vitest";
import { useAgents } from "../support/agents.ts";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { useFleets } from "../support/fleets.ts";
import { useKamailioAgents } from "../support/kamailio-agents.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { newDsNotification, toPush } from "../support/notifications.ts";

const COUNT = 200;
const handset = (n: number): string => `sip:handset${n}@example.test`;

describeWithPeers("A fleet of handsets through Kamailio", ["kamailio"], () => {
  const bed = useKamailio();
  const agents = useAgents();
  const fleets = useFleets();
  const core = useKamailioAgents(bed, agents);

  it.each(["udp", "tcp", "ws"] as const)(
    "of 200 registers over %s, takes each push once at the handset that it is for, and leaves",
    async (transport) => {
      const name = transport.toUpperCase() as "UDP" | "TCP" | "WS";
      const { fleet } = await fleets.openRegistered(name, { count: COUNT, proxy: core.proxyOver(transport) });
      expect(fleet.stats).toMatchObject({ registered: COUNT, registrationFailures: 0 });
      const sender = await agents.openSender({ proxy: core.proxyOver("udp") });
      const sent = await Promise.all(
        Array.from({ length: COUNT }, (_, n) => sender.deliver(toPush(newDsNotification()), { to: handset(n + 1) })),
      );
      const states = sent.flat().map(({ messageState }) => messageState);
      expect(states.filter((state) => state !== "delivered")).toEqual([]);
      expect(fleet.handsets.filter(({ pushes }) => pushes !== 1)).toEqual([]);
      expect(fleet.stats).toMatchObject({ pushes: COUNT, duplicates: 0, wrongRecipient: 0, rejected: 0 });
      await fleet.close();
      expect(await sender.deliver(toPush(newDsNotification()), { to: handset(COUNT) })).toMatchObject([
        { sipStatus: 480 },
      ]);
    },
  );
});
