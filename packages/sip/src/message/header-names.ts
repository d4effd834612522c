/** Header fields known by number: finding one among those of a message compares numbers. Any other field has id 0. */
// biome-ignore format: a table reads best dense
const KNOWN: ReadonlyArray<readonly [name: string, compact?: string]> = [
  ["Via", "v"], ["From", "f"], ["To", "t"], ["Call-ID", "i"], ["CSeq"], ["Max-Forwards"], ["Contact", "m"],
  ["Content-Type", "c"], ["Content-Length", "l"], ["Content-Encoding", "e"], ["Route"], ["Record-Route"], ["Path"],
  ["Service-Route"], ["Expires"], ["Min-Expires"], ["Date"], ["Event", "o"], ["Allow-Events", "u"], ["Allow"],
  ["Subscription-State"], ["Supported", "k"], ["Require"], ["Proxy-Require"], ["Unsupported"], ["Accept"],
  ["Accept-Contact", "a"], ["Reject-Contact", "j"], ["Request-Disposition", "d"], ["Refer-To", "r"],
  ["Referred-By", "b"], ["Refer-Sub"], ["Subject", "s"], ["Session-Expires", "x"], ["Identity", "y"], ["Authorization"],
  ["Proxy-Authorization"], ["WWW-Authenticate"], ["Proxy-Authenticate"], ["Authentication-Info"],
  ["P-Asserted-Identity"], ["P-Preferred-Identity"], ["SIP-ETag"], ["SIP-If-Match"], ["Retry-After"], ["User-Agent"],
  ["Server"], ["Warning"], ["Timestamp"], ["Flow-Timer"], ["X-Wap-Application-Id"], ["In-Reply-To"], ["Organization"],
  ["Identity-Info", "n"], ["Content-Disposition"], ["MIME-Version"], ["Min-SE"], ["Reason"], ["Reply-To"],
  ["Geolocation"], ["History-Info"], ["P-Access-Network-Info"], ["P-Charging-Vector"], ["Privacy"], ["Security-Verify"],
];

/** Canonical name by id; index 0 stands for "any other field". */
export const headerNames: readonly string[] = ["", ...KNOWN.map(([name]) => name)];

interface Spelling {
  readonly id: number;
  /** Its letters in lower case. */
  readonly codes: Uint8Array;
}

const idByName = new Map<string, number>();
/** Spellings by length and the low five bits of the first letter (case folds away): one or two in a row. */
const rows: Spelling[][] = Array.from({ length: 1024 }, () => []);

KNOWN.forEach(([name, compact], i) => {
  for (const spelling of compact === undefined ? [name] : [name, compact]) {
    const lower = spelling.toLowerCase();
    idByName.set(spelling, i + 1).set(lower, i + 1);
    rows[rowOf(lower.length, lower.charCodeAt(0))]?.push({ id: i + 1, codes: Buffer.from(lower, "latin1") });
  }
});

function rowOf(length: number, firstCode: number): number {
  return (length << 5) | (firstCode & 31);
}

/** Id of a header name in any case or in compact form (RFC 3261 §7.3.3); 0 when not among the known. */
export function headerId(name: string): number {
  return idByName.get(name) ?? idByName.get(name.toLowerCase()) ?? 0;
}

/** Id of the header name at `text[start, end)`, without making a string of it: half of what indexing a head costs. */
export function headerIdAt(text: string, start: number, end: number): number {
  const length = end - start;
  const row = length > 31 ? undefined : rows[rowOf(length, text.charCodeAt(start))];
  if (row === undefined) return 0;
  for (let k = 0; k < row.length; k++) {
    const { id, codes } = row[k] as Spelling;
    let i = 0;
    // Names hold letters and hyphens: of the other characters only CR folds onto one of these, and a line has none.
    while (i < length && (text.charCodeAt(start + i) | 0x20) === codes[i]) i++;
    if (i === length) return id;
  }
  return 0;
}
