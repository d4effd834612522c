import { afterAll, afterEach, beforeAll } from "vitest";
import { type Kamailio, type KamailioOptions, startKamailio } from "./kamailio.ts";
import { openRawPeer, type RawPeer, type RawTransport } from "./raw-peer.ts";

/** A Kamailio for one suite, and raw peers that are closed after each test. */
export interface KamailioBed {
  readonly kamailio: Kamailio;
  /** A peer whose messages go to Kamailio over `transport`. */
  open(transport: RawTransport, user: string): Promise<RawPeer>;
  /** A peer that is registered as `user`@example.test and answers every request with `status`. */
  openRegistered(transport: RawTransport, user: string, status?: string): Promise<RawPeer>;
}

/** Call it inside a suite: Kamailio starts before its first test and stops after its last. */
export function useKamailio(options: KamailioOptions = {}): KamailioBed {
  let kamailio: Kamailio | undefined;
  const opened: RawPeer[] = [];
  beforeAll(async () => {
    kamailio = await startKamailio(options);
  });
  afterEach(() => {
    for (const peer of opened.splice(0)) peer.close();
  });
  afterAll(() => kamailio?.stop());

  const bed: KamailioBed = {
    get kamailio() {
      if (kamailio === undefined) throw new Error("Kamailio runs only during the tests of the suite");
      return kamailio;
    },
    async open(transport, user) {
      const port = transport === "ws" ? bed.kamailio.wsPort : bed.kamailio.udpPort;
      const peer = await openRawPeer(transport, user, port);
      opened.push(peer);
      return peer;
    },
    async openRegistered(transport, user, status = "200 OK") {
      const peer = await bed.open(transport, user);
      const answer = await peer.register();
      if (answer.status !== 200) throw new Error(`${user} was not registered: ${answer.startLine}`);
      peer.answerAll(status);
      return peer;
    },
  };
  return bed;
}
