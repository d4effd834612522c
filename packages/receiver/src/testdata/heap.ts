import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");

const collect = runInNewContext("gc") as () => void;

/** Octets in use once nothing is left that is garbage. */
export function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}
