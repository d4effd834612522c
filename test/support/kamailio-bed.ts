import { afterAll, afterEach, beforeAll } from "vitest";
import { authorization } from "./digest.ts";
import { type Kamailio, type KamailioOptions, startKamailio } from "./kamailio.ts";
import type { RawMessage } from "./raw-message.ts";
import { openRawPeer, type RawPeer, type RawPeerOptions, type RawTransport } from "./raw-peer.ts";

/** A Kamailio for one suite, and raw peers that are closed after each test. */
export interface KamailioBed {
  readonly kamailio: Kamailio;
  /** A peer whose messages go to Kamailio over `transport`. */
  open(transport: RawTransport, user: string, options?: RawPeerOptions): Promise<RawPeer>;
  /** REGISTER, with the password of `users` when Kamailio asks for it. */
  register(peer: RawPeer, expiresSeconds?: number, headers?: readonly string[], contact?: string): Promise<RawMessage>;
  /** A peer that is registered as `user`@example.test and answers every request with `status`. */
  openRegistered(transport: RawTransport, user: string, status?: string): Promise<RawPeer>;
  /** Registers `contact` (a URI) for `user`@example.test in its place: an agent that does not register by itself. */
  bind(user: string, contact: string, headers?: readonly string[]): Promise<void>;
}

/**
 * Call it inside a suite: Kamailio starts before its first test and stops after its last.
 * @param options a function when they are known only then, such as the port of an application server.
 */
export function useKamailio(options: KamailioOptions | (() => Promise<KamailioOptions>) = {}): KamailioBed {
  let kamailio: Kamailio | undefined;
  let settings: KamailioOptions = {};
  const opened: RawPeer[] = [];
  beforeAll(async () => {
    settings = typeof options === "function" ? await options() : options;
    kamailio = await startKamailio(settings);
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
    async open(transport, user, peerOptions) {
      const { udpPort: udp, tcpPort: tcp, wsPort: ws, tlsPort: tls } = bed.kamailio;
      const peer = await openRawPeer(transport, user, { udp, tcp, ws, tls }[transport], peerOptions);
      opened.push(peer);
      return peer;
    },
    async register(peer, expiresSeconds = 60, headers = [], contact = peer.contact) {
      const answer = await peer.register(expiresSeconds, headers, contact);
      const password = settings.users?.[peer.user];
      if (answer.status !== 401 || password === undefined) return answer;
      const { algorithm = "MD5" } = settings;
      const request = { username: peer.user, password, algorithm, method: "REGISTER", uri: "sip:example.test" };
      const proof = authorization(answer.value("www-authenticate") ?? "", request);
      return peer.register(expiresSeconds, [...headers, `Authorization: ${proof}`], contact);
    },
    async openRegistered(transport, user, status = "200 OK") {
      const peer = await bed.open(transport, user);
      const answer = await bed.register(peer);
      if (answer.status !== 200) throw new Error(`${user} was not registered: ${answer.startLine}`);
      peer.answerAll(status);
      return peer;
    },
    async bind(user, contact, headers = []) {
      const registrant = await bed.open("udp", user);
      const answer = await bed.register(registrant, 600, headers, `<${contact}>`);
      if (answer.status !== 200) throw new Error(`${contact} was not bound to ${user}: ${answer.startLine}`);
    },
  };
  return bed;
}
