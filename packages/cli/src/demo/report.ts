import { type SipUri, serializeListenAddress, serializeUri } from "@sip-push/sip";
import { table } from "../text.ts";
import { aorOf, cast, credentialsOf, DOMAIN, initiator, SERVER_ID } from "./cast.ts";
import { coreUri } from "./core.ts";
import type { Demo, DemoResult } from "./demo.ts";

/** What is said at start: where everything is. */
export function describePlaces({ core, ppg }: Demo): string {
  const { user, password } = initiator;
  const places = [
    ["Push gateway", `PAP at ${ppg.pap}; health and metrics at ${ppg.gateway.operation}`],
    ["Console", `${ppg.console} (user ${user}, password ${password})`],
    ["SIP proxy", `for ${DOMAIN} on ${core.listening.map(serializeListenAddress).join(", ")}`],
  ] as const;
  return places.map(([what, where]) => `${what.padEnd(13)} ${where}\n`).join("");
}

/** Two tables, what each handset received and what became of each push, and one line for the whole. */
export function describeResults(results: readonly DemoResult[]): string {
  const problems = results.flatMap(({ recipient, problems: each }) =>
    each.map((problem) => `${recipient.name}: ${problem}`),
  );
  const verdict =
    problems.length === 0
      ? `All ${results.length} came out as expected.\n`
      : `Not as expected:\n${problems.map((problem) => `  ${problem}\n`).join("")}`;
  const received = ["handset", "over", "ui-mode", "server", "session", "to synchronize", "digest", "answered"];
  const became = ["to", "over", "method", "SIP answer", "told the initiator", "PAP", "time"];
  return [
    "\nWhat each handset received\n",
    table([received, ...results.flatMap(handsetRows)]),
    "\nWhat became of each push\n",
    table([became, ...results.map(outcomeRow)]),
    `\n${verdict}`,
  ].join("");
}

/** A row for each datastore to synchronize; the rest stands in the first. */
function handsetRows({ recipient, received }: DemoResult): string[][] {
  if (recipient.over === null) return [];
  const { name, over } = recipient;
  const notification = received?.notification;
  if (received == null || notification == null || !("uiMode" in notification))
    return [[name, over, "nothing received"]];
  const { uiMode, serverId, sessionId } = notification;
  const alerts = "syncs" in notification ? notification.syncs : [];
  const syncs = alerts.map(({ syncType, serverUri, contentType }) => `${syncType} ${serverUri} ${contentType ?? ""}`);
  const [first = "all datastores", ...rest] = syncs;
  return [
    [name, over, uiMode, serverId, String(sessionId), first, received.digest, String(received.sipStatus)],
    ...rest.map((sync) => ["", "", "", "", "", sync]),
  ];
}

function outcomeRow({ push, recipient, outcome }: DemoResult): string[] {
  const { to, messageState, papCode, sipStatus, sipReason, elapsedMs } = outcome;
  const answer = sipStatus === null ? "none" : `${sipStatus} ${sipReason}`;
  const told = messageState ?? "nothing";
  return [to, recipient.over ?? "-", push.method, answer, told, String(papCode ?? "-"), `${elapsedMs} ms`];
}

/**
 * Commands that work as they stand, in another terminal, while the demo runs.
 *
 * @param pushId a push of the demo, to ask about.
 */
export function describeNextSteps(demo: Demo, pushId: string): string {
  const udp = argument(coreUri(demo.core, "UDP"));
  const webSocket = argument(coreUri(demo.core, "WS"));
  const { password, nonce } = credentialsOf(cast[0]?.account ?? "");
  const gateway = `--ppg ${demo.ppg.pap} --user ${initiator.user} --password ${initiator.password}`;
  const ds = `--ds-server ${SERVER_ID}`;
  const steps: ReadonlyArray<readonly [what: string, ...lines: readonly string[]]> = [
    [
      "a DS notification to alice through the gateway; her handset checks its digest: with another password it answers 403",
      `npx sip-push push --to ${aorOf("alice")} ${gateway} \\`,
      `    ${ds} --ds-sync two-way:./contacts:text/x-vcard --ds-password ${password} --ds-nonce ${nonce} \\`,
      "    --method confirmed --watch",
    ],
    ["what became of a push of the demo", `npx sip-push status ${pushId} ${gateway}`],
    [
      "a text to carol, who is behind a WebSocket, without the gateway",
      `echo Hello | npx sip-push send --to ${aorOf("carol")} --proxy ${udp} --file - --content-type text/plain`,
    ],
    [
      "a handset of your own; then, in a third terminal, a push to it",
      `npx sip-push receive --aor ${aorOf("erin")} --proxy ${webSocket}`,
      `npx sip-push push --to ${aorOf("erin")} ${gateway} ${ds} --watch`,
    ],
    [
      "JSON to the octets of a notification, and back",
      `echo '{"format":"ds-1.2","serverId":"${SERVER_ID}","sessionId":1,"syncs":[]}' | \\`,
      "    npx sip-push notification encode | npx sip-push notification decode -",
    ],
  ];
  const lines = steps.flatMap(([what, ...commands]) => ["", `# ${what}`, ...commands]);
  return `\nAll of it stays up, the pushes are in the console; Ctrl-C ends the demo. In another terminal, in this folder, try:\n${lines.join("\n")}\n\n`;
}

/** As a shell wants it. */
function argument(uri: SipUri): string {
  const text = serializeUri(uri);
  return text.includes(";") ? `'${text}'` : text;
}
