/** RFC 2045 §6. */
export type TransferEncoding = "7bit" | "8bit" | "binary" | "base64" | "quoted-printable";

/** Content-Disposition. RFC 2183, RFC 3261 §20.11. */
export interface ContentDisposition {
  /** In lower case: `render`, `attachment`, `notification`, … */
  readonly type: string;
  /** What a user agent does that cannot handle the part: `required` (the default) is 415. Other values stay as they are. */
  readonly handling?: string;
  /** The other parameters, lower-case name to unquoted value; `filename` among them. */
  readonly params: ReadonlyMap<string, string>;
}

/** A MIME part: what the header fields say, and the octets behind the transfer encoding. Text is Unicode. */
export interface BodyPart {
  /** As written, with its parameters; `text/plain; charset=us-ascii` when there is none (RFC 2046 §5.1). */
  readonly contentType: string;
  /** Without `<` and `>`. */
  readonly contentId?: string;
  readonly contentDisposition?: ContentDisposition;
  /** Content codings, such as `gzip`; they are not undone here. */
  readonly contentEncoding?: string;
  /** How the octets travelled, or are to travel. Default when encoding: `binary`. */
  readonly transferEncoding?: TransferEncoding;
  /** All other header fields, in order. */
  readonly headers?: ReadonlyArray<readonly [name: string, value: string]>;
  /** Decoded octets. When decoded from `binary`, a view into the input. */
  readonly body: Uint8Array;
  /** The parts of a part that is a multipart itself; when encoding, they are written instead of `body`. */
  readonly multipart?: Multipart;
}

/** A multipart body. RFC 2046 §5.1, RFC 2387. */
export interface Multipart {
  /** `mixed`, `related`, `alternative`, … in lower case. */
  readonly subtype: string;
  /** Parameters of the Content-Type but for the boundary, lower-case name to unquoted value: `start`, `type`, … */
  readonly params: ReadonlyMap<string, string>;
  readonly parts: readonly BodyPart[];
}

/** A body with its Content-Type. */
export interface EncodedBody {
  readonly contentType: string;
  readonly body: Uint8Array;
}
