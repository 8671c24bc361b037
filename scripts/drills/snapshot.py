"""History, databases and streams of a run, copied side by side into one database, so that what
must hold can be asked in SQL."""

import contextlib
import datetime
import glob
import json
import os
import subprocess

from system import nats, postgres
from system.settings import TOP, Trouble

SCHEMA = """
CREATE TABLE history (
    n bigint, op text, intended bigint, sent bigint, ended bigint, code text, reason text,
    retry boolean, key text, customer int, restaurant int, menu int, qty int, order_id uuid,
    status text, version int, told text,
    -- yes: done. no: refused, and nothing was done. unknown: either may be.
    answer text GENERATED ALWAYS AS (CASE
        WHEN code = 'OK' THEN 'yes'
        WHEN code IN ('UNAVAILABLE', 'DEADLINE_EXCEEDED', 'CANCELLED', 'UNKNOWN', 'INTERNAL',
                      'DATA_LOSS') THEN 'unknown'
        ELSE 'no' END) STORED);
CREATE TABLE faults (began bigint, ended bigint, calls text[], undoes_commits boolean);
CREATE TABLE orders (
    order_id uuid, customer_id int, restaurant_id int, restaurant_menu_id int, qty int,
    status text, version int, request_id text, created_at timestamptz, modified_at timestamptz,
    reason text);
CREATE TABLE tickets (
    order_id uuid, restaurant_id int, restaurant_menu_id int, customer_id int, qty int,
    status text, version int, created_at timestamptz, modified_at timestamptz, reason text,
    cancelled_by text);
CREATE TABLE deliveries (
    order_id uuid, restaurant_id int, restaurant_menu_id int, customer_id int, qty int,
    status text, version int, created_at timestamptz, modified_at timestamptz);
CREATE TABLE views (
    order_id uuid, customer_id int, restaurant_id int, restaurant_menu_id int, qty int,
    order_status int, cook_status int, delivery_status int, order_version int, cook_version int,
    delivery_version int, version int, timeline text);
CREATE TABLE stocks (restaurant_id int, restaurant_menu_id int, on_hand int);
CREATE TABLE stock_ledger (
    entry_id bigint, restaurant_id int, restaurant_menu_id int, delta int, kind text,
    order_id uuid, at timestamptz);
CREATE TABLE outbox (
    service text, event_id uuid, order_id uuid, version int, subject text, event_type text,
    event_time timestamptz, published_at timestamptz, stream_sequence bigint);
CREATE TABLE inbox (service text, durable text, event_id uuid, applied_at timestamptz);
CREATE TABLE dead_letters (
    service text, durable text, stream text, sequence bigint, event_id text, subject text,
    reason text, payload_bytes int, headers jsonb, parked_at timestamptz, redriven boolean);
CREATE TABLE stream (
    stream text, sequence bigint, event_id text, message_id text, subject text, order_id text,
    version text);
CREATE TABLE durables (
    service text, stream text, durable text, subject text, pending bigint, unacknowledged bigint);
"""

# Once everything is there.
INDEXES = """
CREATE TABLE timeline AS
    SELECT order_id, f[1]::timestamptz AS at, f[2] AS source, f[3]::int AS version,
           f[4]::int AS state, f[5] AS status, f[6] AS by, f[7]::uuid AS event_id
    FROM (SELECT order_id, string_to_array(line, E'\\t') AS f
          FROM views, string_to_table(timeline, E'\\n') AS line WHERE line <> '') AS lines;
CREATE INDEX ON history (order_id);
CREATE INDEX ON history (key);
CREATE INDEX ON orders (order_id);
CREATE INDEX ON tickets (order_id);
CREATE INDEX ON deliveries (order_id);
CREATE INDEX ON views (order_id);
CREATE INDEX ON stock_ledger (order_id);
CREATE INDEX ON outbox (order_id, service, version);
CREATE INDEX ON outbox (event_id);
CREATE INDEX ON inbox (event_id);
CREATE INDEX ON timeline (order_id);
CREATE INDEX ON stream (event_id);
ANALYZE;
"""

_HISTORY = ["op", "i", "s", "e", "code", "reason", "retry", "key", "c", "r", "m", "q", "o", "st",
            "v", "told"]


def read_history(paths):
    """Every entry of the files, as dictionaries; a line cut short at the end of a file whose
    writer was killed is left out."""
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.endswith("\n"):
                    yield json.loads(line)


def failed(entry):
    """Whether a call of the history was refused for overload, ended by a defect or had no answer."""
    return entry["code"] in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "UNKNOWN", "INTERNAL",
                             "RESOURCE_EXHAUSTED")


def first_id(microseconds):
    """The lowest id that an order of this time can have: ids begin with the time in ms."""
    text = f"{int(microseconds) // 1000:012x}"
    return f"{text[:8]}-{text[8:]}-0000-0000-000000000000"


def _field(value):
    if value is None:
        return "\\N"
    return str(value).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


_DATABASE = "checker"


class Snapshot:
    """A schema of the checker's own, dropped in the end."""

    def __init__(self, admin_dsn):
        if not postgres.sql(admin_dsn,
                            f"SELECT FROM pg_database WHERE datname = '{_DATABASE}';"):
            with contextlib.suppress(Trouble):  # another checker was quicker
                postgres.sql(admin_dsn, f"CREATE DATABASE {_DATABASE};")
        self.dsn = _with_database(admin_dsn, _DATABASE)
        self.schema = f"run_{os.getpid()}_{os.urandom(3).hex()}"
        # For tests: done, and undone again, around each sql().
        self.damage = ""
        postgres.sql(self.dsn, f"CREATE SCHEMA {self.schema};")
        # What is lost with the server is of no use then.
        self.sql(SCHEMA.replace("CREATE TABLE", "CREATE UNLOGGED TABLE"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sql(f"DROP SCHEMA {self.schema} CASCADE;")

    def _settings(self):
        return f"SET search_path = {self.schema}; SET client_min_messages = warning;\n"

    def sql(self, statements):
        damage = f"BEGIN; {self.damage};" if self.damage else ""
        return postgres.sql(self.dsn, f"{self._settings()} {damage} {statements}")

    def fill(self, table, columns, rows):
        """Copies rows (sequences of values) into a table."""
        self.fill_text([(table, columns, "".join(
            "\t".join(map(_field, row)) + "\n" for row in rows))])

    def fill_text(self, tables):
        """Likewise several tables at once, (table, columns, text as COPY writes it)."""
        done = subprocess.run(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.dsn, "-f", "-"],
            input=self._settings() + "".join(f"COPY {table} ({columns}) FROM STDIN;\n{text}\\.\n"
                          for table, columns, text in tables),
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Trouble(f"the snapshot cannot be filled: {done.stderr.strip()}")

    def fill_history(self, entries):
        self.fill(
            "history",
            "n, op, intended, sent, ended, code, reason, retry, key, customer, restaurant, menu, "
            "qty, order_id, status, version, told",
            ([n] + [e.get(name) for name in _HISTORY] for n, e in enumerate(entries)))

    def ready(self):
        self.sql(INDEXES)


def _with_database(dsn, name):
    if "://" in dsn:
        head, _, query = dsn.partition("?")
        return head.rsplit("/", 1)[0] + "/" + name + (f"?{query}" if query else "")
    words = [word for word in dsn.split() if not word.startswith("dbname=")]
    return " ".join([*words, f"dbname={name}"])


# What is copied from each service: table of ours, columns, and the query. {since} is the lowest
# order id of the run, {time} its beginning, {restaurants} what was ordered from.
_EVERYBODY = [
    ("outbox",
     "SELECT '{service}', event_id, aggregate_id, version, subject, event_type, event_time, "
     "published_at, stream_sequence FROM outbox WHERE aggregate_id >= '{since}'"),
    ("inbox",
     "SELECT '{service}', durable, event_id, applied_at FROM inbox WHERE applied_at >= '{time}'"),
    ("dead_letters",
     "SELECT '{service}', durable, stream, stream_sequence, event_id, subject, reason, "
     "octet_length(payload), headers, parked_at, redriven_at IS NOT NULL FROM dead_letters "
     "WHERE parked_at >= '{time}'"),
]
_OF = {
    "order": [
        ("orders",
         "SELECT order_id, customer_id, restaurant_id, restaurant_menu_id, qty, status, version, "
         "request_id, created_at, modified_at, reason FROM orders WHERE order_id >= '{since}'")],
    "cook": [
        ("tickets",
         "SELECT order_id, restaurant_id, restaurant_menu_id, customer_id, qty, status, version, "
         "created_at, modified_at, reason, cancelled_by FROM tickets WHERE order_id >= '{since}'"),
        ("stocks",
         "SELECT restaurant_id, restaurant_menu_id, on_hand FROM stocks "
         "WHERE restaurant_id = ANY ('{{{restaurants}}}')"),
        ("stock_ledger",
         "SELECT entry_id, restaurant_id, restaurant_menu_id, delta, kind, order_id, at "
         "FROM stock_ledger WHERE restaurant_id = ANY ('{{{restaurants}}}')")],
    "delivery": [
        ("deliveries",
         "SELECT order_id, restaurant_id, restaurant_menu_id, customer_id, qty, status, version, "
         "created_at, modified_at FROM deliveries WHERE order_id >= '{since}'")],
    "mypage": [
        ("views",
         "SELECT order_id, customer_id, restaurant_id, restaurant_menu_id, qty, order_status, "
         "cook_status, delivery_status, order_version, cook_version, delivery_version, version, "
         "timeline FROM mypage_views WHERE order_id >= '{since}'")],
}


def declarations(services):
    """Every (service, stream, durable, subject filter) of the jetstream.json files."""
    for service in services:
        with open(os.path.join(TOP, service, "jetstream.json"), encoding="utf-8") as file:
            for durable in json.load(file)["durables"]:
                for subject in durable["filter_subjects"]:
                    yield service, durable["stream"], durable["name"], subject


def streams(services):
    """The stream of every service that has one."""
    found = {}
    for path in glob.glob(os.path.join(TOP, "*", "jetstream.json")):
        service = os.path.basename(os.path.dirname(path))
        if service in services:
            with open(path, encoding="utf-8") as file:
                stream = json.load(file).get("stream")
            if stream:
                found[service] = stream["name"]
    return found


def service_dsn(system, service):
    """A service's database, as its administrator."""
    return postgres.make(system).dsn(postgres.database_of(service))


def stream_tool(system, *words):
    """Runs drill_stream as the operator; what it printed."""
    program = os.path.join(system["BUILD_DIR"], "bin", "drill_stream")
    if not os.access(program, os.X_OK):
        raise Trouble(f"{program} is not there; scripts/build release drill_stream makes it")
    done = subprocess.run(
        [program, "--tryfromenv=nats_url,nats_user,nats_password_file", *words],
        capture_output=True, text=True, check=False,
        env={**os.environ, **nats.flags(system, nats.OPERATOR)})
    if done.returncode != 0:
        raise Trouble(f"drill_stream {words[0]}: {done.stderr.strip()}")
    return done.stdout


def durable_words(services):
    """Every durable, as the words of drill_stream: its stream, its name, and so on."""
    return [word for pair in sorted({entry[1:3] for entry in declarations(services)})
            for word in pair]


def stream_info(system):
    """stream -> its state and durables; what does not exist is not in it."""
    return json.loads(stream_tool(system, "info", *durable_words(system.services)))


_END = "-- end of a table --"


def _copy(system, service, values):
    """(table, columns, text) of everything that is copied from a service."""
    wanted = _EVERYBODY + _OF.get(service, [])
    words = []
    for _, query in wanted:
        words += ["-c", f"COPY ({query.format(service=service, **values)}) TO STDOUT",
                  "-c", f"\\echo {_END}"]
    done = subprocess.run(
        ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", service_dsn(system, service), *words],
        capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Trouble(f"{service}: {done.stderr.strip()}")
    texts = done.stdout.split(_END + "\n")
    return [(table, _columns(table), text) for (table, _), text in zip(wanted, texts)]


def take(system, histories, harms=()):
    """The snapshot of a system that is up and has settled, after `harms` (faults.Harm)."""
    entries = list(read_history(histories))
    if not entries:
        raise Trouble("the history is empty")
    began = min(entry["s"] for entry in entries)
    values = {
        "since": first_id(began),
        "time": datetime.datetime.fromtimestamp(began / 1e6, datetime.timezone.utc).isoformat(),
        "restaurants": ",".join(sorted({str(e["r"]) for e in entries if "r" in e})),
    }
    snapshot = Snapshot(postgres.make(system).dsn())
    try:
        snapshot.fill_history(entries)
        snapshot.fill("faults", "began, ended, calls, undoes_commits",
                      [(harm.began, harm.ended, "{" + ",".join(harm.calls) + "}",
                        harm.undoes_commits) for harm in harms])
        for service in system.services:
            snapshot.fill_text(_copy(system, service, values))
        snapshot.fill_text([("stream", _columns("stream"), stream_tool(
            system, "dump", *streams(system.services).values()))])
        info = stream_info(system)
        rows = []
        for service, stream, durable, subject in declarations(system.services):
            state = info.get(stream, {}).get("durables", {}).get(durable, {})
            rows.append((service, stream, durable, _like(subject), state.get("pending"),
                         state.get("unacknowledged")))
        snapshot.fill("durables", _columns("durables"), rows)
        snapshot.ready()
    except BaseException:
        snapshot.__exit__()
        raise
    return snapshot


def _like(subject):
    """A subject filter as a pattern of SQL's LIKE."""
    return subject.replace("_", "\\_").replace(">", "%")


def _columns(table):
    body = SCHEMA.split(f"CREATE TABLE {table} (", 1)[1].split(");", 1)[0]
    lines = [line.split("--")[0] for line in body.splitlines()]
    return ", ".join(column.split()[0] for column in " ".join(lines).split(",") if column.strip())
