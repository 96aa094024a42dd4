CREATE TABLE ledger_anchor (
    epoch INTEGER NOT NULL,
    size INTEGER NOT NULL,
    anchor VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    attempts INTEGER NOT NULL,
    next_try_at DATETIME NOT NULL,
    done_at DATETIME,
    receipt BLOB,
    error TEXT NOT NULL,
    PRIMARY KEY (epoch, size, anchor)
)

CREATE INDEX ix_ledger_anchor_pending ON ledger_anchor (anchor, epoch, size) WHERE state = 'pending'

CREATE TABLE ledger_checkpoint (
    epoch INTEGER NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    note TEXT NOT NULL,
    published_at DATETIME NOT NULL,
    PRIMARY KEY (epoch, size)
)

CREATE TABLE ledger_disclosure (
    epoch INTEGER NOT NULL,
    leaf_seq INTEGER NOT NULL,
    digest VARCHAR NOT NULL,
    salt VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    value VARCHAR NOT NULL,
    PRIMARY KEY (epoch, leaf_seq, digest)
)
 WITHOUT ROWID

CREATE TABLE ledger_head (
    epoch INTEGER NOT NULL,
    log VARCHAR(32) NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    frontier BLOB NOT NULL,
    recorded_at DATETIME,
    sealed_at DATETIME,
    PRIMARY KEY (epoch)
)

CREATE TABLE ledger_leaf (
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    leaf_hash BLOB NOT NULL,
    kind INTEGER NOT NULL,
    token_id INTEGER,
    token_seq INTEGER,
    request_id INTEGER,
    recorded_at DATETIME NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (epoch, seq),
    CONSTRAINT ledger_leaf_chain UNIQUE (token_id, epoch, token_seq)
)

CREATE INDEX ledger_leaf_request ON ledger_leaf (request_id, epoch, seq)

CREATE TABLE ledger_node (
    epoch INTEGER NOT NULL,
    level INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (epoch, level, idx)
)
 WITHOUT ROWID

CREATE TABLE ledger_subject (
    epoch INTEGER NOT NULL,
    token_id INTEGER NOT NULL,
    next_seq INTEGER NOT NULL,
    last_hash BLOB NOT NULL,
    PRIMARY KEY (epoch, token_id)
)
 WITHOUT ROWID

CREATE TABLE marker (
    name VARCHAR NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name)
)

CREATE TABLE person (
    id INTEGER NOT NULL,
    ref VARCHAR NOT NULL,
    email VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    manager_id INTEGER,
    timezone VARCHAR NOT NULL,
    country VARCHAR NOT NULL,
    subdivision VARCHAR NOT NULL,
    workweek VARCHAR NOT NULL,
    active BOOLEAN NOT NULL,
    left_at DATETIME,
    away_until DATETIME,
    delegate_id INTEGER,
    by_mention BOOLEAN NOT NULL,
    created_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (ref),
    UNIQUE (email),
    FOREIGN KEY(manager_id) REFERENCES person (id),
    FOREIGN KEY(delegate_id) REFERENCES person (id)
)

CREATE INDEX ix_person_manager_id ON person (manager_id)

CREATE TABLE policy_version (
    hash VARCHAR NOT NULL,
    policy_id VARCHAR NOT NULL,
    version VARCHAR NOT NULL,
    body TEXT NOT NULL,
    first_used_at DATETIME NOT NULL,
    PRIMARY KEY (hash)
)

CREATE TABLE chat_identity (
    id INTEGER NOT NULL,
    person_id INTEGER NOT NULL,
    platform VARCHAR NOT NULL,
    workspace VARCHAR NOT NULL,
    user_id VARCHAR NOT NULL,
    deactivated BOOLEAN NOT NULL,
    dm_channel VARCHAR NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (platform, workspace, user_id),
    UNIQUE (person_id, platform, workspace),
    FOREIGN KEY(person_id) REFERENCES person (id)
)

CREATE TABLE posting (
    id INTEGER NOT NULL,
    lane VARCHAR NOT NULL,
    channel VARCHAR NOT NULL,
    message_id VARCHAR NOT NULL,
    card VARCHAR NOT NULL,
    person_id INTEGER,
    params JSON NOT NULL,
    posted_at DATETIME NOT NULL,
    replaced_by_id INTEGER,
    gone_at DATETIME,
    PRIMARY KEY (id),
    UNIQUE (lane, channel, message_id),
    FOREIGN KEY(person_id) REFERENCES person (id)
)

CREATE INDEX ix_posting_person_id ON posting (person_id)

CREATE TABLE vendor (
    id INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    name_key VARCHAR NOT NULL,
    parent_id INTEGER,
    relationship_owner_id INTEGER,
    status VARCHAR NOT NULL,
    contract_ends_at DATETIME,
    by_mention BOOLEAN NOT NULL,
    created_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (name_key),
    FOREIGN KEY(parent_id) REFERENCES vendor (id),
    FOREIGN KEY(relationship_owner_id) REFERENCES person (id)
)

CREATE INDEX ix_vendor_parent_id ON vendor (parent_id)

CREATE INDEX ix_vendor_relationship_owner_id ON vendor (relationship_owner_id)

CREATE TABLE contract (
    id INTEGER NOT NULL,
    vendor_id INTEGER NOT NULL,
    starts_on DATE,
    ends_on DATE,
    recorded_at DATETIME NOT NULL,
    replaced_at DATETIME,
    PRIMARY KEY (id),
    FOREIGN KEY(vendor_id) REFERENCES vendor (id)
)

CREATE INDEX ix_contract_vendor_id ON contract (vendor_id)

CREATE TABLE token (
    id INTEGER NOT NULL,
    issuing_system VARCHAR NOT NULL,
    external_id VARCHAR NOT NULL,
    display_name VARCHAR NOT NULL,
    credential_type VARCHAR NOT NULL,
    vendor_id INTEGER,
    purpose TEXT NOT NULL,
    environment VARCHAR NOT NULL,
    data_classification VARCHAR NOT NULL,
    customer_data BOOLEAN,
    data_scope TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at DATETIME,
    expires_at DATETIME,
    last_used_at DATETIME,
    last_rotated_at DATETIME,
    last_attested_at DATETIME,
    rotation_method TEXT NOT NULL,
    revocation_path TEXT NOT NULL,
    secret_ref VARCHAR NOT NULL,
    consumers TEXT NOT NULL,
    held_by VARCHAR NOT NULL,
    expected_cidrs VARCHAR NOT NULL,
    expected_countries VARCHAR NOT NULL,
    expected_hours VARCHAR NOT NULL,
    tags VARCHAR NOT NULL,
    notes TEXT NOT NULL,
    service_owner_id INTEGER,
    state VARCHAR NOT NULL,
    tier VARCHAR NOT NULL,
    vanished_at DATETIME,
    recorded_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (issuing_system, external_id),
    FOREIGN KEY(vendor_id) REFERENCES vendor (id),
    FOREIGN KEY(service_owner_id) REFERENCES person (id)
)

CREATE INDEX ix_token_owner ON token (service_owner_id) WHERE state = 'active'

CREATE INDEX ix_token_tier_attested ON token (tier, last_attested_at) WHERE state = 'active'

CREATE INDEX ix_token_tier_expires ON token (tier, expires_at) WHERE state = 'active'

CREATE INDEX ix_token_tier_idle ON token (tier, coalesce(last_used_at, created_at)) WHERE state = 'active'

CREATE INDEX ix_token_vendor_expires ON token (vendor_id, expires_at)

CREATE TABLE vendor_relationship (
    id INTEGER NOT NULL,
    vendor_id INTEGER NOT NULL,
    person_id INTEGER NOT NULL,
    from_at DATETIME NOT NULL,
    to_at DATETIME,
    PRIMARY KEY (id),
    FOREIGN KEY(vendor_id) REFERENCES vendor (id),
    FOREIGN KEY(person_id) REFERENCES person (id)
)

CREATE INDEX ix_vendor_relationship_vendor_id ON vendor_relationship (vendor_id)

CREATE TABLE ownership (
    id INTEGER NOT NULL,
    token_id INTEGER NOT NULL,
    person_id INTEGER NOT NULL,
    role VARCHAR NOT NULL,
    from_at DATETIME NOT NULL,
    to_at DATETIME,
    source VARCHAR NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(token_id) REFERENCES token (id),
    FOREIGN KEY(person_id) REFERENCES person (id)
)

CREATE INDEX ix_ownership_person ON ownership (person_id) WHERE to_at IS NULL

CREATE UNIQUE INDEX ux_ownership_current ON ownership (token_id, role) WHERE to_at IS NULL

CREATE TABLE quiet (
    id INTEGER NOT NULL,
    token_id INTEGER NOT NULL,
    reason VARCHAR NOT NULL,
    about_at DATETIME,
    threshold_days INTEGER NOT NULL,
    until DATETIME,
    request_id INTEGER,
    PRIMARY KEY (id),
    FOREIGN KEY(token_id) REFERENCES token (id)
)

CREATE INDEX ix_quiet_token ON quiet (token_id, reason)

CREATE TABLE request (
    id INTEGER NOT NULL,
    token_id INTEGER NOT NULL,
    state VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    reasons JSON NOT NULL,
    tier VARCHAR NOT NULL,
    risk INTEGER NOT NULL,
    policy_hash TEXT NOT NULL,
    opened_at DATETIME NOT NULL,
    due_at DATETIME NOT NULL,
    round INTEGER NOT NULL,
    step INTEGER NOT NULL,
    next_step_at DATETIME,
    waiting_on_id INTEGER,
    waiting_role VARCHAR NOT NULL,
    handover_to_id INTEGER,
    handover_count INTEGER NOT NULL,
    snoozed_until DATETIME,
    snooze_count INTEGER NOT NULL,
    settled_at DATETIME,
    outcome VARCHAR NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(token_id) REFERENCES token (id),
    FOREIGN KEY(policy_hash) REFERENCES policy_version (hash),
    FOREIGN KEY(waiting_on_id) REFERENCES person (id),
    FOREIGN KEY(handover_to_id) REFERENCES person (id)
)

CREATE INDEX ix_request_next_step ON request (next_step_at) WHERE state IN ('open', 'handover', 'remediating')

CREATE INDEX ix_request_token ON request (token_id)

CREATE INDEX ix_request_waiting_on ON request (waiting_on_id) WHERE state IN ('open', 'handover', 'remediating')

CREATE UNIQUE INDEX ux_request_open ON request (token_id) WHERE state IN ('open', 'handover', 'remediating')

CREATE TABLE decision (
    id INTEGER NOT NULL,
    request_id INTEGER NOT NULL,
    token_id INTEGER NOT NULL,
    kind VARCHAR NOT NULL,
    actor_id INTEGER,
    role VARCHAR NOT NULL,
    delegated_from_id INTEGER,
    justification TEXT NOT NULL,
    details JSON NOT NULL,
    decided_at DATETIME NOT NULL,
    platform VARCHAR NOT NULL,
    idempotency_key VARCHAR NOT NULL,
    settles BOOLEAN NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(request_id) REFERENCES request (id),
    FOREIGN KEY(token_id) REFERENCES token (id),
    FOREIGN KEY(actor_id) REFERENCES person (id),
    FOREIGN KEY(delegated_from_id) REFERENCES person (id),
    UNIQUE (idempotency_key)
)

CREATE INDEX ix_decision_request_id ON decision (request_id)

CREATE INDEX ix_decision_token_id ON decision (token_id)

CREATE UNIQUE INDEX ux_decision_settles ON decision (request_id) WHERE settles

CREATE TABLE ladder_step (
    id INTEGER NOT NULL,
    request_id INTEGER NOT NULL,
    round INTEGER NOT NULL,
    step INTEGER NOT NULL,
    rung VARCHAR NOT NULL,
    person_id INTEGER,
    told_at DATETIME NOT NULL,
    why VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL,
    ended_at DATETIME,
    PRIMARY KEY (id),
    UNIQUE (request_id, round, step, rung),
    FOREIGN KEY(request_id) REFERENCES request (id),
    FOREIGN KEY(person_id) REFERENCES person (id)
)

CREATE INDEX ix_ladder_step_person_id ON ladder_step (person_id)

CREATE TABLE outbox (
    id INTEGER NOT NULL,
    dedupe_key VARCHAR NOT NULL,
    delivery_key VARCHAR NOT NULL,
    action VARCHAR NOT NULL,
    card VARCHAR NOT NULL,
    lane VARCHAR NOT NULL,
    person_id INTEGER,
    channel VARCHAR NOT NULL,
    request_id INTEGER,
    posting_id INTEGER,
    params JSON NOT NULL,
    priority INTEGER NOT NULL,
    not_before DATETIME NOT NULL,
    state VARCHAR NOT NULL,
    shown JSON,
    fence INTEGER NOT NULL,
    lease_until DATETIME,
    attempts INTEGER NOT NULL,
    first_attempt_at DATETIME,
    absent_reads INTEGER NOT NULL,
    error TEXT NOT NULL,
    created_at DATETIME NOT NULL,
    done_at DATETIME,
    PRIMARY KEY (id),
    UNIQUE (dedupe_key),
    FOREIGN KEY(person_id) REFERENCES person (id),
    FOREIGN KEY(request_id) REFERENCES request (id),
    FOREIGN KEY(posting_id) REFERENCES posting (id)
)

CREATE INDEX ix_outbox_due ON outbox (lane, priority, not_before, id) WHERE state = 'pending'

CREATE INDEX ix_outbox_person_id ON outbox (person_id)

CREATE INDEX ix_outbox_posting ON outbox (posting_id) WHERE state IN ('pending', 'sending', 'unknown')

CREATE INDEX ix_outbox_recheck ON outbox (lane, not_before) WHERE state = 'sent' AND absent_reads > 0

CREATE INDEX ix_outbox_request_id ON outbox (request_id)

CREATE INDEX ix_outbox_to ON outbox (person_id, channel) WHERE state IN ('pending', 'sending', 'unknown')

CREATE INDEX ix_outbox_under_way ON outbox (lane, state) WHERE state IN ('sending', 'unknown')

CREATE TABLE posting_request (
    posting_id INTEGER NOT NULL,
    request_id INTEGER NOT NULL,
    PRIMARY KEY (posting_id, request_id),
    FOREIGN KEY(posting_id) REFERENCES posting (id),
    FOREIGN KEY(request_id) REFERENCES request (id)
)

CREATE INDEX ix_posting_request_request ON posting_request (request_id)

CREATE TABLE refused_attempt (
    request_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    actor_id INTEGER NOT NULL,
    verb VARCHAR NOT NULL,
    refused_at DATETIME NOT NULL,
    PRIMARY KEY (request_id, version, actor_id, verb),
    FOREIGN KEY(request_id) REFERENCES request (id),
    FOREIGN KEY(actor_id) REFERENCES person (id)
)

CREATE TABLE remediation_task (
    id INTEGER NOT NULL,
    request_id INTEGER NOT NULL,
    token_id INTEGER NOT NULL,
    kind VARCHAR NOT NULL,
    connector VARCHAR NOT NULL,
    instructions TEXT NOT NULL,
    assignee_id INTEGER,
    opened_at DATETIME NOT NULL,
    remind_at DATETIME,
    done_at DATETIME,
    done_by_id INTEGER,
    evidence TEXT NOT NULL,
    result VARCHAR NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (request_id),
    FOREIGN KEY(request_id) REFERENCES request (id),
    FOREIGN KEY(token_id) REFERENCES token (id),
    FOREIGN KEY(assignee_id) REFERENCES person (id),
    FOREIGN KEY(done_by_id) REFERENCES person (id)
)

CREATE INDEX ix_remediation_task_token_id ON remediation_task (token_id)

CREATE TRIGGER IF NOT EXISTS ledger_leaf_no_update BEFORE UPDATE ON ledger_leaf
BEGIN SELECT RAISE(ABORT, 'the ledger only grows: its records are neither changed nor deleted'); END

CREATE TRIGGER IF NOT EXISTS ledger_leaf_no_delete BEFORE DELETE ON ledger_leaf
BEGIN SELECT RAISE(ABORT, 'the ledger only grows: its records are neither changed nor deleted'); END

CREATE TRIGGER IF NOT EXISTS ledger_head_no_delete BEFORE DELETE ON ledger_head
BEGIN SELECT RAISE(ABORT, 'the ledger only grows: its records are neither changed nor deleted'); END

CREATE TRIGGER IF NOT EXISTS ledger_subject_no_delete BEFORE DELETE ON ledger_subject
BEGIN SELECT RAISE(ABORT, 'the ledger only grows: its records are neither changed nor deleted'); END

CREATE TRIGGER IF NOT EXISTS ledger_disclosure_no_update BEFORE UPDATE ON ledger_disclosure
BEGIN SELECT RAISE(ABORT, 'the ledger only grows: its records are neither changed nor deleted'); END

CREATE TRIGGER IF NOT EXISTS ledger_node_no_update BEFORE UPDATE ON ledger_node
BEGIN SELECT RAISE(ABORT, 'the ledger only grows: its records are neither changed nor deleted'); END

CREATE TRIGGER IF NOT EXISTS ledger_node_no_delete BEFORE DELETE ON ledger_node
BEGIN SELECT RAISE(ABORT, 'the ledger only grows: its records are neither changed nor deleted'); END

CREATE TRIGGER IF NOT EXISTS ledger_checkpoint_no_update BEFORE UPDATE ON ledger_checkpoint
BEGIN SELECT RAISE(ABORT, 'the ledger only grows: its records are neither changed nor deleted'); END

CREATE TRIGGER IF NOT EXISTS ledger_checkpoint_no_delete BEFORE DELETE ON ledger_checkpoint
BEGIN SELECT RAISE(ABORT, 'the ledger only grows: its records are neither changed nor deleted'); END

CREATE VIRTUAL TABLE IF NOT EXISTS token_search USING fts5(display_name, external_id, content='token', content_rowid='id', tokenize='trigram', detail=none, columnsize=0)

INSERT INTO token_search(token_search, rank) VALUES ('hashsize', 33554432)

CREATE TABLE IF NOT EXISTS token_name (name TEXT NOT NULL, token_id INTEGER NOT NULL, PRIMARY KEY (name, token_id)) WITHOUT ROWID

CREATE TABLE IF NOT EXISTS token_search_stale (token_id INTEGER PRIMARY KEY, display_name TEXT, external_id TEXT)

CREATE TRIGGER IF NOT EXISTS token_search_insert AFTER INSERT ON token BEGIN INSERT INTO token_search_stale (token_id, display_name, external_id) SELECT new.id, NULL, NULL WHERE NOT EXISTS (SELECT 1 FROM token_search_stale WHERE token_id = new.id); END

CREATE TRIGGER IF NOT EXISTS token_search_update AFTER UPDATE OF display_name, external_id ON token WHEN old.display_name IS NOT new.display_name OR old.external_id IS NOT new.external_id BEGIN INSERT INTO token_search_stale (token_id, display_name, external_id) SELECT old.id, old.display_name, old.external_id WHERE NOT EXISTS (SELECT 1 FROM token_search_stale WHERE token_id = old.id); END

CREATE TRIGGER IF NOT EXISTS token_search_delete AFTER DELETE ON token BEGIN INSERT INTO token_search_stale (token_id, display_name, external_id) SELECT old.id, old.display_name, old.external_id WHERE NOT EXISTS (SELECT 1 FROM token_search_stale WHERE token_id = old.id); END
