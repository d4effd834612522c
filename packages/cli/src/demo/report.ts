import { type SipUri, serializeListenAddress, serializeUri } from "@sip-push/sip";
import { table } from "../text.ts";
import { aorOf, credentialsOf, DOMAIN, SERVER_ID } from "./cast.ts";
import type { Demo, DemoResult } from "./demo.ts";

/** What the proxy says at start. */
export function describeProxy({ proxy }: Demo): string {
  return `SIP proxy for ${DOMAIN} on ${proxy.listening.map(serializeListenAddress).join(", ")}\n`;
}

/** Two tables, what each handset received and what became of each push, and one line for the whole. */
export function describeResults(results: readonly DemoResult[]): string {
  const received = results.flatMap(handsetRows);
  const ended = results.map(outcomeRow);
  const problems = results.flatMap(({ recipient, problems: each }) =>
    each.map((problem) => `${recipient.name}: ${problem}`),
  );
  const verdict =
    problems.length === 0
      ? `All ${results.length} came out as expected.\n`
      : `Not as expected:\n${problems.map((problem) => `  ${problem}\n`).join("")}`;
  return [
    "\nWhat each handset received\n",
    table([["handset", "over", "ui-mode", "server", "session", "to synchronize", "digest", "answered"], ...received]),
    "\nWhat became of each push\n",
    table([["to", "over", "state", "PAP", "SIP answer", "time"], ...ended]),
    `\n${verdict}`,
  ].join("");
}

/** A row for each datastore to synchronize; the rest stands in the first. */
function handsetRows({ recipient, push }: DemoResult): string[][] {
  if (recipient.over === null) return [];
  const { name, over } = recipient;
  const notification = push?.notification;
  if (push == null || notification == null || !("uiMode" in notification)) return [[name, over, "nothing received"]];
  const { uiMode, serverId, sessionId } = notification;
  const alerts = "syncs" in notification ? notification.syncs : [];
  const syncs = alerts.map(({ syncType, serverUri, contentType }) => `${syncType} ${serverUri} ${contentType ?? ""}`);
  const [first = "all datastores", ...rest] = syncs;
  return [
    [name, over, uiMode, serverId, String(sessionId), first, push.digest, String(push.sipStatus)],
    ...rest.map((sync) => ["", "", "", "", "", sync]),
  ];
}

function outcomeRow({ recipient, outcome }: DemoResult): string[] {
  const { to, messageState, papCode, sipStatus, sipReason, elapsedMs } = outcome;
  const answer = sipStatus === null ? "none" : `${sipStatus} ${sipReason}`;
  return [to, recipient.over ?? "-", messageState, String(papCode), answer, `${elapsedMs} ms`];
}

/** Commands that work as they stand, in another terminal, while the demo runs. */
export function describeNextSteps(demo: Demo): string {
  const udp = argument(demo.proxyUri("UDP"));
  const webSocket = argument(demo.proxyUri("WS"));
  const { password, nonce } = credentialsOf("alice");
  const ds = `--ds-server ${SERVER_ID}`;
  const steps: ReadonlyArray<readonly [what: string, ...lines: readonly string[]]> = [
    [
      "a DS notification to alice, whose handset checks its digest: with another password it answers 403",
      `npx sip-push send --to ${aorOf("alice")} --proxy ${udp} \\`,
      `    ${ds} --ds-sync two-way:./contacts:text/x-vcard --ds-password ${password} --ds-nonce ${nonce}`,
    ],
    [
      "a text to carol, who is behind a WebSocket",
      `echo Hello | npx sip-push send --to ${aorOf("carol")} --proxy ${udp} --file - --content-type text/plain`,
    ],
    [
      "a handset of your own; then, in a third terminal, a push to it",
      `npx sip-push receive --aor ${aorOf("erin")} --proxy ${webSocket}`,
      `npx sip-push send --to ${aorOf("erin")} --proxy ${udp} ${ds} --ds-ui informative`,
    ],
    [
      "JSON to the octets of a notification, and back",
      `echo '{"format":"ds-1.2","serverId":"${SERVER_ID}","sessionId":1,"syncs":[]}' | \\`,
      "    npx sip-push notification encode | npx sip-push notification decode -",
    ],
  ];
  const lines = steps.flatMap(([what, ...commands]) => ["", `# ${what}`, ...commands]);
  return `\nThe handsets stay registered; Ctrl-C ends the demo. In another terminal, in this folder, try:\n${lines.join("\n")}\n\n`;
}

/** As a shell wants it. */
function argument(uri: SipUri): string {
  const text = serializeUri(uri);
  return text.includes(";") ? `'${text}'` : text;
}
