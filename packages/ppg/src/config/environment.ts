/** A setting that the environment may give: what its text is read as. */
type Kind = "text" | "number" | "flag" | "list";

/** The simple settings; what has structure, or is secret, stays in the file, and so do bearers, whose names have blanks. Secrets have `{ env: … }`. */
const settings: Readonly<Record<string, Kind>> = {
  name: "text",
  dataDirectory: "text",
  database: "text",
  databaseConnections: "number",
  databaseWaitSeconds: "number",
  domain: "list",
  "http.listen": "list",
  "http.path": "text",
  "http.allowPlain": "flag",
  "http.trustedProxies": "list",
  "http.maxBodyBytes": "number",
  "http.maxConcurrent": "number",
  "http.tls.certificate": "text",
  "http.tls.key": "text",
  "http.tls.clientCa": "text",
  "http.tls.clientCertificates": "text",
  "pap.maxAddresses": "number",
  "pap.maxLifetimeHours": "number",
  "pap.lenient": "flag",
  networks: "list",
  "sip.from": "text",
  "sip.listen": "list",
  "sip.role": "text",
  "sip.proxy": "text",
  "sip.route": "list",
  "sip.contact": "text",
  "sip.identity": "text",
  "sip.servedUser": "text",
  "sip.domain": "text",
  "sip.register": "flag",
  "sip.trusted": "list",
  "sip.chargingVector": "flag",
  "sip.thirdPartyRegister": "flag",
  "sip.acceptContact": "text",
  "sip.allowOverlap": "flag",
  "sip.maxInFlight": "number",
  "sip.capabilities.query": "flag",
  "sip.capabilities.presence": "flag",
  "sip.subscriptions.requireAsserted": "flag",
  "sip.subscriptions.maxExpiresSeconds": "number",
  "sip.subscriptions.maxSubscriptions": "number",
  "sip.tls.certificate": "text",
  "sip.tls.key": "text",
  "sip.tls.ca": "text",
  "delivery.concurrency": "number",
  "delivery.perDestination": "number",
  "delivery.leaseSeconds": "number",
  "delivery.reportTimeoutSeconds": "number",
  "results.concurrency": "number",
  "results.timeoutSeconds": "number",
  "results.giveUpAfterHours": "number",
  "results.ca": "text",
  "results.privateAddresses": "flag",
  "retention.finishedDays": "number",
  operation: "text",
  shutdownSeconds: "number",
  log: "text",
};

/** `http.maxBodyBytes` -> `SIP_PUSH_HTTP_MAX_BODY_BYTES`. */
function variableOf(path: string): string {
  return `SIP_PUSH_${path.replaceAll(".", "_").replace(/[A-Z]/g, "_$&").toUpperCase()}`;
}

/** The variables that a gateway reads, by the path of the setting. */
export const environmentVariables: Readonly<Record<string, string>> = Object.fromEntries(
  Object.keys(settings).map((path) => [path, variableOf(path)]),
);

/** The settings of the file with those of the environment in their place. */
export interface Overridden {
  readonly value: unknown;
  /** Name of the variable that gave a setting, by path. */
  readonly variables: ReadonlyMap<string, string>;
}

/** Environment over file. What is not a mapping where one is needed stays, to be reported. */
export function withEnvironment(file: unknown, env: Readonly<Record<string, string | undefined>>): Overridden {
  const value = structuredClone(file);
  const variables = new Map<string, string>();
  for (const [path, kind] of Object.entries(settings)) {
    const variable = variableOf(path);
    const text = env[variable];
    if (text === undefined || text === "") continue;
    if (put(value, path.split("."), readAs[kind](text))) variables.set(path, variable);
  }
  return { value, variables };
}

/** What is no number, or neither true nor false, stays text and is reported as that. */
const readAs: Readonly<Record<Kind, (text: string) => unknown>> = {
  text: (text) => text,
  number: (text) => (/^[0-9]{1,15}(?:\.[0-9]{1,9})?$/.test(text) ? Number(text) : text),
  flag: (text) => ({ true: true, "1": true, false: false, "0": false })[text] ?? text,
  list: (text) => text.trim().split(/\s+/),
};

function put(target: unknown, [key = "", ...rest]: readonly string[], value: unknown): boolean {
  if (typeof target !== "object" || target === null || Array.isArray(target)) return false;
  const settingsOfIt = target as Record<string, unknown>;
  if (rest.length === 0) {
    settingsOfIt[key] = value;
    return true;
  }
  settingsOfIt[key] ??= {};
  return put(settingsOfIt[key], rest, value);
}
