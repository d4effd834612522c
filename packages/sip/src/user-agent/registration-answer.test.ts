import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DigestClient, Usim } from "../auth/index.ts";
import { parseUri, SipHeaders, SipRequest, SipResponse, type SipUri } from "../message/index.ts";
import type { Flow } from "../transport/transport.ts";
import { pingsFor } from "./flow-pings.ts";
import { grantOf, minExpires } from "./registration-answer.ts";
import { RegistrationBackOff } from "./registration-back-off.ts";
import { createRequest } from "./request.ts";

const instanceId = "urn:uuid:1";
const ours = { contact: parseUri("sip:alice@192.0.2.1") as SipUri, instanceId, regId: 1, expiresSeconds: 60 };

/** Pieces that parsers stumble over, and any octets. */
const piece = fc.oneof(
  fc.constantFrom(
    ...[
      "<",
      ">",
      '"',
      "\\",
      ";",
      ",",
      "=",
      "*",
      " ",
      "@",
      "%",
      "%zz",
      "sip:",
      "sips:",
      "tel:",
      "[::1",
      "]",
      "gr",
      "",
      "\t",
    ],
    ...[
      "sip:alice@192.0.2.1",
      "<sip:alice@192.0.2.1>",
      `;+sip.instance="<${instanceId}>"`,
      ";reg-id=1",
      ";reg-id",
      ";expires=",
    ],
    ...[
      ';pub-gruu="',
      ";temp-gruu=",
      "sip:a@b;gr",
      "99999999999999999999",
      "-1",
      "Digest ",
      "realm=",
      'nonce="',
      "AAAA",
      "auts=",
    ],
    ...["algorithm=AKAv1-MD5", "qop=", "stale=true", "nextnonce=", "__proto__", "lr"],
  ),
  fc.string({ maxLength: 8, unit: "binary-ascii" }).map((text) => text.replace(/[\r\n\0]/g, "")),
);
const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));
const name = fc.constantFrom(
  ...["Contact", "Path", "Service-Route", "P-Associated-URI", "Expires", "Min-Expires", "Retry-After", "Flow-Timer"],
  ...["Require", "Supported", "WWW-Authenticate", "Proxy-Authenticate", "Authentication-Info"],
);
const fields = fc.array(fc.tuple(name, text), { maxLength: 8 });

describe("whatever a registrar answers", () => {
  const usim = new Usim({ k: "00".repeat(16), opc: "00".repeat(16) });
  const credentials = new DigestClient({
    accounts: [
      { username: "alice", usim },
      { realm: "x", username: "a", password: "b" },
    ],
  });
  const flow = { transport: "TCP" } as Flow;

  test("nothing of it throws, and no time in it is out of range", () => {
    fc.assert(
      fc.property(fields, fc.constantFrom(200, 401, 407, 423, 503), (headers, statusCode) => {
        const response = new SipResponse(statusCode, "", SipHeaders.of(headers), new Uint8Array(0));
        const grant = grantOf(response, ours);
        if (grant !== undefined) {
          expect(grant.expiresSeconds).toBeGreaterThanOrEqual(0);
          expect(grant.expiresSeconds).toBeLessThan(2 ** 32);
        }
        expect(pingsFor(response, flow).intervalMs).toBeGreaterThan(0);
        expect(minExpires(response) ?? 0).toBeGreaterThanOrEqual(0);
        expect(new RegistrationBackOff({}).waitMs(response)).toBeLessThanOrEqual(1_800_000);
        const request = createRequest({ method: "REGISTER", requestUri: "sip:x", from: "sip:alice@x" });
        const next = credentials.authorize(request, response);
        if (next !== undefined) expect(next).toBeInstanceOf(SipRequest);
        credentials.accepted(request, response);
      }),
      { numRuns: 3000 },
    );
  });
});
