import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import type { CancelView, DeliveryListView, DeliveryView, PushView } from "./api.d.ts";
import { CancelDialog } from "./cancel-dialog.tsx";
import { duration } from "./duration.ts";
import { useFetched } from "./fetched.ts";
import { useChanges, useRepeated } from "./live.ts";
import { changed } from "./pushes-page.tsx";
import { request } from "./request.ts";
import { hrefOf } from "./router.ts";
import { Timeline } from "./timeline.tsx";
import { isLive, PapCode, Pill, Problem, Time } from "./widgets.tsx";

const POLL_MS = 4_000;

const verdictWords: Readonly<Record<CancelView["addresses"][number]["verdict"], string>> = {
  cancelled: "cancelled",
  requested: "under way; it ends after this attempt",
  notPossible: "cannot be cancelled any more (2008)",
  addressNotFound: "not an address of this push (2002)",
};

/** One push: what it is, what its initiator was told, and each delivery with its timeline. */
export function PushPage({ id }: { readonly id: string }): JSX.Element {
  const push = useFetched<PushView>(`pushes/${id}`);
  if (push.data === undefined)
    return push.problem === undefined ? <p class="quiet">Loading …</p> : <Problem>{push.problem}</Problem>;
  return (
    <>
      {push.problem !== undefined && <Problem>{push.problem}</Problem>}
      <Details push={push.data} />
      <Deliveries push={push.data} />
    </>
  );
}

function verdictOn({ address, verdict }: CancelView["addresses"][number], index: number): JSX.Element {
  return (
    <span key={address}>
      {index > 0 && "; "}
      <span class="id">{address}</span>: {verdictWords[verdict]}
    </span>
  );
}

interface FactProps {
  readonly label: string;
  readonly isWide?: boolean;
  /** Null and "" are not shown. */
  readonly children: ComponentChildren;
}

function Fact({ label, isWide, children }: FactProps): JSX.Element | null {
  if (children === null || children === "") return null;
  return (
    <div class={isWide === true ? "wide" : undefined}>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Details({ push }: { readonly push: PushView }): JSX.Element {
  const times = [
    { label: "Deliver after", atMs: push.deliverAfterMs },
    { label: "Deliver before", atMs: push.deliverBeforeMs },
  ];
  return (
    <>
      <h1 class="id">{push.pushId}</h1>
      <dl class="facts">
        <Fact label="Accepted">
          <Time atMs={push.acceptedAtMs} withMs />
        </Fact>
        <Fact label="Initiator">{push.initiator}</Fact>
        <Fact label="Content" isWide>
          {push.contentType}, {push.contentOctets.toLocaleString()} octets
        </Fact>
        <Fact label="Application">{push.applicationId}</Fact>
        <Fact label="Delivery method">{push.deliveryMethod}</Fact>
        <Fact label="Priority">{push.priority}</Fact>
        <Fact label="Network, bearer">{[push.network, push.bearer].filter((each) => each !== null).join(", ")}</Fact>
        {times.map(({ label, atMs }) => (
          <Fact key={label} label={label}>
            {atMs === null ? "" : <Time atMs={atMs} />}
          </Fact>
        ))}
        <Fact label="Source">{push.sourceReference}</Fact>
        <Fact label="Capabilities">{push.hasCapabilities ? "came with it" : ""}</Fact>
        <Fact label="PAP">{push.papVersion}</Fact>
        <Fact label="Results to" isWide>
          {push.notifyUrl}
        </Fact>
      </dl>
    </>
  );
}

function Deliveries({ push }: { readonly push: PushView }): JSX.Element {
  const [pages, setPages] = useState<readonly number[]>([]);
  const after = pages.at(-1);
  const path = new URLSearchParams({ initiator: push.initiator, pushId: push.pushId });
  if (after !== undefined) path.set("after", String(after));
  const list = useFetched<DeliveryListView>(`deliveries?${path}`);
  const [asking, setAsking] = useState<DeliveryView | "all" | undefined>();
  const [said, setSaid] = useState<ComponentChildren>("");
  const deliveries = list.data?.deliveries ?? [];
  const next = list.data?.next ?? null;
  const isOnePage = pages.length === 0 && next === null;

  useChanges(true, (message) => {
    if (!message.changes.some((change) => change.push === push.id) && !message.refetch) return;
    list.patch((data) => ({ ...data, deliveries: changed(data.deliveries, message) }));
    void list.refetch();
  });
  useRepeated(true, POLL_MS, list.refetch);
  const cancel = async (): Promise<void> => {
    const addresses = asking === "all" || asking === undefined ? undefined : [asking.address];
    setAsking(undefined);
    const body = addresses === undefined ? {} : { addresses };
    const answer = await request<CancelView>("POST", `pushes/${push.id}/cancel`, { body });
    setSaid("data" in answer ? answer.data.addresses.map(verdictOn) : answer.message);
    await list.refetch();
  };

  return (
    <section aria-labelledby="deliveries">
      <div class="title">
        <h2 id="deliveries">Deliveries</h2>
        {(!isOnePage || deliveries.some(({ state }) => isLive(state))) && (
          <button type="button" class="danger" onClick={() => setAsking("all")}>
            Cancel push
          </button>
        )}
      </div>
      <p role="status" class="said">
        {said}
      </p>
      {list.problem !== undefined && <Problem>{list.problem}</Problem>}
      {deliveries.map((delivery) => (
        <Delivery
          key={delivery.id}
          delivery={delivery}
          push={push}
          isOpen={deliveries.length === 1}
          onCancel={deliveries.length > 1 ? () => setAsking(delivery) : undefined}
        />
      ))}
      <nav class="pager" aria-label="Pages of the deliveries">
        {pages.length > 0 && (
          <button type="button" onClick={() => setPages(pages.slice(0, -1))}>
            Back
          </button>
        )}
        {next !== null && (
          <button type="button" onClick={() => setPages([...pages, next])}>
            More
          </button>
        )}
      </nav>
      <p>
        <a href={hrefOf("/", { initiator: push.initiator })}>All pushes of {push.initiator}</a>
      </p>
      {asking !== undefined && (
        <CancelDialog
          what={asking === "all" ? "the whole push" : <Named address={asking.address} />}
          onCancel={() => void cancel()}
          onKeep={() => setAsking(undefined)}
        />
      )}
    </section>
  );
}

function Named({ address }: { readonly address: string }): JSX.Element {
  return (
    <>
      the delivery to <span class="id">{address}</span>
    </>
  );
}

interface DeliveryProps {
  readonly delivery: DeliveryView;
  readonly push: PushView;
  readonly isOpen: boolean;
  readonly onCancel: (() => void) | undefined;
}

function Delivery({ delivery, push, isOpen, onCancel }: DeliveryProps): JSX.Element {
  const [open, setOpen] = useState(isOpen);
  const elapsedMs = delivery.atMs - push.acceptedAtMs;
  return (
    <details class="delivery" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <span class="id">{delivery.recipient}</span> <Pill state={delivery.state} />{" "}
        <span>
          <PapCode code={delivery.papCode} text={delivery.papText} />
        </span>
        {!isLive(delivery.state) && <span class="quiet"> after {duration(Math.max(0, elapsedMs))}</span>}
      </summary>
      {open && (
        <>
          {delivery.address !== delivery.recipient && <p class="quiet id">{delivery.address}</p>}
          <Timeline delivery={delivery} acceptedAtMs={push.acceptedAtMs} />
          {onCancel !== undefined && isLive(delivery.state) && (
            <button type="button" class="danger" onClick={onCancel}>
              Cancel this delivery
            </button>
          )}
        </>
      )}
    </details>
  );
}
