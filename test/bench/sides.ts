import { fileURLToPath } from "node:url";
import { freePort } from "../support/free-port.ts";
import { requirePeer } from "../support/peers.ts";
import type { RunningProcess } from "../support/process.ts";
import { waitForTcpPort, waitForUdpPort } from "../support/sip-ping.ts";
import { type Measured, measured, startTimed } from "./measure.ts";

export type Protocol = "udp" | "tcp";
export type Program = "sip-push" | "sipp";

export interface Run {
  readonly protocol: Protocol;
  /** Messages to send. */
  readonly count: number;
  readonly inFlight: number;
  /** Working directory of the programs, for what they leave behind. */
  readonly folder: string;
}

/** A receiver that listens, and ends by itself after `count` messages. */
export interface Receiver {
  readonly port: number;
  readonly process: RunningProcess;
}

const inHere = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const ownSide = inHere("own-side.ts");

/** How to start a receiver, by program. */
export const receivers: Readonly<Record<Program, (run: Run) => Promise<Receiver>>> = {
  "sip-push": async ({ protocol, count, folder }) => {
    const started = startTimed(process.execPath, [ownSide, "receiver", protocol, "0", String(count)], folder);
    const [, port] = await started.waitForOutput(/"listening":(\d+)/);
    return { port: Number(port), process: started };
  },
  sipp: async (run) => {
    const port = await freePort();
    const args = [...(await sippArgs(run, port)), "-sf", inHere("../interop/scenarios/bench-receiver.xml")];
    const started = startTimed(requirePeer("sipp"), args, run.folder);
    const listens = await (run.protocol === "udp" ? waitForUdpPort : waitForTcpPort)({ port, givenUp: started.exited });
    if (!listens) throw started.failure("does not listen");
    return { port, process: started };
  },
};

/** Sends `count` messages; tells how many a second were answered. */
export const senders: Readonly<
  Record<Program, (run: Run, port: number) => Promise<Measured & { readonly ratePerSecond: number }>>
> = {
  "sip-push": async ({ protocol, count, inFlight, folder }, port) => {
    const args = [ownSide, "sender", protocol, String(port), String(count), String(inFlight)];
    const sent = await measured(startTimed(process.execPath, args, folder));
    const result = JSON.parse(sent.stdout) as { ratePerSecond: number; delivered: number };
    if (result.delivered !== count) throw new Error(`our sender delivered ${result.delivered} of ${count}`);
    return { ...sent, ratePerSecond: result.ratePerSecond };
  },
  sipp: async (run, port) => {
    const args = [
      `127.0.0.1:${port}`,
      ...(await sippArgs(run, await freePort())),
      ...["-sf", inHere("../interop/scenarios/bench-sender.xml"), "-key", "request_uri", "sip:bob@127.0.0.1"],
      ...["-r", "200000", "-l", String(run.inFlight)],
    ];
    const sent = await measured(startTimed(requirePeer("sipp"), args, run.folder));
    // The last screen has the cumulative rate: "Call Rate | 0.000 cps | 27824.150 cps".
    const rate = [...sent.stdout.matchAll(/Call Rate\s*\|\s*[\d.]+ cps\s*\|\s*([\d.]+) cps/g)].at(-1)?.[1];
    return { ...sent, ratePerSecond: Math.round(Number(rate)) };
  },
};

async function sippArgs({ protocol, count }: Run, port: number): Promise<string[]> {
  const [media, control] = [String(await freePort()), String(await freePort())];
  return [
    ...[
      "-t",
      protocol === "udp" ? "u1" : "t1",
      "-m",
      String(count),
      "-i",
      "127.0.0.1",
      "-bind_local",
      "-p",
      String(port),
    ],
    ...["-mp", media, "-ci", "127.0.0.1", "-cp", control, "-buff_size", "4194304", "-nostdin"],
  ];
}
