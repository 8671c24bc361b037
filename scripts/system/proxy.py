"""Toxiproxy between the parts, for drills: PROXY=on of scripts/up. Each service then reaches the
broker and the private Postgres, and order the kitchen, over a link of its own, and a drill can
delay, throttle, cut or silence each. https://github.com/Shopify/toxiproxy is what one can do to a link.
"""

import json
import os
import re
import urllib.request

from .process import Process, wait_for
from .settings import TOOLS, Trouble, link_port


def is_on(settings):
    return "PROXY_PORT" in settings.values


def _address(settings, name):
    return f"127.0.0.1:{settings[name]}"


def links(settings):
    """name -> (where it listens, where it leads)."""
    broker = settings["NATS_URL"].removeprefix("nats://")
    found = {"order-cook": (_address(settings, "PROXY_ORDER_COOK_PORT"),
                            settings.of("cook", "ADDR"))}
    for service in settings.services:
        found[f"{service}-nats"] = (_address(settings, link_port(service, "NATS")), broker)
        if _postgres_is_on(settings):
            found[f"{service}-postgres"] = (
                _address(settings, link_port(service, "POSTGRES")),
                _address(settings, "PROXY_POSTGRES_PORT"))
    return found


def nats_url(settings, service):
    """Where a service finds the broker."""
    if not is_on(settings):
        return settings["NATS_URL"]
    return "nats://" + _address(settings, link_port(service, "NATS"))


def _postgres_is_on(settings):
    return is_on(settings) and not settings["EXTERNAL_POSTGRES_URL"]


def pg_dsn(settings, service):
    """How a service finds its database."""
    dsn = settings.of(service, "PG_DSN")
    if not _postgres_is_on(settings):
        return dsn
    port = settings[link_port(service, "POSTGRES")]
    dsn, found = re.subn(r"^host=\S+ port=\d+", f"host=127.0.0.1 port={port}", dsn)
    if not found:
        raise Trouble(f"{service} cannot be put behind the proxy: {dsn} names no host and port")
    return dsn


def cook_addresses(settings):
    """Where order finds the kitchen: over the link, only the first one."""
    if not is_on(settings):
        return settings.of("cook", "ADDRS")
    return _address(settings, "PROXY_ORDER_COOK_PORT")


def process(settings):
    configuration = settings.path("proxy.json")
    with open(configuration, "w", encoding="utf-8") as file:
        json.dump([{"name": name, "listen": listen, "upstream": upstream, "enabled": True}
                   for name, (listen, upstream) in links(settings).items()], file)
    return Process(settings, "proxy",
                   [os.path.join(TOOLS, "toxiproxy"), "-host", "127.0.0.1", "-port",
                    settings["PROXY_PORT"], "-config", configuration])


def call(settings, method, path, body=None):
    """Toxiproxy's API."""
    request = urllib.request.Request(
        f"http://{_address(settings, 'PROXY_PORT')}{path}", method=method,
        data=json.dumps(body).encode() if body is not None else None)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.read().decode()
    except OSError as error:
        raise Trouble(f"toxiproxy {method} {path}: {error}") from None


def wait(settings):
    def ready():
        try:
            return bool(call(settings, "GET", "/version"))
        except Trouble:
            return False

    wait_for(ready, 10, "toxiproxy is not ready after 10 s; see " + settings.path("log", "proxy.log"))
