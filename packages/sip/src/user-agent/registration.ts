import type { DigestClient } from "../auth/index.ts";
import type { Timer } from "../clock.ts";
import {
  canonicalHost,
  newCallId,
  newTag,
  parseRetryAfter,
  parseUri,
  quote,
  type SipUri,
  serializeParams,
  serializeUri,
} from "../message/index.ts";
import { type Flow, type TransportName, transports } from "../transport/transport.ts";
import type { SipEndpoint } from "./endpoint.ts";
import { keepAliveMs, ping, stopPings } from "./flow-pings.ts";
import {
  type RegistrationAction,
  type RegistrationEvent,
  type RegistrationState,
  registration,
} from "./registration.machine.ts";
import { acceptedSeconds, minExpires, type OwnBinding } from "./registration-answer.ts";
import { createRequest } from "./request.ts";
import type { RequestSender, SendOutcome } from "./request-sender.ts";

export interface RegistrationOptions {
  readonly endpoint: SipEndpoint;
  readonly sender: RequestSender;
  /** Address-of-record, `sip:alice@example.test`. */
  readonly aor: string;
  /** Request-URI of the REGISTER; `sip:` and the domain of the AoR unless given. RFC 3261 §10.2. */
  readonly registrar?: string;
  /** First hop, when the domain does not lead there by itself. */
  readonly nextHop?: SipUri;
  readonly credentials?: DigestClient;
  /** Asked for; the registrar decides. Default 3600. */
  readonly expiresSeconds?: number;
  /** `urn:uuid:…`, the same over restarts of one device. RFC 5626 §4.1. */
  readonly instanceId?: string;
  /** Number of this flow; needs `instanceId`. RFC 5626 §4.2. Default 1. */
  readonly regId?: number;
  /** Feature parameters of the Contact, values as on the wire: `+g.oma.pusheventapp` -> `"push.syncml"` in quotes. */
  readonly contactParams?: ReadonlyMap<string, string | null>;
  readonly onEvent?: (event: RegistrationEventReport) => void;
  /** First wait after a failure; doubles. Default 2000 (RFC 5626 §4.5 suggests 30 s, too long for a test bench). */
  readonly retryBaseMs?: number;
  /** Longest wait. Default 1800000 (RFC 5626 §4.5). */
  readonly retryMaxMs?: number;
  readonly random?: () => number;
}

/** What happened to the binding. `registered` is said only when the registrar's answer lists our contact. */
export type RegistrationEventReport =
  | { readonly kind: "registered"; readonly aor: string; readonly contact: string; readonly expiresSeconds: number }
  | {
      readonly kind: "failed";
      readonly aor: string;
      /** null when there was no answer. */
      readonly sipStatus: number | null;
      readonly reason: string;
      readonly retryInMs: number;
    }
  | { readonly kind: "ended"; readonly aor: string };

/** A flow that lasted so long was a good one: its loss is answered at once. RFC 5626 §4.5. */
const STABLE_MS = 120_000;

/**
 * Registers one contact and keeps it registered: refreshes, 423, loss of the connection or of the registrar, removal.
 * RFC 3261 §10.2, Path RFC 3327, Service-Route RFC 3608, outbound RFC 5626.
 */
export class Registration {
  readonly #options: RegistrationOptions;
  readonly #endpoint: SipEndpoint;
  readonly #transport: TransportName;
  readonly #callId = newCallId();
  readonly #fromTag = newTag();
  readonly #unwatch: () => void;
  #state: RegistrationState = "idle";
  #cseq = 0;
  #expiresSeconds: number;
  #failures = 0;
  #jitter: number | undefined;
  #timer: Timer | undefined;
  #flow: Flow | undefined;
  #accepted = 0;
  #flowSinceMs = 0;
  /** The flow before this one did not last either. */
  #lostEarly = false;
  /** 423 was answered once since the last other answer. */
  #raised = false;
  #outcome: SendOutcome | undefined;
  #stopped: (() => void) | undefined;
  #serviceRoute: readonly string[] = [];
  readonly #abort = new AbortController();

  /** @throws {SipParseError | TypeError} for an AoR or registrar that is no sip or sips URI. */
  constructor(options: RegistrationOptions) {
    this.#options = options;
    this.#endpoint = options.endpoint;
    this.#expiresSeconds = options.expiresSeconds ?? 3600;
    const registrar = this.#registrarUri();
    parseUri(options.aor, "AoR");
    this.#transport = transportOf(options.nextHop ?? registrar, options.endpoint.transportNames);
    this.#unwatch = this.#endpoint.watchFlows((flow) => {
      if (flow === this.#flow) this.#flowLost();
    });
  }

  get state(): RegistrationState {
    return this.#state;
  }

  /** The Contact URI as registered. */
  get contact(): string {
    const aor = parseUri(this.#options.aor, "AoR");
    const user = aor.scheme === "sip" || aor.scheme === "sips" ? aor.user : undefined;
    const scheme = aor.scheme === "sips" ? "sips" : "sip";
    const at = user === undefined ? "" : `${user}@`;
    const outbound = this.#options.instanceId === undefined ? "" : ";ob";
    const host = this.#endpoint.sentBy(this.#transport);
    return `${scheme}:${at}${host}${transportParam(this.#transport, host)}${outbound}`;
  }

  /** Route set for requests of this user, from the last 200. RFC 3608 §5. */
  get serviceRoute(): readonly string[] {
    return this.#serviceRoute;
  }

  /** The flow the last binding was made on, for requests (RFC 5626 §4.3); undefined when it is lost or there is none. */
  get flow(): Flow | undefined {
    return this.#flow?.open ? this.#flow : undefined;
  }

  /** Registers; what comes of it is told by `onEvent`. */
  start(): void {
    this.#step("start");
  }

  /** Removes the binding and stops. Resolves when the registrar answered or after `timeoutMs`. Idempotent. */
  async stop(timeoutMs = 900): Promise<void> {
    if (this.#state === "ended") return;
    const timer = this.#endpoint.clock.schedule(timeoutMs, () => this.#abort.abort());
    // An answer under way is waited for; when the time is over, it and the removal are given up.
    await new Promise<void>((resolve) => {
      const before = this.#stopped;
      this.#stopped = () => {
        before?.();
        resolve();
      };
      this.#step("stop");
    });
    timer.cancel();
  }

  #step(event: RegistrationEvent): void {
    const row = registration[this.#state][event];
    if (row === undefined) return;
    this.#state = row.next;
    for (const action of row.actions) this.#perform(action);
  }

  #perform(action: RegistrationAction): void {
    switch (action) {
      case "register":
        void this.#register();
        return;
      case "raiseExpires":
        if (this.#outcome?.kind === "response") {
          this.#expiresSeconds = minExpires(this.#outcome.response) ?? this.#expiresSeconds;
        }
        return;
      case "startRefresh":
        // Half the time for short ones, ten minutes early for long ones (the rule of TS 24.229 §5.1.1.4).
        this.#startTimer((this.#accepted > 1200 ? this.#accepted - 600 : this.#accepted / 2) * 1000, "refreshDue");
        return;
      case "startRetry":
        this.#startTimer(this.#retryInMs(), "retryDue");
        this.#failures++;
        return;
      case "stopTimers":
        this.#timer?.cancel();
        return;
      case "reportRegistered":
        if (!this.#lostEarly || this.#flowIsStable()) this.#failures = 0;
        this.#report({
          kind: "registered",
          aor: this.#options.aor,
          contact: this.contact,
          expiresSeconds: this.#accepted,
        });
        return;
      case "reportFailed":
        this.#report({ kind: "failed", aor: this.#options.aor, ...this.#refusal(), retryInMs: this.#retryInMs() });
        return;
      case "remove":
        void this.#send(0).then(() => this.#step("removed"));
        return;
      case "reportEnded":
        this.#unwatch();
        this.#useFlow(undefined, 0);
        this.#report({ kind: "ended", aor: this.#options.aor });
        this.#stopped?.();
        return;
      default:
        action satisfies never;
    }
  }

  async #register(): Promise<void> {
    this.#outcome = await this.#send(this.#expiresSeconds);
    this.#step(this.#judge(this.#outcome));
    // It may have ended while its answer was on the way up.
    if (this.#state === "registered" && this.#flow?.open === false) this.#flowLost();
  }

  /** Sends a REGISTER; never rejects. */
  async #send(expiresSeconds: number): Promise<SendOutcome> {
    try {
      return await this.#sendRegister(expiresSeconds);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { kind: "failure", code: "SIP_UNRESOLVED", reason, retryable: false, attempts: 0 };
    }
  }

  async #sendRegister(expiresSeconds: number): Promise<SendOutcome> {
    const { instanceId, regId = 1, contactParams } = this.#options;
    const params = new Map<string, string | null>();
    if (instanceId !== undefined) params.set("+sip.instance", quote(`<${instanceId}>`)).set("reg-id", String(regId));
    for (const [name, value] of contactParams ?? []) params.set(name, value);
    params.set("expires", String(expiresSeconds));
    const request = createRequest({
      method: "REGISTER",
      requestUri: serializeUri(this.#registrarUri()),
      from: this.#options.aor,
      fromTag: this.#fromTag,
      to: this.#options.aor,
      callId: this.#callId,
      cseq: ++this.#cseq,
      headers: [
        ["Contact", `<${this.contact}>${serializeParams(params)}`],
        ["Expires", String(expiresSeconds)],
        ["Supported", "path, outbound, gruu"],
      ],
    });
    const { nextHop, credentials } = this.#options;
    const outcome = await this.#options.sender.send(request, {
      signal: this.#abort.signal,
      ...(nextHop === undefined ? {} : { nextHop }),
      ...(credentials === undefined ? {} : { credentials }),
    });
    // Each answer to a challenge raised it by one; failover did not, which leaves a harmless gap.
    this.#cseq += Math.max(outcome.attempts - 1, 0);
    return outcome;
  }

  #flowLost(): void {
    const early = !this.#flowIsStable();
    const again = early && this.#lostEarly;
    this.#lostEarly = early;
    if (!again || this.#state !== "registered") {
      this.#step("flowLost");
      return;
    }
    const reason = "the connection was lost again soon after it was made";
    this.#outcome = { kind: "failure", code: "SIP_TRANSPORT", reason, retryable: true, attempts: 0 };
    this.#step("flowLostAgain");
  }

  #flowIsStable(): boolean {
    return this.#endpoint.clock.now() - this.#flowSinceMs >= STABLE_MS;
  }

  #useFlow(flow: Flow | undefined, pingMs: number): void {
    if (this.#flow !== flow) {
      if (this.#flow !== undefined) stopPings(this.#flow, this);
      this.#flowSinceMs = this.#endpoint.clock.now();
    }
    this.#flow = flow;
    if (flow !== undefined) ping(flow, this, pingMs);
  }

  #judge(outcome: SendOutcome): RegistrationEvent {
    if (outcome.kind === "failure") return outcome.code === "SIP_CLOSED" ? "endpointClosed" : "refused";
    const { response, flow } = outcome;
    const tooBrief = response.statusCode === 423 && (minExpires(response) ?? 0) > this.#expiresSeconds;
    // Once: a registrar that raises it again and again would be asked without end.
    if (tooBrief && !this.#raised) {
      this.#raised = true;
      return "tooBrief";
    }
    this.#raised = false;
    const accepted = response.statusCode < 300 ? acceptedSeconds(response, this.#binding()) : undefined;
    if (accepted === undefined || accepted === 0) return "refused";
    this.#accepted = accepted;
    this.#serviceRoute = response.headers.list("Service-Route");
    this.#useFlow(flow, keepAliveMs(response, flow));
    return "accepted";
  }

  #binding(): OwnBinding {
    const { instanceId, regId = 1 } = this.#options;
    const contact = parseUri(this.contact, "Contact") as SipUri;
    return { contact, instanceId, regId, expiresSeconds: this.#expiresSeconds };
  }

  #refusal(): { sipStatus: number | null; reason: string } {
    const outcome = this.#outcome;
    if (outcome?.kind !== "response") return { sipStatus: null, reason: outcome?.reason ?? "not sent" };
    const { statusCode, reason } = outcome.response;
    return statusCode < 300
      ? { sipStatus: statusCode, reason: "the registrar's answer does not list our contact" }
      : { sipStatus: statusCode, reason };
  }

  /** RFC 5626 §4.5: doubling, the jitter down to half; the same value until the next failure. Retry-After may ask for more. */
  #retryInMs(): number {
    const { retryBaseMs = 2000, retryMaxMs = 1_800_000 } = this.#options;
    this.#jitter ??= 0.5 + 0.5 * (this.#options.random ?? Math.random)();
    const ours = Math.min(retryMaxMs, retryBaseMs * 2 ** Math.min(this.#failures, 30)) * this.#jitter;
    const { headers } = this.#outcome?.kind === "response" ? this.#outcome.response : {};
    const asked = (parseRetryAfter(headers?.get("Retry-After")) ?? 0) * 1000;
    return Math.round(Math.max(ours, Math.min(asked, retryMaxMs)));
  }

  #startTimer(delayMs: number, event: RegistrationEvent): void {
    this.#jitter = undefined;
    this.#timer?.cancel();
    this.#timer = this.#endpoint.clock.schedule(delayMs, () => this.#step(event));
  }

  #report(event: RegistrationEventReport): void {
    try {
      this.#options.onEvent?.(event);
    } catch (error) {
      this.#endpoint.logger.error({ err: error, event: event.kind }, "a listener for registration events threw");
    }
  }

  #registrarUri(): SipUri {
    const { registrar, aor } = this.#options;
    const uri = parseUri(registrar ?? aor, registrar === undefined ? "AoR" : "registrar");
    if (uri.scheme !== "sip" && uri.scheme !== "sips") throw new TypeError("registrar: not a sip or sips URI");
    const { scheme, host, port } = uri;
    const bare: SipUri = { scheme, host: canonicalHost(host), params: new Map(), headers: [] };
    return port === undefined ? bare : { ...bare, port };
  }
}

/**
 * Of a Contact. A WebSocket client, whose host is `.invalid`, says "ws" whether or not there is TLS (RFC 7118 §5.2); one that
 * can be connected to says "wss", which is outside that grammar, because "ws" would lead others to it without TLS.
 */
function transportParam(transport: TransportName, host: string): string {
  if (transport === "UDP") return "";
  return `;transport=${transport === "WSS" && host.endsWith(".invalid") ? "ws" : transport.toLowerCase()}`;
}

/** The transport a URI asks for; the endpoint's first when it leaves the choice. */
function transportOf(uri: SipUri, supported: readonly TransportName[]): TransportName {
  const asked = uri.params.get("transport")?.toUpperCase();
  if (asked === "WS" && uri.scheme === "sips") return "WSS";
  if (asked === "TCP" && uri.scheme === "sips") return "TLS";
  const named = supported.find((name) => name === asked);
  if (named !== undefined) return named;
  const fitting = supported.filter((name) => uri.scheme === "sip" || transports[name].secure);
  return fitting.includes("UDP") ? "UDP" : (fitting[0] ?? "UDP");
}
