import { afterAll, describe, it } from "vitest";
import { findPeer, installLine, type PeerName } from "./peers.ts";
import { stopAllProcesses } from "./process.ts";

/**
 * A suite that needs other people's programs. Without them it is skipped, with the install line in its name; or it
 * fails, when SIP_PUSH_REQUIRE_PEERS=1 says that they ought to be here (as in CI).
 * Whatever the suite started is ended after it, also when a test failed.
 */
export function describeWithPeers(name: string, needed: readonly PeerName[], suite: () => void): void {
  const missing = needed.filter((peer) => findPeer(peer) === undefined);
  if (missing.length === 0) {
    describe(name, () => {
      afterAll(stopAllProcesses);
      suite();
    });
    return;
  }
  const title = `${name} [needs ${missing.join(", ")}: ${installLine(missing)}]`;
  if (process.env["SIP_PUSH_REQUIRE_PEERS"] !== "1") {
    describe.skip(title, suite);
    return;
  }
  describe(title, () => {
    it("finds its peers installed, as SIP_PUSH_REQUIRE_PEERS=1 asks", () => {
      throw new Error(`not installed: ${missing.join(", ")}. ${installLine(missing)}`);
    });
  });
}
