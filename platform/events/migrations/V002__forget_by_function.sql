-- Retention for a role that may not delete: with the owner's rights, these delete
-- what may be forgotten and nothing else, the oldest first, and return how many
-- rows that were. Nothing is younger than a day, whatever they are asked.
CREATE FUNCTION forget_published(keep_seconds double precision, at_most integer)
RETURNS integer
LANGUAGE sql SECURITY DEFINER
BEGIN ATOMIC
    WITH gone AS (
        DELETE FROM outbox WHERE event_id = ANY (ARRAY(
            SELECT event_id FROM outbox
            WHERE published_at IS NOT NULL
              AND published_at
                  < now() - make_interval(secs => greatest(keep_seconds, 86400))
            ORDER BY published_at LIMIT at_most))
        RETURNING 1)
    SELECT count(*)::integer FROM gone;
END;

CREATE FUNCTION forget_redriven(keep_seconds double precision, at_most integer)
RETURNS integer
LANGUAGE sql SECURITY DEFINER
BEGIN ATOMIC
    WITH gone AS (
        DELETE FROM dead_letters WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM dead_letters
            WHERE redriven_at
                  < now() - make_interval(secs => greatest(keep_seconds, 86400))
            LIMIT at_most))
        RETURNING 1)
    SELECT count(*)::integer FROM gone;
END;
