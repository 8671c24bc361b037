-- Events waiting to be published, and those that were, for a while: Postgres
-- keeps the truth, the broker is a pipe. The relay reads what is unpublished in
-- the order of `position`, never "after position N", which would skip whoever
-- commits late.
CREATE TABLE outbox (
    event_id        uuid        PRIMARY KEY,
    position        bigint      GENERATED ALWAYS AS IDENTITY,
    aggregate_id    uuid        NOT NULL,
    version         bigint      NOT NULL,
    subject         text        NOT NULL,
    event_type      text        NOT NULL,
    payload         bytea       NOT NULL,
    traceparent     text        NOT NULL,
    event_time      timestamptz NOT NULL,
    -- From the stream's acknowledgement.
    published_at    timestamptz,
    stream_sequence bigint,
    -- One event per change: versions are contiguous, nothing is said twice.
    UNIQUE (aggregate_id, version)
) WITH (autovacuum_vacuum_scale_factor = 0.05);

CREATE INDEX outbox_unpublished ON outbox (position) WHERE published_at IS NULL;
-- For retention and reconcile.
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;

-- What the stream looked like when it last acknowledged; a change of its
-- creation time, or a sequence that went back, means that it lost messages.
CREATE TABLE outbox_stream (
    stream         text        PRIMARY KEY,
    created_at     timestamptz NOT NULL,
    last_sequence  bigint      NOT NULL
);

-- Events already applied, per durable. A row here means: do nothing.
CREATE TABLE inbox (
    durable    text        NOT NULL,
    event_id   uuid        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (durable, event_id)
);

CREATE INDEX inbox_applied ON inbox USING brin (applied_at);

-- How often a redelivered event was begun. Counted here and not by the broker,
-- so that an outage of this database cannot count.
CREATE TABLE attempts (
    durable   text   NOT NULL,
    event_id  text   NOT NULL,
    count     int    NOT NULL,
    counted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (durable, event_id)
);

-- Events that could not be applied: what they were and why.
CREATE TABLE dead_letters (
    durable         text        NOT NULL,
    stream          text        NOT NULL,
    stream_sequence bigint      NOT NULL,
    event_id        text        NOT NULL,
    subject         text        NOT NULL,
    headers         jsonb       NOT NULL,
    payload         bytea       NOT NULL,
    reason          text        NOT NULL,
    parked_at       timestamptz NOT NULL DEFAULT now(),
    redriven_at     timestamptz,
    PRIMARY KEY (durable, stream, stream_sequence, event_id)
);
