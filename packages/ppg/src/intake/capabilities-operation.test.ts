import { childOf, childrenOf, parseXml, type XmlElement } from "@sip-push/bodies";
import { type CcqMessage, papCodes } from "@sip-push/pap";
import { describe, expect, it } from "vitest";
import type { CapabilitiesOf } from "./options.ts";
import { asked, IntakeRig, initiator, user } from "./testdata/intake-rig.ts";
import { encodeUaProf } from "./ua-prof.ts";

const rig = new IntakeRig();
const questions: unknown[] = [];
const facts = {
  applications: ["push.syncml", "x.our"],
  mediaTypes: ["text/plain", "application/vnd.syncml.ds.notification"],
  methods: ["MESSAGE", "NOTIFY"],
  maxBodyBytes: 4_096,
  languages: null,
};

function ask(capabilitiesOf: CapabilitiesOf, changes: Partial<CcqMessage> = {}, who = initiator()) {
  const operation: CcqMessage = {
    kind: "ccq-message",
    queryId: "7",
    appId: "push.syncml",
    address: user("alice"),
    ...changes,
  };
  return rig
    .open({ capabilitiesOf })
    .handle(rig.request(operation, { initiator: who, version: "2.1" }))
    .then(asked);
}

function valuesOf(octets: Uint8Array): Record<string, string[]> {
  const rdf = (element: XmlElement | undefined, name: string): XmlElement => {
    const child = element && childOf(element, name);
    if (child === undefined) throw new Error(`no ${name}`);
    return child;
  };
  const component = rdf(rdf(parseXml(octets).root, "Description"), "component");
  const properties = rdf(component, "Description").children.filter(({ name }) => name !== "type");
  return Object.fromEntries(
    properties.map((each) => {
      const bag = childOf(each, "Bag");
      return [each.name, bag === undefined ? [each.text] : childrenOf(bag, "li").map(({ text }) => text)];
    }),
  );
}

describe("ccq-message", () => {
  it("is answered with the capabilities beside it, in UAProf", async () => {
    const { answer, message } = await ask(async (...question) => {
      questions.push(question);
      return facts;
    });
    expect(answer).toMatchObject({ httpStatus: 202, operation: "ccq-message", papCode: 1000, pushId: null });
    expect(answer.contentType).toMatch(/^multipart\/related;/);
    expect(message).toMatchObject({
      version: "2.1",
      operation: { kind: "ccq-response", queryId: "7", code: 1000, address: user("alice") },
    });
    expect(questions).toEqual([["sip:alice@example.test", "push.syncml"]]);
    expect(valuesOf(message.capabilities?.body ?? new Uint8Array())).toEqual({
      "Push-Accept": facts.mediaTypes,
      "Push-Accept-AppID": ["x-wap-application:push.syncml", "x-oma-application:x.our"],
      "Push-MsgSize": ["4096"],
      "Sip-Methods": facts.methods,
    });
  });

  type Row = readonly [string, CapabilitiesOf, Partial<CcqMessage>, number];
  const failing: CapabilitiesOf = async () => {
    throw new Error("no");
  };
  const rows: readonly Row[] = [
    ["of whom nothing is known", async () => null, {}, 3008],
    ["whom there is not", async () => papCodes.addressNotFound, {}, 2003],
    ["without that application", async () => facts, { appId: "wml.ua" }, 3003],
    ["whose applications are not known", async () => ({ mediaTypes: [] }), { appId: "wml.ua" }, 1000],
    ["asked about no application", async () => facts, { appId: "" }, 1000],
    ["asked about what is none", async () => facts, { appId: "a b" }, 2000],
    ["at what is no address", async () => facts, { address: "alice" }, 2002],
    ["when asking fails", failing, {}, 3000],
  ];
  it.each(rows.map(([name, port, changes, code]) => ({ name, port, changes, code })))(
    "about a handset $name is answered $code",
    async ({ port, changes, code }) => {
      const { answer, message } = await ask(port, changes);
      expect(answer).toMatchObject({ httpStatus: 202, papCode: code });
      expect(message.operation).toMatchObject({ kind: "ccq-response", code });
      expect(message.capabilities === undefined).toBe(code !== 1000);
    },
  );

  it("about a handset that the initiator may not push to is answered 2001, and nobody is asked", async () => {
    const { answer } = await ask(failing, {}, initiator({ recipients: ["tel:*"] }));
    expect(answer.papCode).toBe(2001);
  });

  it("is answered 3008 by a gateway that cannot tell", async () => {
    const { answer } = await rig.ask({ kind: "ccq-message", address: user("alice") });
    expect(answer.papCode).toBe(3008);
  });
});

describe("UAProf", () => {
  it("keeps what XML would take for markup", () => {
    expect(valuesOf(encodeUaProf({ mediaTypes: ['a/<b>&"c'], applications: [] }))).toEqual({
      "Push-Accept": ['a/<b>&"c'],
      "Push-Accept-AppID": [],
    });
  });
});
