CREATE TABLE ledger_anchor (
    epoch INTEGER NOT NULL,
    size BIGINT NOT NULL,
    anchor VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    attempts INTEGER NOT NULL,
    next_try_at TIMESTAMP WITH TIME ZONE NOT NULL,
    done_at TIMESTAMP WITH TIME ZONE,
    receipt BYTEA,
    error TEXT NOT NULL,
    PRIMARY KEY (epoch, size, anchor)
)

CREATE INDEX ix_ledger_anchor_pending ON ledger_anchor (anchor, epoch, size) WHERE state = 'pending'

CREATE TABLE ledger_checkpoint (
    epoch INTEGER NOT NULL,
    size BIGINT NOT NULL,
    root BYTEA NOT NULL,
    note TEXT NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (epoch, size)
)

CREATE TABLE ledger_disclosure (
    epoch INTEGER NOT NULL,
    leaf_seq BIGINT NOT NULL,
    digest VARCHAR NOT NULL,
    salt VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    value VARCHAR NOT NULL,
    PRIMARY KEY (epoch, leaf_seq, digest)
)

CREATE TABLE ledger_head (
    epoch INTEGER NOT NULL,
    log VARCHAR(32) NOT NULL,
    size BIGINT NOT NULL,
    root BYTEA NOT NULL,
    frontier BYTEA NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE,
    sealed_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (epoch)
)

CREATE TABLE ledger_leaf (
    epoch INTEGER NOT NULL,
    seq BIGINT NOT NULL,
    leaf_hash BYTEA NOT NULL,
    kind INTEGER NOT NULL,
    token_id BIGINT,
    token_seq BIGINT,
    request_id BIGINT,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (epoch, seq),
    CONSTRAINT ledger_leaf_chain UNIQUE (token_id, epoch, token_seq)
)

CREATE INDEX ledger_leaf_request ON ledger_leaf (request_id, epoch, seq)

CREATE TABLE ledger_node (
    epoch INTEGER NOT NULL,
    level INTEGER NOT NULL,
    idx BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (epoch, level, idx)
)

CREATE TABLE ledger_subject (
    epoch INTEGER NOT NULL,
    token_id BIGINT NOT NULL,
    next_seq BIGINT NOT NULL,
    last_hash BYTEA NOT NULL,
    PRIMARY KEY (epoch, token_id)
)

CREATE TABLE marker (
    name VARCHAR NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name)
)

CREATE TABLE person (
    id BIGSERIAL NOT NULL,
    ref VARCHAR NOT NULL,
    email VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    manager_id BIGINT,
    timezone VARCHAR NOT NULL,
    country VARCHAR NOT NULL,
    subdivision VARCHAR NOT NULL,
    workweek VARCHAR NOT NULL,
    active BOOLEAN NOT NULL,
    left_at TIMESTAMP WITH TIME ZONE,
    away_until TIMESTAMP WITH TIME ZONE,
    delegate_id BIGINT,
    by_mention BOOLEAN NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
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
    first_used_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (hash)
)

CREATE TABLE chat_identity (
    id BIGSERIAL NOT NULL,
    person_id BIGINT NOT NULL,
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
    id BIGSERIAL NOT NULL,
    lane VARCHAR NOT NULL,
    channel VARCHAR NOT NULL,
    message_id VARCHAR NOT NULL,
    card VARCHAR NOT NULL,
    person_id BIGINT,
    params JSON NOT NULL,
    posted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    replaced_by_id BIGINT,
    gone_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    UNIQUE (lane, channel, message_id),
    FOREIGN KEY(person_id) REFERENCES person (id)
)

CREATE INDEX ix_posting_person_id ON posting (person_id)

CREATE TABLE vendor (
    id BIGSERIAL NOT NULL,
    name VARCHAR NOT NULL,
    name_key VARCHAR NOT NULL,
    parent_id BIGINT,
    relationship_owner_id BIGINT,
    status VARCHAR NOT NULL,
    contract_ends_at TIMESTAMP WITH TIME ZONE,
    by_mention BOOLEAN NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (name_key),
    FOREIGN KEY(parent_id) REFERENCES vendor (id),
    FOREIGN KEY(relationship_owner_id) REFERENCES person (id)
)

CREATE INDEX ix_vendor_parent_id ON vendor (parent_id)

CREATE INDEX ix_vendor_relationship_owner_id ON vendor (relationship_owner_id)

CREATE TABLE contract (
    id BIGSERIAL NOT NULL,
    vendor_id BIGINT NOT NULL,
    starts_on DATE,
    ends_on DATE,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    replaced_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    FOREIGN KEY(vendor_id) REFERENCES vendor (id)
)

CREATE INDEX ix_contract_vendor_id ON contract (vendor_id)

CREATE TABLE token (
    id BIGSERIAL NOT NULL,
    issuing_system VARCHAR NOT NULL,
    external_id VARCHAR NOT NULL,
    display_name VARCHAR NOT NULL,
    credential_type VARCHAR NOT NULL,
    vendor_id BIGINT,
    purpose TEXT NOT NULL,
    environment VARCHAR NOT NULL,
    data_classification VARCHAR NOT NULL,
    customer_data BOOLEAN,
    data_scope TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE,
    expires_at TIMESTAMP WITH TIME ZONE,
    last_used_at TIMESTAMP WITH TIME ZONE,
    last_rotated_at TIMESTAMP WITH TIME ZONE,
    last_attested_at TIMESTAMP WITH TIME ZONE,
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
    service_owner_id BIGINT,
    state VARCHAR NOT NULL,
    tier VARCHAR NOT NULL,
    vanished_at TIMESTAMP WITH TIME ZONE,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
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
    id BIGSERIAL NOT NULL,
    vendor_id BIGINT NOT NULL,
    person_id BIGINT NOT NULL,
    from_at TIMESTAMP WITH TIME ZONE NOT NULL,
    to_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    FOREIGN KEY(vendor_id) REFERENCES vendor (id),
    FOREIGN KEY(person_id) REFERENCES person (id)
)

CREATE INDEX ix_vendor_relationship_vendor_id ON vendor_relationship (vendor_id)

CREATE TABLE ownership (
    id BIGSERIAL NOT NULL,
    token_id BIGINT NOT NULL,
    person_id BIGINT NOT NULL,
    role VARCHAR NOT NULL,
    from_at TIMESTAMP WITH TIME ZONE NOT NULL,
    to_at TIMESTAMP WITH TIME ZONE,
    source VARCHAR NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(token_id) REFERENCES token (id),
    FOREIGN KEY(person_id) REFERENCES person (id)
)

CREATE INDEX ix_ownership_person ON ownership (person_id) WHERE to_at IS NULL

CREATE UNIQUE INDEX ux_ownership_current ON ownership (token_id, role) WHERE to_at IS NULL

CREATE TABLE quiet (
    id BIGSERIAL NOT NULL,
    token_id BIGINT NOT NULL,
    reason VARCHAR NOT NULL,
    about_at TIMESTAMP WITH TIME ZONE,
    threshold_days INTEGER NOT NULL,
    until TIMESTAMP WITH TIME ZONE,
    request_id BIGINT,
    PRIMARY KEY (id),
    FOREIGN KEY(token_id) REFERENCES token (id)
)

CREATE INDEX ix_quiet_token ON quiet (token_id, reason)

CREATE TABLE request (
    id BIGSERIAL NOT NULL,
    token_id BIGINT NOT NULL,
    state VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    reasons JSON NOT NULL,
    tier VARCHAR NOT NULL,
    risk INTEGER NOT NULL,
    policy_hash TEXT NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    round INTEGER NOT NULL,
    step INTEGER NOT NULL,
    next_step_at TIMESTAMP WITH TIME ZONE,
    waiting_on_id BIGINT,
    waiting_role VARCHAR NOT NULL,
    handover_to_id BIGINT,
    handover_count INTEGER NOT NULL,
    snoozed_until TIMESTAMP WITH TIME ZONE,
    snooze_count INTEGER NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
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
    id BIGSERIAL NOT NULL,
    request_id BIGINT NOT NULL,
    token_id BIGINT NOT NULL,
    kind VARCHAR NOT NULL,
    actor_id BIGINT,
    role VARCHAR NOT NULL,
    delegated_from_id BIGINT,
    justification TEXT NOT NULL,
    details JSON NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
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
    id BIGSERIAL NOT NULL,
    request_id BIGINT NOT NULL,
    round INTEGER NOT NULL,
    step INTEGER NOT NULL,
    rung VARCHAR NOT NULL,
    person_id BIGINT,
    told_at TIMESTAMP WITH TIME ZONE NOT NULL,
    why VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    UNIQUE (request_id, round, step, rung),
    FOREIGN KEY(request_id) REFERENCES request (id),
    FOREIGN KEY(person_id) REFERENCES person (id)
)

CREATE INDEX ix_ladder_step_person_id ON ladder_step (person_id)

CREATE TABLE outbox (
    id BIGSERIAL NOT NULL,
    dedupe_key VARCHAR NOT NULL,
    delivery_key VARCHAR NOT NULL,
    action VARCHAR NOT NULL,
    card VARCHAR NOT NULL,
    lane VARCHAR NOT NULL,
    person_id BIGINT,
    channel VARCHAR NOT NULL,
    request_id BIGINT,
    posting_id BIGINT,
    params JSON NOT NULL,
    priority INTEGER NOT NULL,
    not_before TIMESTAMP WITH TIME ZONE NOT NULL,
    state VARCHAR NOT NULL,
    shown JSON,
    fence INTEGER NOT NULL,
    lease_until TIMESTAMP WITH TIME ZONE,
    attempts INTEGER NOT NULL,
    first_attempt_at TIMESTAMP WITH TIME ZONE,
    absent_reads INTEGER NOT NULL,
    error TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    done_at TIMESTAMP WITH TIME ZONE,
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
    posting_id BIGINT NOT NULL,
    request_id BIGINT NOT NULL,
    PRIMARY KEY (posting_id, request_id),
    FOREIGN KEY(posting_id) REFERENCES posting (id),
    FOREIGN KEY(request_id) REFERENCES request (id)
)

CREATE INDEX ix_posting_request_request ON posting_request (request_id)

CREATE TABLE refused_attempt (
    request_id BIGINT NOT NULL,
    version INTEGER NOT NULL,
    actor_id BIGINT NOT NULL,
    verb VARCHAR NOT NULL,
    refused_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (request_id, version, actor_id, verb),
    FOREIGN KEY(request_id) REFERENCES request (id),
    FOREIGN KEY(actor_id) REFERENCES person (id)
)

CREATE TABLE remediation_task (
    id BIGSERIAL NOT NULL,
    request_id BIGINT NOT NULL,
    token_id BIGINT NOT NULL,
    kind VARCHAR NOT NULL,
    connector VARCHAR NOT NULL,
    instructions TEXT NOT NULL,
    assignee_id BIGINT,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    remind_at TIMESTAMP WITH TIME ZONE,
    done_at TIMESTAMP WITH TIME ZONE,
    done_by_id BIGINT,
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

CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the ledger only grows: its records are neither changed nor deleted'; END $$

CREATE OR REPLACE TRIGGER ledger_leaf_no_update BEFORE UPDATE ON ledger_leaf FOR EACH ROW EXECUTE FUNCTION ledger_refuse()

CREATE OR REPLACE TRIGGER ledger_leaf_no_delete BEFORE DELETE ON ledger_leaf FOR EACH ROW EXECUTE FUNCTION ledger_refuse()

CREATE OR REPLACE TRIGGER ledger_head_no_delete BEFORE DELETE ON ledger_head FOR EACH ROW EXECUTE FUNCTION ledger_refuse()

CREATE OR REPLACE TRIGGER ledger_subject_no_delete BEFORE DELETE ON ledger_subject FOR EACH ROW EXECUTE FUNCTION ledger_refuse()

CREATE OR REPLACE TRIGGER ledger_disclosure_no_update BEFORE UPDATE ON ledger_disclosure FOR EACH ROW EXECUTE FUNCTION ledger_refuse()

CREATE OR REPLACE TRIGGER ledger_node_no_update BEFORE UPDATE ON ledger_node FOR EACH ROW EXECUTE FUNCTION ledger_refuse()

CREATE OR REPLACE TRIGGER ledger_node_no_delete BEFORE DELETE ON ledger_node FOR EACH ROW EXECUTE FUNCTION ledger_refuse()

CREATE OR REPLACE TRIGGER ledger_checkpoint_no_update BEFORE UPDATE ON ledger_checkpoint FOR EACH ROW EXECUTE FUNCTION ledger_refuse()

CREATE OR REPLACE TRIGGER ledger_checkpoint_no_delete BEFORE DELETE ON ledger_checkpoint FOR EACH ROW EXECUTE FUNCTION ledger_refuse()

CREATE OR REPLACE TRIGGER ledger_leaf_no_truncate BEFORE TRUNCATE ON ledger_leaf FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()

CREATE OR REPLACE TRIGGER ledger_head_no_truncate BEFORE TRUNCATE ON ledger_head FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()

CREATE OR REPLACE TRIGGER ledger_subject_no_truncate BEFORE TRUNCATE ON ledger_subject FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()

CREATE OR REPLACE TRIGGER ledger_node_no_truncate BEFORE TRUNCATE ON ledger_node FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()

CREATE OR REPLACE TRIGGER ledger_checkpoint_no_truncate BEFORE TRUNCATE ON ledger_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()

CREATE EXTENSION IF NOT EXISTS pg_trgm

CREATE INDEX IF NOT EXISTS ix_token_display_name ON token ((lower(display_name COLLATE "C") COLLATE "C"))

CREATE INDEX IF NOT EXISTS ix_token_external_id ON token ((lower(external_id COLLATE "C") COLLATE "C"))

CREATE INDEX IF NOT EXISTS ix_token_search ON token USING gin ((display_name || E'\n' || external_id) gin_trgm_ops)
