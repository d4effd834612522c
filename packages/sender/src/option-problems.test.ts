import { describe, expect, it } from "vitest";
import { type PartialSenderOptions, senderOptionProblems } from "./index.ts";

const listen = [{ transport: "UDP", address: "192.0.2.1", port: 5060 }] as const;
const problemsOf = (options: PartialSenderOptions): string[] =>
  senderOptionProblems(options).map(({ message }) => message);

describe("problems of a sender's options", () => {
  it("are all said at once, each with its path", () => {
    const problems = problemsOf({
      from: "nobody",
      listen: [],
      role: "gm",
      identity: "mailto:a@b",
      contact: "tel:+1",
      domain: "a b",
      proxy: "tel:+1",
      route: ["sip:a@b", "x"],
      servedUser: "alice",
      chargingVector: { generatedAt: "as.test:5060", originIoi: "" },
      trusted: ["192.0.2.1", "core", "10.0.0.0/33"],
      reports: { intermediaries: ["mailto:a@b"] },
      limits: { maxPending: Number.NaN, maxRecipients: -1 },
      retry: { maxRetries: -1, jitter: 2 },
      userAgent: "a\nb",
    });
    expect(problems.map((problem) => problem.split(":", 1)[0] ?? "").sort()).toEqual(
      [
        ...[
          "from",
          "listen",
          "identity",
          "contact",
          "domain",
          "proxy",
          "route[1]",
          "trusted[1]",
          "trusted[2]",
          "userAgent",
        ],
        ...["servedUser", "servedUser", "chargingVector", "chargingVector.generatedAt", "chargingVector.originIoi"],
        ...["limits.maxPending", "limits.maxRecipients", "retry.maxRetries", "retry.jitter"],
        "reports.intermediaries[0]",
      ].sort(),
    );
    expect(problems.every((problem) => !problem.includes("\n"))).toBe(true);
  });

  it("are none of what is undefined, in a list either, but of what must be there", () => {
    expect(problemsOf({ from: "sip:a@b", listen: [undefined], route: [undefined], trusted: [undefined] })).toEqual([]);
    expect(problemsOf({})).toEqual(["from: is required", "listen: give addresses to send from, or an endpoint"]);
  });

  it.each([
    ["sip:core.test", []],
    ["sip:core.test;transport=udp", []],
    ["sip:core.test;transport=tcp", ["proxy: is reached over TCP, for which listen has no address"]],
    ["sips:core.test", ["proxy: is reached over TLS, for which listen has no address"]],
    ["sips:core.test;transport=ws", ["proxy: is reached over WSS, for which listen has no address"]],
  ])("proxy %s behind UDP alone: %j", (proxy, problems) => {
    expect(problemsOf({ from: "sip:a@b", listen, proxy })).toEqual(problems);
    expect(problemsOf({ from: "sip:a@b", listen, route: [`<${proxy};lr>`] })).toEqual(
      problems.map((problem) => problem.replace("proxy", "route[0]")),
    );
    expect(problemsOf({ from: "sip:a@b", listen: [...listen, undefined], proxy })).toEqual([]);
  });
});
