import { allParts, BodyError, type BodyPart, decodeMultipart, isMultipart } from "@sip-push/bodies";
import { mediaTypeOf } from "@sip-push/push";
import {
  decodeMessage,
  type Logger,
  parseNameAddr,
  type ServerTransaction,
  type SipMessage,
  SipParseError,
  type SipRequest,
  silentLogger,
  type TrustDomain,
} from "@sip-push/sip";
import { aorKey } from "../aor.ts";
import { fromRegister, type HandsetContact, type RegistrationListener } from "./registration-news.ts";

export interface ThirdPartyRegistrarOptions {
  /** The S-CSCFs: a REGISTER from elsewhere is 403. */
  readonly trust: TrustDomain;
  /** Hears of registrations: {@link RegistrationWatch.tell}. */
  readonly tell: RegistrationListener;
  /** Users whose last REGISTER is remembered, to tell old ones from new. Default 100000. */
  readonly maxUsers?: number;
  /** Octets of a body that is looked into. Default 65536. */
  readonly maxBodyBytes?: number;
  /** Default: silent. */
  readonly logger?: Logger;
}

/** RFC 3261 §10.2.1.1: what a missing or malformed lifetime means. */
const DEFAULT_EXPIRES_SECONDS = 3600;
/** What a handset and its registrar said, put in by the S-CSCF. TS 24.229 §5.4.1.7A. */
const SIP_MESSAGE = "message/sip";

interface LastRegister {
  readonly callId: string;
  readonly cseq: number;
}

/** The contacts that a body tells of; `partial`: the user may have others. */
interface ToldContacts {
  readonly contacts: readonly HandsetContact[] | null;
  readonly partial?: true;
}

const NOT_TOLD: ToldContacts = { contacts: null };

/**
 * Takes the REGISTERs by which an S-CSCF tells an application server who is registered (TS 24.229 §5.4.1.7, §5.7.1.1):
 * To is the user, Expires how long, 0 that the user is gone. It binds nothing, it passes the news on.
 */
export class ThirdPartyRegistrar {
  readonly #options: ThirdPartyRegistrarOptions;
  readonly #logger: Logger;
  readonly #maxUsers: number;
  readonly #last = new Map<string, LastRegister>();
  readonly #stats = { accepted: 0, refused: 0 };

  constructor(options: ThirdPartyRegistrarOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#maxUsers = options.maxUsers ?? 100_000;
  }

  get stats(): { readonly accepted: number; readonly refused: number } {
    return { ...this.#stats };
  }

  /** Handler of REGISTER for the UAS. */
  handle(transaction: ServerTransaction): void {
    const { request, flow } = transaction;
    const { uriText } = request.to;
    const user = aorKey(uriText);
    const statusCode = !this.#options.trust.has(flow)
      ? 403
      : user === undefined
        ? 404
        : this.#isOld(user, request)
          ? 500
          : 200;
    if (statusCode !== 200 || user === undefined) {
      this.#stats.refused++;
      const { address } = flow.remote;
      this.#logger.info({ from: address, aor: uriText, statusCode }, "third-party REGISTER refused");
      transaction.reply(statusCode);
      return;
    }
    this.#stats.accepted++;
    const expiresSeconds = expiresOf(request);
    transaction.reply(200, { headers: answerHeaders(request, expiresSeconds) });
    this.#remember(user, request);
    const source = "third-party";
    this.#options.tell(
      expiresSeconds === 0
        ? { kind: "unregistered", aor: uriText, source }
        : { kind: "registered", aor: uriText, source, ...this.#contactsIn(request), expiresSeconds, fresh: true },
    );
  }

  /** RFC 3261 §10.3 (7): one that was overtaken by a later one must fail. */
  #isOld(user: string, { callId, cseq }: SipRequest): boolean {
    const last = this.#last.get(user);
    return last !== undefined && last.callId === callId && cseq.seq <= last.cseq;
  }

  /** That the user is gone too: the REGISTER before it may come last. */
  #remember(user: string, { callId, cseq }: SipRequest): void {
    this.#last.delete(user);
    this.#last.set(user, { callId, cseq: cseq.seq });
    for (const oldest of this.#last.keys()) {
      if (this.#last.size <= this.#maxUsers) return;
      this.#last.delete(oldest);
    }
  }

  /** What the body says of the contacts: the 200 of the registrar lists all, the REGISTER of the handset its own. */
  #contactsIn(request: SipRequest): ToldContacts {
    const messages = this.#messagesIn(request);
    const best = messages.find(({ kind }) => kind === "response") ?? messages.find(({ kind }) => kind === "request");
    try {
      const contacts = best === undefined ? [] : fromRegister(best);
      if (contacts.length === 0) return NOT_TOLD;
      return best?.kind === "request" ? { contacts, partial: true } : { contacts };
    } catch (error) {
      // The core of the enclosed message is what its sender made of it.
      if (error instanceof SipParseError) return NOT_TOLD;
      throw error;
    }
  }

  #messagesIn({ headers, body }: SipRequest): SipMessage[] {
    const contentType = headers.get("Content-Type") ?? "";
    const { maxBodyBytes = 65_536 } = this.#options;
    if (body.length === 0 || body.length > maxBodyBytes) return [];
    let parts: Iterable<Pick<BodyPart, "contentType" | "body">> = [{ contentType, body }];
    try {
      if (isMultipart(contentType)) parts = allParts(decodeMultipart(body, contentType).parts);
    } catch (error) {
      if (error instanceof BodyError) return [];
      throw error;
    }
    return [...parts].filter((part) => mediaTypeOf(part.contentType) === SIP_MESSAGE).flatMap(tryMessage);
  }
}

function tryMessage({ body }: Pick<BodyPart, "body">): SipMessage[] {
  try {
    const message = decodeMessage(body);
    return message.flaw === undefined && message.cseq.method === "REGISTER" ? [message] : [];
  } catch (error) {
    if (error instanceof SipParseError) return [];
    throw error;
  }
}

/** TS 24.229 §5.4.1.7: in Expires; RFC 3261 §10.2.1.1 lets it stand in Contact too. */
function expiresOf({ headers }: SipRequest): number {
  const contact = headers.list("Contact")[0] ?? "";
  const text = /;[ \t]*expires[ \t]*=[ \t]*([0-9]{1,10})/i.exec(contact)?.[1] ?? headers.get("Expires") ?? "";
  return /^[0-9]{1,10}$/.test(text) ? Math.min(Number(text), 0xffff_ffff) : DEFAULT_EXPIRES_SECONDS;
}

/** RFC 3261 §10.3 (8): the contact, with its lifetime. */
function answerHeaders({ headers }: SipRequest, expiresSeconds: number): Array<readonly [string, string]> {
  const fields: Array<readonly [string, string]> = [["Expires", String(expiresSeconds)]];
  const contact = headers.list("Contact")[0];
  if (contact === undefined || contact === "*" || expiresSeconds === 0) return fields;
  try {
    fields.unshift(["Contact", `<${parseNameAddr(contact, "Contact").uriText}>;expires=${expiresSeconds}`]);
  } catch (error) {
    if (!(error instanceof SipParseError)) throw error;
  }
  return fields;
}
