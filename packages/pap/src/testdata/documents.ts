import type { PapMessage, PapOperation } from "../types.ts";
import { papDoctypes } from "../versions.ts";

export const octetsOf = (text: string): Uint8Array => new TextEncoder().encode(text);
export const textOf = (octets: Uint8Array): string => new TextDecoder().decode(octets);
export const at = (text: string): Date => new Date(text);

export const WAPFORUM_2_1 = "-//WAPFORUM//DTD PAP 2.1//EN";
export const OMA_2_1 = "-//OMA//DTD PAP 2.1//EN";
const WAPFORUM_2_0 = "-//WAPFORUM//DTD PAP 2.0//EN";
export const WAPFORUM_1_0 = "-//WAPFORUM//DTD PAP//EN";
export const KANNEL_1_0 = "-//WAPFORUM//DTD PAP 1.0//EN";

/** A control entity around `content`, with that DOCTYPE. */
export function control(content: string, publicId = WAPFORUM_2_0, subset = ""): string {
  const systemId = papDoctypes.find((row) => row.publicId === publicId)?.systemId ?? "http://dtd.example/pap.dtd";
  return `<?xml version="1.0"?>\n<!DOCTYPE pap PUBLIC "${publicId}"\n  "${systemId}"${subset}>\n<pap>${content}</pap>`;
}

/** Header fields, an empty line, and octets, one part after the other. */
export function multipart(
  boundary: string,
  parts: readonly (readonly [header: string, body: string | Uint8Array])[],
): Uint8Array {
  const chunks = parts.flatMap(([header, body]) => [
    Buffer.from(`--${boundary}\r\n${header.replaceAll("\n", "\r\n")}\r\n\r\n`),
    Buffer.from(body),
    Buffer.from("\r\n"),
  ]);
  return new Uint8Array(Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)]));
}

/** What `sip-push` has in mind: a notification with all octets that text would change. */
export const notification: Uint8Array = Uint8Array.of(0, 1, 0x0d, 0x0a, 0x2d, 0x2d, 0xff, 0xfe, 0x80, 0x0d, 0x0a, 0);

const capabilities = octetsOf(
  '<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>',
);

export interface PapVector {
  readonly name: string;
  readonly contentType: string;
  readonly octets: Uint8Array;
  readonly message: PapMessage;
  /** Octets up to which every prefix is truncated. */
  readonly end: number;
}

function alone(name: string, content: string, operation: PapOperation, publicId = WAPFORUM_2_0): PapVector {
  const text = control(content, publicId);
  const version = papDoctypes.find((row) => row.publicId === publicId)?.version ?? "2.0";
  const message = { version, publicId, supportedVersions: [], operation };
  return { name, contentType: "application/xml", octets: octetsOf(`${text}\n`), message, end: octetsOf(text).length };
}

function inParts(name: string, contentType: string, octets: Uint8Array, message: PapMessage): PapVector {
  // The last line end, and the preceding `--`, close it.
  return { name, contentType, octets, message, end: octets.length - 2 };
}

const everyPush: PapOperation = {
  kind: "push-message",
  pushId: "9fjeo39jf084@pi.example",
  replacePushId: "9fjeo39jf083@pi.example",
  replaceMethod: "pending-only",
  deliverBeforeTimestamp: at("2026-11-21T18:30:00Z"),
  deliverAfterTimestamp: at("2026-11-21T17:30:00Z"),
  sourceReference: "calendar & mail",
  ppgNotifyRequestedTo: "https://pi.example/results?a=1&b=2",
  progressNotesRequested: true,
  addresses: ["WAPPUSH=+155519990730/TYPE=PLMN@ppg.example", "sip:bob@home.example"],
  qualityOfService: {
    priority: "high",
    deliveryMethod: "confirmed",
    network: "GSM",
    networkRequired: true,
    bearer: "Packet Data",
    bearerRequired: true,
  },
};

const pushes: readonly PapVector[] = [
  inParts(
    "a push with everything, PAP 2.1",
    'multipart/related; type="application/xml"; boundary="a=b c"',
    multipart("a=b c", [
      [
        "Content-Type: application/xml; charset=UTF-8",
        control(
          `<push-message push-id="9fjeo39jf084@pi.example" replace-push-id="9fjeo39jf083@pi.example"
            replace-method="pending-only" deliver-before-timestamp="2026-11-21T18:30:00Z"
            deliver-after-timestamp="2026-11-21T17:30:00Z" source-reference="calendar &amp; mail"
            ppg-notify-requested-to="https://pi.example/results?a=1&amp;b=2" progress-notes-requested="true">
            <address address-value="WAPPUSH=+155519990730/TYPE=PLMN@ppg.example"/>
            <address address-value="sip:bob@home.example"/>
            <quality-of-service priority="high" delivery-method="confirmed" network="GSM" network-required="true"
              bearer="Packet Data" bearer-required="true"/>
          </push-message>`,
          WAPFORUM_2_1,
          '\n  [<?wap-pap-ver supported-versions="2.1,2.0,1.*"?>]',
        ),
      ],
      [
        "Content-Type: application/vnd.syncml.ds.notification\nX-Wap-Application-Id: x-wap-application:push.syncml",
        notification,
      ],
      ["Content-Type: application/xml\nContent-ID: <caps@pi.example>", capabilities],
    ]),
    {
      version: "2.1",
      publicId: WAPFORUM_2_1,
      supportedVersions: ["2.1", "2.0", "1.*"],
      operation: everyPush,
      content: {
        contentType: "application/vnd.syncml.ds.notification",
        headers: [["X-Wap-Application-Id", "x-wap-application:push.syncml"]],
        body: notification,
      },
      capabilities: { contentType: "application/xml", contentId: "caps@pi.example", headers: [], body: capabilities },
    },
  ),
  inParts(
    "a push with next to nothing, PAP 1.0",
    "multipart/related; boundary=end_of_part; type=application/xml",
    multipart("end_of_part", [
      [
        "Content-Type: application/xml",
        control(
          "<push-message push-id='1'><address address-value='wappush=195.153.199.30/type=ipv4@ppg.example'></address></push-message>",
          WAPFORUM_1_0,
        ),
      ],
      ["Content-Type: text/vnd.wap.si", '<si><indication href="http://mail.example/">4 mails</indication></si>'],
    ]),
    {
      version: "1.0",
      publicId: WAPFORUM_1_0,
      supportedVersions: [],
      operation: {
        kind: "push-message",
        pushId: "1",
        replaceMethod: "all",
        progressNotesRequested: false,
        addresses: ["wappush=195.153.199.30/type=ipv4@ppg.example"],
      },
      content: {
        contentType: "text/vnd.wap.si",
        headers: [],
        body: octetsOf('<si><indication href="http://mail.example/">4 mails</indication></si>'),
      },
    },
  ),
  inParts(
    "a push whose control entity is the second part, in base64",
    'multipart/related; boundary="==15=="; start="<control@pi>"; type="application/xml"',
    multipart("==15==", [
      ["Content-Type: text/html\nContent-Encoding: binary\nPush-Message-ID: 7", "<p>hello</p>\r\n--==15"],
      [
        "Content-Type: application/xml\nContent-ID: <control@pi>\nContent-Transfer-Encoding: base64",
        Buffer.from(
          control(
            '<push-message push-id="7"><address address-value="tel:+15551999"/><quality-of-service/></push-message>',
          ),
        ).toString("base64"),
      ],
    ]),
    {
      version: "2.0",
      publicId: WAPFORUM_2_0,
      supportedVersions: [],
      operation: {
        kind: "push-message",
        pushId: "7",
        replaceMethod: "all",
        progressNotesRequested: false,
        addresses: ["tel:+15551999"],
        qualityOfService: {
          priority: "medium",
          deliveryMethod: "notspecified",
          networkRequired: false,
          bearerRequired: false,
        },
      },
      content: {
        contentType: "text/html",
        contentEncoding: "binary",
        headers: [["Push-Message-ID", "7"]],
        body: octetsOf("<p>hello</p>\r\n--==15"),
      },
    },
  ),
  inParts(
    "the capabilities of a handset",
    'multipart/related; type="application/xml"; boundary=x',
    multipart("x", [
      [
        "Content-Type: application/xml",
        control(
          '<ccq-response query-id="q1" code="1000"><address address-value="sip:bob@home.example"/></ccq-response>',
        ),
      ],
      ["Content-Type: application/xml", capabilities],
    ]),
    {
      version: "2.0",
      publicId: WAPFORUM_2_0,
      supportedVersions: [],
      operation: { kind: "ccq-response", queryId: "q1", code: 1000, address: "sip:bob@home.example" },
      capabilities: { contentType: "application/xml", headers: [], body: capabilities },
    },
  ),
];

const others: readonly PapVector[] = [
  alone(
    "a response as Kannel writes it, PAP 1.0",
    '<push-response push-id="1" sender-name="PPG; 1" reply-time="2026-11-21T17:30:00Z" sender-address="http://ppg.example/wappush"><response-result code ="1001" desc="accepted"></response-result></push-response>',
    {
      kind: "push-response",
      pushId: "1",
      senderAddress: "http://ppg.example/wappush",
      senderName: "PPG; 1",
      replyTime: at("2026-11-21T17:30:00Z"),
      progressNotes: [],
      responseResult: { code: 1001, desc: "accepted" },
    },
    KANNEL_1_0,
  ),
  alone(
    "a response with progress notes",
    `<push-response push-id="1">
      <progress-note stage="validated" note="all addresses" time="2026-11-21T17:30:00Z"/><progress-note stage="stored"/>
      <response-result code="1001"/>
    </push-response>`,
    {
      kind: "push-response",
      pushId: "1",
      progressNotes: [
        { stage: "validated", note: "all addresses", time: at("2026-11-21T17:30:00Z") },
        { stage: "stored" },
      ],
      responseResult: { code: 1001 },
    },
  ),
  alone("a cancellation", '<cancel-message push-id="1"/>', { kind: "cancel-message", pushId: "1", addresses: [] }),
  alone(
    "a cancellation for some, PAP 2.1 of OMA",
    '<cancel-message push-id="1"><address address-value="sip:a@b.c"/><address address-value="sip:d@b.c"/></cancel-message>',
    { kind: "cancel-message", pushId: "1", addresses: ["sip:a@b.c", "sip:d@b.c"] },
    OMA_2_1,
  ),
  alone(
    "what became of a cancellation",
    `<cancel-response push-id="1"><cancel-result code="1000"><address address-value="sip:a@b.c"/></cancel-result>
      <cancel-result code="2008" desc="Cancellation Not Possible"/></cancel-response>`,
    {
      kind: "cancel-response",
      pushId: "1",
      cancelResults: [
        { code: 1000, addresses: ["sip:a@b.c"] },
        { code: 2008, desc: "Cancellation Not Possible", addresses: [] },
      ],
    },
  ),
  alone(
    "a result",
    `<resultnotification-message push-id="1" sender-address="http://ppg.example/" sender-name="ppg"
      received-time="2026-11-21T17:29:59Z" event-time="2026-11-21T17:30:01Z" message-state="delivered" code="1000" desc="OK">
      <address address-value="sip:a@b.c"/><quality-of-service delivery-method="confirmed"/></resultnotification-message>`,
    {
      kind: "resultnotification-message",
      pushId: "1",
      senderAddress: "http://ppg.example/",
      senderName: "ppg",
      receivedTime: at("2026-11-21T17:29:59Z"),
      eventTime: at("2026-11-21T17:30:01Z"),
      messageState: "delivered",
      code: 1000,
      desc: "OK",
      address: "sip:a@b.c",
      qualityOfService: {
        priority: "medium",
        deliveryMethod: "confirmed",
        networkRequired: false,
        bearerRequired: false,
      },
    },
  ),
  alone(
    "the answer to a result",
    '<resultnotification-response push-id="1" code="1000"><address address-value="sip:a@b.c"/></resultnotification-response>',
    { kind: "resultnotification-response", pushId: "1", code: 1000, address: "sip:a@b.c" },
  ),
  alone(
    "a status query",
    '<statusquery-message push-id="1"><address address-value="sip:a@b.c"/></statusquery-message>',
    { kind: "statusquery-message", pushId: "1", addresses: ["sip:a@b.c"] },
  ),
  alone(
    "the state of a push",
    `<statusquery-response push-id="1"><statusquery-result message-state="pending" code="1001"
      event-time="2026-11-21T17:30:00Z" desc="queued"><address address-value="sip:a@b.c"/><address address-value="sip:d@b.c"/>
      <quality-of-service bearer="Any"/></statusquery-result><statusquery-result message-state="unknown" code="5999"/></statusquery-response>`,
    {
      kind: "statusquery-response",
      pushId: "1",
      statusQueryResults: [
        {
          eventTime: at("2026-11-21T17:30:00Z"),
          messageState: "pending",
          code: 1001,
          desc: "queued",
          addresses: ["sip:a@b.c", "sip:d@b.c"],
          qualityOfService: {
            priority: "medium",
            deliveryMethod: "notspecified",
            networkRequired: false,
            bearer: "Any",
            bearerRequired: false,
          },
        },
        { messageState: "unknown", code: 5999, addresses: [] },
      ],
    },
  ),
  alone(
    "a capabilities query",
    '<ccq-message query-id="q1" app-id="x-wap-application:push.syncml"><address address-value="sip:a@b.c"/></ccq-message>',
    { kind: "ccq-message", queryId: "q1", appId: "x-wap-application:push.syncml", address: "sip:a@b.c" },
  ),
  alone(
    "no capabilities",
    '<ccq-response code="3008" desc="none"><address address-value="sip:a@b.c"/></ccq-response>',
    { kind: "ccq-response", code: 3008, desc: "none", address: "sip:a@b.c" },
  ),
  alone(
    "a bad message",
    '<badmessage-response code="2000" desc="no &lt;address&gt;" bad-message-fragment="&lt;push-message push-id=&quot;&#233;&quot;&#10;&gt;"/>',
    {
      kind: "badmessage-response",
      code: 2000,
      desc: "no <address>",
      badMessageFragment: '<push-message push-id="é"\n>',
    },
  ),
];

/** HTTP entities of every operation, and what they say. */
export const vectors: readonly PapVector[] = [...pushes, ...others];
