import { SipHeaders, SipResponse } from "@sip-push/sip";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addChallenges, type BranchAnswer, bestOf } from "./best-response.ts";

const received = (statusCode: number, headers: Array<[string, string]> = []): BranchAnswer => ({
  statusCode,
  response: new SipResponse(statusCode, "", SipHeaders.of(headers)),
  reached: true,
});
const local = (statusCode: number): BranchAnswer => ({ statusCode, response: undefined, reached: false });

describe("RFC 3261 §16.7 (6), the best response", () => {
  test.each([
    ["2xx before all", [486, 200, 603], 200],
    ["6xx before the rest", [404, 603, 302], 603],
    ["the lowest class otherwise", [503, 486, 302], 302],
    ["401 among 4xx", [404, 401], 401],
    ["407 among 4xx", [486, 407], 407],
    ["415 among 4xx", [404, 415], 415],
    ["420 among 4xx", [404, 420], 420],
    ["484 among 4xx", [404, 484], 484],
    ["the first of equals", [486, 404], 486],
    ["any 5xx before 503", [503, 500], 500],
  ])("%s", (_, statusCodes, expected) => {
    expect(bestOf(statusCodes.map((code) => received(code)))?.statusCode).toBe(expected);
  });

  test("what a handset said goes before what the proxy made up", () => {
    expect(bestOf([local(480), local(408), received(486)])?.statusCode).toBe(486);
    expect(bestOf([local(480), received(480)])?.response).toBeDefined();
    expect(bestOf([local(480), local(408)])?.statusCode).toBe(408);
    expect(bestOf([])).toBeUndefined();
  });

  test("no order of arrival makes the class worse", () => {
    const code = fc.constantFrom(200, 202, 302, 400, 401, 404, 408, 480, 486, 500, 503, 600, 603);
    fc.assert(
      fc.property(fc.array(code, { minLength: 1, maxLength: 6 }), (codes) => {
        const best = bestOf(codes.map((each) => received(each)))?.statusCode ?? 0;
        const classes = codes.map((each) => Math.floor(each / 100));
        const expected = classes.includes(2) ? 2 : classes.includes(6) ? 6 : Math.min(...classes);
        expect(Math.floor(best / 100)).toBe(expected);
      }),
    );
  });
});

test("RFC 3261 §16.7 (7): the challenges of all branches go back with the chosen one", () => {
  const a = received(407, [["Proxy-Authenticate", "Digest realm=a"]]);
  const b = received(401, [["WWW-Authenticate", "Digest realm=b"]]);
  const c = received(486, [["WWW-Authenticate", "Digest realm=c"]]);
  const chosen = a.response as SipResponse;
  addChallenges(chosen, [a, b, c]);
  expect(chosen.headers.getAll("Proxy-Authenticate")).toEqual(["Digest realm=a"]);
  expect(chosen.headers.getAll("WWW-Authenticate")).toEqual(["Digest realm=b"]);
});
