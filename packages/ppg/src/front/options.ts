import type { Clock, Logger } from "@sip-push/sip";
import type { FastifyInstance } from "fastify";
import type { HttpAddress, HttpTls, InitiatorConfig } from "../config/types.ts";
import type { PapService } from "../intake/types.ts";
import type { ClientFinder } from "./clients.ts";

/** Bounds of the front: past them it refuses and counts. */
export interface FrontLimits {
  /** Octets of the body of a request; more is 413. Default 1 MiB. */
  readonly maxBodyBytes?: number;
  /** Octets of bodies in memory at a time; more is 503. Default 64 times `maxBodyBytes`. */
  readonly maxBufferedBytes?: number;
  /** PAP requests under way at a time; more is 503. Default 1000. */
  readonly maxConcurrent?: number;
  /** Connections of each listener; more are closed at once. Default 10,000. */
  readonly maxConnections?: number;
  /** Octets of the header fields of a request; more is 431. Default 16,384. */
  readonly maxHeaderBytes?: number;
  /** From the first octet of a request to the end of its header fields, and for a TLS handshake. Default 10 s. */
  readonly headersTimeoutMs?: number;
  /** From the first octet of a request to the last of its body; then 408. Default 30 s. */
  readonly requestTimeoutMs?: number;
  /** How often those two are looked at. Default 2 s. */
  readonly timeoutCheckMs?: number;
  /** How long a connection without a request is kept. Default 65 s, longer than load balancers do. */
  readonly keepAliveTimeoutMs?: number;
  /** How long a connection may stand still with an answer half written: a peer that does not read. Default 120 s. */
  readonly stalledMs?: number;
}

/** What an operator's probe is told. */
export interface HealthReport {
  readonly ok: boolean;
  /** One word or line for each part that was looked at. */
  readonly parts: Readonly<Record<string, string>>;
}

/** What operators and their tools ask. A function that rejects is "not well". */
export interface OperationHandlers {
  /** Null: on the listeners of PAP, for anybody who can reach them. */
  readonly listen: HttpAddress | null;
  /** `/health/live`: 200 or 503. Default: live as long as it answers. */
  readonly live?: () => HealthReport | Promise<HealthReport>;
  /** `/health/ready`: 200 or 503. While the front closes, it is 503 whatever this says. Default: ready. */
  readonly ready?: () => HealthReport | Promise<HealthReport>;
  /** `/metrics`. Default: 404. */
  readonly metrics?: () => Promise<{ readonly contentType: string; readonly body: string }>;
}

export interface PpgFrontOptions {
  /** At least one; IP addresses, or names that resolve. Port 0 takes a free one: `PpgFront.addresses` tells which. */
  readonly listen: readonly HttpAddress[];
  /** Needed for secure addresses. */
  readonly tls?: HttpTls | null;
  /** Of PAP. Default `/pap`. */
  readonly path?: string;
  readonly service: PapService;
  readonly initiators: readonly InitiatorConfig[];
  /** Takes passwords and tokens over plain HTTP from other machines too. Default false. */
  readonly allowPlain?: boolean;
  /** Who makes a request, where proxies are before it. Default: who is connected. */
  readonly clientOf?: ClientFinder;
  /** Of challenges. Default `sip-push`. */
  readonly realm?: string;
  readonly limits?: FrontLimits;
  /** Health and metrics. Default: nowhere. */
  readonly operation?: OperationHandlers;
  /** Adds routes, those of a console for instance, to the listeners of PAP. */
  readonly register?: (site: FastifyInstance) => void | Promise<void>;
  /** Default: the machine's own. */
  readonly clock?: Clock;
  readonly logger?: Logger;
}

const MIB = 1_048_576;

/** Every limit, the ones left out at their default. */
export function frontLimits(limits: FrontLimits = {}): Required<FrontLimits> {
  const maxBodyBytes = limits.maxBodyBytes ?? MIB;
  return {
    maxBodyBytes,
    maxBufferedBytes: limits.maxBufferedBytes ?? 64 * maxBodyBytes,
    maxConcurrent: limits.maxConcurrent ?? 1_000,
    maxConnections: limits.maxConnections ?? 10_000,
    maxHeaderBytes: limits.maxHeaderBytes ?? 16_384,
    headersTimeoutMs: limits.headersTimeoutMs ?? 10_000,
    requestTimeoutMs: limits.requestTimeoutMs ?? 30_000,
    timeoutCheckMs: limits.timeoutCheckMs ?? 2_000,
    keepAliveTimeoutMs: limits.keepAliveTimeoutMs ?? 65_000,
    stalledMs: limits.stalledMs ?? 120_000,
  };
}
