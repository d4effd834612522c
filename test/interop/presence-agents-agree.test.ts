import { SipProxy } from "@sip-push/proxy";
import { parseListenAddress } from "@sip-push/sip";
import { expect, it } from "vitest";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { subscribe } from "../support/raw-dialog.ts";
import type { RawMessage } from "../support/raw-message.ts";
import { openRawPeer, type RawPeer } from "../support/raw-peer.ts";

const TYPE = "Content-Type: application/pidf+xml";

/** What one agent answered, and the documents that its watcher got: what has to be the same. */
type Transcript = ReadonlyArray<readonly [what: string, said: string | number | undefined]>;

const tuple = (id: string, basic: string): string =>
  `<tuple id="${id}"><status><basic>${basic}</basic></status></tuple>`;
const pidf = (peer: RawPeer, ...tuples: string[]): Uint8Array =>
  Buffer.from(`<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${peer.aor}">${tuples.join("")}</presence>`);

function publish(peer: RawPeer, headers: readonly string[], body?: Uint8Array): Promise<RawMessage> {
  const all = ["Event: presence", ...(body === undefined ? [] : [TYPE]), ...headers];
  return peer.request({ method: "PUBLISH", uri: peer.aor, headers: all, ...(body === undefined ? {} : { body }) });
}

/** Tuples as `id=basic`, in alphabetical order: that of the composition is up to the agent (RFC 3903 §10.3). */
function tuplesOf(notify: RawMessage): string {
  const text = Buffer.from(notify.body).toString();
  const found = [...text.matchAll(/<(?:\w+:)?tuple[^>]*\bid="([^"]*)"[\s\S]*?<(?:\w+:)?basic>(\w+)</g)];
  return found
    .map(([, id, basic]) => `${id}=${basic}`)
    .sort()
    .join(" ");
}

/** Publications by `presentity`, seen by `watcher`. */
async function talk(presentity: RawPeer, watcher: RawPeer): Promise<Transcript> {
  const said: Array<readonly [string, string | number | undefined]> = [];
  const status = (what: string, { status: code }: RawMessage): void => void said.push([what, code]);
  watcher.answerAll("200 OK");
  const first = await publish(presentity, ["Expires: 600"], pidf(presentity, tuple("a", "open")));
  status("initial", first);
  said.push(["expires", first.value("expires")]);
  const dialog = await subscribe(watcher, { uri: presentity.aor, event: "presence", expiresSeconds: 600 });
  status("subscribe", dialog.response);
  /** The next document that is another than the last: Kamailio may tell one twice. */
  let last = "";
  const nextTuples = async (): Promise<string> => {
    let tuples = last;
    while (tuples === last) tuples = tuplesOf(await dialog.next("NOTIFY"));
    last = tuples;
    return tuples;
  };
  said.push(["first NOTIFY", await nextTuples()]);
  const second = await publish(presentity, ["Expires: 600"], pidf(presentity, tuple("b", "open")));
  said.push(["a second publisher", await nextTuples()]);
  const tags = [first.value("sip-etag"), second.value("sip-etag")];
  const modified = await publish(presentity, [`SIP-If-Match: ${tags[0]}`], pidf(presentity, tuple("a", "closed")));
  status("modify", modified);
  said.push(["modified", await nextTuples()]);
  status("the old tag", await publish(presentity, [`SIP-If-Match: ${tags[0]}`]));
  status("a tag never given", await publish(presentity, ["SIP-If-Match: never"], pidf(presentity, tuple("a", "open"))));
  const refreshed = await publish(presentity, [`SIP-If-Match: ${modified.value("sip-etag")}`, "Expires: 600"]);
  status("refresh", refreshed);
  status("too brief", await publish(presentity, ["Expires: 1"], pidf(presentity, tuple("c", "open"))));
  status("neither body nor tag", await publish(presentity, []));
  status("remove", await publish(presentity, [`SIP-If-Match: ${tags[1]}`, "Expires: 0"]));
  said.push(["removed", await nextTuples()]);
  const ended = await dialog.request({ method: "SUBSCRIBE", headers: ["Event: presence", "Expires: 0"] });
  status("unsubscribe", ended);
  // Last: what is no XML leaves Kamailio without a document for the watchers.
  status("no XML", await publish(presentity, [], Buffer.from("<presence")));
  const unknown = await presentity.request({ method: "PUBLISH", uri: presentity.aor, headers: ["Event: weather"] });
  status("another package", unknown);
  return said;
}

describeWithPeers("The presence agents of SipProxy and of Kamailio", ["kamailio"], () => {
  const bed = useKamailio({ minExpiresSeconds: 60 });

  it("say the same to the same publisher and watcher, but for what is known (RFC 3903 6, RFC 3856)", async () => {
    const theirs = await talk(await bed.open("udp", "alice"), await bed.open("udp", "watcher"));
    const proxy = await SipProxy.open({
      listen: [parseListenAddress("udp:127.0.0.1:0")],
      domains: ["example.test"],
      presence: { notifyIntervalMs: 0 },
    });
    const peers: RawPeer[] = [];
    try {
      const port = proxy.listening[0]?.port ?? 0;
      for (const user of ["alice", "watcher"]) peers.push(await openRawPeer("udp", user, port));
      const [alice, watcher] = peers as [RawPeer, RawPeer];
      const ours = new Map(await talk(alice, watcher));
      const differ = theirs.filter(([what, said]) => ours.get(what) !== said).map(([what]) => what);
      // Kamailio tells of a removal with a NOTIFY that has no body, though another publication stands (RFC 3903 §10.3).
      // RFC 3903 §6 names no status for a body of the right type that cannot be read; and of other packages we are the proxy,
      // which sends them on to the user's contacts: there are none.
      expect(differ).toEqual(["removed", "no XML", "another package"]);
      expect(differ.map((what) => ours.get(what))).toEqual(["a=closed", 400, 404]);
      expect(ours.size).toBe(theirs.length);
    } finally {
      for (const peer of peers) peer.close();
      await proxy.close();
    }
  });
});
