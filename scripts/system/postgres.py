"""Postgres: a private cluster in POSTGRES_DIR, or somebody's by URL; and the
roles of each service, its owner and the one that it runs as.

Unless it is behind a proxy (system/proxy.py), the private one listens on a Unix
socket only, in a folder that nobody else can enter, and takes no port. Services
show a password there as everywhere.
"""

import base64
import glob
import hashlib
import hmac
import os
import pwd
import re
import shutil
import signal
import subprocess
import urllib.parse

from . import passwords, proxy
from .process import Process, wait_for
from .settings import TOP, Trouble

# Names the socket; the longest path a socket may have is 107 bytes.
_PORT = "5432"
_LONGEST_SOCKET_FOLDER = 107 - len("/.s.PGSQL.65535")

_CONFIGURATION = """\
listen_addresses = '{listen}'
port = {port}
unix_socket_directories = '{socket}'
max_connections = {connections}

# What was acknowledged is on the disk.
fsync = on
synchronous_commit = on

# Two cores, many short transactions.
shared_buffers = 256MB
wal_buffers = 8MB
max_wal_size = 2GB
checkpoint_timeout = 15min
random_page_cost = 1.1
jit = off
# The outbox and the inbox are rewritten all the time: vacuumed often, which costs little. Analyzed
# when as many rows have changed as there are: after a tenth of them, that took a tenth of a core
# while much was ordered.
autovacuum_naptime = 10s
autovacuum_analyze_scale_factor = 1

# Not the DETAIL of a broken constraint: it quotes the row, and so what customers wrote.
log_error_verbosity = terse
log_line_prefix = '%m [%p] %q%u@%d '
timezone = 'UTC'
{more}
"""


# Who starts the server may do everything there; everybody else has a password.
_HBA = """\
local all {admin} peer map=operators
local all all scram-sha-256
{more}
"""
_IDENT = """\
operators {admin} {admin}
operators root {admin}
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
        self.admin = self.user or pwd.getpwuid(os.geteuid()).pw_name
        self.folder = settings["POSTGRES_DIR"]
        self.process = Process(settings, "postgres", user=self.user)
        self.behind_proxy = proxy.is_on(settings)
        self.port = settings["PROXY_POSTGRES_PORT"] if self.behind_proxy else _PORT

    def dsn(self, database="postgres", role=None):
        """Of the administrator, or of a role whose password is in a file."""
        dsn = f"host={self._socket()} port={self.port} dbname={database} user={role or self.admin}"
        return f"{dsn} passfile={_passfile(self.settings, role)}" if role else dsn

    def makes_roles(self):
        return True

    def _connections(self):
        """What all services may have, and room for those who look on, and for tests."""
        return 80 + sum(int(self.settings.of(service, "PG_CONNECTION_LIMIT"))
                        for service in self.settings.services)

    def start(self):
        self._make_folders()
        data = os.path.join(self.folder, "data")
        if not os.path.exists(os.path.join(data, "PG_VERSION")):
            # Small WAL segments: all commits wait while one is made, filled with zeros and put on
            # the disk. With 16 MB, as is usual, that is 20 ms, every other second under load.
            self._run(_program("initdb"), "--pgdata", data, "--auth=peer", "--encoding=UTF8",
                      "--locale=C.UTF-8", "--data-checksums", "--wal-segsize=1")
        more = "\n".join(
            setting.replace("=", " = ", 1)
            for setting in self.settings["POSTGRES_SETTINGS"].split(",") if setting)
        with open(os.path.join(data, "postgresql.conf"), "w", encoding="utf-8") as file:
            file.write(_CONFIGURATION.format(
                listen="127.0.0.1" if self.behind_proxy else "", port=self.port,
                socket=self._socket(), connections=self._connections(), more=more))
        for name, text in (("pg_hba.conf", _HBA), ("pg_ident.conf", _IDENT)):
            with open(os.path.join(data, name), "w", encoding="utf-8") as file:
                file.write(text.format(
                    admin=self.admin,
                    more="host all all 127.0.0.1/32 scram-sha-256" if self.behind_proxy else ""))
        self.process.command = [_program("postgres"), "-D", data]
        self.process.start()

    def wait(self):
        ready = [_program("pg_isready"), "-q", "-h", self._socket(), "-p", self.port]

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
    """Somebody's server, by the URL of a user who may create databases, and if
    possible roles; one who may not is the role of every service."""

    process = None

    def __init__(self, settings):
        self.settings = settings
        self.url = settings["EXTERNAL_POSTGRES_URL"]
        if not re.match(r"postgres(ql)?://", self.url):
            raise Trouble("the URL of Postgres must begin with postgres:// or postgresql://")

    def dsn(self, database=None, role=None):
        if database is None:
            return self.url
        url = urllib.parse.urlsplit(self.url)
        where, query = url.netloc, url.query
        if role:
            where = f"{role}@{where.rpartition('@')[2]}"
            file = urllib.parse.quote(_passfile(self.settings, role))
            query = f"{query}&passfile={file}" if query else f"passfile={file}"
        return f"{url.scheme}://{where}/{database}" + (f"?{query}" if query else "")

    def makes_roles(self):
        return sql(self.url, "SELECT rolsuper OR rolcreaterole FROM pg_roles "
                             "WHERE rolname = current_user") == [["t"]]

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


def _owner(service):
    return database_of(service) + "_owner"


def _runtime(service):
    return database_of(service)


def _passfile(settings, role):
    return settings.path(passwords.FOLDER, f"postgres-{role}")


def _password(settings, role):
    """Kept as libpq wants it, host:port:database:user:password."""
    line = f"*:*:*:{role}:" + passwords.get(settings, f"postgres-{role}").rpartition(":")[2]
    passwords.write(settings, f"postgres-{role}", line)
    return line.rpartition(":")[2]


def _verifier(password):
    """What the server keeps in place of the password (RFC 5803): so the password
    itself is in no statement, and no log."""
    salt, rounds = os.urandom(16), 4096

    def text(data):
        return base64.b64encode(data).decode()

    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${rounds}:{text(salt)}${text(stored)}:{text(server)}"


def choose_roles(postgres, settings):
    """Settles who each service is: PG_DSN of the role it runs as, PG_OWNER_DSN of
    the one that migrates, PG_RUNTIME_ROLE, empty if they are the same. Returns
    whether they are two."""
    two = postgres.makes_roles()
    for service in settings.services:
        database = database_of(service)
        for name, role in (("PG_DSN", _runtime(service)), ("PG_OWNER_DSN", _owner(service))):
            settings.set_of(service, name, postgres.dsn(database, role if two else None))
        settings.set_of(service, "PG_RUNTIME_ROLE", _runtime(service) if two else "")
    return two


def create_databases(postgres, settings):
    """One database for each service, and its roles."""
    if isinstance(postgres, Postgres):
        sql(postgres.dsn(), "REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC")
    with open(os.path.join(TOP, "k8s", "base", "postgres", "roles.sql"), encoding="utf-8") as file:
        make_roles = file.read()
    there = {row[0] for row in sql(postgres.dsn(), "SELECT datname FROM pg_database")}
    for service in settings.services:
        database, owner, runtime = database_of(service), _owner(service), _runtime(service)
        if settings.of(service, "PG_RUNTIME_ROLE"):
            variables = {
                "database": database, "owner": owner, "runtime": runtime,
                "owner_password": _verifier(_password(settings, owner)),
                "runtime_password": _verifier(_password(settings, runtime)),
                "connection_limit": settings.of(service, "PG_CONNECTION_LIMIT"),
            }
            sql(postgres.dsn(), "\n".join(f"\\set {name} '{value}'"
                                         for name, value in variables.items()) + "\n" + make_roles)
        elif database not in there:
            sql(postgres.dsn(), f'CREATE DATABASE "{database}"')
