import type { TransportName } from "../transport/transport.ts";
import type { NaptrRecord, SrvRecord } from "./resolver.ts";
import { transportRecords } from "./transport-choice.ts";

/** A NAPTR record that can be used: the transport it stands for, or another name to ask (no flag, RFC 3403 §4.1). */
export type NaptrRule =
  | { readonly kind: "srv"; readonly transport: TransportName; readonly name: string }
  | { readonly kind: "naptr"; readonly name: string };

/**
 * The records that apply, best first by order and preference. Dropped are those for other services or transports, those
 * without SIPS when the URI is `sips`, those with a regular expression (RFC 3263 §4.1), and malformed ones.
 */
export function selectNaptr(
  records: readonly NaptrRecord[],
  secureOnly: boolean,
  supported: readonly TransportName[],
): NaptrRule[] {
  const usable = records.flatMap((record) => {
    const rule = isU16(record.order) && isU16(record.preference) ? toRule(record, secureOnly, supported) : undefined;
    return rule === undefined ? [] : [{ record, rule }];
  });
  usable.sort((a, b) => a.record.order - b.record.order || a.record.preference - b.record.preference);
  return usable.map(({ rule }) => rule);
}

function toRule(record: NaptrRecord, secureOnly: boolean, supported: readonly TransportName[]): NaptrRule | undefined {
  const name = record.replacement;
  if (record.regexp !== "" || isRoot(name)) return undefined;
  const service = record.service.toUpperCase();
  const flags = record.flags.toLowerCase();
  const transport = supported.find((each) => transportRecords[each].naptrService === service);
  if (flags === "" && (service === "" || transport !== undefined)) return { kind: "naptr", name };
  if (flags !== "s" || transport === undefined) return undefined;
  return secureOnly && !service.startsWith("SIPS+") ? undefined : { kind: "srv", transport, name };
}

/** The SRV records that can be used. "." says that the service is decidedly not offered (RFC 2782), which is no target. */
export function usableSrv(records: readonly SrvRecord[]): SrvRecord[] {
  return records.filter(
    ({ target, port, priority, weight }) =>
      !isRoot(target) && isU16(port) && port > 0 && isU16(priority) && isU16(weight),
  );
}

/**
 * SRV records in the order to try: by priority, and within one at random by weight, drawn as RFC 2782 ("Weight") says.
 *
 * @param random numbers in [0, 1).
 */
export function* orderSrv(records: readonly SrvRecord[], random: () => number): Generator<SrvRecord> {
  const priorities = [...new Set(records.map(({ priority }) => priority))].sort((a, b) => a - b);
  for (const priority of priorities) {
    // Weight 0 first, so that it has its small chance.
    const left = records.filter((each) => each.priority === priority).sort((a, b) => a.weight - b.weight);
    while (left.length > 0) {
      const sum = left.reduce((total, { weight }) => total + weight, 0);
      const drawn = Math.floor(random() * (sum + 1));
      let running = 0;
      const at = left.findIndex(({ weight }) => (running += weight) >= drawn);
      yield* left.splice(Math.max(at, 0), 1);
    }
  }
}

function isRoot(name: string): boolean {
  return name === "" || name === ".";
}

function isU16(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffff;
}
