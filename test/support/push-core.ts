import { SipProxy, type SipProxyOptions, UserDirectory } from "@sip-push/proxy";
import type { PushReceiverOptions } from "@sip-push/receiver";
import { PushSender, type PushSenderOptions, type SenderEvent } from "@sip-push/sender";
import { SipEndpoint } from "@sip-push/sip";
import { Inbox } from "./inbox.ts";

export const ALICE = "sip:alice@example.test";
export const PPG = "sip:ppg@example.test";
const INSTANCE = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

/** Users of the core: the handset's, and two push senders that register like users. */
const users = ["alice", "ppg", "other"].map((username) => ({
  username,
  realm: "example.test",
  secret: { password: `secret of ${username}` },
}));

const credentialsOf = (username: string): PushSenderOptions["credentials"] => [
  { username, password: `secret of ${username}` },
];

/** Our proxy on loopback as the SIP/IP core; unless told otherwise it asks everybody for credentials, and asserts who they are. */
export function openCore(options: Partial<SipProxyOptions> & { readonly asserts?: boolean } = {}): Promise<SipProxy> {
  const { asserts = true, ...others } = options;
  return SipProxy.open({
    listen: (["UDP", "TCP"] as const).map((transport) => ({ transport, address: "127.0.0.1", port: 0 })),
    domains: ["example.test"],
    ...(asserts ? { users: new UserDirectory(users) } : {}),
    ...others,
  });
}

/** URI of a listening proxy. */
export function uriOf(core: SipProxy, transport: "UDP" | "TCP" = "TCP"): string {
  const listening = core.listening.find((each) => each.transport === transport);
  return `sip:127.0.0.1:${listening?.port};transport=${transport.toLowerCase()}`;
}

/** A push sender that is registered with the core, so that SUBSCRIBE and PUBLISH to its address reach it. */
export function senderBehind(
  core: SipProxy,
  username = "ppg",
): Partial<PushSenderOptions> & { events: Inbox<SenderEvent> } {
  const events = new Inbox<SenderEvent>((event) => JSON.stringify(event));
  return {
    from: `sip:${username}@example.test`,
    proxy: uriOf(core),
    credentials: credentialsOf(username) ?? [],
    register: true,
    // The core asserts identities towards its users as well.
    trusted: ["127.0.0.1"],
    onEvent: (event) => events.put(event),
    events,
  };
}

/** The handset of {@link ALICE}. */
export function handsetBehind(core: SipProxy): Omit<PushReceiverOptions, "onPush" | "onEvent"> {
  return { aor: ALICE, proxy: uriOf(core), instanceId: INSTANCE, credentials: credentialsOf("alice") ?? [] };
}

/**
 * The core with a push sender as its application server on ISC: requests to {@link PPG} go there as they are, and it is one of
 * the trust domain. Both are to be closed.
 */
export async function openCoreWithSender(
  options: Partial<PushSenderOptions> = {},
): Promise<{ readonly core: SipProxy; readonly sender: PushSender; close(): Promise<void> }> {
  // Not the address of the handsets, who have to say who they are.
  const address = "127.0.0.2";
  const opened = Promise.withResolvers<PushSender>();
  const endpoint = await SipEndpoint.open({
    listen: [{ transport: "TCP", address, port: 0 }],
    onRequest: (transaction) => void opened.promise.then((sender) => sender.handle(transaction)),
  });
  const uri = `sip:${address}:${endpoint.listening[0]?.port};transport=tcp`;
  const core = await openCore({ trusted: [address], applicationServers: [{ uri, serviceIdentities: [PPG] }] });
  const settings = { from: PPG, endpoint, proxy: uriOf(core), trusted: ["127.0.0.1"] };
  const sender = await PushSender.open({ ...settings, ...options });
  opened.resolve(sender);
  const close = async (): Promise<void> => {
    await sender.close();
    await Promise.all([core.close(), endpoint.close()]);
  };
  return { core, sender, close };
}
