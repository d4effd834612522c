/**
 * Changes of the schema, in order; `ppg_schema` counts those that were made. What was released is never edited.
 *
 * - `pushes` is only inserted into and deleted from: octets are written once. `progress` has a row from the first result on.
 * - `queue` has the deliveries that are not final: it is small, and has all that changes while they live. No index of `deliveries`
 *   has a column that changes, so its updates stay in their page (heap-only tuples) and no index grows by them. `due_at` of what
 *   is held is the end of the lease, so an abandoned delivery becomes due by itself.
 * - `behind`: the delivery whose attempt it must not overtake; `only_pending`: it goes only if that one does not reach the recipient.
 * - `absent`: it waits because its handset was not registered; `sleeper`: that one. `woken_at`: when a registration made it due
 *   last, or will.
 * - `failures` are deliveries that ended in another state than `delivered`, to be found. `timeline`: a line of JSON per change.
 *   `result_seq`: place in the queue of results; `results` finds it, of a push with several recipients.
 * - Finished pushes are deleted in batches rather than dropped with monthly partitions: uniqueness of push-ids would end at the
 *   border of a partition, and a push that lives long would keep its month. Vacuum runs by what was deleted, and often.
 */
export const postgresMigrations: readonly string[] = [
  `
  CREATE TABLE pushes (
    id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    initiator text COLLATE "C" NOT NULL,
    push_id text COLLATE "C" NOT NULL,
    accepted_at int8 NOT NULL,
    deliver_after int8,
    deliver_before int8,
    priority int2 NOT NULL,
    delivery_method text NOT NULL,
    notify_url text,
    progress_notes int2 NOT NULL,
    content_type text NOT NULL,
    application_data text NOT NULL,
    recipients int4 NOT NULL,
    capabilities bytea,
    content bytea NOT NULL
  ) WITH (autovacuum_vacuum_scale_factor = 0.05);
  CREATE UNIQUE INDEX push_ids ON pushes (push_id, initiator);

  CREATE TABLE deliveries (
    id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    push int8 NOT NULL,
    recipients int4 NOT NULL,
    notify int2 NOT NULL,
    address text NOT NULL,
    recipient text COLLATE "C" NOT NULL,
    priority int2 NOT NULL,
    call_token text NOT NULL,
    state text NOT NULL DEFAULT '',
    version int4 NOT NULL DEFAULT 0,
    attempts int4 NOT NULL DEFAULT 0,
    cancel_requested int2 NOT NULL DEFAULT 0,
    sip_status int4,
    pap_code int4 NOT NULL,
    reason text NOT NULL DEFAULT '',
    event_at int8 NOT NULL,
    result_seq int4,
    told text,
    told_attempts int4,
    told_at int8,
    timeline text NOT NULL DEFAULT ''
  ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
  CREATE INDEX of_push ON deliveries (push);
  CREATE INDEX of_recipient ON deliveries (hashtextextended(recipient, 0), id);

  CREATE TABLE queue (
    id int8 PRIMARY KEY,
    priority int2 NOT NULL,
    due_at int8 NOT NULL,
    state text NOT NULL DEFAULT 'pending',
    owner text,
    version int4 NOT NULL DEFAULT 0,
    attempts int4 NOT NULL DEFAULT 0,
    cancel_requested int2 NOT NULL DEFAULT 0,
    absent int2 NOT NULL DEFAULT 0,
    sleeper text COLLATE "C"
  ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.5);
  CREATE INDEX due ON queue (priority, due_at, id);
  CREATE INDEX sleeping ON queue (sleeper, id) WHERE sleeper IS NOT NULL;
  CREATE INDEX absent ON queue (id) WHERE absent = 1;

  CREATE TABLE failures (state text NOT NULL, id int8 NOT NULL, PRIMARY KEY (state, id));

  CREATE TABLE results (push int8 NOT NULL, seq int4 NOT NULL, id int8 NOT NULL, PRIMARY KEY (push, seq));

  CREATE TABLE progress (
    push int8 PRIMARY KEY,
    recipients int4 NOT NULL,
    results int4 NOT NULL,
    notified int4 NOT NULL DEFAULT 0,
    notify_due_at int8,
    notify_owner text,
    notify_attempts int4 NOT NULL DEFAULT 0,
    finished_at int8
  ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
  CREATE INDEX notify_due ON progress (notify_due_at, push) WHERE notify_due_at IS NOT NULL;
  CREATE INDEX finished ON progress (finished_at) WHERE finished_at IS NOT NULL AND notify_due_at IS NULL;

  CREATE TABLE state_counts (state text NOT NULL, n int8 NOT NULL)
    WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
  CREATE TABLE subscriptions (id text COLLATE "C" PRIMARY KEY, package text NOT NULL, record text NOT NULL);
  CREATE INDEX of_package ON subscriptions (package, id);
  CREATE TABLE capabilities (aor text COLLATE "C" PRIMARY KEY, record text NOT NULL);
  `,
  `
  ALTER TABLE queue ADD COLUMN behind int8, ADD COLUMN only_pending bool NOT NULL DEFAULT false,
    ADD COLUMN woken_at int8;
  `,
];
