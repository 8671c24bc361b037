"""Waits until the system has come to rest after load and faults."""

import time

from system import postgres
from system.settings import Trouble

from . import snapshot

SECONDS = 60

_UNFINISHED = ("SELECT count(*) FROM orders WHERE order_id >= '{since}' AND "
               "status NOT IN ('COMPLETED', 'CANCELLED', 'REJECTED')")
_UNPUBLISHED = ("SELECT count(*) FROM (SELECT FROM outbox WHERE published_at IS NULL "
                "LIMIT 1000) AS waiting")


def unsettled(system, since):
    """What is still going on about orders from the id `since` on, as text; '' at rest."""
    busy = []
    try:
        count = postgres.sql(snapshot.service_dsn(system, "order"),
                             _UNFINISHED.format(since=since))[0][0]
        if count != "0":
            busy.append(f"{count} orders have not ended")
        for service in snapshot.streams(system.services):
            count = postgres.sql(snapshot.service_dsn(system, service), _UNPUBLISHED)[0][0]
            if count != "0":
                busy.append(f"{count} events of {service} wait in the outbox")
        if not busy:
            busy += _waiting_in_streams(system)
    except Trouble as trouble:
        busy.append(str(trouble))
    return "; ".join(busy)


def _waiting_in_streams(system):
    info = snapshot.stream_info(system)
    for stream in snapshot.streams(system.services).values():
        if stream not in info:
            yield f"there is no stream {stream}"
    for service, stream, durable in sorted(
            {entry[:3] for entry in snapshot.declarations(system.services)}):
        state = info.get(stream, {}).get("durables", {}).get(durable)
        if state is None:
            yield f"{service} has no durable on {stream}"
        elif state["pending"] or state["unacknowledged"]:
            yield (f"{service} has {state['pending']} events to take and "
                   f"{state['unacknowledged']} to acknowledge on {stream}")


def settle(system, since, seconds=SECONDS):
    """Returns how many seconds it took, and what is unsettled ('' if nothing is): the checker
    will find that, too."""
    began = time.monotonic()
    while True:
        busy = unsettled(system, since)
        took = time.monotonic() - began
        if not busy or took > seconds:
            return took, busy
        time.sleep(min(0.5, 0.1 + took / 10))
