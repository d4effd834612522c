import {
  contactUri,
  DigestClient,
  type Grant,
  grantOf,
  newTag,
  type OwnBinding,
  parseUri,
  quote,
  type RequestSender,
  registerRequest,
  registrarUri,
  type SendOptions,
  type SendOutcome,
  type SipEndpoint,
  type SipResponse,
  type SipUri,
  serializeParams,
  type TransportName,
  transportOf,
} from "@sip-push/sip";
import type { FleetCredentials } from "./fleet-options.ts";
import type { Handset } from "./handset.ts";
import { instanceIdOf } from "./instance-id.ts";

export interface FleetRegisterOptions {
  readonly endpoint: SipEndpoint;
  readonly sender: RequestSender;
  readonly handsets: readonly Handset[];
  readonly proxy: SipUri | undefined;
  readonly credentials: FleetCredentials | undefined;
  readonly contactParams: ReadonlyMap<string, string | null>;
}

/** All handsets have one flow each. RFC 5626 §4.2. */
const REG_ID = 1;

/** Makes the REGISTERs of a fleet, and reads their answers. What can be made of the number of a handset is kept for none. */
export class FleetRegister {
  readonly #options: FleetRegisterOptions;
  readonly #transport: TransportName;
  /** Nobody can connect to us: requests come on the connection that we registered on. RFC 5626 §4.3. */
  readonly #outbound: boolean;
  /** Of all Call-IDs: a handset has the same as long as it lives. RFC 3261 §10.2.4. */
  readonly #callIds = newTag();

  /** @throws {SipParseError} for an AoR with which no Contact can be made. */
  constructor(options: FleetRegisterOptions) {
    const { endpoint, handsets, proxy } = options;
    this.#options = options;
    const next = proxy ?? registrarUri({ aor: (handsets[0] as Handset).aor });
    this.#transport = transportOf(next, endpoint.transportNames);
    this.#outbound = /\.invalid(?::[0-9]+)?$/.test(endpoint.sentBy(this.#transport));
  }

  /** Sends one. Never rejects. */
  async send(handset: Handset, expiresSeconds: number, signal: AbortSignal): Promise<SendOutcome> {
    const { sender } = this.#options;
    handset.cseq++;
    try {
      const request = registerRequest(this.#contactOptions(handset), {
        contact: this.#contactOf(handset),
        outbound: this.#outbound,
        expiresSeconds,
        callId: `${this.#callIds}-${handset.number}`,
        fromTag: newTag(),
        cseq: handset.cseq,
        accessNetworkInfo: undefined,
      });
      const sending = { ...this.sendingOf(handset), ...this.credentialsOf(handset), signal };
      const outcome = await sender.send(request, sending);
      // Each answer to a challenge raised it by one.
      handset.cseq += Math.max(outcome.attempts - 1, 0);
      return outcome;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { kind: "failure", code: "SIP_UNRESOLVED", reason, retryable: false, attempts: 0 };
    }
  }

  /** What a 2xx gives; undefined when it does not list our contact. RFC 3261 §10.2.4. */
  grantOf(handset: Handset, response: SipResponse, expiresSeconds: number): Grant | undefined {
    return grantOf(response, this.#bindingOf(handset, expiresSeconds));
  }

  /** RFC 5626 §4.2.2: what refreshes or removes a binding goes over the flow that it was made on. */
  sendingOf({ flow }: Handset): SendOptions {
    const { proxy } = this.#options;
    if (this.#outbound && flow?.open === true) return { flow };
    return proxy === undefined ? {} : { nextHop: proxy };
  }

  /** Answers a challenge to this handset. Made for each request: thousands of them would be kept for nothing. */
  credentialsOf(handset: Handset): { readonly credentials?: DigestClient } {
    const { credentials } = this.#options;
    if (credentials === undefined) return {};
    const { password, username } = credentials;
    const account = { username: username?.(handset) ?? handset.user, password };
    return { credentials: new DigestClient({ accounts: [account], nextHop: () => "" }) };
  }

  /** Contact of a handset, as it is registered but for its lifetime. RFC 3261 §11.2, RFC 3840 §5. */
  contactField(handset: Handset): string {
    const { instanceId, contactParams = new Map() } = this.#contactOptions(handset);
    const instance = instanceId === undefined ? [] : [["+sip.instance", quote(`<${instanceId}>`)] as const];
    return `<${this.#contactOf(handset)}>${serializeParams(new Map([...instance, ...contactParams]))}`;
  }

  #contactOptions({ aor }: Handset): Parameters<typeof registerRequest>[0] {
    const { endpoint, contactParams } = this.#options;
    const options = { endpoint, aor, contactParams };
    return this.#outbound ? { ...options, instanceId: instanceIdOf(aor), regId: REG_ID } : options;
  }

  #contactOf(handset: Handset): string {
    return contactUri(this.#contactOptions(handset), this.#transport, this.#outbound);
  }

  #bindingOf(handset: Handset, expiresSeconds: number): OwnBinding {
    return {
      contact: parseUri(this.#contactOf(handset), "Contact") as SipUri,
      instanceId: this.#outbound ? instanceIdOf(handset.aor) : undefined,
      regId: this.#outbound ? REG_ID : undefined,
      expiresSeconds,
    };
  }
}
