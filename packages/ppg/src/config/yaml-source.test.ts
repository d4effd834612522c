import { describe, expect, it } from "vitest";
import { YamlSource } from "./yaml-source.ts";

describe("a text that cannot be settings", () => {
  it("has aliases that grow without end", () => {
    const names = "abcdefgh".split("");
    const lines = names.map(
      (name, at) => `${name}: &${name} ${at === 0 ? "[1]" : `[*${names[at - 1]}, *${names[at - 1]}]`}`,
    );
    const { value, problems } = new YamlSource(lines.join("\n"));
    expect(value).toBeUndefined();
    expect(problems).toMatchObject([{ line: null, problem: expect.stringContaining("aliases") }]);
  });

  it("has a second document, or a setting twice", () => {
    expect(new YamlSource("---\nname: a\n---\nname: b\n").problems).toMatchObject([
      { line: 3, problem: "a second document begins here (---); the settings must be one" },
    ]);
    expect(new YamlSource("name: a\nname: b\n").problems).toMatchObject([
      { line: 2, problem: "a setting of this name is there already" },
    ]);
  });
});
