import { describe, expect, it } from "vitest";
import { decodePapDocument, encodePapDocument } from "./document.ts";
import type { AttributeRow, ElementRow } from "./element-rows.ts";
import { defaultQualityOfService, elementNames, operations } from "./elements.ts";
import { control, octetsOf, textOf, vectors } from "./testdata/documents.ts";
import type { PapOperation, PushMessage } from "./types.ts";
import {
  bearerOf,
  bearers,
  deliveryMethods,
  messageStates,
  networkOf,
  networks,
  priorities,
  replaceMethods,
} from "./values.ts";

/** Every row of the tables, as a line of a DTD. */
function dtd(row: ElementRow<unknown>, seen = new Set<string>()): string[] {
  if (seen.has(row.name)) return [];
  seen.add(row.name);
  const fields = Object.values(row.fields);
  const children = fields.filter((field) => field.row === "child");
  const content = children.map(
    ({ element, min, isList }) => `${element.name}${isList ? "*+"[min] : min === 1 ? "" : "?"}`,
  );
  const use = (attribute: AttributeRow<unknown>): string =>
    attribute.isRequired ? "!" : attribute.default === undefined ? "" : `=${attribute.type.encode(attribute.default)}`;
  const attributes = fields.filter((field) => field.row === "attribute").map((field) => `${field.name}${use(field)}`);
  const line = `${row.name} (${content.join(", ")}) ${attributes.sort().join(" ")}`;
  return [line, ...children.flatMap(({ element }) => dtd(element, seen))];
}

describe("the tables", () => {
  it("are the DTD of PAP 2.1: ! is required, = has a default", () => {
    const seen = new Set<string>();
    expect(Object.values(operations).flatMap((row) => dtd(row, seen))).toEqual([
      "push-message (address+, quality-of-service?) deliver-after-timestamp deliver-before-timestamp ppg-notify-requested-to progress-notes-requested=false push-id! replace-method=all replace-push-id source-reference",
      "address () address-value!",
      "quality-of-service () bearer bearer-required=false delivery-method=notspecified network network-required=false priority=medium",
      "push-response (progress-note*, response-result) push-id! reply-time sender-address sender-name",
      "progress-note () note stage! time",
      "response-result () code! desc",
      "cancel-message (address*) push-id!",
      "cancel-response (cancel-result+) push-id!",
      "cancel-result (address*) code! desc",
      "resultnotification-message (address, quality-of-service?) code! desc event-time message-state! push-id! received-time sender-address sender-name",
      "resultnotification-response (address) code! desc push-id!",
      "statusquery-message (address*) push-id!",
      "statusquery-response (statusquery-result+) push-id!",
      "statusquery-result (address*, quality-of-service?) code! desc event-time message-state!",
      "ccq-message (address) app-id query-id",
      "ccq-response (address) code! desc query-id",
      "badmessage-response () bad-message-fragment code! desc",
    ]);
  });

  it("have every element by name", () => {
    expect([...elementNames].sort()).toEqual([
      "address",
      "badmessage-response",
      "cancel-message",
      "cancel-response",
      "cancel-result",
      "ccq-message",
      "ccq-response",
      "pap",
      "progress-note",
      "push-message",
      "push-response",
      "quality-of-service",
      "response-result",
      "resultnotification-message",
      "resultnotification-response",
      "statusquery-message",
      "statusquery-response",
      "statusquery-result",
    ]);
    expect(Object.entries(operations).filter(([kind, row]) => kind !== row.name)).toEqual([]);
  });

  it("are all reached by the vectors: every element and every attribute", () => {
    const written = vectors.map(({ message }) => textOf(encodePapDocument(message))).join("");
    const missing = Object.values(operations)
      .flatMap((row) => dtd(row))
      .flatMap((line) => line.split(/[ (),?*+!]+|=[a-z]+/))
      .filter((name) => name !== "" && !written.includes(` ${name}="`) && !written.includes(`<${name}`));
    expect(missing).toEqual([]);
  });
});

describe("enumerations", () => {
  const roundTrip = (operation: PapOperation): PapOperation =>
    decodePapDocument(encodePapDocument({ version: "2.1", operation })).operation;
  const push: PushMessage = {
    kind: "push-message",
    pushId: "1",
    replacePushId: "0",
    replaceMethod: "all",
    progressNotesRequested: false,
    addresses: ["a"],
  };

  it.each(messageStates)("message-state %s goes both ways", (messageState) => {
    const operation = {
      kind: "resultnotification-message",
      pushId: "1",
      messageState,
      code: 1000,
      address: "a",
    } as const;
    expect(roundTrip(operation)).toEqual(operation);
  });

  it.each(priorities.flatMap((priority) => deliveryMethods.map((deliveryMethod) => ({ priority, deliveryMethod }))))(
    "$priority and $deliveryMethod go both ways",
    (wishes) => {
      const operation = { ...push, qualityOfService: { ...defaultQualityOfService, ...wishes } };
      expect(roundTrip(operation)).toEqual(operation);
    },
  );

  it.each(replaceMethods)("replace-method %s goes both ways", (replaceMethod) => {
    expect(roundTrip({ ...push, replaceMethod })).toEqual({ ...push, replaceMethod });
  });

  it("a quality-of-service without attributes has the defaults", () => {
    const text = control('<push-message push-id="1"><address address-value="a"/><quality-of-service/></push-message>');
    const { operation } = decodePapDocument(octetsOf(text));
    expect(operation).toHaveProperty("qualityOfService", defaultQualityOfService);
  });
});

describe("networks and bearers (WDP appendix C)", () => {
  it("are found by name in any case", () => {
    expect(networks.map((name) => networkOf(` ${name.toUpperCase()} `))).toEqual(networks);
    expect(bearers.map((name) => bearerOf(name.toLowerCase()))).toEqual(bearers);
    expect([networkOf("IMS"), bearerOf(""), networkOf("constructor")]).toEqual([undefined, undefined, undefined]);
  });

  it("are listed once each", () => {
    expect([networks.length, bearers.length, messageStates.length]).toEqual([11, 13, 9]);
    expect(new Set([...networks, ...bearers, ...messageStates]).size).toBe(32);
  });
});
