import { expect, it } from "vitest";
import { withoutPassword } from "./without-password.ts";

it.each([
  ["sip:alice:secret@example.test", "sip:alice@example.test"],
  ["SIPS:alice:se%40cret@example.test", "SIPS:alice@example.test"],
  ["sip:alice:se@cret@example.test", "sip:alice@example.test"],
  ["WAPPUSH=sip%3Aalice%3Asecret%40example.test", "WAPPUSH=sip%3Aalice%40example.test"],
  ['"sip:alice:secret@example.test" is none', '"sip:alice@example.test" is none'],
  ...[
    "sip:alice@example.test",
    "sip:alice@example.test:5060;transport=udp",
    "sip:[2001:db8::1]:5060",
    "WAPPUSH=fe80::1/TYPE=IPv6@ppg.example.test",
    "tel:+4930",
    "nobody",
    "",
  ].map((text) => [text, text]),
])("%s is told as %s", (text, told) => {
  expect(withoutPassword(text ?? "")).toBe(told);
});

it("is quick about what is meant to keep it busy", () => {
  const text = "sip:a:".repeat(50_000);
  expect(withoutPassword(text)).toBe(text);
});
