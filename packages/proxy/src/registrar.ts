import { type Clock, parseNameAddr, parseUri, type ServerTransaction, type SipRequest } from "@sip-push/sip";
import type { AuthenticatedUser, Authenticator } from "./authentication.ts";
import { type RegisterContext, removeAll, updateBindings } from "./bindings-update.ts";
import { tellContacts } from "./contact-changes.ts";
import type { Aor, Domains } from "./domains.ts";
import type { ProxyEvents } from "./events.ts";
import { type GruuMint, isGruu } from "./gruu.ts";
import type { LocationStore } from "./location-store.ts";
import { hasOb, isFirstHop, supports } from "./outbound.ts";
import { acceptHeaders, type RegisterGrants, secondsLeft } from "./register-answer.ts";
import { type ExpiresPolicy, type RegisterIntent, type RegisterRefusal, readRegister } from "./register-request.ts";
import { hasIdentity } from "./users.ts";

export interface RegistrarOptions {
  readonly domains: Domains;
  readonly store: LocationStore;
  readonly authenticator: Authenticator | undefined;
  readonly expires: ExpiresPolicy;
  /** Bindings that one user may have at a time. */
  readonly maxContactsPerAor: number;
  readonly mint: GruuMint;
  readonly grants: RegisterGrants;
  readonly events: ProxyEvents;
  readonly clock: Clock;
}

/** Extensions that a REGISTER may require. RFC 3327, RFC 5626, RFC 5627. */
const OPTION_TAGS: readonly string[] = ["path", "outbound", "gruu"];
/** §10.3 (7): a request that was overtaken must fail; the code is that of a server that could not. */
const OLDER: RegisterRefusal = { statusCode: 500, reason: "Server Internal Error (a later REGISTER was here before)" };
/** RFC 3261 §21.5.4: when to come back after the store was full. */
const FULL_RETRY_AFTER_SECONDS = 60;

/** Answers REGISTER for the domains served. RFC 3261 §10.3, RFC 3327 §5.3, RFC 5626 §6, RFC 5627 §5. */
export class Registrar {
  readonly #options: RegistrarOptions;

  constructor(options: RegistrarOptions) {
    this.#options = options;
  }

  /** Processes one REGISTER whose Request-URI is of a domain served. Step numbers are those of RFC 3261 §10.3. */
  async handle(transaction: ServerTransaction): Promise<void> {
    const { domains, authenticator } = this.#options;
    const { request } = transaction;
    // (2)
    const unknown = request.headers
      .list("Require")
      .filter((tag) => tag !== "" && !OPTION_TAGS.includes(tag.toLowerCase()));
    if (unknown.length > 0) {
      transaction.reply(420, { headers: [["Unsupported", unknown.join(", ")]] });
      return;
    }
    // (3), (4) and (5): whose bindings these are, and whether the sender may change them.
    const { uri } = request.to;
    const aor = domains.isResponsibleFor(uri) ? domains.aorOf(uri) : undefined;
    let user: AuthenticatedUser | undefined;
    if (authenticator !== undefined) {
      user = await authenticator.authenticate(transaction, "uas");
      if (user === undefined) return;
      if (aor !== undefined && !hasIdentity(user.identities, parseUri(aor.uri))) {
        transaction.reply(403, { reason: "Forbidden (this address-of-record is another user's)" });
        return;
      }
    }
    if (uri.scheme !== "sip" && uri.scheme !== "sips") {
      // RFC 3261 §10.2 wants a SIP or SIPS URI there; RFC 4475 §3.3.4 names the answer.
      transaction.reply(400, { reason: "Bad Request (To is no SIP URI)" });
      return;
    }
    if (aor === undefined) {
      transaction.reply(404, { reason: "Not Found (To names no user of this domain)" });
      return;
    }
    this.#register(transaction, aor, user?.identities ?? [aor.uri]);
  }

  /** (6) to (8), in one go: nothing can come in between. */
  #register(transaction: ServerTransaction, aor: Aor, identities: readonly string[]): void {
    const { request } = transaction;
    const intent = readRegister(request, this.#options.expires);
    const refusal =
      intent.kind === "refused"
        ? intent.refusal
        : (checkPath(request, intent) ?? checkSecure(request, intent) ?? this.#checkLoop(intent, aor));
    if (refusal !== undefined) {
      transaction.reply(refusal.statusCode, refusal);
      return;
    }
    const outbound = usesOutbound(request, intent);
    const failure = this.#change(aor, intent, {
      aor,
      nowMs: this.#options.clock.now(),
      callId: request.callId,
      cseq: request.cseq.seq,
      path: request.headers.list("Path"),
      flow: isFirstHop(request) ? transaction.flow : undefined,
      via: request.via,
      outbound,
      mint: this.#options.mint,
    });
    if (failure !== undefined) {
      transaction.reply(failure.statusCode, failure);
      return;
    }
    const { store, clock, grants } = this.#options;
    const bindings = store.bindings(aor.uri);
    const answer = { transaction, bindings, outbound, identities, nowMs: clock.now(), date: clock.date() };
    transaction.reply(200, { headers: acceptHeaders(answer, grants) });
  }

  /** RFC 5627 §5.1: a contact that leads back to its own address-of-record would go round in circles. */
  #checkLoop(intent: RegisterIntent, aor: Aor): RegisterRefusal | undefined {
    const { domains, mint } = this.#options;
    const contacts = intent.kind === "update" ? intent.contacts : [];
    const loops = contacts.some(({ uri, instance, expiresSeconds }) => {
      if (instance === undefined || expiresSeconds === 0 || !domains.isResponsibleFor(uri)) return false;
      const other = domains.aorOf(uri);
      const leadsTo = other !== undefined && isGruu(uri) ? mint.resolve(uri, other)?.aor.uri : undefined;
      return other?.uri === aor.uri || leadsTo === aor.uri;
    });
    return loops ? { statusCode: 403, reason: "Forbidden (the contact is the address-of-record itself)" } : undefined;
  }

  #change(aor: Aor, intent: RegisterIntent, context: RegisterContext): RegisterRefusal | undefined {
    const { store, events, maxContactsPerAor } = this.#options;
    const old = store.bindings(aor.uri);
    if (intent.kind === "query" || intent.kind === "refused") return undefined;
    const update = intent.kind === "update" ? updateBindings(old, intent.contacts, context) : removeAll(old, context);
    if (update === undefined) return OLDER;
    if (update.bindings.length > maxContactsPerAor) {
      return { statusCode: 403, reason: `Forbidden (more than ${maxContactsPerAor} contacts)` };
    }
    if (!store.replace(aor.uri, update.bindings)) {
      return { statusCode: 503, headers: [["Retry-After", String(FULL_RETRY_AFTER_SECONDS)]] };
    }
    const made = update.made.map(({ binding, refresh }) => ({
      binding,
      event: refresh ? ("refreshed" as const) : ("created" as const),
      expiresSeconds: secondsLeft(binding, this.#options.clock.now()),
    }));
    tellContacts(events, store, aor.uri, { made, ended: update.ended });
    return undefined;
  }
}

/** What is wrong with Path and reg-id taken together, if anything. RFC 3327 §5.3, RFC 5626 §6. */
function checkPath(request: SipRequest, intent: RegisterIntent): RegisterRefusal | undefined {
  const path = request.headers.list("Path");
  // RFC 3327 §5.3 leaves it to us and recommends this: the user agent learns that somebody added a Path.
  if (path.length > 0 && !supports(request, "path")) return { statusCode: 420, headers: [["Unsupported", "path"]] };
  for (const value of path) {
    const { scheme } = parseNameAddr(value, "Path").uri;
    if (scheme !== "sip" && scheme !== "sips") return { statusCode: 400, reason: "Bad Request (Path: no sip URI)" };
  }
  const contacts = intent.kind === "update" ? intent.contacts : [];
  if (!contacts.some(({ regId, instance }) => regId !== undefined && instance !== undefined)) return undefined;
  if (contacts.filter(({ expiresSeconds }) => expiresSeconds > 0).length > 1) {
    return { statusCode: 400, reason: "Bad Request (reg-id goes with one contact)" };
  }
  return reachesByFlow(request) || !supports(request, "outbound") ? undefined : { statusCode: 439 };
}

/** RFC 5630 §5.2: a sips contact is taken when all that leads to it is sips, or what is secure were bound to what is not. */
function checkSecure(request: SipRequest, intent: RegisterIntent): RegisterRefusal | undefined {
  const contacts = intent.kind === "update" ? intent.contacts.filter(({ expiresSeconds }) => expiresSeconds > 0) : [];
  if (!contacts.some(({ uri }) => uri.scheme === "sips")) return undefined;
  const path = request.headers.list("Path").map((value) => parseNameAddr(value, "Path").uri);
  const all = [request.uri, ...contacts.map(({ uri }) => uri), ...path];
  return all.every(({ scheme }) => scheme === "sips")
    ? undefined
    : { statusCode: 400, reason: "Bad Request (a sips contact wants sips in Request-URI, Contact and Path)" };
}

/** Whether the registration is bound to a flow that we, or an edge proxy with `ob`, can find again. RFC 5626 §6. */
function usesOutbound(request: SipRequest, intent: RegisterIntent): boolean {
  return (
    intent.kind === "update" &&
    intent.contacts.some(({ regId, instance }) => regId !== undefined && instance !== undefined) &&
    reachesByFlow(request)
  );
}

function reachesByFlow(request: SipRequest): boolean {
  if (isFirstHop(request)) return true;
  const [first] = request.headers.list("Path");
  return first !== undefined && hasOb(parseNameAddr(first, "Path").uri);
}
