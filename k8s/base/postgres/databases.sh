#!/usr/bin/env bash
# Makes what the Secret postgres-roles names: for each key NAME_owner with its
# NAME (both passwords) the database restaurant_NAME and its two roles (roles.sql).
# Looks again every few seconds, so that a service that is added, or a password
# that is changed, needs nothing else.
set -euo pipefail
cd /etc/postgres-roles

# A statement that fails is not logged: it may hold a password.
export PGOPTIONS='-c log_min_error_statement=panic'

database() {
  local name=$1
  # Passwords are read by psql, from files: they are on no command line.
  # Of 500 connections a service has 180 at most: five pods, one more while they are
  # replaced, and two that still drain, use 22 each of order, 11 to 13 of the others.
  psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --username=postgres \
    --set=database="restaurant_$name" --set=connection_limit=180 \
    --set=owner="restaurant_${name}_owner" --set=runtime="restaurant_$name" \
    --set=owner_file="$PWD/${name}_owner" --set=runtime_file="$PWD/$name" <<'SQL'
\set owner_password `cat :'owner_file'`
\set runtime_password `cat :'runtime_file'`
\i /scripts/roles.sql
REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;
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
