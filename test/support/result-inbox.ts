import { type PushResult, ResultListener } from "@sip-push/initiator";
import { Inbox } from "./inbox.ts";

/** Where a push initiator hears results, also what is told again. */
export interface ResultInbox {
  /** Of the notify URLs of its pushes. */
  readonly url: string;
  /** The same for a gateway that is to be let tell them there. */
  readonly pattern: string;
  readonly results: Inbox<PushResult>;
  close(): Promise<void>;
}

export async function openResultInbox(): Promise<ResultInbox> {
  const results = new Inbox<PushResult>(({ pushId, messageState }) => `${pushId} ${messageState}`);
  const listener = await ResultListener.open({
    listen: { address: "127.0.0.1", port: 0 },
    repetitions: true,
    onResult: (result) => results.put(result),
  });
  const { url } = listener;
  return { url, pattern: `${new URL(url).origin}/*`, results, close: () => listener.close() };
}
