import { VirtualClock } from "@sip-push/sip/testing";
import { describe, expect, it } from "vitest";
import { CapabilityBook } from "./capabilities/index.ts";
import { CapabilityQuestions, type CapabilityQuestionsOptions } from "./capability-questions.ts";

const BOB = "sip:bob@home.test";

function open(options: Partial<CapabilityQuestionsOptions> = {}) {
  const clock = new VirtualClock();
  const book = new CapabilityBook({ clock });
  const asked: string[] = [];
  const answers: Array<() => void> = [];
  const questions = new CapabilityQuestions({
    clock,
    book,
    query: (recipient) => {
      asked.push(recipient);
      return new Promise<void>((resolve) => void answers.push(resolve));
    },
    ...options,
  });
  return { clock, book, asked, answers, questions };
}

describe("questions about recipients", () => {
  it("are asked once for all who want to know, whatever the spelling of the address", async () => {
    const { questions, asked, answers } = open();
    const all = [BOB, "sips:bob@HOME.test", `${BOB};transport=tcp`].map((uri) => questions.ask(uri, null));
    expect([asked, questions.size]).toEqual([[BOB], 1]);
    answers[0]?.();
    await Promise.all(all);
    expect(questions.size).toBe(0);
  });

  it("are not asked again for five minutes, unless the one before is still under way", async () => {
    const { clock, questions, answers } = open();
    const asked = questions.ask(BOB, null);
    expect(questions.mayAsk(BOB)).toBe(true);
    answers[0]?.();
    await asked;
    expect(questions.mayAsk(BOB)).toBe(false);
    await clock.advance(299_999);
    expect(questions.mayAsk(BOB)).toBe(false);
    await clock.advance(1);
    expect(questions.mayAsk(BOB)).toBe(true);
  });

  it("are not asked about who is known, nor about what names no user", () => {
    const { questions, book } = open();
    book.registered({
      kind: "registered",
      aor: BOB,
      source: "third-party",
      contacts: [
        {
          uri: "sip:bob@192.0.2.9",
          instance: null,
          publicGruu: null,
          params: [],
          pn: null,
          applications: ["push.syncml"],
          expiresSeconds: 60,
          registeredSeconds: null,
          callId: null,
          cseq: null,
        },
      ],
      expiresSeconds: 60,
      fresh: true,
    });
    expect([BOB, "sip:home.test", "sip:carol@home.test"].map((uri) => questions.mayAsk(uri))).toEqual([
      false,
      false,
      true,
    ]);
  });

  it("are bounded: past the limit pushes go without, but join one that is under way", () => {
    const { questions } = open({ maxQuestions: 1 });
    void questions.ask(BOB, null);
    expect([BOB, "sip:carol@home.test"].map((uri) => questions.mayAsk(uri))).toEqual([true, false]);
  });

  it("are forgotten past the limit, the oldest first", async () => {
    const { questions, answers } = open({ maxRemembered: 2 });
    const users = ["a", "b", "c"].map((user) => `sip:${user}@home.test`);
    const all = users.map((uri) => questions.ask(uri, null));
    for (const answer of answers) answer();
    await Promise.all(all);
    expect(users.map((uri) => questions.mayAsk(uri))).toEqual([true, false, false]);
  });
});
