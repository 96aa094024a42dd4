CREATE TABLE offboarding (
	id BIGSERIAL NOT NULL,
	kind VARCHAR NOT NULL,
	subject VARCHAR NOT NULL,
	vendor_id BIGINT,
	cause VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	version INTEGER NOT NULL,
	requested_by_id BIGINT,
	requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
	begins_at TIMESTAMP WITH TIME ZONE,
	approved_by_id BIGINT,
	approved_at TIMESTAMP WITH TIME ZONE,
	ended_at TIMESTAMP WITH TIME ZONE,
	report JSON NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(vendor_id) REFERENCES vendor (id),
	FOREIGN KEY(requested_by_id) REFERENCES person (id),
	FOREIGN KEY(approved_by_id) REFERENCES person (id)
)

CREATE UNIQUE INDEX ux_offboarding_open ON offboarding (kind, subject) WHERE state IN ('proposed', 'running')

CREATE TABLE offboarding_token (
	id BIGSERIAL NOT NULL,
	offboarding_id BIGINT NOT NULL,
	token_id BIGINT NOT NULL,
	request_id BIGINT,
	PRIMARY KEY (id),
	UNIQUE (offboarding_id, token_id),
	FOREIGN KEY(offboarding_id) REFERENCES offboarding (id),
	FOREIGN KEY(token_id) REFERENCES token (id),
	FOREIGN KEY(request_id) REFERENCES request (id)
)

CREATE INDEX ix_offboarding_token_offboarding_id ON offboarding_token (offboarding_id)

CREATE INDEX ix_offboarding_token_token_id ON offboarding_token (token_id)

CREATE TABLE remediation_run (
	task_id BIGINT NOT NULL,
	stage VARCHAR NOT NULL,
	turn INTEGER NOT NULL,
	act_at TIMESTAMP WITH TIME ZONE,
	attempts INTEGER NOT NULL,
	requested_by_id BIGINT,
	approved_by_id BIGINT,
	approved_at TIMESTAMP WITH TIME ZONE,
	seen JSON NOT NULL,
	reached_at TIMESTAMP WITH TIME ZONE NOT NULL,
	halted_from VARCHAR NOT NULL,
	fault VARCHAR NOT NULL,
	fault_detail TEXT NOT NULL,
	new_id VARCHAR NOT NULL,
	old_id VARCHAR NOT NULL,
	proof VARCHAR NOT NULL,
	begun_at TIMESTAMP WITH TIME ZONE,
	offboarding_id BIGINT,
	PRIMARY KEY (task_id),
	FOREIGN KEY(task_id) REFERENCES remediation_task (id),
	FOREIGN KEY(requested_by_id) REFERENCES person (id),
	FOREIGN KEY(approved_by_id) REFERENCES person (id),
	FOREIGN KEY(offboarding_id) REFERENCES offboarding (id)
)

CREATE INDEX ix_remediation_run_act_at ON remediation_run (act_at) WHERE act_at IS NOT NULL

CREATE INDEX ix_remediation_run_offboarding_id ON remediation_run (offboarding_id)

CREATE TABLE issuer_call (
	id BIGSERIAL NOT NULL,
	task_id BIGINT NOT NULL,
	action VARCHAR NOT NULL,
	external_id VARCHAR NOT NULL,
	siblings JSON NOT NULL,
	intended_at TIMESTAMP WITH TIME ZONE NOT NULL,
	ended_at TIMESTAMP WITH TIME ZONE,
	outcome VARCHAR NOT NULL,
	detail TEXT NOT NULL,
	issuer_request_id VARCHAR NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(task_id) REFERENCES remediation_task (id)
)

CREATE INDEX ix_issuer_call_open ON issuer_call (task_id) WHERE ended_at IS NULL

CREATE INDEX ix_issuer_call_task_id ON issuer_call (task_id)

CREATE TABLE seen_token (
	token_id BIGINT NOT NULL,
	first_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
	last_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
	state VARCHAR NOT NULL,
	used_for VARCHAR NOT NULL,
	owner_hint VARCHAR NOT NULL,
	hint_person_id BIGINT,
	discovered BOOLEAN NOT NULL,
	PRIMARY KEY (token_id),
	FOREIGN KEY(token_id) REFERENCES token (id),
	FOREIGN KEY(hint_person_id) REFERENCES person (id)
)
