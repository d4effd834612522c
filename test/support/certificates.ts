import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { requirePeer } from "./peers.ts";
import { makeTempFolder } from "./temp-folder.ts";

/** A key and its certificate, as PEM; `ca` is what vouches for it. */
export interface Credentials {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

/** An authority of our own, and the folder that Kamailio's WITH_TLS reads. */
export interface Certificates {
  /** Has ca.pem, and server.pem with server-key.pem for 127.0.0.1, ::1 and example.test. */
  readonly folder: string;
  readonly ca: string;
  /** Makes a key and a certificate for these subject alternative names, such as "URI:sip:push@example.test". */
  issue(subjectAltName: string): Promise<Credentials>;
  remove(): void;
}

const run = promisify(execFile);
const ecKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** Makes an authority with openssl, good for a day, and a server's certificate (RFC 5922 section 7). */
export async function makeCertificates(): Promise<Certificates> {
  const folder = makeTempFolder("certificates");
  const file = (name: string): string => join(folder.path, name);
  const openssl = (...args: string[]): Promise<unknown> => run(requirePeer("openssl"), args, { cwd: folder.path });
  const ca = ["-keyout", "ca-key.pem", "-out", "ca.pem", "-subj", "/CN=SIP Push tests", "-days", "1"];
  await openssl("req", "-x509", ...ecKey, ...ca);
  const issue = async (name: string, subjectAltName: string): Promise<Credentials> => {
    await writeFile(file(`${name}.cnf`), `subjectAltName=${subjectAltName}\n`);
    await openssl("req", ...ecKey, "-keyout", `${name}-key.pem`, "-out", `${name}.csr`, "-subj", "/CN=tests");
    const authority = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-days", "1"];
    await openssl("x509", "-req", "-in", `${name}.csr`, "-out", `${name}.pem`, ...authority, "-extfile", `${name}.cnf`);
    const [key = "", cert = "", root = ""] = await Promise.all(
      [`${name}-key.pem`, `${name}.pem`, "ca.pem"].map((each) => readFile(file(each), "utf8")),
    );
    return { key, cert, ca: root };
  };
  const server = await issue("server", "IP:127.0.0.1,IP:::1,DNS:example.test,URI:sip:example.test");
  let issued = 0;
  return {
    folder: folder.path,
    ca: server.ca,
    issue: (subjectAltName) => issue(`issued-${++issued}`, subjectAltName),
    remove: () => folder.remove(),
  };
}
