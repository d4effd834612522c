import type { PushSender, PushSenderOptions, SenderEvent } from "@sip-push/sender";
import type { Io } from "./io.ts";
import { fromBeside, openSender, type SenderSettings } from "./sender-settings.ts";
import { printable } from "./text.ts";

/**
 * A sender whose address is registered, so that subscriptions and reports find it; undefined, said on standard error, when the
 * registrar does not take it.
 *
 * @param to a recipient, in whose domain it registers unless --from says otherwise.
 * @param more what the command adds.
 * @throws {UsageError}
 */
export async function openReachable(
  io: Io,
  read: SenderSettings & { readonly json: boolean },
  to: string,
  more: Partial<PushSenderOptions> = {},
): Promise<PushSender | undefined> {
  const from = fromBeside(to, read);
  const registered = Promise.withResolvers<string | undefined>();
  const sender = await openSender(io, read, {
    ...more,
    from,
    register: true,
    onEvent: (event) => {
      if (event.event === "registered") registered.resolve(undefined);
      if (event.event === "registration-failed") registered.resolve(answerOf(event));
      const line = lineOf(event, from);
      if (!read.json && line !== undefined) io.stderr.write(`${printable(line)}\n`);
    },
  });
  // What is given up comes out so of the delivery.
  const stopped = (): void => registered.resolve(undefined);
  io.stop.addEventListener("abort", stopped, { once: true });
  const problem = io.stop.aborted ? undefined : await registered.promise;
  io.stop.removeEventListener("abort", stopped);
  if (problem === undefined) return sender;
  await sender.close();
  io.stderr.write(`sip-push: ${printable(`could not register ${from}: ${problem}; nothing was sent`)}\n`);
  return undefined;
}

function answerOf({ sipStatus, reason }: { readonly sipStatus: number | null; readonly reason: string }): string {
  return sipStatus === null ? reason : `${sipStatus} ${reason}`;
}

/** What a person wants to follow while a push waits. */
function lineOf(event: SenderEvent, from: string): string | undefined {
  switch (event.event) {
    case "registered":
      return `registered ${from}`;
    case "subscribed":
      return `${event.subscriber} subscribed to ${event.applications.join(", ")}`;
    case "subscription-ended":
      // Our own end of it, with the run.
      if (event.reason === "probation") return undefined;
      return `the subscription of ${event.subscriber} ended${event.reason === null ? "" : `: ${event.reason}`}`;
    default:
      return undefined;
  }
}
