import { PushInputError } from "./errors.ts";

/** One row of the OMNA registry of push application ids. */
export interface PushApplication {
  /** Assigned number. */
  readonly number: number;
  /** The id without its prefix: the form that the feature tag carries and that this library uses throughout. */
  readonly name: string;
  /** The id as registered, a URN in the words of OMA: `x-wap-application:push.syncml`. */
  readonly urn: string;
}

const WAP = "x-wap-application:";
const OMA = "x-oma-application:";

const row = (number: number, prefix: string, name: string): PushApplication => ({
  number,
  name,
  urn: `${prefix}${name}`,
});

/** Push application ids with assigned numbers. OMNA registry "PUSH Application ID", in order of the numbers. */
export const pushApplications: readonly PushApplication[] = [
  row(0x00, WAP, "*"),
  row(0x01, WAP, "push.sia"),
  row(0x02, WAP, "wml.ua"),
  row(0x03, WAP, "wta.ua"),
  row(0x04, WAP, "mms.ua"),
  row(0x05, WAP, "push.syncml"),
  row(0x06, WAP, "loc.ua"),
  row(0x07, WAP, "syncml.dm"),
  row(0x08, WAP, "drm.ua"),
  row(0x09, WAP, "emn.ua"),
  row(0x0a, WAP, "wv.ua"),
  row(0x10, OMA, "ulp.ua"),
  row(0x11, OMA, "dlota.ua"),
  row(0x12, OMA, "java-ams"),
  row(0x13, OMA, "bcast.ua"),
  row(0x14, OMA, "dpe.ua"),
  row(0x15, OMA, "cpm:ua"),
  row(0x1a, OMA, "lwm2m.dm"),
];

const byName = new Map(pushApplications.map((application) => [application.name, application]));
const byNumber = new Map(pushApplications.map((application) => [application.number, application]));

const NUMBER = /^(?:0x([0-9a-f]{1,4})|([0-9]{1,5}))$/;
const PREFIX = /^(?:urn:)?(?:x-wap-application:|x-oma-application:)/;
/** Printable, and neither of the characters that would end the quoted list it stands in. */
const NAME = /^[!#-+\--[\]-~]{1,255}$/;

/**
 * The short name of an application id in any spelling: URN (`x-oma-application:ulp.ua`), short name (`ulp.ua`), assigned
 * number (`16`, `0x10`), or that number as a WSP short integer, high bit set (`144`, `0x90`), which some phones write.
 * Case does not matter. Names that the registry does not list stand for themselves.
 *
 * @returns lower case; undefined for an unassigned number or what cannot be a name.
 */
export function parseApplicationId(text: string): string | undefined {
  const lower = text.trim().toLowerCase();
  const number = NUMBER.exec(lower);
  if (number !== null) {
    const value = number[1] === undefined ? Number(number[2]) : Number.parseInt(number[1], 16);
    return (byNumber.get(value) ?? byNumber.get(value >= 0x80 && value <= 0xff ? value & 0x7f : -1))?.name;
  }
  const name = lower.replace(PREFIX, "");
  return NAME.test(name) ? name : undefined;
}

/**
 * As {@link parseApplicationId}, for input of the local user.
 *
 * @throws {PushInputError} PUSH_BAD_APPLICATION_ID naming `field`.
 */
export function normalizeApplicationId(text: string, field = "applicationId"): string {
  const name = parseApplicationId(text);
  if (name === undefined) {
    const problem = `${JSON.stringify(text)} is no application id; write a name such as push.syncml, its URN or its number`;
    throw new PushInputError("PUSH_BAD_APPLICATION_ID", field, problem);
  }
  return name;
}

/** The URN of an application id in any spelling; names that the registry does not list get the OMA prefix. */
export function applicationUrn(applicationId: string): string {
  const name = normalizeApplicationId(applicationId);
  return byName.get(name)?.urn ?? `${OMA}${name}`;
}
