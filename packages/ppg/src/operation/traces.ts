import {
  type Context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import { hostOf } from "../dispatch/options.ts";
import type { PpgEvent } from "../events.ts";
import type { PapAnswer, PapRequest, PapService } from "../intake/types.ts";

const TRACER = "@sip-push/ppg";
/** W3C Trace Context §3.2; a later version may have more behind. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/;
/** PAP codes from here on are ours to answer for. */
const FIRST_SERVER_ERROR = 3_000;
const FIRST_SUCCESS = 200;
const FIRST_REDIRECTION = 300;

/**
 * Spans of OpenTelemetry: `pap <operation>` for a request, and within it, however much later, `sip-push deliver` for each attempt.
 * Push-ids and Call-IDs are attributes; of a recipient only its domain is.
 */
export class PpgTraces {
  readonly #tracer: Tracer;

  private constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  /** Undefined when no OpenTelemetry SDK is registered, so that tracing costs nothing. */
  static open(provider: TracerProvider = trace.getTracerProvider()): PpgTraces | undefined {
    const tracer = provider.getTracer(TRACER);
    // Without an SDK, spans have no identity. This one is never ended, so nobody hears of it.
    const isReal = isSpanContextValid(tracer.startSpan("probe", { root: true }).spanContext());
    return isReal ? new PpgTraces(tracer) : undefined;
  }

  /** The same service, its operations in spans. */
  around(service: PapService): PapService {
    return {
      handle: (request) => this.#handle(service, request),
      refuse: (...asked) => service.refuse(...asked),
    };
  }

  /** Hears of attempts; bound, so that it can be given away. */
  readonly observe = (event: PpgEvent): void => {
    if (event.event !== "attempt") return;
    const { sipStatus, via } = event;
    const span = this.#tracer.startSpan(
      "sip-push deliver",
      {
        kind: SpanKind.CLIENT,
        startTime: event.startedAtMs,
        attributes: {
          "ppg.push_id": event.pushId,
          "ppg.initiator": event.initiator,
          "ppg.attempt": event.attempt,
          "pap.code": event.papCode,
          "server.address": hostOf(event.recipient),
          "sip.call_id": event.callId,
          ...(sipStatus !== null && { "sip.status_code": sipStatus }),
          ...(via !== null && { "sip.method": via === "notify" ? "NOTIFY" : "MESSAGE" }),
        },
      },
      parentOf(event.traceparent ?? null),
    );
    const isGood = sipStatus !== null && sipStatus >= FIRST_SUCCESS && sipStatus < FIRST_REDIRECTION;
    if (!isGood) span.setStatus({ code: SpanStatusCode.ERROR, message: sipStatus === null ? "no response" : "" });
    span.end(event.atMs);
  };

  async #handle(service: PapService, request: PapRequest): Promise<PapAnswer> {
    const options = { kind: SpanKind.SERVER, attributes: { "ppg.initiator": request.initiator.name } };
    const span = this.#tracer.startSpan("pap", options, parentOf(request.traceparent));
    try {
      const answer = await service.handle({ ...request, traceparent: traceparentOf(span) });
      const { operation, pushId, papCode } = answer;
      span.updateName(`pap ${operation}`);
      span.setAttributes({ "pap.code": papCode, ...(pushId !== null && { "ppg.push_id": pushId }) });
      if (papCode >= FIRST_SERVER_ERROR) span.setStatus({ code: SpanStatusCode.ERROR });
      return answer;
    } finally {
      span.end();
    }
  }
}

/** Where a span belongs; by itself when the text is no trace context, which is then ignored (W3C Trace Context §3.2.2.3). */
function parentOf(traceparent: string | null): Context {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent ?? "") ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return ROOT_CONTEXT;
  const parent = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(parent) ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
}

function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}
