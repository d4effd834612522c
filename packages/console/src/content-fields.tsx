import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { textOf, textsOf } from "./form-texts.ts";
import { Field } from "./widgets.tsx";

/** What a test push may hold. */
export type ContentKind = "ds" | "text" | "hex";

const kinds: ReadonlyArray<{ readonly kind: ContentKind; readonly label: string }> = [
  { kind: "ds", label: "DS notification" },
  { kind: "text", label: "Text" },
  { kind: "hex", label: "Octets" },
];
const uiModes = ["informative", "not-specified", "background", "user-interaction"];
const syncTypes = [
  "two-way",
  "one-way-from-client",
  "refresh-from-client",
  "one-way-from-server",
  "refresh-from-server",
];
const MOST_SYNCS = 15;

/** The content of the form, as the API wants it. */
export function contentFrom(data: FormData, kind: ContentKind): unknown {
  const text = (name: string): string => textOf(data, `content.${name}`);
  if (kind === "text") return { kind, contentType: text("contentType"), text: text("text") };
  if (kind === "hex") return { kind, contentType: text("contentType"), hex: text("hex") };
  const sessionId = text("sessionId").trim();
  const all = (name: string): string[] => textsOf(data, `content.${name}`);
  const contentTypes = all("syncs.contentType");
  const serverUris = all("syncs.serverUri");
  return {
    kind,
    serverId: text("serverId"),
    sessionId: sessionId === "" ? null : Number(sessionId),
    uiMode: text("uiMode"),
    syncs: all("syncs.syncType").map((syncType, index) => ({
      syncType,
      contentType: contentTypes[index] ?? "",
      serverUri: serverUris[index] ?? "",
    })),
  };
}

/** DS asks for an id that differs from session to session; a handset takes a notification with that of one before for the same. */
export const newSessionId = (): number => Math.floor(Math.random() * 65_536);

interface ContentFieldsProps {
  readonly kind: ContentKind;
  /** Of a DS notification, unless somebody writes another. */
  readonly sessionId: number;
  readonly onKind: (kind: ContentKind) => void;
  readonly problems: ReadonlyMap<string, string>;
}

/** What to push: a notification made of its fields, a text, or octets. */
export function ContentFields({ kind, sessionId, onKind, problems }: ContentFieldsProps): JSX.Element {
  return (
    <fieldset>
      <legend>Content</legend>
      <div class="kinds">
        {kinds.map((each) => (
          <label key={each.kind}>
            <input
              type="radio"
              name="content.kind"
              value={each.kind}
              checked={each.kind === kind}
              onChange={() => onKind(each.kind)}
            />{" "}
            {each.label}
          </label>
        ))}
      </div>
      {kind === "ds" && <DsFields sessionId={sessionId} problems={problems} />}
      {kind !== "ds" && (
        <Field label="Content type" name="content.contentType" problem={problems.get("content.contentType")}>
          {(attributes) => (
            <input
              {...attributes}
              key={kind}
              defaultValue={kind === "text" ? "text/plain;charset=utf-8" : "application/octet-stream"}
              spellcheck={false}
            />
          )}
        </Field>
      )}
      {kind === "text" && (
        <Field label="Text" name="content.text" problem={problems.get("content.text")}>
          {(attributes) => <textarea {...attributes} rows={4} />}
        </Field>
      )}
      {kind === "hex" && (
        <Field
          label="Octets"
          name="content.hex"
          hint="Hexadecimal; blanks and colons do not matter"
          problem={problems.get("content.hex")}
        >
          {(attributes) => <textarea {...attributes} rows={4} class="id" spellcheck={false} />}
        </Field>
      )}
    </fieldset>
  );
}

function DsFields({ sessionId, problems }: Pick<ContentFieldsProps, "sessionId" | "problems">): JSX.Element {
  const [syncs, setSyncs] = useState<readonly number[]>([0]);
  const session = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (session.current !== null) session.current.value = String(sessionId);
  }, [sessionId]);
  const add = (): void => setSyncs([...syncs, Math.max(-1, ...syncs) + 1]);
  return (
    <>
      <div class="columns">
        <Field label="Server" name="content.serverId" problem={problems.get("content.serverId")}>
          {(attributes) => <input {...attributes} placeholder="ds.example.test" spellcheck={false} />}
        </Field>
        <Field
          label="Session id"
          name="content.sessionId"
          hint="A new one for each push: handsets drop a repetition"
          problem={problems.get("content.sessionId")}
        >
          {(attributes) => <input {...attributes} ref={session} type="number" min={0} max={65_535} />}
        </Field>
        <Field label="UI mode" name="content.uiMode" problem={problems.get("content.uiMode")}>
          {(attributes) => (
            <select {...attributes}>
              {uiModes.map((mode) => (
                <option key={mode}>{mode}</option>
              ))}
            </select>
          )}
        </Field>
      </div>
      {syncs.map((key, index) => (
        <Sync
          key={key}
          index={index}
          problems={problems}
          onRemove={() => setSyncs(syncs.filter((each) => each !== key))}
        />
      ))}
      <p>
        <button type="button" onClick={add} disabled={syncs.length >= MOST_SYNCS}>
          Add a datastore
        </button>{" "}
        {syncs.length === 0 && <span class="quiet">None means all datastores.</span>}
      </p>
    </>
  );
}

interface SyncProps extends Pick<ContentFieldsProps, "problems"> {
  readonly index: number;
  readonly onRemove: () => void;
}

function Sync({ index, problems, onRemove }: SyncProps): JSX.Element {
  const problemOf = (name: string): string | undefined => problems.get(`content.syncs.${index}.${name}`);
  const path = `content.syncs.${index}`;
  return (
    <div class="columns sync" role="group" aria-label={`Datastore ${index + 1}`}>
      <Field label="Synchronize" name={`${path}.syncType`} problem={problemOf("syncType")}>
        {(attributes) => (
          <select {...attributes} name="content.syncs.syncType">
            {syncTypes.map((type) => (
              <option key={type}>{type}</option>
            ))}
          </select>
        )}
      </Field>
      <Field label="Datastore's type" name={`${path}.contentType`} problem={problemOf("contentType")}>
        {(attributes) => (
          <input {...attributes} name="content.syncs.contentType" defaultValue="text/x-vcard" spellcheck={false} />
        )}
      </Field>
      <Field label="Server URI" name={`${path}.serverUri`} problem={problemOf("serverUri")}>
        {(attributes) => (
          <input {...attributes} name="content.syncs.serverUri" defaultValue="./contacts" spellcheck={false} />
        )}
      </Field>
      <button type="button" onClick={onRemove} aria-label={`Remove datastore ${index + 1}`}>
        Remove
      </button>
    </div>
  );
}
