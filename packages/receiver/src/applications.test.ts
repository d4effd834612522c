import { fromMessageRequest } from "@sip-push/push";
import { SipHeaders, SipRequest } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import { Applications, type Dispatch, type ReceiverApplication } from "./applications.ts";

const DS = "application/vnd.syncml.ds.notification";
const DM = "application/vnd.syncml.notification";

function dispatch(
  applications: ReadonlyArray<string | ReceiverApplication>,
  wanted: string | null,
  type: string,
): Dispatch {
  const headers: [string, string][] = wanted === null ? [] : [["Accept-Contact", `*;+g.oma.pusheventapp="${wanted}"`]];
  const request = new SipRequest("MESSAGE", "sip:a@b", SipHeaders.of([...headers, ["Content-Type", type]]));
  return new Applications(applications).dispatch(fromMessageRequest(request, new Date(0)), type);
}

const to = (applicationId: string | null): Dispatch => ({ kind: "application", applicationId });
const unknown: Dispatch = { kind: "unknown-application" };
const unsupported: Dispatch = { kind: "unsupported-type" };

describe("dispatch of a push to an application", () => {
  it.each<[string, ReadonlyArray<string | ReceiverApplication>, string | null, string, Dispatch]>([
    ["the one asked for", ["push.syncml"], "push.syncml", DS, to("push.syncml")],
    ["the first of those asked for that is here", ["syncml.dm"], "ulp.ua,syncml.dm", DM, to("syncml.dm")],
    ["none that is here", ["push.syncml"], "ulp.ua", DS, unknown],
    ["by type when none is asked for", ["push.syncml", "syncml.dm"], null, DM, to("syncml.dm")],
    ["by type, which no application takes", ["push.syncml"], null, DM, unsupported],
    ["a type that the application does not take", ["push.syncml"], "push.syncml", DM, unsupported],
    ["a text to an application (RFC 3428 §7)", ["push.syncml"], "push.syncml", "text/plain", to("push.syncml")],
    ["a text to nobody in particular", ["push.syncml"], null, "text/plain", to(null)],
    ["an unknown type to nobody", ["push.syncml"], null, "image/png", unsupported],
    ["any type to an application that has none of its own", ["x.app"], "x.app", "image/png", to("x.app")],
    ["the types given", [{ applicationId: "x.app", contentTypes: ["Image/PNG"] }], null, "image/png", to("x.app")],
    [
      "none but the types given",
      [{ applicationId: "push.syncml", contentTypes: ["a/b"] }],
      "push.syncml",
      DS,
      unsupported,
    ],
    ["every application where * is one", ["*"], "ulp.ua", "image/png", to("ulp.ua")],
    ["the application of the type where * is one", ["*"], null, DS, to("push.syncml")],
    [
      "the first of those asked for that takes the type",
      ["push.syncml", "syncml.dm"],
      "push.syncml,syncml.dm",
      DM,
      to("syncml.dm"),
    ],
    ["one that takes the type, where the push asks for any", ["push.syncml", "syncml.dm"], "*", DM, to("syncml.dm")],
    ["an unknown type to the one that takes any", ["push.syncml", "x.app"], null, "image/png", to("x.app")],
    ["an unknown type to whoever is there, where * is one", ["*"], null, "image/png", to(null)],
    [
      "a type given for every application",
      [{ applicationId: "*", contentTypes: ["image/png"] }],
      null,
      "image/png",
      to(null),
    ],
    ["any application, in the push", ["push.syncml"], "*", DS, to("push.syncml")],
  ])("%s", (_, applications, wanted, type, expected) => {
    expect(dispatch(applications, wanted, type)).toEqual(expected);
  });

  it("lists for Accept what it takes, text/plain always (RFC 3428 §7), and what is taken apart", () => {
    const envelopes = ["message/cpim", "multipart/mixed", "multipart/related"];
    const dm = [DM, "application/vnd.syncml.dm.notification"];
    expect(new Applications(["syncml.dm"]).accept).toEqual([...dm, "text/plain", ...envelopes]);
    expect(new Applications(["x.app"]).accept).toEqual(["text/plain", ...envelopes, "*/*"]);
    expect(new Applications([]).accept).toEqual(["text/plain", ...envelopes]);
  });

  it("names what is wrong with its settings", () => {
    expect(() => new Applications(["push.syncml", "99"])).toThrow(
      expect.objectContaining({ field: "applications[1]" }),
    );
    expect(() => new Applications([{ applicationId: "5", contentTypes: ["x"] }])).toThrow(
      expect.objectContaining({ field: "applications[0].contentTypes[0]" }),
    );
  });
});

describe("more applications than one list can name (draft-mdolly-dispatch-oma-push-00 §7.4)", () => {
  const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `app${index}`);

  it("are refused before anything is done with them", () => {
    expect(new Applications(names(64)).names.length).toBe(64);
    expect(() => new Applications(names(65))).toThrow("applications: must name 1 to 64 applications");
  });
});
