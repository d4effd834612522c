import {
  createRequest,
  type Logger,
  newCallId,
  newChargingVector,
  type RequestSender,
  type SipEndpoint,
  type SipRequest,
  type TransportName,
  type TrustDomain,
} from "@sip-push/sip";
import type { ProxyEventMap, ProxyEvents } from "../events.ts";
import { secondsLeft } from "../register-answer.ts";
import type { ServiceTarget } from "./application-server.ts";
import { stripOnExit } from "./trust-headers.ts";

export interface ThirdPartyRegisterOptions {
  readonly endpoint: SipEndpoint;
  readonly sender: RequestSender;
  readonly servers: readonly ServiceTarget[];
  readonly trusted: TrustDomain;
  readonly events: ProxyEvents;
  readonly logger: Logger;
}

type Change = ProxyEventMap["contacts-changed"];

interface News {
  readonly aor: string;
  /** As they were told: what expired meanwhile is not left for long. */
  readonly bindings: Change["bindings"];
  /** The user's REGISTER that this comes from, when there is one. */
  readonly cause: SipRequest | undefined;
}

/**
 * Tells application servers of registrations: one REGISTER of our own for each registration, refresh and end. TS 24.229
 * §5.4.1.7. To one server about one user there is one at a time; of the news that come meanwhile the last is sent.
 */
export class ThirdPartyRegister {
  readonly #options: ThirdPartyRegisterOptions;
  readonly #servers: readonly ServiceTarget[];
  /** News under way by server and user: what to send next, or undefined. */
  readonly #underWay = new Map<string, News | undefined>();
  readonly #callIds = new Map<ServiceTarget, string>();
  /** REGISTER requests that the registrar works on. */
  readonly #causes = new Set<SipRequest>();
  readonly #running = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  readonly #forget: () => void;
  #cseq = 0;

  constructor(options: ThirdPartyRegisterOptions) {
    this.#options = options;
    this.#servers = options.servers.filter(({ thirdPartyRegister }) => thirdPartyRegister);
    for (const server of this.#servers) this.#callIds.set(server, newCallId());
    const told = this.#servers.length > 0;
    this.#forget = told ? options.events.on("contacts-changed", (change) => this.#tell(change)) : () => {};
  }

  /** Runs `register`, which is about `request`: what changes meanwhile for its Call-ID came of it. */
  async during(request: SipRequest, register: () => Promise<void>): Promise<void> {
    if (!this.#servers.some(({ includeRequest }) => includeRequest)) return register();
    this.#causes.add(request);
    try {
      await register();
    } finally {
      this.#causes.delete(request);
    }
  }

  /** Gives up what is under way. */
  async close(): Promise<void> {
    this.#forget();
    this.#abort.abort();
    await Promise.all(this.#running);
  }

  #tell({ aor, bindings, changes }: Change): void {
    const callIds = changes.map(({ binding }) => binding.callId);
    const cause = [...this.#causes].find((request) => callIds.includes(request.callId));
    const news = { aor, bindings, cause: cause?.clone() };
    for (const [index, server] of this.#servers.entries()) {
      const key = `${index} ${aor}`;
      if (this.#underWay.has(key)) {
        this.#underWay.set(key, news);
        continue;
      }
      this.#underWay.set(key, undefined);
      const run = this.#deliver(key, server, news).finally(() => this.#running.delete(run));
      this.#running.add(run);
    }
  }

  async #deliver(key: string, server: ServiceTarget, first: News): Promise<void> {
    for (let news: News | undefined = first; news !== undefined; news = this.#underWay.get(key)) {
      this.#underWay.set(key, undefined);
      await this.#send(server, news);
      if (this.#abort.signal.aborted) break;
    }
    this.#underWay.delete(key);
  }

  async #send(server: ServiceTarget, { aor, bindings, cause }: News): Promise<void> {
    const { sender, trusted, logger, endpoint } = this.#options;
    const nowMs = endpoint.clock.now();
    const expiresSeconds = Math.max(0, ...bindings.map((binding) => secondsLeft(binding, nowMs)));
    const uri = this.#ownUri(server);
    const inside = trusted.hasHop(server.uri);
    const withCause = server.includeRequest && cause !== undefined;
    const request = createRequest({
      method: "REGISTER",
      requestUri: server.address,
      from: uri,
      to: aor,
      callId: this.#callIds.get(server) ?? newCallId(),
      cseq: ++this.#cseq,
      headers: [
        ["Contact", `<${uri}>`],
        ["Expires", String(expiresSeconds)],
        ...(inside ? [["P-Charging-Vector", newChargingVector()] as const] : []),
        ...(withCause ? [["Content-Type", "message/sip"] as const] : []),
      ],
      ...(withCause ? { body: enclosed(cause, inside) } : {}),
    });
    const outcome = await sender.send(request, { nextHop: server.uri, signal: this.#abort.signal });
    const status = outcome.kind === "response" ? outcome.response.statusCode : undefined;
    if (status !== undefined && status < 300) return;
    // TS 24.229 §5.4.1.7: the registration itself stands, whatever the server says.
    const details = {
      aor,
      server: server.address,
      status,
      reason: outcome.kind === "failure" ? outcome.reason : undefined,
    };
    if (!this.#abort.signal.aborted) logger.warn(details, "an application server did not take a third-party REGISTER");
  }

  /** Our own address on a transport that leads to the server. */
  #ownUri({ uri }: ServiceTarget): string {
    const { endpoint } = this.#options;
    const asked = uri.params.get("transport")?.toUpperCase();
    const transport = endpoint.transportNames.find((name) => name === asked) ?? endpoint.transportNames[0] ?? "UDP";
    return `sip:${endpoint.sentBy(transport)}${transportParam(transport)}`;
  }
}

function transportParam(transport: TransportName): string {
  return transport === "UDP" ? "" : `;transport=${transport.toLowerCase()}`;
}

/** Without what is nobody else's business: digests; and, outside the trust domain, what only that may know. */
function enclosed(request: SipRequest, inside: boolean): Uint8Array {
  const copy = request.clone();
  for (const name of ["Authorization", "Proxy-Authorization"]) copy.headers.remove(name);
  if (!inside) stripOnExit(copy.headers);
  return copy.encode();
}
