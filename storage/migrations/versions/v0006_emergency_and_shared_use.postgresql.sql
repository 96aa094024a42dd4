CREATE TABLE emergency_grant (
	id BIGSERIAL NOT NULL,
	token_id BIGINT NOT NULL,
	person_id BIGINT NOT NULL,
	state VARCHAR NOT NULL,
	version INTEGER NOT NULL,
	reason TEXT NOT NULL,
	urgent BOOLEAN NOT NULL,
	lasts_minutes INTEGER NOT NULL,
	until_at TIMESTAMP WITH TIME ZONE,
	requested_by_id BIGINT NOT NULL,
	requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
	approved_by_id BIGINT,
	approved_at TIMESTAMP WITH TIME ZONE,
	refused_by_id BIGINT,
	begins_at TIMESTAMP WITH TIME ZONE,
	ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
	ended_at TIMESTAMP WITH TIME ZONE,
	ended_by_id BIGINT,
	review VARCHAR NOT NULL,
	reviewer_id BIGINT,
	review_at TIMESTAMP WITH TIME ZONE,
	reviewed_by_id BIGINT,
	reviewed_at TIMESTAMP WITH TIME ZONE,
	review_note TEXT NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(token_id) REFERENCES token (id),
	FOREIGN KEY(person_id) REFERENCES person (id),
	FOREIGN KEY(requested_by_id) REFERENCES person (id),
	FOREIGN KEY(approved_by_id) REFERENCES person (id),
	FOREIGN KEY(refused_by_id) REFERENCES person (id),
	FOREIGN KEY(ended_by_id) REFERENCES person (id),
	FOREIGN KEY(reviewer_id) REFERENCES person (id),
	FOREIGN KEY(reviewed_by_id) REFERENCES person (id)
)

CREATE INDEX ix_emergency_grant_ends ON emergency_grant (ends_at) WHERE state IN ('requested', 'open')

CREATE INDEX ix_emergency_grant_review ON emergency_grant (review_at) WHERE review_at IS NOT NULL

CREATE INDEX ix_emergency_grant_token_id ON emergency_grant (token_id)

CREATE TABLE use_question (
	id BIGSERIAL NOT NULL,
	request_id BIGINT NOT NULL,
	token_id BIGINT NOT NULL,
	person_id BIGINT NOT NULL,
	asked_id BIGINT,
	consumers TEXT NOT NULL,
	asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
	outcome VARCHAR NOT NULL,
	ended_at TIMESTAMP WITH TIME ZONE,
	keys JSON NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (request_id, person_id),
	FOREIGN KEY(request_id) REFERENCES request (id),
	FOREIGN KEY(token_id) REFERENCES token (id),
	FOREIGN KEY(person_id) REFERENCES person (id),
	FOREIGN KEY(asked_id) REFERENCES person (id)
)

CREATE INDEX ix_use_question_token_id ON use_question (token_id)

CREATE INDEX ix_use_question_waiting ON use_question (asked_id) WHERE outcome = 'waiting'
