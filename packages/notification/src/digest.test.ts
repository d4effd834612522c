import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { errorOf, octetsOf, zeroDigestHex } from "../test/support.ts";
import { dmVectors, dsVectors } from "../test/vectors.ts";
import { encodeNotification } from "./codec.ts";
import { checkDigest, computeDigest, isZeroDigest, signDigest, verifyDigest, zeroNonceForms } from "./digest.ts";
import { createDmNotification } from "./dm.ts";
import { createDsNotification, decodeDs } from "./ds.ts";

/** The formula a second time, with Node's MD5 and strings. */
function expectedDigest(secret: string, nonce: string, trigger: Uint8Array): Uint8Array {
  const hash = (data: string | Uint8Array): string => createHash("md5").update(data).digest("base64");
  return octetsOf(
    createHash("md5")
      .update(`${hash(secret)}:${nonce}:${hash(trigger)}`)
      .digest("hex"),
  );
}

const signed = [...dsVectors, ...dmVectors];

describe.each(signed)("digest of vector $id", ({ octets, notification, credentials }) => {
  it("is computed from the trigger and the credentials", () => {
    const { serverId } = notification;
    expect(computeDigest(octets.subarray(16), { ...credentials, serverId })).toEqual(notification.digest);
    expect(expectedDigest(`${serverId}:${credentials.password}`, credentials.nonce, octets.subarray(16))).toEqual(
      notification.digest,
    );
  });

  it("is written by encodeNotification over whatever digest the notification held", () => {
    const unsigned = { ...notification, digest: new Uint8Array(16) };
    expect(encodeNotification(unsigned, credentials)).toEqual(octets);
  });

  it("is valid with the right credentials", () => {
    expect(verifyDigest(octets, credentials)).toBe("valid");
    expect(verifyDigest(octets, { ...credentials, serverId: notification.serverId })).toBe("valid");
    const match = { emptyPasswordStyle: "colon", nonce: "stored" };
    expect(checkDigest(octets, credentials)).toEqual({ result: "valid", match, zero: false });
  });

  it("is invalid with another password, nonce or server identifier", () => {
    expect(verifyDigest(octets, { ...credentials, password: `${credentials.password}x` })).toBe("invalid");
    expect(verifyDigest(octets, { ...credentials, nonce: `${credentials.nonce}x` })).toBe("invalid");
    expect(verifyDigest(octets, { ...credentials, serverId: "other" })).toBe("invalid");
  });
});

it("covers every octet of the notification and of the digest itself", () => {
  const credentials = { password: "p", nonce: "n" };
  const syncs = [{ syncType: "two-way", contentType: null, serverUri: "c" } as const];
  const notification = createDsNotification({ sessionId: 1, serverId: "s", syncs, vendor: octetsOf("0102") });
  const octets = encodeNotification(notification, credentials);
  for (const index of octets.keys()) {
    if (index === 23) continue; // the length octet: the server identifier would be cut
    const changed = octets.slice();
    changed[index] = (changed[index] as number) ^ 1;
    expect(verifyDigest(changed, { ...credentials, serverId: "s" })).toBe("invalid");
  }
});

describe("the digest of an empty password", () => {
  const notification = createDsNotification({ sessionId: 7, serverId: "PIM Server" });
  const credentials = { password: "", nonce: "n" };

  it("keeps its colon by the formula", () => {
    const octets = encodeNotification(notification, credentials);
    expect(octets.subarray(0, 16)).toEqual(expectedDigest("PIM Server:", "n", octets.subarray(16)));
    expect(checkDigest(octets, credentials).match).toEqual({ emptyPasswordStyle: "colon", nonce: "stored" });
  });

  it("loses its colon at libsynthesis, which is accepted and can be written", () => {
    const octets = encodeNotification(notification, { ...credentials, emptyPasswordStyle: "no-colon" });
    expect(octets.subarray(0, 16)).toEqual(expectedDigest("PIM Server", "n", octets.subarray(16)));
    expect(verifyDigest(octets, credentials)).toBe("valid");
    expect(checkDigest(octets, credentials).match).toEqual({ emptyPasswordStyle: "no-colon", nonce: "stored" });
  });

  it("is the only one that loses it", () => {
    const octets = encodeNotification(notification, { ...credentials, password: "p", emptyPasswordStyle: "no-colon" });
    expect(octets.subarray(0, 16)).toEqual(expectedDigest("PIM Server:p", "n", octets.subarray(16)));
  });
});

describe("the DM 1.2 zero nonce", () => {
  const notification = createDmNotification({ sessionId: 1, serverId: "mgmt" });
  const stored = { password: "srvpw", nonce: "AbCdEf" };

  it.each([
    ["octets", new Uint8Array(4)],
    ["text", "0x00000000"],
    ["digits", "00000000"],
  ] as const)("is accepted as %s where the receiver says so, and reported", (form, nonce) => {
    const octets = encodeNotification(notification, { ...stored, nonce });
    expect(verifyDigest(octets, stored)).toBe("invalid");
    expect(verifyDigest(octets, stored, { zeroNonces: zeroNonceForms.filter((other) => other !== form) })).toBe(
      "invalid",
    );
    expect(verifyDigest(octets, stored, { zeroNonces: [form] })).toBe("valid");
    expect(checkDigest(octets, stored, { zeroNonces: zeroNonceForms }).match?.nonce).toBe(form);
  });

  it("does not take the place of the stored nonce, be it the same", () => {
    const same = { ...stored, nonce: new Uint8Array(4) };
    const resynchronized = encodeNotification(notification, same);
    expect(checkDigest(resynchronized, same, { zeroNonces: zeroNonceForms }).match?.nonce).toBe("stored");
    const octets = encodeNotification(notification, stored);
    expect(checkDigest(octets, stored, { zeroNonces: zeroNonceForms }).match?.nonce).toBe("stored");
  });
});

describe("16 zero octets in place of a digest", () => {
  const octets = encodeNotification(createDsNotification({ sessionId: 1, serverId: "s" }));

  it("are what a sender without credentials writes", () => {
    expect(octets.subarray(0, 16)).toEqual(octetsOf(zeroDigestHex));
    expect(isZeroDigest(decodeDs(octets).digest)).toBe(true);
    expect(isZeroDigest(octetsOf(`${"00".repeat(15)}01`))).toBe(false);
    expect(isZeroDigest(new Uint8Array(15))).toBe(false);
  });

  it("are invalid, and reported apart", () => {
    const check = checkDigest(octets, { password: "", nonce: "" });
    expect(check).toEqual({ result: "invalid", match: null, zero: true });
    expect(checkDigest(signDigest(octets, { password: "", nonce: "" }), { password: "x", nonce: "" })).toEqual({
      result: "invalid",
      match: null,
      zero: false,
    });
  });
});

it("takes nonce and password as octets too: NextNonce is base64 of any octets", () => {
  const nonce = octetsOf("00 ff 80 3a");
  const octets = encodeNotification(createDsNotification({ sessionId: 1, serverId: "s" }), {
    password: octetsOf("ff"),
    nonce,
  });
  expect(verifyDigest(octets, { password: octetsOf("ff"), nonce })).toBe("valid");
  expect(verifyDigest(octets, { password: octetsOf("ff"), nonce: octetsOf("00 ff 80 3b") })).toBe("invalid");
});

it("signs a copy", () => {
  const octets = Buffer.from(encodeNotification(createDsNotification({ sessionId: 1, serverId: "s" })));
  signDigest(octets, { password: "p", nonce: "n" });
  expect(octets.subarray(0, 16).toString("hex")).toBe(zeroDigestHex);
});

it.each([0, 15, 16, 22, 23, 24])("cannot be checked on %i octets of a longer notification", (length) => {
  const octets = encodeNotification(createDsNotification({ sessionId: 1, serverId: "server" }));
  const error = errorOf(() => verifyDigest(octets.subarray(0, length), { password: "p", nonce: "n" }));
  expect(error.code).toBe("NOTIFICATION_TRUNCATED");
});
