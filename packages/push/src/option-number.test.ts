import { describe, expect, it } from "vitest";
import { checkNumbers } from "./option-number.ts";

const ranges = { waitMs: {}, share: { max: 1 }, seconds: { min: 1, max: 9, integer: true } };

describe("numbers among options", () => {
  it("may be left out, or be in their range", () => {
    expect(() => checkNumbers({}, ranges)).not.toThrow();
    expect(() => checkNumbers({ waitMs: Number.POSITIVE_INFINITY, share: 0.5, seconds: 9 }, ranges)).not.toThrow();
  });

  it.each([
    [{ waitMs: Number.NaN }, "retry.waitMs: must be a number from 0, not NaN"],
    [{ waitMs: -1 }, "retry.waitMs: must be a number from 0, not -1"],
    [{ share: 1.1 }, "retry.share: must be a number from 0 to 1, not 1.1"],
    [{ seconds: 1.5 }, "retry.seconds: must be an integer from 1 to 9, not 1.5"],
    [{ seconds: 0 }, "retry.seconds: must be an integer from 1 to 9, not 0"],
  ])("%j is refused in one line naming the option", (options, message) => {
    expect(() => checkNumbers(options, ranges, "retry.")).toThrow(
      expect.objectContaining({ code: "PUSH_BAD_OPTION", message }),
    );
  });
});
