/** Versions of PAP spoken here. */
export const papVersions = ["2.1", "2.0", "1.0"] as const;
export type PapVersion = (typeof papVersions)[number];

/** How a version is written in a DOCTYPE. */
export interface PapDoctype {
  readonly version: PapVersion;
  readonly publicId: string;
  readonly systemId: string;
}

const PAP_1_0 = "http://www.wapforum.org/DTD/pap_1.0.dtd";
const PAP_2_0 = "http://www.wapforum.org/DTD/pap_2.0.dtd";
const PAP_2_1 = "http://www.openmobilealliance.org/tech/DTD/pap_2.1.dtd";

/** All forms seen; of a version the first is the usual one. Kannel answers with the second of 1.0. */
export const papDoctypes: readonly PapDoctype[] = [
  { version: "2.1", publicId: "-//WAPFORUM//DTD PAP 2.1//EN", systemId: PAP_2_1 },
  { version: "2.1", publicId: "-//OMA//DTD PAP 2.1//EN", systemId: PAP_2_1 },
  { version: "2.0", publicId: "-//WAPFORUM//DTD PAP 2.0//EN", systemId: PAP_2_0 },
  { version: "1.0", publicId: "-//WAPFORUM//DTD PAP//EN", systemId: PAP_1_0 },
  { version: "1.0", publicId: "-//WAPFORUM//DTD PAP 1.0//EN", systemId: PAP_1_0 },
];

/** `2.1`, `1.*` */
const VERSION_NAME = /^[0-9]{1,3}\.(?:[0-9]{1,3}|\*)$/;

/** What `<?wap-pap-ver supported-versions?>` says of us. */
export const supportedVersions = "2.1,2.0,1.*";

/** Octets in which a DOCTYPE is looked for when the document as a whole cannot be read. */
const SNIFFED_OCTETS = 1024;
/** Characters of a DOCTYPE before its internal subset. The identifiers of PAP have 80 together. */
const MAX_EXTERNAL_ID = 1024;
const MAX_SUPPORTED_VERSIONS = 16;

/** `pap PUBLIC "…" "…"` or `pap SYSTEM "…"`. XML 1.0 productions 28 and 75; the subset behind it may be cut. */
const EXTERNAL_ID =
  /^([^\s"'[]+)(?:\s+(?:PUBLIC\s+("[^"]*"|'[^']*')(?:\s*("[^"]*"|'[^']*'))?|SYSTEM\s+("[^"]*"|'[^']*')))?\s*(?:\[|$)/;
const SUPPORTED_VERSIONS = /(?:^|\s)supported-versions\s*=\s*("[^"]*"|'[^']*')/;

/** The first of the version's. */
export function usualDoctype(version: PapVersion): PapDoctype {
  return papDoctypes.find((row) => row.version === version) as PapDoctype;
}

/** As DOCTYPEs are usually written. */
const usualWritings: ReadonlyMap<string, PapDoctype> = new Map(
  papDoctypes.map((row) => [`pap PUBLIC "${row.publicId}" "${row.systemId}"`, row]),
);

/** What a DOCTYPE names: one of {@link papDoctypes}, by its public identifier or, without one, by its system identifier. */
export function doctypeNamed(doctype: string): PapDoctype | undefined {
  const usual = usualWritings.get(doctype);
  if (usual !== undefined) return usual;
  const match = EXTERNAL_ID.exec(doctype.slice(0, MAX_EXTERNAL_ID));
  if (match === null || match[1] !== "pap") return undefined;
  // White space in a public identifier is normalized before it is compared. XML 1.0 §4.2.2.
  const publicId = unquoted(match[2])?.replace(/\s+/g, " ").trim();
  const systemId = unquoted(match[4])?.trim();
  return papDoctypes.find((row) => (publicId === undefined ? row.systemId === systemId : row.publicId === publicId));
}

/** The DOCTYPE at the head of a document that may be broken further on; undefined when none of PAP's is found. */
export function sniffDoctype(octets: Uint8Array): PapDoctype | undefined {
  // Without its NULs, ASCII in UTF-16 reads as ASCII.
  const head = String.fromCharCode(...octets.subarray(0, SNIFFED_OCTETS)).replaceAll("\0", "");
  const start = head.indexOf("<!DOCTYPE");
  if (start < 0) return undefined;
  const identifiers = head.slice(start).split(/["']/, 2)[1]?.replace(/\s+/g, " ").trim();
  return papDoctypes.find(({ publicId, systemId }) => publicId === identifiers || systemId === identifiers);
}

/** The versions in the data of a `wap-pap-ver` instruction, as written; at most 16. */
export function parseSupportedVersions(data: string): readonly string[] {
  const list = unquoted(SUPPORTED_VERSIONS.exec(data.slice(0, MAX_EXTERNAL_ID))?.[1]) ?? "";
  return list
    .split(",")
    .map((version) => version.trim())
    .filter((version) => VERSION_NAME.test(version))
    .slice(0, MAX_SUPPORTED_VERSIONS);
}

/** Whether these can stand in a `wap-pap-ver` instruction. */
export function areSupportedVersions(versions: readonly string[]): boolean {
  return versions.length <= MAX_SUPPORTED_VERSIONS && versions.every((version) => VERSION_NAME.test(version));
}

/** The best version that a peer with these `supportedVersions` takes, `1.*` being any 1.x; undefined when none is ours. */
export function bestVersion(versions: readonly string[]): PapVersion | undefined {
  return papVersions.find((ours) =>
    versions.some((theirs) => theirs === ours || theirs === `${ours.split(".", 1)[0]}.*`),
  );
}

/**
 * What goes between `<!DOCTYPE` and `>`.
 *
 * @param publicId one of the version's; otherwise the usual one is taken.
 * @param versions for the `wap-pap-ver` instruction, which is left out when there is none.
 */
export function serializeDoctype(
  version: PapVersion,
  publicId: string | undefined,
  versions: readonly string[],
): string {
  const rows = papDoctypes.filter((each) => each.version === version);
  const row = rows.find((each) => each.publicId === publicId) ?? usualDoctype(version);
  const subset = versions.length === 0 ? "" : ` [<?wap-pap-ver supported-versions="${versions.join(",")}"?>]`;
  return `pap PUBLIC "${row.publicId}" "${row.systemId}"${subset}`;
}

function unquoted(literal: string | undefined): string | undefined {
  return literal?.slice(1, -1);
}
