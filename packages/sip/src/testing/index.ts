export { type LinkConditions, MemoryNetwork, type Packet } from "./memory-network.ts";
export { seededRandom } from "./random.ts";
export { type Told, TransactionRig } from "./transaction-rig.ts";
export { VirtualClock } from "./virtual-clock.ts";
