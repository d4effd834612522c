import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { SessionView } from "./api.d.ts";
import { useRepeated } from "./live.ts";
import { LoginPage } from "./login-page.tsx";
import { OverviewPage } from "./overview-page.tsx";
import { PushPage } from "./push-page.tsx";
import { PushesPage } from "./pushes-page.tsx";
import { onLoggedOut, request } from "./request.ts";
import { followLinks, hrefOf, type Place, usePlace } from "./router.ts";
import { SubmitPage } from "./submit-page.tsx";
import { Problem } from "./widgets.tsx";

const tabs = [
  { path: "/", label: "Pushes" },
  { path: "/overview", label: "Overview" },
  { path: "/submit", label: "Test push" },
] as const;

/** Much less than a session lasts without being used. */
const KEEP_MS = 60_000;

/** Undefined: not known yet; null: nobody is logged in. */
type Login = SessionView | null | undefined;

/** The whole console: the login form, or the page that the address names. */
export function App(): JSX.Element {
  const place = usePlace();
  const [login, setLogin] = useState<Login>(undefined);
  const [problem, setProblem] = useState("");
  const [isOver, setIsOver] = useState(false);
  const [logOutProblem, setLogOutProblem] = useState("");
  const endLogin = (): void => {
    setIsOver(true);
    setLogin(null);
  };

  useEffect(() => {
    onLoggedOut(endLogin);
    void request<SessionView>("GET", "session").then((answer) => {
      if ("data" in answer) setLogin(answer.data);
      else if (answer.status === 401) setLogin(null);
      else setProblem(answer.message);
    });
  }, []);
  // The form of a test push asks for nothing while it is filled in.
  useRepeated(login !== undefined && login !== null, KEEP_MS, async () => {
    const answer = await request<SessionView>("GET", "session");
    if ("data" in answer) setLogin(answer.data);
    else if (answer.status === 401) endLogin();
  });
  const title = tabs.find(({ path }) => isTab(place, path))?.label ?? "";
  useEffect(() => {
    document.title = login === null || title === "" ? "SIP Push" : `${title} · SIP Push`;
  }, [title, login]);
  const logOut = async (): Promise<void> => {
    const answer = await request("DELETE", "session");
    // The cookie lets in until the gateway has heard of it.
    const isOut = "data" in answer || answer.status === 401;
    setLogOutProblem(isOut ? "" : `Still logged in: ${answer.message}`);
    setIsOver(false);
    if (isOut) setLogin(null);
  };

  if (problem !== "") return <Problem>{problem}</Problem>;
  if (login === undefined) return <p class="quiet">Loading …</p>;
  if (login === null) return <LoginPage isOver={isOver} onLogin={setLogin} />;
  return (
    <div onClick={followLinks}>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header>
        <strong class="brand">SIP Push</strong>
        <nav aria-label="Pages">
          {tabs.map(({ path, label }) => (
            <a key={path} href={hrefOf(path)} aria-current={isTab(place, path) ? "page" : undefined}>
              {label}
            </a>
          ))}
        </nav>
        <span class="who">
          <span title="This node of the gateway">{login.node}</span>
          <span title="Logged in as">{login.user}</span>
          <button type="button" onClick={() => void logOut()}>
            Log out
          </button>
        </span>
      </header>
      <main id="main" tabIndex={-1}>
        {logOutProblem !== "" && <Problem>{logOutProblem}</Problem>}
        <Page place={place} login={login} />
      </main>
    </div>
  );
}

const isTab = ({ path }: Place, tab: string): boolean =>
  tab === "/" ? path === "/" || path.startsWith("/pushes") : path === tab;

function Page({ place, login }: { readonly place: Place; readonly login: SessionView }): JSX.Element {
  const push = /^\/pushes\/(\d+)$/.exec(place.path)?.[1];
  if (push !== undefined) return <PushPage id={push} key={push} />;
  if (place.path === "/") return <PushesPage query={place.query} />;
  if (place.path === "/overview") return <OverviewPage />;
  if (place.path === "/submit") return <SubmitPage session={login} />;
  return <Problem>There is no such page.</Problem>;
}
