-- The two roles of one service and its database: the owner migrates, reconciles
-- and rebuilds; the runtime role serves, and may do what the migrations' grants
-- say. A psql script that may be run again; scripts/up does, the container
-- `databases` on Kubernetes, and for a server of one's own:
--
--   psql -v database=restaurant_order -v connection_limit=180 \
--        -v owner=restaurant_order_owner -v runtime=restaurant_order \
--        -v owner_password=… -v runtime_password=… -f k8s/base/postgres/roles.sql
--
-- Needs a user who may create roles and databases. Passwords are best given as
-- SCRAM verifiers, so that no log can hold them. What PUBLIC has is taken away by
-- `<service> migrate --pg_runtime_role=…`.
SELECT format('CREATE ROLE %I', name)
FROM (VALUES (:'owner'), (:'runtime')) AS wanted (name)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

ALTER ROLE :"owner" LOGIN PASSWORD :'owner_password' CONNECTION LIMIT 20;
-- A forgotten session must not hold locks for ever. Long statements are its work.
ALTER ROLE :"owner" SET idle_in_transaction_session_timeout = '10min';

ALTER ROLE :"runtime" LOGIN PASSWORD :'runtime_password'
    CONNECTION LIMIT :connection_limit;
-- No statement outlives who waits for it.
ALTER ROLE :"runtime" SET statement_timeout = '5s';
ALTER ROLE :"runtime" SET lock_timeout = '2s';
ALTER ROLE :"runtime" SET idle_in_transaction_session_timeout = '10s';

-- Only a member may give a database to a role; a superuser may anyway.
SELECT format('GRANT %I TO CURRENT_USER', :'owner')
WHERE NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) \gexec
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'owner')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
