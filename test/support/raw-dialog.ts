import { randomBytes } from "node:crypto";
import type { RawMessage } from "./raw-message.ts";
import type { RawPeer } from "./raw-peer.ts";

export interface DialogRequest {
  readonly method: string;
  readonly headers?: readonly string[];
  readonly body?: Uint8Array;
}

/** One side of a dialog (RFC 3261 section 12) between raw peers, as plain as they are. */
export interface RawDialog {
  readonly callId: string;
  /** Sends a request within the dialog, by its route set and with the next CSeq; gives its final response. */
  request(options: DialogRequest): Promise<RawMessage>;
  /** Takes the next request of the dialog. */
  next(method: string): Promise<RawMessage>;
}

export interface SubscribeOptions {
  readonly uri: string;
  readonly event: string;
  /** 60 unless told. */
  readonly expiresSeconds?: number;
  /** The peer's own contact unless told. */
  readonly contact?: string;
  readonly headers?: readonly string[];
}

/** Sends a SUBSCRIBE; the dialog is there whether it was accepted or not. Every NOTIFY gets 200 when the peer answers all. */
export async function subscribe(
  peer: RawPeer,
  options: SubscribeOptions,
): Promise<RawDialog & { readonly response: RawMessage }> {
  const callId = randomBytes(8).toString("hex");
  const fromTag = randomBytes(4).toString("hex");
  const contact = options.contact ?? peer.contact;
  const response = await peer.request({
    method: "SUBSCRIBE",
    uri: options.uri,
    callId,
    fromTag,
    headers: [
      `Event: ${options.event}`,
      `Expires: ${options.expiresSeconds ?? 60}`,
      `Contact: ${contact}`,
      ...(options.headers ?? []),
    ],
  });
  const dialog = openDialog(peer, {
    callId,
    localUri: peer.aor,
    localTag: fromTag,
    remoteUri: options.uri,
    remoteTag: tagOf(response.value("to")),
    target: uriOf(response.value("contact")) ?? options.uri,
    routes: splitRoutes(response).reverse(),
    contact,
  });
  return { ...dialog, response };
}

/** The other side of a request that the peer got and answered with `localTag`, the one that `answerAll` writes unless told. */
export function dialogOf(peer: RawPeer, request: RawMessage, localTag = "raw"): RawDialog {
  return openDialog(peer, {
    callId: request.value("call-id") ?? "",
    localUri: uriOf(request.value("to")) ?? peer.aor,
    localTag,
    remoteUri: uriOf(request.value("from")) ?? "",
    remoteTag: tagOf(request.value("from")),
    target: uriOf(request.value("contact")) ?? "",
    routes: splitRoutes(request),
    contact: peer.contact,
  });
}

interface DialogState {
  readonly callId: string;
  readonly localUri: string;
  readonly localTag: string;
  readonly remoteUri: string;
  readonly remoteTag: string | undefined;
  readonly target: string;
  readonly routes: readonly string[];
  readonly contact: string;
}

function openDialog(peer: RawPeer, state: DialogState): RawDialog {
  let cseq = 1;
  return {
    callId: state.callId,
    request: ({ method, headers = [], body }) =>
      peer.request({
        method,
        uri: state.target,
        callId: state.callId,
        cseq: ++cseq,
        from: state.localUri,
        fromTag: state.localTag,
        to: state.remoteUri,
        ...(state.remoteTag === undefined ? {} : { toTag: state.remoteTag }),
        headers: [...state.routes.map((route) => `Route: ${route}`), `Contact: ${state.contact}`, ...headers],
        ...(body === undefined ? {} : { body }),
      }),
    next: (method) => peer.next((message) => message.method === method && message.value("call-id") === state.callId),
  };
}

/** Several routes may stand in one header field. */
function splitRoutes(message: RawMessage): string[] {
  return message.values("record-route").flatMap((value) => value.split(/,(?=\s*<)/).map((route) => route.trim()));
}

function uriOf(value: string | undefined): string | undefined {
  return value === undefined ? undefined : (/<([^>]+)>/.exec(value)?.[1] ?? value.split(";")[0]);
}

function tagOf(value: string | undefined): string | undefined {
  return /;\s*tag=([^;>\s]+)/.exec(value ?? "")?.[1];
}
