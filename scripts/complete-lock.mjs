// Completes package-lock.json after `npm install <package>` (npm run lock).
//
// Tools ship their binaries as optional packages, one for each platform. A registry that mirrors only some of them makes npm
// leave the others out of the lock file, and then `npm ci` refuses the file on every platform. Version and platform of
// each are known from the package that asks for it, so this writes the missing entries down (without an integrity).
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const path = join(resolve(fileURLToPath(import.meta.url), "../.."), "package-lock.json");
const lock = JSON.parse(readFileSync(path, "utf8"));

const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const processors = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"];
const isExact = (version) => /^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version);

/** `@scope/binding-linux-x64-musl` runs on linux, x64, musl. */
const platformOf = (name) => {
  const words = name.split(/[-/]/);
  const os = words.find((word) => systems.includes(word));
  const cpu = words.find((word) => processors.includes(word));
  if (os === undefined || cpu === undefined) return undefined;
  const libc = words.at(-1).startsWith("musl") ? "musl" : words.at(-1).startsWith("gnu") ? "glibc" : undefined;
  return { os: [os], cpu: [cpu], libc: os === "linux" && libc !== undefined ? [libc] : undefined };
};

const added = [];
for (const parent of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const entry = `node_modules/${name}`;
    const platform = platformOf(name);
    if (lock.packages[entry] !== undefined || platform === undefined || !isExact(version)) continue;
    const { os, cpu, libc } = platform;
    lock.packages[entry] = { version, cpu, dev: parent.dev, libc, optional: true, os }; // in npm's own order
    added.push(name);
  }
}

const folders = Object.keys(lock.packages).sort((a, b) => a.localeCompare(b, "en"));
lock.packages = Object.fromEntries(folders.map((folder) => [folder, lock.packages[folder]]));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`package-lock.json: ${added.length} optional packages added\n`);
