GRANT SELECT, INSERT, UPDATE ON heard_orders TO :"runtime_role";
-- It says nothing, so it has nothing to put there.
REVOKE ALL ON outbox, outbox_stream FROM :"runtime_role";
