// The thread that delivers: a delivery side with its own way to the store. What happens in it, and its log, go to the thread that
// takes pushes.
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { type Logger, systemClock } from "@sip-push/sip";
import { tellTakenBack } from "../dispatch/dispatch-events.ts";
import { Places } from "../dispatch/places.ts";
import { errorForm, errorFrom } from "../error-form.ts";
import type { PpgEvent } from "../events.ts";
import { storeErrorOf } from "../store/errors.ts";
import { SqliteStore } from "../store/sqlite-store.ts";
import type { PpgStore } from "../store/store.ts";
import type {
  DeliveryCall,
  DeliveryCalls,
  DeliveryReply,
  DeliveryRequest,
  DeliverySettings,
  OpenFailure,
} from "./delivery-messages.ts";
import { LocalDeliverySide } from "./delivery-side.ts";
import { GatewayError, gatewayErrorOf } from "./gateway-error.ts";
import { heldFrom } from "./held-forms.ts";
import { type LogLine, lineLogger, loggerFrom } from "./log-lines.ts";

if (parentPort === null) throw new Error("runs in a worker thread only");
const port = parentPort;

const { config, owner, places } = workerData as DeliverySettings;
const send = (reply: DeliveryReply): void => port.postMessage(reply);

/** What is told, and logged, goes together, as often as this: waking a thread costs more than what it hears. */
const TELL_MS = 5;
let events: PpgEvent[] = [];
let lines: LogLine[] = [];
let timer: NodeJS.Timeout | undefined;
function tell(): void {
  clearTimeout(timer);
  timer = undefined;
  if (events.length === 0 && lines.length === 0) return;
  send({ reply: "told", events: JSON.stringify(events), lines });
  events = [];
  lines = [];
}
function tellSoon(): void {
  timer ??= setTimeout(tell, TELL_MS);
}
const observe = (event: PpgEvent): void => {
  events.push(event);
  tellSoon();
};
const logger: Logger = loggerFrom(
  config.log,
  lineLogger((line) => {
    lines.push(line);
    tellSoon();
  }),
);

/** Those that have asked for a link, in order. */
const wantingLink: PromiseWithResolvers<MessagePort>[] = [];
const submitted = Promise.withResolvers<void>();

function link(): Promise<MessagePort> {
  const wanting = Promise.withResolvers<MessagePort>();
  wantingLink.push(wanting);
  send({ reply: "wantsLink" });
  return wanting.promise;
}

function takeLink(request: Extract<DeliveryRequest, { link: unknown }>): void {
  const wanting = wantingLink.shift();
  if (request.link !== null) wanting?.resolve(request.link);
  else wanting?.reject(storeErrorOf(errorFrom(request.error)));
}

async function open(): Promise<{ side: LocalDeliverySide; store: PpgStore }> {
  const store = await SqliteStore.connect(link);
  try {
    tellTakenBack(store, observe);
    const shared = { config, store, clock: systemClock, logger, observe };
    const side = await LocalDeliverySide.open(shared, owner, new Places(places), (event) =>
      send({ reply: "registration", event }),
    );
    return { side, store };
  } catch (error) {
    await store.close();
    throw error;
  }
}

const opened = open();
opened.then(
  ({ side }) => send({ reply: "opened", listening: side.listening }),
  (error: unknown) => {
    tell();
    send({ reply: "failed", error: failureOf(gatewayErrorOf(error)) });
    port.close();
  },
);

function failureOf(error: unknown): OpenFailure {
  const { code, retryable } = error instanceof GatewayError ? error : { code: null, retryable: false };
  return { code, retryable, error: errorForm(error) };
}

function callsOf({ side, store }: Awaited<typeof opened>): DeliveryCalls {
  return {
    capabilitiesOf: side.capabilitiesOf,
    stats: () => side.stats(),
    stop: (graceMs) => side.stop(graceMs, submitted.promise),
    close: async () => {
      try {
        await side.close();
      } finally {
        await store.close();
      }
    },
  };
}

async function answer(request: DeliveryCall): Promise<void> {
  const { number, call, args } = request;
  try {
    const perform = callsOf(await opened)[call] as (...given: readonly unknown[]) => Promise<unknown>;
    const value = await perform(...args);
    tell();
    send({ reply: "answer", number, value });
  } catch (error) {
    tell();
    send({ reply: "refusal", number, error: errorForm(error) });
  }
  if (call === "close") port.close();
}

port.on("message", (request: DeliveryRequest) => {
  if ("link" in request) return takeLink(request);
  if ("call" in request) return void answer(request);
  void opened.then(
    ({ side }) => {
      if ("take" in request) side.take(heldFrom(request.take));
      else if (request.tell === "start") side.start();
      else submitted.resolve();
    },
    () => {},
  );
});
