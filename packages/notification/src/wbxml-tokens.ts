/** First tag token of a code page (WBXML 1.3 5.8.1: 00 to 04 are global tokens). */
const FIRST_TAG = 0x05;

/**
 * Tag names by code page, from token 05 up, in alphabetical order but for what later versions added at the end.
 * OMA SyncML Representation Protocol 1.2, page 0, and Meta Information 1.2, page 1; 1.0 and 1.1 use a part of them.
 * Token 30 of page 0 is reserved.
 */
const tagPages: readonly (readonly string[])[] = [
  [
    "Add Alert Archive Atomic Chal Cmd CmdID CmdRef Copy Cred Data Delete Exec Final Get Item Lang LocName LocURI Map",
    "MapItem Meta MsgID MsgRef NoResp NoResults Put Replace RespURI Results Search Sequence SessionID SftDel Source",
    "SourceRef Status Sync SyncBody SyncHdr SyncML Target TargetRef - VerDTD VerProto NumberOfChanges MoreData Field",
    "Filter Record FilterType SourceParent TargetParent Move Correlator",
  ],
  [
    "Anchor EMI Format FreeID FreeMem Last Mark MaxMsgSize Mem MetInf Next NextNonce SharedMem Size Type Version",
    "MaxObjSize FieldLevel",
  ],
].map((lines) => lines.join(" ").split(" "));

/** In place of a name: the token is reserved. */
const RESERVED = "-";

/** Code page of the MetInf elements; in XML the namespace `syncml:metinf`. */
export const METINF_PAGE = 1;

/** Where a name stands in the code pages. */
export interface TagToken {
  readonly page: number;
  /** 05 to 3C. */
  readonly token: number;
}

const tokenByName: ReadonlyMap<string, TagToken> = new Map(
  tagPages.flatMap((names, page) => names.map((name, index) => [name, { page, token: FIRST_TAG + index }] as const)),
);

/** Name of a tag token (without its content and attribute bits), or `null` when the page or the token is not defined. */
export function tagName(page: number, token: number): string | null {
  const name = tagPages[page]?.[token - FIRST_TAG];
  return name === undefined || name === RESERVED ? null : name;
}

/** Page and token of a name, or `null`. No name stands in two pages. */
export function tagToken(name: string): TagToken | null {
  return name === RESERVED ? null : (tokenByName.get(name) ?? null);
}
