import type { Reporter, TestModule, TestSuite } from "vitest/node";

/** Says by name which suites were left out, and so how to install what they need: the default reporter only counts them. */
export default class SkippedReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) => [...module.children.suites()].flatMap(skippedSuites));
    if (skipped.length === 0) return;
    process.stdout.write("\nSkipped:\n");
    for (const suite of skipped) {
      const count = [...suite.children.allTests()].length;
      process.stdout.write(`  ${suite.module.relativeModuleId}: ${suite.name} (${count} tests)\n`);
    }
  }
}

/** The outermost suites of which nothing ran. */
function skippedSuites(suite: TestSuite): TestSuite[] {
  return suite.state() === "skipped" ? [suite] : [...suite.children.suites()].flatMap(skippedSuites);
}
