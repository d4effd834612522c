import type { JSX, TargetedSubmitEvent } from "preact";
import { useState } from "preact/hooks";
import type { FieldProblem, SessionView } from "./api.d.ts";
import { request } from "./request.ts";
import { Field, Problem } from "./widgets.tsx";

interface LoginPageProps {
  /** Somebody was logged in until the gateway said otherwise. */
  readonly isOver: boolean;
  readonly onLogin: (session: SessionView) => void;
}

/** The form for name and password. */
export function LoginPage({ isOver, onLogin }: LoginPageProps): JSX.Element {
  const [problem, setProblem] = useState("");
  const [problems, setProblems] = useState<readonly FieldProblem[]>([]);
  const [busy, setBusy] = useState(false);

  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    const body = { name: form.get("name"), password: form.get("password") };
    const answer = await request<SessionView>("POST", "session", { body });
    setBusy(false);
    if ("data" in answer) return onLogin(answer.data);
    setProblems(answer.problems);
    setProblem(answer.problems.length > 0 ? "" : answer.message);
  };
  const problemOf = (field: string): string | undefined => problems.find((each) => each.field === field)?.message;

  return (
    <main class="login">
      <h1>SIP Push</h1>
      <p>Log in to the console of this Push Proxy Gateway.</p>
      {isOver && <p role="status">The login before is over.</p>}
      <form onSubmit={(event) => void submit(event)} noValidate>
        <Field label="Name" name="name" problem={problemOf("name")}>
          {(attributes) => <input {...attributes} autocomplete="username" autofocus required />}
        </Field>
        <Field label="Password" name="password" problem={problemOf("password")}>
          {(attributes) => <input {...attributes} type="password" autocomplete="current-password" required />}
        </Field>
        {problem !== "" && <Problem>{problem}</Problem>}
        <button type="submit" class="primary" disabled={busy}>
          {busy ? "Checking …" : "Log in"}
        </button>
      </form>
    </main>
  );
}
