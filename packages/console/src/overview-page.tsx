import type { JSX } from "preact";
import type { BreakerView, OverviewView } from "./api.d.ts";
import { useFetched } from "./fetched.ts";
import { useRepeated } from "./live.ts";
import { RatesPlot } from "./plot.tsx";
import { hrefOf } from "./router.ts";
import { Pill, Problem, states, Time } from "./widgets.tsx";

const POLL_MS = 2_000;

/** Rates, what is under way, deliveries by state, and destinations that are down. */
export function OverviewPage(): JSX.Element {
  const overview = useFetched<OverviewView>("overview");
  useRepeated(true, POLL_MS, overview.refetch);
  const { data } = overview;
  return (
    <>
      <h1>Overview</h1>
      {overview.problem !== undefined && <Problem>{overview.problem}</Problem>}
      {data === undefined && overview.problem === undefined && <p class="quiet">Loading …</p>}
      {data !== undefined && (
        <>
          <Tiles overview={data} />
          <section aria-labelledby="rates">
            <h2 id="rates">
              Rates of this node <small class="quiet">per second, last ten minutes</small>
            </h2>
            <RatesPlot rates={data.rates} />
          </section>
          <StateCounts counts={data.states} />
          <Breakers breakers={data.breakers} />
        </>
      )}
    </>
  );
}

function Tiles({ overview }: { readonly overview: OverviewView }): JSX.Element {
  const { states: counts, rates, breakers } = overview;
  const tiles = [
    { label: "accepted/s", value: rates.accepted.at(-1) ?? 0 },
    { label: "delivered/s", value: rates.delivered.at(-1) ?? 0 },
    { label: "in flight", value: counts.sending },
    { label: "waiting", value: counts.pending + counts["retry-wait"] },
    { label: "waiting for report", value: counts["waiting-report"] },
    { label: "breakers open", value: breakers.length, isBad: breakers.length > 0 },
  ];
  return (
    <dl class="tiles">
      {tiles.map(({ label, value, isBad }) => (
        <div key={label} class={isBad === true ? "bad" : undefined}>
          <dt>{label}</dt>
          <dd>{value.toLocaleString()}</dd>
        </div>
      ))}
    </dl>
  );
}

function StateCounts({ counts }: { readonly counts: OverviewView["states"] }): JSX.Element {
  const most = Math.max(1, ...Object.values(counts));
  return (
    <section aria-labelledby="states">
      <h2 id="states">
        Deliveries by state <small class="quiet">all that is kept, of all nodes</small>
      </h2>
      <table class="bars">
        <tbody>
          {states.map((state) => (
            <tr key={state}>
              <th scope="row">
                <a href={hrefOf("/", { state })}>
                  <Pill state={state} />
                </a>
              </th>
              <td class="number">{counts[state].toLocaleString()}</td>
              <td class="bar">
                {counts[state] > 0 && <span class={state} style={{ width: `${(100 * counts[state]) / most}%` }} />}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Breakers({ breakers }: { readonly breakers: readonly BreakerView[] }): JSX.Element {
  return (
    <section aria-labelledby="breakers">
      <h2 id="breakers">
        Circuit breakers <small class="quiet">destinations that this node does not send to as usual</small>
      </h2>
      {breakers.length === 0 && <p class="quiet">All destinations are fine.</p>}
      <ul>
        {breakers.map(({ destination, phase, sinceMs }) => (
          <li key={destination}>
            <span class="id">{destination}</span>: {phase === "open" ? "open" : "half open, tries one push"}, since{" "}
            <Time atMs={sinceMs} />
          </li>
        ))}
      </ul>
    </section>
  );
}
