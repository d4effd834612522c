/**
 * MESSAGE -> 200 on loopback, side by side with SIPp in the same run:
 *
 *   npm run bench -- [--runs 5] [--count 200000] [--in-flight 128] [--protocol udp|tcp] [--json FILE]
 *
 * Every pairing runs once per round, so that a machine whose speed drifts treats all alike; medians are printed. CPU is
 * of the whole process, its start included.
 */
import { writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { makeTempFolder } from "../support/temp-folder.ts";
import { measured } from "./measure.ts";
import { type Program, type Protocol, receivers, senders } from "./sides.ts";

interface Sample {
  readonly ratePerSecond: number;
  /** CPU seconds per 10,000 messages. */
  readonly senderCpu: number;
  readonly receiverCpu: number;
}

interface Row extends Sample {
  readonly protocol: Protocol;
  readonly sender: Program;
  readonly receiver: Program;
  /** Against SIPp to SIPp over the same protocol. */
  readonly rateRatio: number;
  readonly senderCpuRatio: number;
  readonly receiverCpuRatio: number;
  readonly samples: readonly Sample[];
}

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    count: { type: "string", default: "200000" },
    "in-flight": { type: "string", default: "128" },
    protocol: { type: "string", multiple: true, default: ["udp", "tcp"] },
    json: { type: "string" },
  },
});
const [runs, count, inFlight] = [Number(values.runs), Number(values.count), Number(values["in-flight"])];
const pairings: ReadonlyArray<readonly [sender: Program, receiver: Program]> = [
  ["sipp", "sipp"],
  ["sip-push", "sipp"],
  ["sipp", "sip-push"],
  ["sip-push", "sip-push"],
];
const cases = (values.protocol as Protocol[]).flatMap((protocol) =>
  pairings.map(([sender, receiver]) => ({ protocol, sender, receiver, samples: [] as Sample[] })),
);

for (let round = 1; round <= runs; round++) {
  for (const each of cases) {
    each.samples.push(await measure(each.sender, each.receiver, each.protocol));
    process.stderr.write(`round ${round}/${runs}  ${each.protocol}  ${each.sender} -> ${each.receiver}\n`);
  }
}

const rows = cases.map(summarize);
process.stdout.write(render(rows));
if (values.json !== undefined) {
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };
  await writeFile(values.json, `${JSON.stringify({ machine, runs, count, inFlight, rows }, null, 2)}\n`);
}

async function measure(sender: Program, receiver: Program, protocol: Protocol): Promise<Sample> {
  const folder = makeTempFolder("bench");
  const run = { protocol, count, inFlight, folder: folder.path };
  const { port, process: receiving } = await receivers[receiver](run);
  try {
    const sent = await senders[sender](run, port);
    const received = await measured(receiving);
    const per10k = 10_000 / count;
    return {
      ratePerSecond: sent.ratePerSecond,
      senderCpu: sent.cpuSeconds * per10k,
      receiverCpu: received.cpuSeconds * per10k,
    };
  } finally {
    await receiving.stop();
    folder.remove();
  }
}

function summarize({ protocol, sender, receiver, samples }: (typeof cases)[number]): Row {
  const base = cases.find((each) => each.protocol === protocol && each.sender === "sipp" && each.receiver === "sipp");
  const of = (key: keyof Sample, from: readonly Sample[] = samples): number =>
    median(from.map((sample) => sample[key]));
  const ratio = (key: keyof Sample): number => of(key) / of(key, base?.samples);
  return {
    protocol,
    sender,
    receiver,
    ratePerSecond: of("ratePerSecond"),
    senderCpu: of("senderCpu"),
    receiverCpu: of("receiverCpu"),
    rateRatio: ratio("ratePerSecond"),
    senderCpuRatio: ratio("senderCpu"),
    receiverCpuRatio: ratio("receiverCpu"),
    samples,
  };
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

function render(all: readonly Row[]): string {
  const head = [
    "",
    "sender",
    "receiver",
    "msg/s",
    "x SIPp",
    "sender CPU s/10k",
    "x SIPp",
    "receiver CPU s/10k",
    "x SIPp",
  ];
  const lines = all.map((row) => [
    row.protocol,
    row.sender,
    row.receiver,
    String(Math.round(row.ratePerSecond)),
    row.rateRatio.toFixed(2),
    row.senderCpu.toFixed(3),
    row.senderCpuRatio.toFixed(2),
    row.receiverCpu.toFixed(3),
    row.receiverCpuRatio.toFixed(2),
  ]);
  const markdown = [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`);
  return `${markdown.join("\n")}\n`;
}
