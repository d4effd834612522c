import { expect, it } from "vitest";
import { readPush } from "./push-content.ts";

it.each([
  [{}, "push.syncml"],
  [{ app: "mms.ua" }, "mms.ua"],
])("a DS notification is for its own application unless %j says otherwise", async (given, applicationId) => {
  const io = {
    stdout: { write: () => true },
    stderr: { write: () => true },
    env: {},
    stop: new AbortController().signal,
    readFile: () => Promise.reject(new Error("no file is read")),
    writeOctets: () => {},
  };
  const push = await readPush(io, { dsServer: "ds.example.test", ...given });
  expect(push).toMatchObject({ applicationId, contentType: "application/vnd.syncml.ds.notification" });
});
