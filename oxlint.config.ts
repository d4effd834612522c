import { defineConfig, type OxlintOverride } from "oxlint";

/**
 * Which of our packages a package may import. Imports point down only (ARCHITECTURE.md); a package without a row may import
 * none of ours. Besides these, `knip` requires a row in the package's own package.json and `tsc -b` one in its references.
 */
const importsAllowed: Record<string, readonly string[]> = {
  sip: [],
  notification: [],
  bodies: [],
  pap: ["bodies"],
  initiator: ["pap"],
  push: ["bodies", "notification", "sip"],
  sender: ["bodies", "notification", "push", "sip"],
  receiver: ["bodies", "notification", "push", "sip"],
  proxy: ["bodies", "sip"],
  ppg: ["bodies", "notification", "pap", "push", "sender", "sip"],
  console: [],
  cli: ["bodies", "console", "initiator", "notification", "pap", "ppg", "proxy", "push", "receiver", "sender", "sip"],
};

/** Packages that do no I/O, with the `node:` modules that they may use all the same. `notification` runs in a browser. */
const nodeModulesAllowed: Record<string, readonly string[]> = {
  notification: [],
  bodies: [],
  pap: [],
  push: ["crypto"],
};

/** `@sip-push/sip/testing` is for tests: links, virtual clocks. */
const testOnlyEntry = "@sip-push/sip/testing";

interface Ban {
  readonly group: string[];
  readonly message: string;
}

const deepImports: Ban[] = [
  {
    group: ["@sip-push/*/**", `!${testOnlyEntry}`],
    message: "Import a package by its name: what its index.ts does not export is private.",
  },
  { group: ["../**/src/**", "../**/dist/**"], message: "Import another package by its name, not by a path." },
];

const restrict = (
  bans: readonly Ban[] = [],
  paths: { name: string; message: string }[] = [],
): NonNullable<OxlintOverride["rules"]> => ({
  "no-restricted-imports": ["error", { paths, patterns: [...deepImports, ...bans] }],
});

const directionBan = (name: string, allowed: readonly string[]): Ban => ({
  group: ["@sip-push/*", ...[...allowed, name].map((each) => `!@sip-push/${each}`)],
  message: `Imports point down only: packages/${name} may import ${allowed.length > 0 ? allowed.join(", ") : "none of our packages"}.`,
});

const nodeBan = (name: string, allowed: readonly string[]): Ban => ({
  group: ["node:*", ...allowed.map((each) => `!node:${each}`)],
  message: `packages/${name} is pure: octets and time come in as arguments.`,
});

const testOnly = { name: testOnlyEntry, message: `${testOnlyEntry} is for tests only.` };

/** Later overrides win, so a package's sources come first and its tests (which may use Node and the test tools) after. */
const packageOverrides: OxlintOverride[] = Object.entries(importsAllowed).flatMap(([name, allowed]) => {
  const direction = directionBan(name, allowed);
  const pure = nodeModulesAllowed[name];
  return [
    {
      files: [`packages/${name}/**`],
      rules: restrict(pure ? [direction, nodeBan(name, pure)] : [direction], [testOnly]),
    },
    {
      files: [`packages/${name}/src/**/*.test.ts`, `packages/${name}/src/**/testdata/**`],
      rules: restrict([direction]),
    },
  ];
});

/** Rules about tests, where "describe" may be conditional on an installed peer, and a message may follow in expect(). */
const vitestRules: NonNullable<OxlintOverride["rules"]> = {
  "vitest/no-focused-tests": "error",
  "vitest/no-conditional-tests": "off",
  "vitest/no-conditional-expect": "off",
  "vitest/no-disabled-tests": "off",
  "vitest/no-standalone-expect": "off", // in afterEach, and in helpers
  "vitest/valid-title": "off",
  "vitest/valid-expect": ["error", { maxArgs: 2 }],
  "vitest/expect-expect": ["error", { assertFunctionNames: ["expect*", "fc.assert", "assert*", "assert.*"] }],
};

/** Helpers build suites out of parameters, which these rules take for mistakes. */
const vitestInHelpers: NonNullable<OxlintOverride["rules"]> = {
  "vitest/expect-expect": "off",
  "vitest/valid-describe-callback": "off",
};

export default defineConfig({
  plugins: ["typescript", "unicorn", "import", "promise", "node", "oxc", "vitest"],
  categories: { correctness: "error", suspicious: "error" },
  ignorePatterns: ["**/dist/**", "**/node_modules/**", ".cache/**", "docker/**"],
  rules: {
    ...restrict(),
    ...vitestRules,
    "max-lines": ["error", { max: 400, skipBlankLines: true, skipComments: true }],
    "no-console": "error",
    "no-var": "error",
    "prefer-const": "error",
    eqeqeq: ["error", "always", { null: "ignore" }],
    "import/no-cycle": "error",
    "unicorn/prefer-node-protocol": "error",
    "import/no-named-as-default-member": "off", // fc.string
    "promise/always-return": "off",
    "typescript/no-misused-spread": ["error", { allow: ["string"] }], // by code points, on purpose
    // A small helper may stand beside its only use; a copy may be sorted, or walked while the original changes.
    "unicorn/consistent-function-scoping": "off",
    "unicorn/no-array-sort": "off",
    "unicorn/no-array-reverse": "off",
    "unicorn/no-useless-spread": "off",
    "eslint/no-unmodified-loop-condition": "off",
    "typescript/no-explicit-any": "error",
    "typescript/no-floating-promises": "error",
    "typescript/no-misused-promises": "error",
    "typescript/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
    // `match[1] as string` after a successful match is how a checked index is written under noUncheckedIndexedAccess.
    "typescript/no-unsafe-type-assertion": "off",
    "typescript/only-throw-error": "error",
    "typescript/prefer-promise-reject-errors": "error",
  },
  overrides: [
    {
      // A package that has no row above.
      files: ["packages/**"],
      rules: restrict([
        { group: ["@sip-push/*"], message: "Give this package a row in importsAllowed (oxlint.config.ts)." },
      ]),
    },
    ...packageOverrides,
    { files: ["packages/cli/**", "scripts/**", "test/**", "**/*.test.ts"], rules: { "no-console": "off" } },
    { files: ["test/support/**", "packages/sip/src/testing/**", "**/testdata/**"], rules: vitestInHelpers },
  ],
});
