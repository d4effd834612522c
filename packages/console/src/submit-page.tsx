import type { JSX, TargetedSubmitEvent } from "preact";
import { useState } from "preact/hooks";
import type { FieldProblem, SessionView, SubmitView } from "./api.d.ts";
import { ContentFields, type ContentKind, contentFrom, newSessionId } from "./content-fields.tsx";
import { textOf } from "./form-texts.ts";
import { request } from "./request.ts";
import { hrefOf } from "./router.ts";
import { Field, type FieldAttributes, PapCode, Problem } from "./widgets.tsx";

const methods = ["notspecified", "unconfirmed", "preferconfirmed", "confirmed"];
const priorities = ["medium", "high", "low"];
const ACCEPTED = 1001;

const linesOf = (text: string): string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");

/**
 * A time as the API wants it; null: none is given. What is no time goes as it is, to be refused: half a time has no value, so that
 * without a look at its validity it would be no limit.
 */
function timeOf(field: Element | RadioNodeList | null): string | null {
  if (!(field instanceof HTMLInputElement)) return null;
  if (field.validity.badInput) return "incomplete";
  if (field.value === "") return null;
  const time = new Date(field.value);
  return Number.isNaN(time.getTime()) ? field.value : time.toISOString();
}

/** What the form says, as the API wants it. */
function formOf(form: HTMLFormElement, kind: ContentKind): unknown {
  const data = new FormData(form);
  const text = (name: string): string => textOf(data, name);
  return {
    addresses: linesOf(text("addresses")),
    applicationId: text("applicationId"),
    deliveryMethod: text("deliveryMethod"),
    priority: text("priority"),
    deliverBefore: timeOf(form.elements.namedItem("deliverBefore")),
    content: contentFrom(data, kind),
  };
}

/** Problems of single addresses stand at the field that holds them all. */
function inFields(problems: readonly FieldProblem[]): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const { field, message } of problems) {
    const line = /^addresses\.(\d+)$/.exec(field)?.[1];
    const name = line === undefined ? field : "addresses";
    const text = line === undefined ? message : `Line ${Number(line) + 1}: ${message}`;
    const before = fields.get(name);
    fields.set(name, before === undefined ? text : `${before}\n${text}`);
  }
  return fields;
}

/** The form for a test push, and the gateway's answer. */
export function SubmitPage({ session }: { readonly session: SessionView }): JSX.Element {
  const [kind, setKind] = useState<ContentKind>("ds");
  const [sessionId, setSessionId] = useState(newSessionId);
  const [problems, setProblems] = useState<ReadonlyMap<string, string>>(new Map());
  const [problem, setProblem] = useState("");
  const [answer, setAnswer] = useState<SubmitView>();
  const [busy, setBusy] = useState(false);

  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget;
    setBusy(true);
    setAnswer(undefined);
    const answered = await request<SubmitView>("POST", "pushes", { body: formOf(form, kind) });
    setBusy(false);
    const failed = "data" in answered ? undefined : answered;
    setProblems(inFields(failed?.problems ?? []));
    setProblem(failed === undefined || failed.problems.some(({ field }) => field !== "") ? "" : failed.message);
    if (failed === undefined || failed.problems.length === 0) setSessionId(newSessionId());
    if ("data" in answered) setAnswer(answered.data);
    else requestAnimationFrame(() => form.querySelector<HTMLElement>("[aria-invalid]")?.focus());
  };

  if (!session.maySubmit) {
    return (
      <>
        <h1>Test push</h1>
        <Problem>
          No push initiator named {session.user} is configured, so nothing can be submitted in that name.
        </Problem>
      </>
    );
  }
  return (
    <>
      <h1>Test push</h1>
      <p class="quiet">Goes through the gateway as any other push of the initiator {session.user}, with its rights.</p>
      <form class="submit" onSubmit={(event) => void submit(event)} noValidate>
        <Field
          label="Addresses"
          name="addresses"
          hint="One a line: sip:alice@example.test, tel:+15550100, or WAPPUSH=+15550100/TYPE=PLMN@ppg.example.test"
          problem={problems.get("addresses")}
        >
          {(attributes) => <textarea {...attributes} rows={3} spellcheck={false} autocomplete="off" />}
        </Field>
        <ContentFields kind={kind} sessionId={sessionId} onKind={setKind} problems={problems} />
        <div class="columns">
          <Field
            label="Application id"
            name="applicationId"
            hint="Such as push.syncml; empty for none"
            problem={problems.get("applicationId")}
          >
            {(attributes) => <input {...attributes} defaultValue="push.syncml" spellcheck={false} />}
          </Field>
          <Field label="Delivery method" name="deliveryMethod" problem={problems.get("deliveryMethod")}>
            {(attributes) => <Select attributes={attributes} options={methods} />}
          </Field>
          <Field label="Priority" name="priority" problem={problems.get("priority")}>
            {(attributes) => <Select attributes={attributes} options={priorities} />}
          </Field>
          <Field
            label="Deliver before"
            name="deliverBefore"
            hint="Your local time; empty for the gateway's limit"
            problem={problems.get("deliverBefore")}
          >
            {(attributes) => <input {...attributes} type="datetime-local" />}
          </Field>
        </div>
        {problem !== "" && <Problem>{problem}</Problem>}
        <div class="buttons">
          <button type="submit" class="primary" disabled={busy}>
            {busy ? "Submitting …" : "Submit"}
          </button>
        </div>
      </form>
      <div role="status">{answer !== undefined && <PapAnswer answer={answer} />}</div>
    </>
  );
}

interface SelectProps {
  readonly attributes: FieldAttributes;
  readonly options: readonly string[];
}

function Select({ attributes, options }: SelectProps): JSX.Element {
  return (
    <select {...attributes}>
      {options.map((option) => (
        <option key={option}>{option}</option>
      ))}
    </select>
  );
}

function PapAnswer({ answer }: { readonly answer: SubmitView }): JSX.Element {
  return (
    <div class={`answer ${answer.papCode === ACCEPTED ? "good" : "bad"}`}>
      <p>
        <strong>
          <PapCode code={answer.papCode} text={answer.papText} />
        </strong>
        {answer.description !== null && answer.description !== answer.papText && `: ${answer.description}`}
      </p>
      <p class="id">
        {answer.push === null ? answer.pushId : <a href={hrefOf(`/pushes/${answer.push}`)}>{answer.pushId}</a>}
      </p>
    </div>
  );
}
