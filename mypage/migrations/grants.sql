-- On whole tables, as for the inbox: a rebuild copies the grants of both.
GRANT SELECT, INSERT, UPDATE ON mypage_views TO :"runtime_role";
-- It says nothing, so it has nothing to put there.
REVOKE ALL ON outbox, outbox_stream FROM :"runtime_role";
