/**
 * Changes of the schema, in order; `ppg_schema` counts those that were made. What was released is never edited. The columns mean
 * what those of `sqlite-schema.ts` mean. Rows change a few times in their first minutes, and then never: hence the free space in
 * pages, and a vacuum that comes often.
 */
export const postgresMigrations: readonly string[] = [
  `
  CREATE TABLE pushes (
    id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    initiator text NOT NULL,
    push_id text NOT NULL,
    accepted_at int8 NOT NULL,
    deliver_after int8,
    deliver_before int8,
    priority int2 NOT NULL,
    delivery_method text NOT NULL,
    notify_url text,
    progress_notes int2 NOT NULL,
    content_type text NOT NULL,
    application_data text NOT NULL,
    open int4 NOT NULL,
    results int4 NOT NULL DEFAULT 0,
    notified int4 NOT NULL DEFAULT 0,
    notify_due_at int8,
    notify_owner text,
    notify_attempts int4 NOT NULL DEFAULT 0,
    finished_at int8,
    capabilities bytea,
    content bytea NOT NULL
  ) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
  CREATE UNIQUE INDEX push_ids ON pushes (initiator, push_id);
  CREATE INDEX notify_due ON pushes (notify_due_at, id) WHERE notify_due_at IS NOT NULL;
  CREATE INDEX finished ON pushes (finished_at) WHERE finished_at IS NOT NULL;

  CREATE TABLE deliveries (
    id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    push int8 NOT NULL,
    address text NOT NULL,
    recipient text NOT NULL,
    priority int2 NOT NULL,
    state text NOT NULL,
    due_at int8,
    owner text,
    version int4 NOT NULL DEFAULT 0,
    attempts int4 NOT NULL DEFAULT 0,
    call_token text NOT NULL,
    sip_status int4,
    pap_code int4 NOT NULL,
    reason text NOT NULL DEFAULT '',
    event_at int8 NOT NULL,
    cancel_requested int2 NOT NULL DEFAULT 0,
    result_seq int4
  ) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
  CREATE INDEX of_push ON deliveries (push, address);
  CREATE INDEX of_recipient ON deliveries (recipient, id);
  CREATE INDEX due ON deliveries (priority, due_at, id) WHERE due_at IS NOT NULL;
  CREATE INDEX sleeping ON deliveries (recipient) WHERE state = 'retry-wait';
  CREATE INDEX results ON deliveries (push, result_seq) WHERE result_seq IS NOT NULL;
  CREATE INDEX failed ON deliveries (state, id)
    WHERE state IN ('undeliverable', 'expired', 'aborted', 'timeout', 'cancelled', 'rejected', 'unknown');

  CREATE TABLE timeline (
    delivery int8 NOT NULL,
    version int4 NOT NULL,
    at int8 NOT NULL,
    state text NOT NULL,
    sip_status int4,
    pap_code int4 NOT NULL,
    reason text NOT NULL,
    started_at int8,
    owner text,
    PRIMARY KEY (delivery, version)
  );

  CREATE TABLE state_counts (state text NOT NULL, n int8 NOT NULL);
  CREATE TABLE subscriptions (id text COLLATE "C" PRIMARY KEY, package text NOT NULL, record text NOT NULL);
  CREATE INDEX of_package ON subscriptions (package, id);
  CREATE TABLE capabilities (aor text COLLATE "C" PRIMARY KEY, record text NOT NULL);
  `,
];
