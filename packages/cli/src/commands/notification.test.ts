import { notificationToJson } from "@sip-push/notification";
import { describe, expect, it } from "vitest";
import { dmVectors, dsVectors, syncmlVectors } from "../../../notification/test/vectors.ts";
import { type Ran, runCli } from "../testdata/fake-io.ts";

const decode = (octets: Uint8Array, format: string): Promise<Ran> =>
  runCli(["notification", "decode", "--format", format, "-"], { files: { "-": octets } });
const encode = (json: string): Promise<Ran> => runCli(["notification", "encode"], { files: { "-": json } });

describe("sip-push notification", () => {
  it.each([...dsVectors, ...dmVectors, ...syncmlVectors])(
    "decodes and encodes $id",
    async ({ octets, notification }) => {
      const { format } = notification;
      const decoded = await decode(octets, format);
      expect(decoded).toMatchObject({ exitCode: 0, stderr: "" });
      const json = notificationToJson(notification);
      expect(JSON.parse(decoded.stdout)).toEqual(json);

      const encoded = await encode(decoded.stdout);
      expect(encoded).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
      // A document may be written in several ways, so it is compared by what it says.
      if (format.startsWith("syncml")) expect(JSON.parse((await decode(encoded.octets, format)).stdout)).toEqual(json);
      else expect(Buffer.from(encoded.octets)).toEqual(Buffer.from(octets));
    },
  );

  it.each([...dsVectors, ...dmVectors])(
    "makes the digest of $id with its password and nonce",
    async ({ octets, notification, credentials }) => {
      const { password, nonce } = credentials;
      const input = { ...notificationToJson(notification), digest: "00".repeat(16), password, nonce };
      const encoded = await encode(JSON.stringify(input));
      expect(encoded).toMatchObject({ exitCode: 0, stderr: "" });
      expect(Buffer.from(encoded.octets)).toEqual(Buffer.from(octets));
    },
  );
});
