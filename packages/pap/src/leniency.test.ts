import { describe, expect, it } from "vitest";
import { decodePapDocument } from "./document.ts";
import { lenient, type PapLeniency } from "./options.ts";
import { refusalOf } from "./testdata/checks.ts";
import { at, control, octetsOf, vectors, WAPFORUM_1_0 } from "./testdata/documents.ts";

const address = '<address address-value="a"/>';
const push = (attributes: string, publicId?: string, qos = ""): string =>
  control(`<push-message push-id="1" ${attributes}>${address}${qos}</push-message>`, publicId);

const rows: readonly [keyof PapLeniency, string, string, object][] = [
  [
    "misspelledAttributes",
    "the misspellings of pypap",
    push('ppg-notifiy-requested-to="http://pi.example/" request-progress-notes="true"'),
    { ppgNotifyRequestedTo: "http://pi.example/", progressNotesRequested: true },
  ],
  [
    "unknownAttributes",
    "attributes that PAP does not have",
    push('results-notification-to="x" xml:lang="en"'),
    { pushId: "1" },
  ],
  [
    "laterAttributes",
    "a replacement in PAP 1.0",
    push('replace-push-id="0" replace-method="pending-only"', WAPFORUM_1_0),
    { replacePushId: "0", replaceMethod: "pending-only" },
  ],
  [
    "enumerationsOfAnyCase",
    "upper case",
    push(
      'progress-notes-requested="TRUE"',
      undefined,
      '<quality-of-service priority="High" delivery-method="preferConfirmed"/>',
    ),
    {
      progressNotesRequested: true,
      qualityOfService: expect.objectContaining({ priority: "high", deliveryMethod: "preferconfirmed" }),
    },
  ],
  [
    "looseTimestamps",
    "the timestamps of BlackBerry",
    push('deliver-before-timestamp="2004-01-20T22:35:00z"'),
    { deliverBeforeTimestamp: at("2004-01-20T22:35:00Z") },
  ],
  ["missingDoctype", "no DOCTYPE", `<pap><cancel-message push-id="1"/></pap>`, { kind: "cancel-message" }],
  [
    "bareResultResponse",
    "an answer to a result that says only the code",
    control('<resultnotification-response code="1000"/>'),
    { kind: "resultnotification-response", pushId: "", code: 1000, address: "" },
  ],
];

describe.each(rows)("%s", (name, _, text, operation) => {
  it("takes what is refused without it", () => {
    const decoded = decodePapDocument(octetsOf(text), { leniency: { [name]: true } });
    expect(decoded.operation).toMatchObject(operation);
  });

  it("is needed: all other switches do not help", () => {
    const leniency = { ...lenient, [name]: false };
    // A misspelling is an unknown attribute too.
    if (name === "misspelledAttributes") leniency.unknownAttributes = false;
    expect(refusalOf(() => decodePapDocument(octetsOf(text), { leniency })).papCode).toBeGreaterThanOrEqual(2000);
    expect(refusalOf(() => decodePapDocument(octetsOf(text))).papCode).toBeGreaterThanOrEqual(2000);
  });
});

describe("lenient", () => {
  it("has every switch", () => {
    expect(Object.keys(lenient)).toEqual(rows.map(([name]) => name));
  });

  it("prefers the attribute that is spelled right", () => {
    const text = push('request-progress-notes="true" progress-notes-requested="false"');
    expect(decodePapDocument(octetsOf(text), { leniency: lenient }).operation).toMatchObject({
      progressNotesRequested: false,
    });
  });

  it("still takes what is right, as the same", () => {
    for (const { message, octets } of vectors.filter(({ contentType }) => contentType === "application/xml")) {
      expect(decodePapDocument(octets, { leniency: lenient })).toEqual(message);
    }
  });

  it("leaves everything else refused", () => {
    for (const text of ["<html/>", control(""), control("<push-message/>"), push('deliver-before-timestamp="x"')]) {
      expect(refusalOf(() => decodePapDocument(octetsOf(text), { leniency: lenient })).papCode).toBe(2000);
    }
  });
});
