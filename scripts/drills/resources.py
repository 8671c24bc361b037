"""I14: after the fault, lag, memory, descriptors, connections and dead rows return to where they
were. A thread that looks at every process and its metrics once a second. And of a long run: what
grows in those that live through it."""

import collections
import http.client
import os
import re
import statistics
import sys
import threading
import time
import urllib.request

from system import parts, postgres
from system.settings import Trouble

from . import snapshot
from .invariants import Violation

# Of one process: what its pools hold (order: 16 for requests, 2 for new orders, 3 for events), one of
# the relay or of the watches, and two for commands.
MOST_CONNECTIONS = {"order": 24, "cook": 13, "delivery": 13, "mypage": 15}

_METRIC = re.compile(r"^([a-z_]+)(?:\{([^}]*)\})? ([0-9.e+-]+)$", re.M)


def metrics(address):
    """(name, labels) -> value of a metrics page; empty while the service is away."""
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=1) as answer:
            text = answer.read().decode()
    except (OSError, http.client.HTTPException):
        return {}
    return {(name, labels): float(value) for name, labels, value in _METRIC.findall(text)}


# Counted by Sampler: refusals that a service took at most 10 ms for.
QUICKLY = "refused quickly"

# Memory in MiB.
Held = collections.namedtuple("Held", "memory descriptors pid")


def _process(pid):
    """What a process holds; None if it is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            memory = int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) / 1024
        return Held(memory, len(os.listdir(f"/proc/{pid}/fd")), pid)
    except (OSError, TypeError):
        return None


class Sampler:
    """Looks once a second until it is closed; for growth() also at the database, every tenth time
    at connections, every thirtieth at what the tables take. `samples`: dictionaries by time;
    `totals`: what counters have grown by, across restarts; `trouble`: why the database was not
    looked at, the last time."""

    COUNTERS = ("consumer_redelivered_total", "outbox_publish_failures_total",
                "consumer_parked_total", "outbox_published_total", "executor_refused_total",
                "place_refused_total", "outbox_duplicates_total", "grpc_refusal_seconds_count")
    GAUGES = ("outbox_depth", "consumer_lag")

    def __init__(self, system, database=False):
        self._system, self._database = system, database
        self.samples = []
        self.trouble = None
        self.totals = dict.fromkeys((*self.COUNTERS, QUICKLY), 0)
        self._last = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._look()
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if not self._stop.is_set():
            self._stop.set()
            self._thread.join()
            self._look()

    def _run(self):
        while not self._stop.wait(1):
            self._look()

    def _look(self):
        sample = {"time": time.time(), **dict.fromkeys(self.GAUGES, 0)}
        for service in self._system.services:
            addresses = self._system.of(service, "METRICS_ADDRS").split(",")
            for number, address in enumerate(addresses):
                process = parts.service(self._system, service, number + 1)
                pid = process.pid()
                if pid is None:
                    continue
                sample[process.name] = _process(pid)
                for (name, labels), value in metrics(address).items():
                    if name == "grpc_refusal_seconds_bucket" and 'le="0.01"' in labels:
                        name = QUICKLY
                    if name in self.totals:
                        key = (pid, name, labels)
                        # A counter of a new process begins at 0.
                        before = self._last.get(key, 0 if self.samples else value)
                        self.totals[name] += max(0, value - before)
                        self._last[key] = value
                    elif name in self.GAUGES:
                        sample[name] += value
        sample["published"] = self.totals["outbox_published_total"]
        if self._database:
            self._look_at_database(sample)
        self.samples.append(sample)

    def facts(self):
        """What the counters say, as facts of the drill."""
        return {"redelivered": int(self.totals["consumer_redelivered_total"]),
                "published_again": int(self.totals["outbox_duplicates_total"]),
                "publish_failures": int(self.totals["outbox_publish_failures_total"]),
                "refused_by_services": int(self.totals["grpc_refusal_seconds_count"]),
                "refused_by_services_quickly": int(self.totals[QUICKLY])}

    def _look_at_database(self, sample):
        # A process of its own each time: not too often. The database may be away.
        try:
            if len(self.samples) % 10 == 0:
                sample["connections"] = _connections(self._system)
            if len(self.samples) % 30 == 0:
                sample["bytes_per_row"] = _bytes_per_row(self._system)
        except Trouble as trouble:
            self.trouble = str(trouble)


def _connections(system):
    return int(postgres.sql(
        postgres.make(system).dsn(),
        "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'restaurant%' AND "
        "application_name <> 'psql'")[0][0])


class Usage:
    """What is in use at one moment, at rest."""

    def __init__(self, system):
        self.processes = {}
        for service in system.services:
            for process in parts.all_replicas(system, service):
                pid = process.pid()
                used = _process(pid) if pid else None
                if used:
                    self.processes[process.name] = used
        self.connections = _connections(system)
        self.dead_rows = 0
        for service in system.services:
            self.dead_rows += int(postgres.sql(
                snapshot.service_dsn(system, service),
                "SELECT coalesce(sum(n_dead_tup), 0) FROM pg_stat_user_tables")[0][0])


def usage(system):
    """Waits a moment for what is just being closed."""
    try:
        return Usage(system)
    except Trouble:
        time.sleep(1)
        return Usage(system)


# Tables grow with the orders that they keep, so what they take for a row is compared.
BYTES_PER_ROW = """
    SELECT sum(pg_total_relation_size(relid)) /
           sum((xpath('//n/text()', query_to_xml(
               format('SELECT count(*) AS n FROM %I.%I', schemaname, relname),
               false, true, '')))[1]::text::bigint)
    FROM pg_stat_user_tables"""


def _bytes_per_row(system):
    """Of the tables of each service that has rows, with their indexes."""
    found = {service: postgres.sql(snapshot.service_dsn(system, service), BYTES_PER_ROW)[0][0]
             for service in system.services}
    return {service: float(each) for service, each in found.items() if each}


def _held(samples, until):
    """What was held in the five minutes before `until`, name -> amount, in the middle; of tables
    the most, which is when all was just written anew, and of connections, which is when all
    pools are full: how soon after a kill one looks is chance."""
    seen = collections.defaultdict(lambda: collections.defaultdict(list))
    for sample in samples:
        if not until - 300 < sample["time"] <= until:
            continue
        for name, value in sample.items():
            if isinstance(value, Held):
                seen["memory"][f"{name} {value.pid}"].append(value.memory)
                seen["descriptors"][f"{name} {value.pid}"].append(value.descriptors)
        if "connections" in sample:
            seen["connections"]["all"].append(sample["connections"])
        for name, value in sample.get("bytes_per_row", {}).items():
            seen["bytes_per_row"][name].append(value)
    held = {"memory": statistics.median, "descriptors": statistics.median, "connections": max,
            "bytes_per_row": max}
    return {kind: {name: of(values) for name, values in seen[kind].items()}
            for kind, of in held.items()}


def growth(samples, then, now):
    """Of each kind how many times as much is held at the time `now` as `then`, where that is most,
    and by whom. Processes that did not live through it do not count; if none did, or nothing was
    seen, that is more than anybody may grow."""
    then, now = _held(samples, then), _held(samples, now)
    found = {}
    for kind in then:
        times, name = max(((now[kind][name] / then[kind][name], name)
                           for name in then[kind].keys() & now[kind].keys()),
                          default=(sys.maxsize, "not seen in both"))
        found[f"{kind}_grew"] = round(times, 3)
        found[f"{kind}_grew_most"] = (
            f"{name}: {then[kind].get(name, 0):.1f} to {now[kind].get(name, 0):.1f}")
    return found


def i14_back_to_where_they_were(before, after, rows_written):
    """Limits are wide enough for allocators and pools that fill, and far below a leak that
    matters: memory 1.5 times and 24 MiB, 32 descriptors, the connections of pools that are full.
    Dead rows: fewer than were written (autovacuum goes on beside us)."""
    found = []

    def broken(text):
        found.append(Violation("I14", "", text))

    for name, now in after.processes.items():
        if name not in before.processes:
            continue
        then = before.processes[name]
        if now.memory > 1.5 * then.memory + 24:
            broken(f"{name} had {then.memory:.0f} MiB and has {now.memory:.0f}")
        if now.descriptors > then.descriptors + 32:
            broken(f"{name} had {then.descriptors} descriptors and has {now.descriptors}")
    for name in before.processes.keys() - after.processes.keys():
        broken(f"{name} does not run any more")
    most = sum(MOST_CONNECTIONS.get(name.partition("-")[0], 0) for name in after.processes)
    if after.connections > max(before.connections, most):
        broken(f"there were {before.connections} connections and are {after.connections}")
    if after.dead_rows > before.dead_rows + 2 * rows_written + 20000:
        broken(f"there were {before.dead_rows} dead rows and are {after.dead_rows}")
    return found
