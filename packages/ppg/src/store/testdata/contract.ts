import { describeAgents } from "./contract-agents.ts";
import { describeDurability } from "./contract-durability.ts";
import { describeHolding } from "./contract-holding.ts";
import { describeIntake } from "./contract-intake.ts";
import { describeMachine } from "./contract-machine.ts";
import { describeModel } from "./contract-model.ts";
import { describeReplace } from "./contract-replace.ts";
import { describeResults } from "./contract-results.ts";
import { describeWork } from "./contract-work.ts";
import { type MakeDatabase, StoreRig } from "./rig.ts";

/** What every `PpgStore` does. Call it inside `describe`. */
export function describeStore(make: MakeDatabase): void {
  const rig = new StoreRig(make);
  describeIntake(rig);
  describeReplace(rig);
  describeHolding(rig);
  describeWork(rig);
  describeMachine(rig);
  describeResults(rig);
  describeAgents(rig);
  describeModel(rig);
  describeDurability(rig);
}
