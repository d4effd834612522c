// Sets the workspace up when it needs it, then runs a task on the workspace's own Node 24:
//   node scripts/setup.mjs <task> [arguments for the task]
// It runs on a bare clone, so it imports nothing but Node's own modules and keeps to what Node 20 has.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(fileURLToPath(import.meta.url), "../..");
const at = (...path) => join(root, ...path);

const tsc = [at("node_modules/typescript/bin/tsc"), "-b"];
const packages = at("packages/cli"); // it references all others
const consoleAt = (...path) => at("packages/console", ...path);
const biome = [at("node_modules/@biomejs/biome/bin/biome"), "check"];

/** `build`: the task needs dist/. `run`: what Node runs then. */
const tasks = {
  demo: { build: true, run: [at("packages/cli/dist/main.js"), "demo"] },
  test: { build: true, run: [at("node_modules/vitest/vitest.mjs"), "run"] },
  bench: { build: true, run: [at("test/bench/main.ts")] },
  "bench-ppg": { build: true, run: [at("test/bench/ppg.ts")] },
  build: { build: true, run: ["--eval", ""] },
  check: { build: false, run: [at("scripts/check.mjs")] },
  format: { build: false, run: [...biome, "--write"] },
};

const say = (text) => process.stderr.write(`${text}\n`);
const since = (startMs) => `${((performance.now() - startMs) / 1000).toFixed(1)} s`;

/** A failed set-up: the message is all that a person needs to see. */
class SetupError extends Error {}

let child;
const running = (command, args, options) =>
  new Promise((done, fail) => {
    let output = "";
    child = spawn(command, args, { cwd: root, ...options });
    child.stdout?.on("data", (chunk) => (output += chunk));
    child.stderr?.on("data", (chunk) => (output += chunk));
    child.once("error", fail);
    child.once("close", (code, signal) => {
      child = undefined;
      done({ code, signal, output });
    });
  });

// A terminal gives Ctrl-C to the whole process group, so the child has it already; other senders signal this process only.
const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
let stopping = false;
for (const [signal, code] of Object.entries(signals)) {
  process.on(signal, () => {
    stopping = true;
    if (child === undefined) process.exit(code);
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  });
}

// A signal sent to npm alone ends the shell between npm and this process, which passes nothing on: so watch for that.
const parent = process.ppid;
const watch = setInterval(() => {
  if (process.ppid === parent || stopping) return;
  stopping = true;
  child?.kill("SIGTERM");
}, 250);
watch.unref();

const stamp = at("node_modules/.sip-push-setup");
const lockHash = () =>
  createHash("sha256")
    .update(readFileSync(at("package-lock.json")))
    .digest("hex");

/** Whether what npm says it has installed is what the lock file asks for: so after a developer's own `npm install`. */
const agreesWithLock = () => {
  const installed = at("node_modules/.package-lock.json");
  if (!existsSync(installed)) return false;
  const present = JSON.parse(readFileSync(installed, "utf8")).packages;
  const wanted = JSON.parse(readFileSync(at("package-lock.json"), "utf8")).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith("node_modules/")) return true;
    const found = present[path];
    if (found === undefined) return entry.optional === true;
    return found.version === entry.version && found.integrity === entry.integrity;
  });
};

const bundledNode = at("node_modules/node/bin", process.platform === "win32" ? "node.exe" : "node");
const runs = (node) => existsSync(node) && spawnSync(node, ["--version"]).status === 0;

async function install() {
  const hash = lockHash();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === hash && existsSync(bundledNode)) return;
  if (!agreesWithLock() || !existsSync(bundledNode)) {
    const startMs = performance.now();
    say("Setting up: installing dependencies (about half a minute) ...");
    // Started through npm, npm says where it is; the flags hold whatever the user's own npm settings are.
    const npm = process.env.npm_execpath;
    const args = [
      "ci",
      "--include=dev",
      "--include=optional",
      "--engine-strict=false",
      "--no-audit",
      "--no-fund",
      "--loglevel=error",
    ];
    const { code, signal, output } = npm?.endsWith("npm-cli.js")
      ? await running(process.execPath, [npm, ...args], { stdio: ["ignore", "pipe", "pipe"] })
      : await running("npm", args, { stdio: ["ignore", "pipe", "pipe"], shell: process.platform === "win32" });
    if (signal !== null) process.exit(signals[signal] ?? 1);
    if (code !== 0) throw new SetupError(`${output}\nSet-up failed: npm ci ended with ${code}, see above.`);
    say(`Installed dependencies in ${since(startMs)}.`);
  }
  writeFileSync(stamp, hash);
}

/** The workspace's Node 24; where it does not run (musl, an odd processor), the machine's own if that is new enough. */
function chooseNode() {
  if (runs(bundledNode)) return bundledNode;
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 19)) return process.execPath;
  throw new SetupError(
    `The bundled Node 24 does not run here: install Node 22.19 or newer (this is ${process.version}).`,
  );
}

/** What the page of the console is built of. */
function consoleHash() {
  const hash = createHash("sha256").update(lockHash());
  const sources = readdirSync(consoleAt("src"), { recursive: true }).map((name) => join("src", name));
  for (const name of ["index.html", "vite.config.ts", ...sources.sort()]) {
    if (statSync(consoleAt(name)).isFile()) hash.update(`\0${name}\0`).update(readFileSync(consoleAt(name)));
  }
  return hash.digest("hex");
}

async function buildConsole(node) {
  const builtOf = consoleAt("dist/.built-of");
  const hash = consoleHash();
  if (existsSync(builtOf) && readFileSync(builtOf, "utf8") === hash) return;
  await buildStep(node, [at("node_modules/vite/bin/vite.js"), "build", consoleAt()]);
  writeFileSync(builtOf, hash);
}

async function buildStep(node, args) {
  const { code, signal, output } = await running(node, args, { stdio: ["ignore", "pipe", "pipe"] });
  if (signal !== null) process.exit(signals[signal] ?? 1);
  if (code !== 0) throw new SetupError(`${output}\nThe build failed, see above.`);
}

async function build(node) {
  const startMs = performance.now();
  await buildStep(node, [...tsc, packages]);
  await buildConsole(node);
  if (performance.now() - startMs > 1000) say(`Built in ${since(startMs)}.`);
}

async function main([name, ...args]) {
  const task = tasks[name];
  if (task === undefined)
    throw new SetupError(`Usage: node scripts/setup.mjs ${Object.keys(tasks).join("|")} [arguments]`);
  await install();
  const node = chooseNode();
  if (task.build) await build(node);
  const PATH = [resolve(node, ".."), at("node_modules/.bin"), process.env.PATH].join(delimiter);
  const env = { ...process.env, PATH };
  const { code, signal } = await running(node, [...task.run, ...args], { stdio: "inherit", env });
  return code ?? signals[signal] ?? 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
