CREATE TABLE emergency_grant (
	id INTEGER NOT NULL,
	token_id INTEGER NOT NULL,
	person_id INTEGER NOT NULL,
	state VARCHAR NOT NULL,
	version INTEGER NOT NULL,
	reason TEXT NOT NULL,
	urgent BOOLEAN NOT NULL,
	lasts_minutes INTEGER NOT NULL,
	until_at DATETIME,
	requested_by_id INTEGER NOT NULL,
	requested_at DATETIME NOT NULL,
	approved_by_id INTEGER,
	approved_at DATETIME,
	refused_by_id INTEGER,
	begins_at DATETIME,
	ends_at DATETIME NOT NULL,
	ended_at DATETIME,
	ended_by_id INTEGER,
	review VARCHAR NOT NULL,
	reviewer_id INTEGER,
	review_at DATETIME,
	reviewed_by_id INTEGER,
	reviewed_at DATETIME,
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
	id INTEGER NOT NULL,
	request_id INTEGER NOT NULL,
	token_id INTEGER NOT NULL,
	person_id INTEGER NOT NULL,
	asked_id INTEGER,
	consumers TEXT NOT NULL,
	asked_at DATETIME NOT NULL,
	outcome VARCHAR NOT NULL,
	ended_at DATETIME,
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
