import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { requirePeer } from "./peers.ts";
import { startProcess } from "./process.ts";
import { makeTempFolder } from "./temp-folder.ts";

export interface SipsakResult {
  /** 0: a 2xx came; 1: another answer; 2 and 3: could not run, or nobody answered. */
  readonly exitCode: number | null;
  /** What sipsak printed: with -vvv the request and the answers. */
  readonly output: string;
}

/** Runs sipsak to its end. */
async function runSipsak(args: readonly string[], timeoutMs = 10_000): Promise<SipsakResult> {
  const process = startProcess({ command: requirePeer("sipsak"), args });
  try {
    const { code } = await process.waitForExit(timeoutMs);
    return { exitCode: code, output: process.output };
  } finally {
    await process.stop();
  }
}

/** OPTIONS to a URI such as sip:user@127.0.0.1:45060. */
export function sipsakOptions(uri: string): Promise<SipsakResult> {
  return send("OPTIONS", uri, ["Accept: text/plain"], "");
}

/** MESSAGE with a text body to a URI such as sip:user@127.0.0.1:45060. */
export function sipsakMessage(uri: string, text: string): Promise<SipsakResult> {
  return send("MESSAGE", uri, ["Content-Type: text/plain"], text);
}

/**
 * sipsak 0.9.8.1 loses the last digit of a five digit port in the Request-URI that it writes itself, and `-M -B` ends
 * with a segmentation fault. So the request comes from a file, in which sipsak only adds its Via.
 */
async function send(method: string, uri: string, headers: readonly string[], body: string): Promise<SipsakResult> {
  const folder = makeTempFolder("sipsak");
  const file = join(folder.path, "request.sip");
  const lines = [
    `${method} ${uri} SIP/2.0`,
    "Max-Forwards: 70",
    "From: <sip:sipsak@example.test>;tag=sipsak",
    `To: <${uri}>`,
    `Call-ID: ${folder.path.split("-").at(-1)}@sipsak`,
    `CSeq: 1 ${method}`,
    ...headers,
    `Content-Length: ${Buffer.byteLength(body)}`,
    "",
    body,
  ];
  try {
    await writeFile(file, lines.join("\r\n"));
    // -L: the file has its CRs already.
    return await runSipsak(["-vvv", "-L", "-f", file, "-s", uri]);
  } finally {
    folder.remove();
  }
}
