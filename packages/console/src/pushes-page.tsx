import type { JSX, TargetedEvent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ChangesMessage, DeliveryListView, DeliveryView } from "./api.d.ts";
import { useFetched } from "./fetched.ts";
import { textOf } from "./form-texts.ts";
import { useChanges, useRepeated } from "./live.ts";
import { go, hrefOf } from "./router.ts";
import { Field, PapCode, Pill, Problem, states, Time, wordsOf } from "./widgets.tsx";

/** Other nodes of the gateway work on the same database, and only their own pages hear of it at once. */
const POLL_MS = 4_000;

const filters = ["pushId", "recipient", "initiator", "state"] as const;
type Filters = Readonly<Record<(typeof filters)[number], string>>;

const filtersOf = (query: URLSearchParams): Filters => ({
  pushId: query.get("pushId") ?? "",
  recipient: query.get("recipient") ?? "",
  initiator: query.get("initiator") ?? "",
  state: query.get("state") ?? "",
});

/** Takes over what changed in rows that are shown. */
export function changed<T extends DeliveryView>(rows: readonly T[], { changes }: ChangesMessage): readonly T[] {
  const byId = new Map(changes.map((change) => [change.id, change]));
  if (!rows.some(({ id }) => byId.has(id))) return rows;
  return rows.map((row) => ({ ...row, ...byId.get(row.id) }));
}

/** The live table of deliveries, newest first. Its filters are in the address, so a view can be shared. */
export function PushesPage({ query }: { readonly query: URLSearchParams }): JSX.Element {
  const wanted = filtersOf(query);
  const after = query.get("after") ?? "";
  const [live, setLive] = useState(true);
  const path = `deliveries?${new URLSearchParams({ ...wanted, ...(after === "" ? {} : { after }) })}`;
  const list = useFetched<DeliveryListView>(path);
  const filtered = filters.some((name) => wanted[name] !== "");

  useChanges(live, (message) => {
    list.patch((data) => ({ ...data, deliveries: changed(data.deliveries, message) }));
    // New rows come at the top, and a change may move a delivery into what is filtered for, or out of it.
    if (message.refetch || wanted.state !== "") void list.refetch();
  });
  useRepeated(live, POLL_MS, list.refetch);

  const deliveries = list.data?.deliveries ?? [];
  return (
    <>
      <div class="title">
        <h1>Pushes</h1>
        <button type="button" class="live" aria-pressed={live} onClick={() => setLive(!live)}>
          {live ? "Live" : "Paused"}
        </button>
      </div>
      <FilterForm wanted={wanted} />
      {list.problem !== undefined && <Problem>{list.problem}</Problem>}
      <div class="scroll" role="region" aria-label="Deliveries" tabIndex={0}>
        <table class="pushes">
          <thead>
            <tr>
              <th scope="col">Accepted</th>
              <th scope="col">Changed</th>
              <th scope="col">Push-id</th>
              <th scope="col">Initiator</th>
              <th scope="col">Recipient</th>
              <th scope="col">State</th>
              <th scope="col">PAP code</th>
              <th scope="col" class="number">
                SIP
              </th>
              <th scope="col" class="number">
                Attempts
              </th>
            </tr>
          </thead>
          <tbody>
            {deliveries.map((delivery) => (
              <Row key={delivery.id} delivery={delivery} />
            ))}
          </tbody>
        </table>
      </div>
      {list.data !== undefined && deliveries.length === 0 && (
        <p class="quiet">{emptyWords(filtered || after !== "", list.data.next !== null)}</p>
      )}
      <Pager wanted={wanted} after={after} next={list.data?.next ?? null} />
    </>
  );
}

function emptyWords(asked: boolean, more: boolean): string {
  if (more) return "None among those looked at; there are older ones.";
  return asked ? "No push is like that." : "No push yet.";
}

function Row({ delivery }: { readonly delivery: DeliveryView }): JSX.Element {
  return (
    <tr>
      <td>
        <Time atMs={delivery.acceptedAtMs} />
      </td>
      <td>
        <Time atMs={delivery.atMs} />
      </td>
      <td class="long id">
        <a href={hrefOf(`/pushes/${delivery.push}`)} title={delivery.pushId}>
          {delivery.pushId}
        </a>
      </td>
      <td class="long" title={delivery.initiator}>
        {delivery.initiator}
      </td>
      <td class="long id" title={delivery.recipient}>
        {delivery.recipient}
      </td>
      <td>
        <Pill state={delivery.state} />
      </td>
      <td class="long code" title={[delivery.papText, delivery.reason].filter((text) => text !== "").join(": ")}>
        <PapCode code={delivery.papCode} text={delivery.papText} />
      </td>
      <td class="number">{delivery.sipStatus ?? ""}</td>
      <td class="number">{delivery.attempts}</td>
    </tr>
  );
}

function FilterForm({ wanted }: { readonly wanted: Filters }): JSX.Element {
  const form = useRef<HTMLFormElement>(null);
  const key = JSON.stringify(wanted);
  // The fields follow the address, also when somebody goes back.
  useEffect(() => {
    for (const [name, value] of Object.entries(JSON.parse(key) as Filters)) {
      const field = form.current?.elements.namedItem(name);
      if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) field.value = value;
    }
  }, [key]);
  const apply = (event: TargetedEvent): void => {
    event.preventDefault();
    if (form.current === null) return;
    const data = new FormData(form.current);
    go(hrefOf("/", Object.fromEntries(filters.map((name) => [name, textOf(data, name).trim()]))));
  };
  const isFiltered = filters.some((name) => wanted[name] !== "");
  return (
    <form ref={form} class="filters" role="search" aria-label="Filter pushes" onSubmit={apply}>
      <Field label="Push-id" name="pushId" hint="Whole, exactly as it is">
        {(attributes) => <input {...attributes} spellcheck={false} autocomplete="off" />}
      </Field>
      <Field label="Recipient" name="recipient" hint="A whole address: sip:, tel:, WAPPUSH=…">
        {(attributes) => <input {...attributes} spellcheck={false} autocomplete="off" />}
      </Field>
      <Field label="Initiator" name="initiator" hint="Its whole name">
        {(attributes) => <input {...attributes} spellcheck={false} autocomplete="off" />}
      </Field>
      <Field label="State" name="state">
        {(attributes) => (
          <select {...attributes} onChange={apply}>
            <option value="">all</option>
            {states.map((state) => (
              <option key={state} value={state}>
                {wordsOf(state)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <div class="buttons">
        <button type="submit">Filter</button>
        {isFiltered && <a href={hrefOf("/")}>Show all</a>}
      </div>
    </form>
  );
}

interface PagerProps {
  readonly wanted: Filters;
  readonly after: string;
  readonly next: number | null;
}

function Pager({ wanted, after, next }: PagerProps): JSX.Element | null {
  if (after === "" && next === null) return null;
  return (
    <nav class="pager" aria-label="Pages of the list">
      {after !== "" && <a href={hrefOf("/", wanted)}>Newest</a>}
      {next !== null && <a href={hrefOf("/", { ...wanted, after: String(next) })}>Older</a>}
    </nav>
  );
}
