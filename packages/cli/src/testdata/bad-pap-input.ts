const to = ["--to", "sip:alice@example.test"];
const ds = ["--ds-server", "ds.example.test"];
/** Nobody is asked, so nobody needs to be there. */
const ppg = ["--ppg", "http://127.0.0.1:9/pap"];
const push = ["push", ...to, ...ds, ...ppg];

/** Stands for an address and port that somebody else listens on. */
export const TAKEN_HOST_PORT: string = "<taken host and port>";

/** As `badInput`, for the commands that speak PAP. */
export const badPapInput: ReadonlyArray<readonly [args: readonly string[], says: string]> = [
  [
    ["push"],
    "--to: is required; --ppg: is required; --file: give a file to push, or --ds-server for a DS notification",
  ],
  [["push", ...to, ...ds, "--ppg", "ppg"], "--ppg: is no http: or https: URL"],
  [
    ["push", ...to, "--ppg", "ppg", "--user", "calendar"],
    "--ppg: is no http: or https: URL; --file: give a file to push, or --ds-server for a DS notification; --password: is required with --user",
  ],
  [["push", ...to, ...ds, "--ppg", "http://a:b@127.0.0.1:9/"], "--ppg: has a user or a password in it"],
  [["push", "--to", "", ...ds, ...ppg], "--to: is empty"],
  [[...push, "--push-id", " "], "--push-id: must have 1 to 255 characters"],
  [[...push, "--priority", "urgent"], "--priority: must be one of high, medium, low"],
  [
    [...push, "--method", "certified"],
    "--method: must be one of confirmed, preferconfirmed, unconfirmed, notspecified",
  ],
  [
    [...push, "--deliver-before", "tomorrow"],
    '--deliver-before: "tomorrow" is no time; write 2026-11-21T17:30:00Z or +',
  ],
  [[...push, "--deliver-before", "+10", "--deliver-after", "+20"], "--deliver-before: is not after --deliver-after"],
  [[...push, "--replace-method", "all"], "--replace: is required with --replace-method"],
  [[...push, "--replace", "0@pi", "--pap-version", "1.0"], "--replace: "],
  [[...push, "--network-required"], "--network: is required with --network-required"],
  [[...push, "--bearer-required"], "--bearer: is required with --bearer-required"],
  [[...push, "--notify-listen", "127.0.0.1:0"], "--watch: is required with --notify-listen"],
  [[...push, "--watch", "--notify-listen", "x y"], '--notify-listen: "x y" is no address; write 127.0.0.1:8090'],
  [[...push, "--watch", "--notify-listen", TAKEN_HOST_PORT], "--notify-listen: the port is in use"],
  [
    [...push, "--watch", "--notify-listen", "0.0.0.0:0"],
    "--notify-url: is required: --notify-listen says no address to call",
  ],
  [[...push, "--notify-url", "here"], "--notify-url: must be an http: or https: URL"],
  [[...push, "--watch", "0"], "--watch: must be a whole number from 1 to 2147483647"],
  [[...push, "--user", "calendar"], "--password: is required with --user"],
  [[...push, "--password", "secret"], "--user: is required with --password"],
  [[...push, "--user", "a:b", "--password", "c"], "--user: has a colon or a control character"],
  [[...push, "--user", "a", "--password", "b", "--token", "c"], "--token: give this or --user, not both"],
  [[...push, "--token", "a b"], "--token: is no bearer token"],
  [[...push, "--cert", "server.crt"], "--key: is required with --cert"],
  [[...push, "--ca", "nowhere.pem"], "--ca: nowhere.pem: no such file"],
  [[...push, "--pap-version", "3.0"], "--pap-version: must be one of 2.1, 2.0, 1.0"],
  [["status"], "missing required argument 'push-id'"],
  [["status", "1@pi"], "--ppg: is required"],
  [["cancel"], "missing required argument 'push-id'"],
  [["cancel", "1@pi", "--to", "", ...ppg], "--to: is empty"],
  [["capabilities", ...ppg], "--to: is required"],
  [["capabilities", ...to, "--app", '"', ...ppg], "--app: "],
];
