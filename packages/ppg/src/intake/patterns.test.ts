import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matcherOf } from "./patterns.ts";

describe("patterns", () => {
  it.each([
    ["abc", "abc", true],
    ["abc", "abcd", false],
    ["*", "", true],
    ["a*", "a", true],
    ["a*", "ba", false],
    ["*c", "abc", true],
    ["a*c", "ac", true],
    ["ab*ba", "aba", false],
    ["a*b*c", "a-b-c", true],
    ["a*b*c", "a-c-b", false],
    ["a*bc*c", "abc", false],
    ["**", "x", true],
    ["a.c", "abc", false],
    ["", "", true],
    ["", "x", false],
  ])("%j matches %j: %s", (pattern, text, expected) => {
    expect(matcherOf([pattern])(text)).toBe(expected);
  });

  it("match when one of them does, and nothing when there is none", () => {
    expect(matcherOf(["a", "b*"])("bc")).toBe(true);
    expect(matcherOf([])("")).toBe(false);
  });

  it("mean what the regular expression would", () => {
    const letters = fc.array(fc.constantFrom("a", "b", "*"), { maxLength: 8 }).map((each) => each.join(""));
    const texts = fc.array(fc.constantFrom("a", "b"), { maxLength: 10 }).map((each) => each.join(""));
    fc.assert(
      fc.property(letters, texts, (pattern, text) => {
        const expected = new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(text);
        expect(matcherOf([pattern])(text)).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  it("with many stars look at each character of the text once", () => {
    const text = "a".repeat(100_000);
    expect(matcherOf([`${"*a".repeat(500)}*b`])(text)).toBe(false);
    expect(matcherOf(["a*".repeat(500)])(text)).toBe(true);
  });
});
