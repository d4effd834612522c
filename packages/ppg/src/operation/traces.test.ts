import { SpanStatusCode } from "@opentelemetry/api";
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { describe, expect, it } from "vitest";
import type { PapAnswer, PapRequest, PapService } from "../intake/types.ts";
import { accepted, attempt } from "./testdata/events.ts";
import { PpgTraces } from "./traces.ts";

const request: PapRequest = {
  initiator: { name: "calendar", recipients: [], applications: [], notifyUrls: [] },
  contentType: null,
  body: new Uint8Array(),
  traceparent: null,
};
const answer: PapAnswer = {
  ...{ httpStatus: 202, contentType: "application/xml", body: new Uint8Array(), retryAfterSeconds: null },
  ...{ operation: "push-message", pushId: "p1@pi.example.test", papCode: 1001 },
};
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const START_MS = Date.UTC(2026, 0, 1);
const PARENT = "b7ad6b7169203331";

function rig(answered: Promise<PapAnswer> = Promise.resolve(answer)) {
  const exporter = new InMemorySpanExporter();
  const traces = PpgTraces.open(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
  if (traces === undefined) throw new Error("there is an SDK");
  const seen: PapRequest[] = [];
  const service: PapService = {
    handle: (each) => {
      seen.push(each);
      return answered;
    },
    refuse: () => answer,
  };
  return { traces, seen, service: traces.around(service), spans: () => exporter.getFinishedSpans() };
}

describe("traces", () => {
  it("are not made when no SDK is registered", () => {
    expect(PpgTraces.open()).toBeUndefined();
  });

  it("have a span for each PAP operation, within that of the request (W3C Trace Context)", async () => {
    const { service, spans } = rig();
    expect(await service.handle({ ...request, traceparent: `00-${TRACE}-${PARENT}-01` })).toBe(answer);
    const [span] = spans();
    expect(span?.name).toBe("pap push-message");
    expect(span?.spanContext().traceId).toBe(TRACE);
    expect(span?.parentSpanContext?.spanId).toBe(PARENT);
    expect(span?.attributes).toEqual({
      "ppg.initiator": "calendar",
      "ppg.push_id": "p1@pi.example.test",
      "pap.code": 1001,
    });
  });

  it("leave refusals as they are", () => {
    const asked: unknown[] = [];
    const refuse: PapService["refuse"] = (...each) => {
      asked.push(each);
      return answer;
    };
    const service = rig().traces.around({ handle: () => Promise.resolve(answer), refuse });
    const beginning = Uint8Array.of(0x3c);
    expect(service.refuse(2000, "too large", beginning)).toBe(answer);
    expect(asked).toEqual([[2000, "too large", beginning]]);
  });

  it("go on with the attempts, which are within the span of the operation that submitted the push", async () => {
    const { service, seen, traces, spans } = rig();
    await service.handle(request);
    const traceparent = seen[0]?.traceparent ?? null;
    traces.observe(attempt({ traceparent, sipStatus: 200, startedAtMs: START_MS, atMs: START_MS + 250, attempt: 2 }));
    const [operation, delivery] = spans();
    expect(delivery?.name).toBe("sip-push deliver");
    expect(delivery?.parentSpanContext?.spanId).toBe(operation?.spanContext().spanId);
    expect(delivery?.spanContext().traceId).toBe(operation?.spanContext().traceId);
    expect(delivery?.attributes).toMatchObject({
      "ppg.push_id": "p1@pi.example.test",
      "ppg.attempt": 2,
      "sip.status_code": 200,
      "sip.method": "MESSAGE",
      "server.address": "example.test",
    });
    expect(delivery?.startTime).toEqual([START_MS / 1_000, 0]);
    expect(delivery?.endTime).toEqual([START_MS / 1_000, 250_000_000]);
    expect(delivery?.status.code).toBe(SpanStatusCode.UNSET);
  });

  it("say of a recipient only the domain", () => {
    const { traces, spans } = rig();
    traces.observe(attempt({ recipient: "sip:alice@example.test;user=phone" }));
    expect(JSON.stringify(spans()[0]?.attributes)).not.toContain("alice");
  });

  it.each([404, 503, null])("mark an attempt that got %s as failed", (sipStatus) => {
    const { traces, spans } = rig();
    traces.observe(attempt({ sipStatus }));
    expect(spans()[0]?.status.code).toBe(SpanStatusCode.ERROR);
  });

  it("mark an operation that the gateway failed, and end its span when the service does not answer", async () => {
    const failed = rig(Promise.resolve({ ...answer, papCode: 4001 }));
    await failed.service.handle(request);
    expect(failed.spans()[0]?.status.code).toBe(SpanStatusCode.ERROR);
    const broken = rig(Promise.reject(new Error("never happens")));
    await expect(broken.service.handle(request)).rejects.toThrow("never happens");
    expect(broken.spans()).toHaveLength(1);
  });

  it.each(["", "garbage", `ff-${TRACE}-${PARENT}-01`, `00-${"0".repeat(32)}-${PARENT}-01`, `00-${TRACE}-${PARENT}`])(
    "begin anew when the trace context is %j",
    async (traceparent) => {
      const { service, spans } = rig();
      await service.handle({ ...request, traceparent });
      expect(spans()[0]?.parentSpanContext).toBeUndefined();
    },
  );

  it("hear of nothing but attempts", () => {
    const { traces, spans } = rig();
    traces.observe(accepted({}));
    expect(spans()).toEqual([]);
  });

  it("are made with a sampler that takes none, and tell that on", async () => {
    const traces = PpgTraces.open(new BasicTracerProvider({ sampler: new AlwaysOffSampler() }));
    const seen: PapRequest[] = [];
    const service = traces?.around({ handle: async (each) => (seen.push(each), answer), refuse: () => answer });
    await service?.handle(request);
    expect(seen[0]?.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  });
});
