/**
 * Changes of the schema, in order; `PRAGMA user_version` counts those that were made. What was released is never edited.
 *
 * Only what is due has entries in `due`, so that claiming costs the same however much is finished. `due_at` of what is held is
 * the end of the lease, so an abandoned delivery becomes due by itself.
 */
export const sqliteMigrations: readonly string[] = [
  `
  CREATE TABLE pushes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
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
    open INTEGER NOT NULL,
    results INTEGER NOT NULL DEFAULT 0,
    notified INTEGER NOT NULL DEFAULT 0,
    notify_due_at INTEGER,
    notify_owner TEXT,
    notify_attempts INTEGER NOT NULL DEFAULT 0,
    finished_at INTEGER,
    capabilities BLOB,
    content BLOB NOT NULL
  );
  CREATE UNIQUE INDEX push_ids ON pushes (initiator, push_id);
  CREATE INDEX notify_due ON pushes (notify_due_at) WHERE notify_due_at IS NOT NULL;
  CREATE INDEX finished ON pushes (finished_at) WHERE finished_at IS NOT NULL;

  CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    push INTEGER NOT NULL,
    address TEXT NOT NULL,
    recipient TEXT NOT NULL,
    priority INTEGER NOT NULL,
    state TEXT NOT NULL,
    due_at INTEGER,
    owner TEXT,
    version INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    call_token TEXT NOT NULL,
    sip_status INTEGER,
    pap_code INTEGER NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    event_at INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    result_seq INTEGER
  );
  CREATE INDEX of_push ON deliveries (push, address);
  CREATE INDEX of_recipient ON deliveries (recipient);
  CREATE INDEX due ON deliveries (priority, due_at) WHERE due_at IS NOT NULL;
  CREATE INDEX sleeping ON deliveries (recipient) WHERE state = 'retry-wait';
  CREATE INDEX results ON deliveries (push, result_seq) WHERE result_seq IS NOT NULL;
  CREATE INDEX failed ON deliveries (state, id)
    WHERE state IN ('undeliverable', 'expired', 'aborted', 'timeout', 'cancelled', 'rejected', 'unknown');

  CREATE TABLE timeline (
    delivery INTEGER NOT NULL,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    state TEXT NOT NULL,
    sip_status INTEGER,
    pap_code INTEGER NOT NULL,
    reason TEXT NOT NULL,
    started_at INTEGER,
    owner TEXT,
    PRIMARY KEY (delivery, version)
  ) WITHOUT ROWID;

  CREATE TABLE state_counts (state TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE subscriptions (id TEXT PRIMARY KEY, package TEXT NOT NULL, record TEXT NOT NULL);
  CREATE INDEX of_package ON subscriptions (package, id);
  CREATE TABLE capabilities (aor TEXT PRIMARY KEY, record TEXT NOT NULL);
  `,
];
