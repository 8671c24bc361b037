"""The other parts of the system: nats-server, the provisioner, the services and
the gateway, each as the process or processes that it is."""

import glob
import os
import re
import shlex
import subprocess
import urllib.request

from . import auth, proxy
from . import nats as broker
from .process import Process, wait_for
from .settings import TOOLS, TOP, Trouble


def nats(settings):
    """nats-server with JetStream, or None if somebody's is used."""
    if settings["EXTERNAL_NATS_URL"]:
        return None
    # On two cores that others want, too, its threads would mostly wake each other.
    few_cores = (os.cpu_count() or 1) <= 2
    return Process(settings, "nats",
                   [settings["NATS_SERVER"], "--config", broker.configuration(settings)],
                   environment={"GOMAXPROCS": "1"} if few_cores else None)


def _program(settings, name):
    return os.path.join(settings["BUILD_DIR"], "bin", name)


def provisioner(settings):
    """Keeps streams and durables as every service's jetstream.json says."""
    declarations = [
        path for path in (os.path.join(TOP, s, "jetstream.json") for s in settings.services)
        if os.path.exists(path)
    ]
    return Process(
        settings, "provisioner",
        [_program(settings, "provisioner"), _FROM_ENVIRONMENT, *declarations],
        environment=broker.flags(settings, broker.PROVISIONER), keep_exit_code=True)


# Who a process is. URLs may hold a password, so none goes on a command line.
_FROM_ENVIRONMENT = ("--tryfromenv=pg_dsn,pg_owner_dsn,pg_runtime_role,"
                     "nats_url,nats_user,nats_password_file")


def service_environment(settings, service):
    """For serving: the runtime role, and the service's own user of the broker."""
    return {"FLAGS_pg_dsn": proxy.pg_dsn(settings, service), **broker.flags(settings, service),
            "FLAGS_nats_url": proxy.nats_url(settings, service)}


def admin_environment(settings, service):
    """For subcommands: the database's owner too, and the broker's <service>-admin."""
    return {
        "FLAGS_pg_dsn": settings.of(service, "PG_DSN"),
        "FLAGS_pg_owner_dsn": settings.of(service, "PG_OWNER_DSN"),
        "FLAGS_pg_runtime_role": settings.of(service, "PG_RUNTIME_ROLE"),
        **broker.flags(settings, broker.admin_of(service)),
    }


def service_command(settings, service):
    """The service's binary with the flags that every subcommand takes."""
    return [_program(settings, service), _FROM_ENVIRONMENT]


def replica_name(service, number):
    return service if number == 1 else f"{service}-{number}"


def service(settings, name, number=1):
    """Replica `number` of a service, from 1."""
    addresses = settings.addresses(name)
    if not 1 <= number <= len(addresses):
        raise Trouble(f"{name} has room for {len(addresses)} replicas; "
                      f"{name.upper()}_REPLICAS of scripts/up makes more")
    flags = [
        f"--listen={addresses[number - 1]}",
        f"--metrics_listen={settings.of(name, 'METRICS_ADDRS').split(',')[number - 1]}",
    ]
    if settings["AUTH"] == "on":
        flags += [f"--auth_jwks={settings['AUTH_JWKS']}",
                  f"--auth_service_jwks={settings['AUTH_SERVICE_JWKS']}"]
        if name in auth.CALLING_SERVICES:
            flags.append(f"--auth_key={auth.key_file(settings, name)}")
    else:
        flags.append("--auth=off")
    if name == "order":
        flags.append("--cook_target=ipv4:" + proxy.cook_addresses(settings))
    return Process(
        settings, replica_name(name, number),
        [*service_command(settings, name), *flags, *shlex.split(settings.of(name, "FLAGS"))],
        environment=service_environment(settings, name), keep_exit_code=True)


def all_replicas(settings, name):
    """Every replica that may run, the first one first."""
    return [service(settings, name, n + 1) for n in range(len(settings.addresses(name)))]


def wait_ready(process, address, seconds=60):
    """Waits until the service at `address` says that it is ready to serve."""
    check = [os.path.join(TOOLS, "grpcurl"), "-plaintext", "-max-time", "2", address,
             "grpc.health.v1.Health/Check"]

    def ready():
        process.check_alive()
        done = subprocess.run(check, capture_output=True, text=True, check=False)
        return '"SERVING"' in done.stdout

    wait_for(ready, seconds, f"{process.name} is not ready after {seconds} s; see {process.log}")


def wait_gateway(settings, processes, seconds=60):
    """Waits until Envoy listens and knows a healthy instance of every service and
    of the pages."""
    clusters = f"http://127.0.0.1:{settings['GATEWAY_ADMIN_PORT']}/clusters"
    first = [settings.of(name, "ADDR") for name in settings.services]
    first.append(settings["GATEWAY_PAGE_ADDR"])

    def ready():
        for process in processes:
            process.check_alive()
        try:
            with urllib.request.urlopen(clusters, timeout=2) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return False
        known = {line.split("::")[1] for line in lines if line.count("::") > 2}
        healthy = {line.split("::")[1] for line in lines if line.endswith("health_flags::healthy")}
        return all(address in healthy or address not in known for address in first)

    wait_for(ready, seconds, f"the gateway is not ready after {seconds} s; see "
             + settings.path("log", "gateway.log"))


def has_gateway(settings):
    return os.access(settings["ENVOY"], os.X_OK)


def gateway(settings):
    """Envoy, and two small servers behind it: one describes the whole API, one
    has the pages for people."""
    folder = settings.path("gateway")
    os.makedirs(folder, exist_ok=True)
    configuration = os.path.join(folder, "envoy.yaml")
    with open(os.path.join(TOP, "gateway", "envoy.yaml"), encoding="utf-8") as file:
        template = file.read()
    values = dict(settings.values)
    values["UPSTREAM_TYPE"] = "STATIC"
    for name in settings.services:
        values[f"{name.upper()}_ENDPOINTS"] = _endpoints(settings.addresses(name))
    values["REFLECTION_ENDPOINTS"] = _endpoints([settings["GATEWAY_REFLECTION_ADDR"]])
    values["AUTH_ISSUER"], values["AUTH_AUDIENCE"] = auth.ISSUER, auth.AUDIENCE
    values["AUTH_OFF"] = str(settings["AUTH"] == "off").lower()
    values["PAGE_ENDPOINTS"] = _endpoints([settings["GATEWAY_PAGE_ADDR"]])
    values["DESCRIPTOR_SET"] = os.path.join(settings["BUILD_DIR"], "restaurant.pb")
    text = re.sub(r"\$\{([A-Z_]+)\}", lambda match: values.get(match[1], match[0]), template)
    with open(configuration, "w", encoding="utf-8") as file:
        file.write(text)
    reflection = Process(
        settings, "reflection",
        [_program(settings, "reflection"), f"--listen={settings['GATEWAY_REFLECTION_ADDR']}",
         f"--descriptor_set={values['DESCRIPTOR_SET']}"], keep_exit_code=True)
    page = Process(
        settings, "page",
        [_program(settings, "page"), f"--listen={settings['GATEWAY_PAGE_ADDR']}"],
        keep_exit_code=True)
    envoy = Process(
        settings, "gateway",
        [settings["ENVOY"], "--config-path", configuration,
         "--concurrency", settings["GATEWAY_THREADS"], "--disable-hot-restart",
         "--log-level", "warning", "--file-flush-interval-msec", "500"])
    return [reflection, page, envoy]


def _endpoints(addresses):
    """The lb_endpoints of a cluster, as inline YAML."""
    entries = []
    for address in addresses:
        host, _, port = address.rpartition(":")
        entries.append("{endpoint: {address: {socket_address: "
                       f"{{address: {host}, port_value: {port}}}}}}}}}")
    return "[" + ", ".join(entries) + "]"


def logs(settings):
    return sorted(glob.glob(settings.path("log", "*.log")))
