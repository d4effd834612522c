import { defineConfig } from "vitest/config";

// Packages resolve to their sources under this condition, so tests need no build. Not "module": Node itself does not take what
// @opentelemetry/api has there.
const conditions = ["@sip-push/source", "node"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: [
      "packages/*/src/**/*.test.ts",
      "scripts/**/*.test.ts",
      "test/{conformance,e2e,interop,fuzz}/**/*.test.ts",
    ],
    reporters: ["default", "./test/support/skipped-reporter.ts"],
    pool: "forks",
    maxWorkers: 2,
    // These end what hangs; how fast something is, is for the benchmarks. A machine may be busy, and tests start programs.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 15_000 } },
    teardownTimeout: 5_000,
    retry: 0,
    restoreMocks: true,
    unstubEnvs: true,
  },
});
