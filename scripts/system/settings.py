"""What the system on this machine is made of and where it listens.

Settings come from the environment (docs/operations.md lists them). scripts/up
fixes them and writes them, with all addresses, to RUN_DIR/env; every other
script, and the tests, read that file.
"""

import os
import random
import re
import shlex
import socket
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOLS = os.path.join(TOP, ".tools", "bin")


class Trouble(Exception):
    """Something a person has to know, in one line."""


def services():
    """The list SERVICES of CMakeLists.txt."""
    with open(os.path.join(TOP, "CMakeLists.txt"), encoding="utf-8") as file:
        return re.search(r"^set\(SERVICES (.*)\)$", file.read(), re.M)[1].split()


def run_dir():
    return os.path.abspath(os.environ.get("RUN_DIR") or os.path.join(TOP, ".run"))


def is_free(port, kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _number(name, value, low, high):
    if not re.fullmatch(r"[0-9]{1,6}", value) or not low <= int(value) <= high:
        raise Trouble(f"{name} is {value!r}; it must be a number from {low} to {high}")
    return int(value)


class Settings:
    """All settings and addresses, by the names they have in RUN_DIR/env."""

    def __init__(self, values):
        self.values = values
        self.run_dir = values["RUN_DIR"]
        self.services = values["SERVICES"].split()

    def __getitem__(self, name):
        return self.values[name]

    def of(self, service, name):
        """A setting of one service, e.g. of("cook", "PG_DSN")."""
        return self.values[f"{_prefix(service)}_{name}"]

    def set_of(self, service, name, value):
        self.values[f"{_prefix(service)}_{name}"] = value

    def path(self, *parts):
        return os.path.join(self.run_dir, *parts)

    def addresses(self, service):
        """host:port of every replica there is or may be, the first one first."""
        return self.of(service, "ADDRS").split(",")

    def ports(self):
        """Every port that must be free, with the setting it comes from."""
        for name, value in self.values.items():
            if name.endswith("_PORT"):
                yield name, int(value)
        for service in self.services:
            for kind in ("ADDRS", "METRICS_ADDRS"):
                for address in self.of(service, kind).split(",")[1:]:
                    yield f"a replica of {service}", int(address.rpartition(":")[2])

    def save(self):
        """Writes RUN_DIR/env: NAME='value' lines, for shells and tests."""
        path = self.path("env")
        descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            for name, value in self.values.items():
                file.write(f"{name}={shlex.quote(value)}\n")
        os.rename(path + ".new", path)

    @staticmethod
    def load():
        """The settings of the system in RUN_DIR."""
        path = os.path.join(run_dir(), "env")
        try:
            with open(path, encoding="utf-8") as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            raise Trouble(f"there is no system in {run_dir()}; scripts/up starts one") from None
        values = {}
        for line in lines:
            name, _, value = line.partition("=")
            values[name] = "".join(shlex.split(value))
        return Settings(values)


def _prefix(service):
    return service.upper().replace("-", "_")


def from_environment(auto_ports=False, postgres=None, nats=None):
    """The settings of a system that is about to start."""
    values = {
        "RUN_DIR": run_dir(),
        "BUILD_DIR": os.path.abspath(
            os.environ.get("BUILD_DIR") or os.path.join(TOP, "build", "release")),
        "SERVICES": " ".join(services()),
    }
    given = {}  # which setting has a port

    def setting(name, default):
        values[name] = os.environ.get(name) or default
        return values[name]

    def port(name, default):
        value = os.environ.get(name)
        if not value:
            value = str(_any_port(given) if auto_ports else default)
        number = _number(name, value, 1, 65535)
        if number in given:
            raise Trouble(f"{name} is {number}, and so is {given[number]}; set another")
        given[number] = name
        values[name] = value
        return number

    def replica_port():
        number = _any_port(given)
        given[number] = "the port of a replica"
        return number

    gateway = port("GATEWAY_PORT", 8088)
    values["GATEWAY_URL"] = f"http://127.0.0.1:{gateway}"
    setting("GATEWAY_LISTEN", "127.0.0.1")
    port("GATEWAY_ADMIN_PORT", 8087)
    values["GATEWAY_REFLECTION_ADDR"] = f"127.0.0.1:{port('GATEWAY_REFLECTION_PORT', 8086)}"
    values["GATEWAY_PAGE_ADDR"] = f"127.0.0.1:{port('GATEWAY_PAGE_PORT', 8085)}"
    # What clients may ask of it; docs/security.md has the whole list of limits.
    per_second = setting("GATEWAY_CLIENT_REQUESTS_PER_SECOND", "20000")
    burst = 2 * _number("GATEWAY_CLIENT_REQUESTS_PER_SECOND", per_second, 1, 100000)
    _number("GATEWAY_CLIENT_BURST", setting("GATEWAY_CLIENT_BURST", str(burst)), 1, 200000)
    _number("GATEWAY_CLIENTS", setting("GATEWAY_CLIENTS", "10000"), 1, 100000)
    _number("GATEWAY_MAX_CONNECTIONS", setting("GATEWAY_MAX_CONNECTIONS", "4000"), 1, 100000)
    setting("GATEWAY_MAX_HEAP_BYTES", str(1024 ** 3))
    _number("GATEWAY_THREADS", setting("GATEWAY_THREADS", "2"), 1, 64)
    setting("ENVOY", os.path.join(TOOLS, "envoy"))

    if setting("AUTH", "on") not in ("on", "off"):
        raise Trouble(f"AUTH is {values['AUTH']!r}; it must be on or off")
    values["AUTH_DIR"] = os.path.join(values["RUN_DIR"], "auth")
    values["AUTH_JWKS"] = os.path.join(values["AUTH_DIR"], "people.jwks.json")
    values["AUTH_SERVICE_JWKS"] = os.path.join(values["AUTH_DIR"], "services.jwks.json")

    values["EXTERNAL_NATS_URL"] = nats or os.environ.get("EXTERNAL_NATS_URL", "")
    if values["EXTERNAL_NATS_URL"]:
        values["NATS_URL"] = values["EXTERNAL_NATS_URL"]
    else:
        values["NATS_URL"] = f"nats://127.0.0.1:{port('NATS_PORT', 14222)}"
        setting("NATS_SERVER", os.path.join(TOOLS, "nats-server"))

    values["EXTERNAL_POSTGRES_URL"] = postgres or os.environ.get("EXTERNAL_POSTGRES_URL", "")
    setting("POSTGRES_SETTINGS", "")

    for number, service in enumerate(values["SERVICES"].split()):
        name = _prefix(service)
        # 8085 to 8088 are the gateway's.
        offset = number if number < 4 else number + 6
        first = port(f"{name}_PORT", 8081 + offset)
        first_metrics = port(f"{name}_METRICS_PORT", 9081 + offset)
        replicas = _number(f"{name}_REPLICAS", setting(f"{name}_REPLICAS", "1"), 1, 20)
        # One more than asked for: scripts/start can add it while the system
        # runs, and the gateway knows where it will be.
        slots = range(max(replicas, 2) - 1)
        addresses = [f"127.0.0.1:{p}" for p in [first] + [replica_port() for _ in slots]]
        metrics = [f"127.0.0.1:{p}" for p in [first_metrics] + [replica_port() for _ in slots]]
        values[f"{name}_ADDR"] = addresses[0]
        values[f"{name}_ADDRS"] = ",".join(addresses)
        values[f"{name}_METRICS_URL"] = f"http://{metrics[0]}/metrics"
        values[f"{name}_METRICS_ADDRS"] = ",".join(metrics)
        setting(f"{name}_FLAGS", "")
        setting(f"{name}_PG_CONNECTION_LIMIT", str(30 * len(addresses)))

    if os.environ.get("PROXY") == "on":
        for name in proxy_ports(values["SERVICES"].split()):
            values[name] = str(replica_port())
    return Settings(values)


def proxy_ports(services):
    """The settings that hold the port of a link of system/proxy.py."""
    return ["PROXY_PORT", "PROXY_ORDER_COOK_PORT", "PROXY_POSTGRES_PORT",
            *(link_port(service, other) for service in services for other in ("NATS", "POSTGRES"))]


def link_port(service, other):
    """The setting that holds the port of a service's link to the broker or to Postgres."""
    return f"PROXY_{_prefix(service)}_{other}_PORT"


def _any_port(taken):
    """A port that nobody listens on, outside the range the kernel gives to
    outgoing connections, so that it is still free when it is used; within
    AUTO_PORTS (FIRST-LAST), if that is set, for systems that start at once."""
    first, last = os.environ.get("AUTO_PORTS", "10000-32000").split("-")
    while True:
        number = random.randint(int(first), int(last))
        if number not in taken and is_free(number):
            return number


def main(function):
    """Runs a script: Trouble is one line on stderr and exit code 1."""
    try:
        sys.exit(function())
    except Trouble as trouble:
        print(f"{os.path.basename(sys.argv[0])}: {trouble}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
