#!/usr/bin/env bash
# Makes what the Secret postgres-roles names: for each key NAME_owner with its
# NAME (both passwords) the database restaurant_NAME, a role that owns it and migrates,
# and a role that the service runs with. Looks again every few seconds, so that a
# service that is added, or a password that is changed, needs nothing else.
set -euo pipefail
cd /etc/postgres-roles

database() {
  local name=$1
  # Passwords are read by psql, from files: they are on no command line.
  psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --username=postgres \
    --set=name="restaurant_$name" --set=owner="restaurant_${name}_owner" \
    --set=owner_file="$PWD/${name}_owner" --set=role_file="$PWD/$name" <<'SQL'
\set owner_password `cat :'owner_file'`
\set role_password `cat :'role_file'`
SELECT format('CREATE ROLE %I LOGIN', role)
FROM unnest(ARRAY[:'owner', :'name']) AS role
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec
ALTER ROLE :"owner" PASSWORD :'owner_password';
ALTER ROLE :"name" PASSWORD :'role_password';
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'owner')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"name" TO :"name";
\connect :"name"
ALTER SCHEMA public OWNER TO :"owner";
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO :"name";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"name";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public
  GRANT USAGE, SELECT ON SEQUENCES TO :"name";
SQL
}

seen=''
while true; do
  now=$(cat ./* | sha256sum)
  if [[ $now != "$seen" ]] && psql --quiet --username=postgres --command='' 2>/dev/null; then
    for file in *_owner; do
      database "${file%_owner}"
    done
    seen=$now
    echo "databases are as declared: $(echo *_owner)"
  fi
  sleep 2
done
