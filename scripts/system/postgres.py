"""Postgres: a private cluster in POSTGRES_DIR, or somebody's by URL.

The private one listens on a Unix socket only, in a folder that nobody else can
enter, so it needs no password and takes no port.
"""

import glob
import hashlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import urllib.parse

from .process import Process, wait_for
from .settings import Trouble

# Names the socket; the longest path a socket may have is 107 bytes.
_PORT = "5432"
_LONGEST_SOCKET_FOLDER = 107 - len("/.s.PGSQL.") - len(_PORT)

_CONFIGURATION = """\
listen_addresses = ''
port = {port}
unix_socket_directories = '{socket}'
max_connections = 200

# What was acknowledged is on the disk.
fsync = on
synchronous_commit = on

# Two cores, many short transactions.
shared_buffers = 256MB
max_wal_size = 2GB
checkpoint_timeout = 15min
random_page_cost = 1.1
jit = off
# The outbox and the inbox are rewritten all the time.
autovacuum_naptime = 10s
autovacuum_vacuum_cost_delay = 1ms

log_line_prefix = '%m [%p] %q%u@%d '
timezone = 'UTC'
{more}
"""


def _program(name):
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"),
                     key=lambda folder: int(re.sub(r"\D", "", folder) or 0))
    found = shutil.which(name, path=os.pathsep.join(folders[::-1] + [os.environ["PATH"]]))
    if not found:
        raise Trouble(f"{name} of Postgres is not there; scripts/deps installs it")
    return found


def choose_folder(run_dir):
    """Where the private cluster of RUN_DIR, which exists, has its data. Root's
    server runs as another user, who may not be able to get at RUN_DIR."""
    inside = os.path.join(run_dir, "postgres")
    if os.geteuid() != 0 or os.path.exists(inside) or _reaches(run_dir):
        return inside
    mode = os.stat(run_dir).st_mode
    os.chmod(run_dir, 0o711)
    if _reaches(run_dir):
        return inside
    # Below a home folder that is closed to others.
    os.chmod(run_dir, mode)
    return f"/var/lib/postgresql/restaurant-{_fingerprint(run_dir)}"


def _reaches(folder):
    return subprocess.run(["test", "-x", folder], user="postgres", group="postgres",
                          extra_groups=[], check=False).returncode == 0


def _fingerprint(run_dir):
    return hashlib.sha256(run_dir.encode()).hexdigest()[:12]


class Postgres:
    """The private cluster."""

    def __init__(self, settings):
        self.settings = settings
        # The server refuses to run as root.
        self.user = "postgres" if os.geteuid() == 0 else None
        self.folder = settings["POSTGRES_DIR"]
        self.process = Process(settings, "postgres", user=self.user)

    def dsn(self, database="postgres"):
        user = self.user or pwd.getpwuid(os.geteuid()).pw_name
        return f"host={self._socket()} port={_PORT} dbname={database} user={user}"

    def start(self):
        self._make_folders()
        data = os.path.join(self.folder, "data")
        if not os.path.exists(os.path.join(data, "PG_VERSION")):
            self._run(_program("initdb"), "--pgdata", data, "--auth=trust",
                      "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums")
        more = "\n".join(
            setting.replace("=", " = ", 1)
            for setting in self.settings["POSTGRES_SETTINGS"].split(",") if setting)
        with open(os.path.join(data, "postgresql.conf"), "w", encoding="utf-8") as file:
            file.write(_CONFIGURATION.format(port=_PORT, socket=self._socket(), more=more))
        self.process.command = [_program("postgres"), "-D", data]
        self.process.start()

    def wait(self):
        ready = [_program("pg_isready"), "-q", "-h", self._socket(), "-p", _PORT]

        def check():
            self.process.check_alive()
            return subprocess.run(ready, check=False).returncode == 0

        wait_for(check, 60, f"postgres is not ready after 60 s; see {self.process.log}")

    def stop(self, kill=False):
        self.process.stop(signal.SIGKILL if kill else signal.SIGINT)

    def purge(self):
        for folder in (self.folder, self._socket()):
            shutil.rmtree(folder, ignore_errors=True)

    def _socket(self):
        inside = os.path.join(self.folder, "socket")
        if len(inside) <= _LONGEST_SOCKET_FOLDER:
            return inside
        return f"/tmp/restaurant-{_fingerprint(self.settings.run_dir)}"

    def _make_folders(self):
        for folder in (self.folder, self._socket()):
            os.makedirs(folder, mode=0o700, exist_ok=True)
            if self.user:
                shutil.chown(folder, self.user, self.user)

    def _run(self, *command):
        as_user = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False,
                              **as_user)
        if done.returncode != 0:
            raise Trouble(f"{os.path.basename(command[0])} failed: {done.stderr.strip()}")


class ExternalPostgres:
    """Somebody's server, by the URL of a user who may create databases."""

    process = None

    def __init__(self, settings):
        self.url = settings["EXTERNAL_POSTGRES_URL"]
        if not re.match(r"postgres(ql)?://", self.url):
            raise Trouble("the URL of Postgres must begin with postgres:// or postgresql://")

    def dsn(self, database=None):
        if database is None:
            return self.url
        url = urllib.parse.urlsplit(self.url)
        return f"{url.scheme}://{url.netloc}/{database}" + (f"?{url.query}" if url.query else "")

    def start(self):
        pass

    def wait(self):
        sql(self.url, "SELECT 1")


def make(settings):
    return (ExternalPostgres if settings["EXTERNAL_POSTGRES_URL"] else Postgres)(settings)


def sql(dsn, statements):
    """Runs statements; returns the rows as lists of text."""
    environment = dict(os.environ)
    if "://" in dsn:
        url = urllib.parse.urlsplit(dsn)
        if url.password:
            # Not on the command line, where everybody can read it.
            environment["PGPASSWORD"] = urllib.parse.unquote(url.password)
            dsn = dsn.replace(f":{url.password}@", "@", 1)
    done = subprocess.run(
        ["psql", "-XAtq", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-d", dsn, "-f", "-"],
        input=statements, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise Trouble(f"Postgres: {(done.stderr.strip() or 'psql failed').splitlines()[-1]}")
    return [line.split("\x1f") for line in done.stdout.splitlines()]


def database_of(service):
    return f"restaurant_{service}"


def create_databases(postgres, services):
    """One database for each service, owned by a role of the same name in the
    private cluster and by the URL's user elsewhere."""
    private = isinstance(postgres, Postgres)
    there = {row[0] for row in sql(postgres.dsn(), "SELECT datname FROM pg_database")}
    statements = []
    for name in map(database_of, services):
        if name in there:
            continue
        if private:
            statements.append(f'CREATE ROLE "{name}" LOGIN;')
        owner = f' OWNER "{name}"' if private else ""
        statements.append(f'CREATE DATABASE "{name}"{owner};')
    if statements:
        sql(postgres.dsn(), "\n".join(statements))


def dsn_of(postgres, service):
    dsn = postgres.dsn(database_of(service))
    if isinstance(postgres, Postgres):
        dsn = re.sub(r"user=\S+$", f"user={database_of(service)}", dsn)
    return dsn
