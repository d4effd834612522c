import { expect, it } from "vitest";
import { duration } from "./duration.ts";

const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];

it.each([
  [0, "0 ms"],
  [999, "999 ms"],
  [4_210, "4.2 s"],
  [59_999, "59.9 s"],
  [90_000, "1 min 30 s"],
  [HOUR - 1, "59 min 59 s"],
  [HOUR, "1 h"],
  [2 * HOUR + 5 * MINUTE + 59_999, "2 h 5 min"],
  [DAY - 1, "23 h 59 min"],
  [DAY + 5 * MINUTE, "1 d"],
  [7 * DAY, "7 d"],
  [10 * DAY + 3 * HOUR, "10 d 3 h"],
])("%i ms is %s", (ms, text) => {
  expect(duration(ms)).toBe(text);
});
