import type { DigestClient } from "../auth/index.ts";
import type { Timer } from "../clock.ts";
import {
  canonicalHost,
  newCallId,
  newTag,
  type NameAddr,
  parseNameAddr,
  parseSeconds,
  parseUri,
  paramValue,
  quote,
  type SipResponse,
  type SipUri,
  serializeParams,
  serializeUri,
  urisEqual,
} from "../message/index.ts";
import { type Flow, type TransportName, transports } from "../transport/transport.ts";
import type { SipEndpoint } from "./endpoint.ts";
import {
  type RegistrationAction,
  type RegistrationEvent,
  type RegistrationState,
  registration,
} from "./registration.machine.ts";
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
  #timer: Timer | undefined;
  #flow: Flow | undefined;
  #accepted = 0;
  #outcome: SendOutcome | undefined;
  #stopped: (() => void) | undefined;
  #serviceRoute: readonly string[] = [];
  #abort = new AbortController();

  constructor(options: RegistrationOptions) {
    this.#options = options;
    this.#endpoint = options.endpoint;
    this.#expiresSeconds = options.expiresSeconds ?? 3600;
    this.#transport = transportOf(options.nextHop ?? this.#registrarUri(), options.endpoint.transportNames);
    this.#unwatch = this.#endpoint.watchFlows((flow) => {
      if (flow === this.#flow) this.#step("flowLost");
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
    const transport = this.#transport === "UDP" ? "" : `;transport=${this.#transport.toLowerCase()}`;
    return `${scheme}:${at}${this.#endpoint.sentBy(this.#transport)}${transport}${outbound}`;
  }

  /** Route set for requests of this user, from the last 200. RFC 3608 §5. */
  get serviceRoute(): readonly string[] {
    return this.#serviceRoute;
  }

  /** The flow the binding was made on, for requests and pings (RFC 5626 §4.3); undefined when not registered. */
  get flow(): Flow | undefined {
    return this.#flow;
  }

  /** Registers; what comes of it is told by `onEvent`. */
  start(): void {
    this.#step("start");
  }

  /** Removes the binding and stops. Resolves when the registrar answered or after `timeoutMs`. Idempotent. */
  async stop(timeoutMs = 900): Promise<void> {
    if (this.#state === "ended") return;
    const timer = this.#endpoint.clock.schedule(timeoutMs, () => this.#abort.abort());
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
        void this.#register(this.#expiresSeconds).then((event) => this.#step(event));
        return;
      case "raiseExpires":
        this.#expiresSeconds = this.#minExpires() ?? this.#expiresSeconds;
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
        this.#failures = 0;
        this.#report({ kind: "registered", aor: this.#options.aor, contact: this.contact, expiresSeconds: this.#accepted });
        return;
      case "reportFailed":
        this.#report({ kind: "failed", aor: this.#options.aor, ...this.#refusal(), retryInMs: this.#retryInMs() });
        return;
      case "remove":
        void this.#register(0).then(() => this.#step("removed"));
        return;
      case "reportEnded":
        this.#unwatch();
        this.#report({ kind: "ended", aor: this.#options.aor });
        this.#stopped?.();
        return;
      default:
        action satisfies never;
    }
  }

  async #register(expiresSeconds: number): Promise<RegistrationEvent> {
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
    this.#outcome = outcome;
    this.#cseq = outcome.kind === "response" ? outcome.response.cseq.seq : this.#cseq + outcome.attempts;
    return this.#judge(outcome);
  }

  #judge(outcome: SendOutcome): RegistrationEvent {
    if (outcome.kind === "failure") return "refused";
    const { response, flow } = outcome;
    if (response.statusCode === 423 && (this.#minExpires() ?? 0) > this.#expiresSeconds) return "tooBrief";
    const accepted = response.statusCode < 300 ? this.#acceptedSeconds(response) : undefined;
    if (accepted === undefined || accepted === 0) return "refused";
    this.#accepted = accepted;
    this.#serviceRoute = response.headers.list("Service-Route");
    this.#flow = flow;
    flow.keepAlive(keepAliveMs(response, flow));
    return "accepted";
  }

  /** How long our binding lives by the answer; undefined when it is not among the contacts. RFC 3261 §10.2.4. */
  #acceptedSeconds(response: SipResponse): number | undefined {
    const ours = parseUri(this.contact, "Contact");
    const { instanceId } = this.#options;
    for (const text of response.headers.list("Contact")) {
      const contact = tryNameAddr(text);
      if (contact === undefined) continue;
      const same = instanceId !== undefined && paramValue(contact.params, "+sip.instance") === `<${instanceId}>`;
      if (!same && !urisEqual(contact.uri, ours)) continue;
      const expires = paramValue(contact.params, "expires") ?? response.headers.get("Expires");
      return expires === undefined || !/^[0-9]+$/.test(expires) ? this.#expiresSeconds : Number(expires);
    }
    return undefined;
  }

  #minExpires(): number | undefined {
    const value = this.#outcome?.kind === "response" ? this.#outcome.response.headers.get("Min-Expires") : undefined;
    return value === undefined || !/^[0-9]+$/.test(value) ? undefined : parseSeconds(value, "Min-Expires");
  }

  #refusal(): { sipStatus: number | null; reason: string } {
    const outcome = this.#outcome;
    if (outcome?.kind !== "response") return { sipStatus: null, reason: outcome?.reason ?? "not sent" };
    const { statusCode, reason } = outcome.response;
    return statusCode < 300
      ? { sipStatus: statusCode, reason: "the registrar's answer does not list our contact" }
      : { sipStatus: statusCode, reason };
  }

  /** RFC 5626 §4.5: doubling, the jitter down to half; the same value until the next failure. */
  #retryInMs(): number {
    const { retryBaseMs = 2000, retryMaxMs = 1_800_000 } = this.#options;
    this.#jitter ??= 0.5 + 0.5 * (this.#options.random ?? Math.random)();
    return Math.round(Math.min(retryMaxMs, retryBaseMs * 2 ** Math.min(this.#failures, 30)) * this.#jitter);
  }

  #jitter: number | undefined;

  #startTimer(delayMs: number, event: RegistrationEvent): void {
    this.#jitter = undefined;
    this.#timer?.cancel();
    this.#timer = this.#endpoint.clock.schedule(delayMs, () => this.#step(event));
  }

  #report(event: RegistrationEventReport): void {
    this.#options.onEvent?.(event);
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

/** Longest times between pings where the registrar names none. RFC 5626 §4.4.1, §4.4.2. */
const STREAM_PING_MS = 120_000;
const UDP_PING_MS = 29_000;

/**
 * How often to ping, 0 for never: on a TCP or TLS connection a registrar that knows nothing of RFC 5626 gives no pong, and
 * the flow would be taken for dead. WebSocket peers must answer (RFC 6455 §5.5.2), and on UDP no answer is waited for.
 */
function keepAliveMs({ headers }: SipResponse, { transport }: Flow): number {
  const said = Number(headers.get("Flow-Timer"));
  if (said > 0) return said * 1000;
  if (transport === "UDP") return UDP_PING_MS;
  const answers = [...headers.list("Require"), ...headers.list("Supported")].includes("outbound");
  return answers || transport === "WS" || transport === "WSS" ? STREAM_PING_MS : 0;
}

function tryNameAddr(text: string): NameAddr | undefined {
  try {
    return parseNameAddr(text, "Contact");
  } catch {
    return undefined;
  }
}
