// A process that submits and finishes pushes as fast as it can, until it is killed; a line for each push-id that the store
// acknowledged. Arguments: `sqlite <directory>` or `postgres <connection string>`, and the prefix of its push-ids.
import { writeSync } from "node:fs";
import { openStore } from "./open-store.ts";
import { claimAs, outcome, submission, t0 } from "./pushes.ts";

const [kind = "", where = "", prefix = ""] = process.argv.slice(2);
const store = await openStore(kind, where);
const sleeping = new Int32Array(new SharedArrayBuffer(4));

/** Out of this process when it returns, so that a kill leaves it; waits while whoever reads it is busy. */
function say(line: string): void {
  for (let left = Buffer.from(`${line}\n`); left.length > 0; ) {
    try {
      left = left.subarray(writeSync(1, left));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(sleeping, 0, 0, 1);
    }
  }
}

async function submitAll(lane: number): Promise<never> {
  for (let n = 0; ; n++) {
    const pushId = `${prefix}-${lane}-${n}`;
    const [result] = await store.submit([submission(pushId, { notifyUrl: "http://pi.example.com/" })], t0);
    if (result?.result === "accepted") say(`accepted ${pushId}`);
  }
}

async function deliverAll(): Promise<never> {
  for (;;) {
    const claimed = await store.claim(claimAs(prefix, t0, 20));
    const results = await store.advance(claimed.map((each) => outcome(each)));
    for (const [index, { content }] of claimed.entries())
      if (results[index]?.result === "done") say(`delivered ${content.pushId}`);
  }
}

await Promise.all([deliverAll(), ...Array.from({ length: 8 }, (_, lane) => submitAll(lane))]);
