import type { IncomingMessage } from "node:http";

/** Octets of a request, as long as they are no more than that. Rejects when the connection ends before the request does. */
export function readBody(request: IncomingMessage, maxOctets: number): Promise<Uint8Array | "too-large"> {
  if (Number(request.headers["content-length"] ?? 0) > maxOctets) return Promise.resolve("too-large");
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let octets = 0;
    request.on("data", (chunk: Buffer) => {
      octets += chunk.length;
      if (octets <= maxOctets) {
        chunks.push(chunk);
        return;
      }
      request.pause();
      chunks.length = 0;
      resolve("too-large");
    });
    request.once("end", () => resolve(Buffer.concat(chunks)));
    request.once("error", reject);
    request.once("close", () => reject(new Error("the request was not finished")));
  });
}
