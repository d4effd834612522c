/**
 * Changes of the schema, in order; `PRAGMA user_version` counts those that were made. What was released is never edited.
 *
 * - Ids are given by the writer, in ascending order, and never again. The id of a push is that of its first delivery; the others
 *   follow it, so that what belongs to a push needs no index to be found.
 * - `pushes` is only inserted into and deleted from: octets are written once. `progress` has a row from the first result on.
 * - Only what is due has entries in `due`, so that claiming costs the same however much is finished. `due_at` of what is held is
 *   the end of the lease, so an abandoned delivery becomes due by itself.
 * - No index on the way of a push has its entries in random places: each would be another page to write. `lookup` is filled later.
 * - `behind`: the delivery whose attempt it must not overtake; `only_pending`: it goes only if that one does not reach the recipient.
 * - `absent`: what waits because its handset was not registered. `woken_at`: when a registration made it due last, or will.
 * - `timeline`: a line of JSON per change. `result_seq`: place in the queue of results, of a push with several recipients.
 */
export const sqliteMigrations: readonly string[] = [
  `
  CREATE TABLE pushes (
    id INTEGER PRIMARY KEY,
    initiator TEXT NOT NULL,
    push_id TEXT NOT NULL,
    accepted_at INTEGER NOT NULL,
    deliver_after INTEGER,
    deliver_before INTEGER,
    priority INTEGER NOT NULL,
    delivery_method TEXT NOT NULL,
    notify_url TEXT,
    progress_notes INTEGER NOT NULL,
    content_type TEXT NOT NULL,
    application_data TEXT NOT NULL,
    recipients INTEGER NOT NULL,
    capabilities BLOB,
    content BLOB NOT NULL
  );

  CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY,
    push INTEGER NOT NULL,
    recipients INTEGER NOT NULL,
    notify INTEGER NOT NULL,
    address TEXT NOT NULL,
    recipient TEXT NOT NULL,
    priority INTEGER NOT NULL,
    state TEXT NOT NULL,
    due_at INTEGER,
    owner TEXT,
    version INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    call_token TEXT NOT NULL,
    sip_status INTEGER,
    pap_code INTEGER NOT NULL,
    reason TEXT NOT NULL,
    event_at INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL,
    result_seq INTEGER,
    told TEXT,
    told_attempts INTEGER,
    told_at INTEGER,
    timeline TEXT NOT NULL
  );
  CREATE INDEX due ON deliveries (priority, due_at) WHERE due_at IS NOT NULL;
  CREATE INDEX sleeping ON deliveries (recipient) WHERE state = 'retry-wait';
  CREATE INDEX absent ON deliveries (id) WHERE state = 'retry-wait' AND pap_code = 5028;
  CREATE INDEX results ON deliveries (push, result_seq) WHERE result_seq IS NOT NULL;
  CREATE INDEX failed ON deliveries (state) WHERE due_at IS NULL AND state <> 'delivered';

  CREATE TABLE progress (
    push INTEGER PRIMARY KEY,
    recipients INTEGER NOT NULL,
    results INTEGER NOT NULL,
    notified INTEGER NOT NULL DEFAULT 0,
    notify_due_at INTEGER,
    notify_owner TEXT,
    notify_attempts INTEGER NOT NULL DEFAULT 0,
    finished_at INTEGER
  );
  CREATE INDEX notify_due ON progress (notify_due_at) WHERE notify_due_at IS NOT NULL;
  CREATE INDEX finished ON progress (finished_at) WHERE finished_at IS NOT NULL AND notify_due_at IS NULL;

  CREATE TABLE lookup (key INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (key, id)) WITHOUT ROWID;
  CREATE TABLE numbers (name TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE state_counts (state TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE subscriptions (id TEXT PRIMARY KEY, package TEXT NOT NULL, record TEXT NOT NULL);
  CREATE INDEX of_package ON subscriptions (package, id);
  CREATE TABLE capabilities (aor TEXT PRIMARY KEY, record TEXT NOT NULL);
  `,
  `
  ALTER TABLE deliveries ADD COLUMN behind INTEGER;
  ALTER TABLE deliveries ADD COLUMN only_pending INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE deliveries ADD COLUMN woken_at INTEGER;
  DROP INDEX sleeping;
  DROP INDEX absent;
  CREATE INDEX absent ON deliveries (recipient) WHERE state = 'retry-wait' AND pap_code = 5028;
  `,
];
