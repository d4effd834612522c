import { expect, it } from "vitest";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { useKamailio } from "../support/kamailio-bed.ts";
import { type RawDialog, subscribe } from "../support/raw-dialog.ts";
import type { RawMessage } from "../support/raw-message.ts";
import type { RawTransport } from "../support/raw-peer.ts";

/** What a watcher is told: state of the registration, then state and event of each contact. */
function told(notify: RawMessage): string[] {
  const document = Buffer.from(notify.body).toString();
  const registration = /<registration [^>]*state="(\w+)"/.exec(document)?.[1] ?? "nothing";
  const contacts = [...document.matchAll(/<contact [^>]*state="(\w+)" event="(\w+)"/g)];
  return [registration, ...contacts.map(([, state, event]) => `${state} ${event}`)];
}

describeWithPeers("Kamailio with CORE_URI, as a notifier of registrations (RFC 3680)", ["kamailio"], () => {
  const bed = useKamailio({ regEvents: true, minExpiresSeconds: 1 });

  const watch = async (transport: RawTransport, uri: string): Promise<RawDialog> => {
    const watcher = await bed.open(transport, "push");
    watcher.answerAll("200 OK");
    const watching = await subscribe(watcher, { uri, event: "reg", headers: ["Accept: application/reginfo+xml"] });
    expect(watching.response.status).toBe(200);
    return watching;
  };

  it.each(["udp", "tcp", "ws"] as const)("tells a watcher on %s of each change of the bindings", async (transport) => {
    const handset = await bed.open("udp", `watched-${transport}`);
    const watching = await watch(transport, handset.aor);
    const next = async (): Promise<string[]> => told(await watching.next("NOTIFY"));
    expect(await next()).toEqual(["nothing"]);
    await handset.register();
    const registered = await watching.next("NOTIFY");
    expect(registered.value("event")).toBe("reg");
    expect(registered.value("content-type")).toBe("application/reginfo+xml");
    expect(told(registered)).toEqual(["active", "active created"]);
    const document = Buffer.from(registered.body).toString();
    expect(document).toContain(`aor="${handset.aor}"`);
    expect(document).toContain(`<uri>${handset.contact.slice(1, -1)}</uri>`);
    await handset.register();
    expect(await next()).toEqual(["active", "active refreshed"]);
    await handset.register(0);
    expect(await next()).toEqual(["terminated", "terminated unregistered"]);
  });

  it("tells at once of who is registered already, and when its connection closes", async () => {
    const closing = await bed.openRegistered("tcp", "closing");
    const watching = await watch("udp", closing.aor);
    // Nothing: what the registrar said has not yet come to the presence agent.
    let state = told(await watching.next("NOTIFY"));
    if (state[0] === "nothing") state = told(await watching.next("NOTIFY"));
    expect(state[0]).toBe("active");
    closing.close();
    expect(told(await watching.next("NOTIFY"))).toEqual(["terminated"]);
  });

  it("tells of a binding that expires", async () => {
    const expiring = await bed.open("udp", "expiring");
    const watching = await watch("udp", expiring.aor);
    expect(told(await watching.next("NOTIFY"))).toEqual(["nothing"]);
    // Long enough that news of both changes are not under way at a time.
    await expiring.register(3);
    expect(told(await watching.next("NOTIFY"))[0]).toBe("active");
    expect(told(await watching.next("NOTIFY"))[0]).toBe("terminated");
  });

  it("takes nobody's word for who is registered but the registrar's", async () => {
    const liar = await bed.open("udp", "liar");
    const headers = ["Event: reg", "Content-Type: application/reginfo+xml", "Expires: 60"];
    const answer = await liar.request({ method: "PUBLISH", uri: liar.aor, headers, body: Buffer.from("<reginfo/>") });
    expect(answer.status).toBe(403);
  });
});
