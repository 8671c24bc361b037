-- What the role that a service runs as may do with the platform's tables; what
-- is not here only their owner may. Granted anew by every `migrate` that is given
-- --pg_runtime_role, after all was taken away: :"runtime_role" is that name.

-- Events are appended and marked as published, never changed, never deleted
-- (but see forget_published()).
GRANT SELECT, INSERT, UPDATE (published_at, stream_sequence)
    ON outbox TO :"runtime_role";
GRANT SELECT, INSERT, UPDATE (created_at, last_sequence)
    ON outbox_stream TO :"runtime_role";
GRANT SELECT, INSERT, DELETE ON inbox TO :"runtime_role";
GRANT SELECT, INSERT, UPDATE (count, counted_at), DELETE
    ON attempts TO :"runtime_role";
-- What is parked stays until a person has dealt with it.
GRANT SELECT, INSERT, UPDATE (redriven_at) ON dead_letters TO :"runtime_role";
-- The relay compares stream and outbox in tables of its own, when it repairs.
GRANT TEMPORARY ON DATABASE :"database" TO :"runtime_role";
GRANT EXECUTE ON FUNCTION forget_published, forget_redriven TO :"runtime_role";
