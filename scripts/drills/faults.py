"""What is done to the system, by name. Each function does its harm, mends what would not mend by
itself, and returns what it did as counts, e.g. {"kills": 1}; a drill that did nothing has failed.

`harm` is when something was kept from working, and which calls can have gone unanswered by it: a
context that notes its beginning and end. A kill is over at once: coming back is the system's own
business. Whatever else goes unanswered meanwhile is not excused: the broker away, a lost link or a
lost event must not be noticed by a client at all.
"""

import contextlib
import dataclasses
import http.client
import itertools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
import urllib.request

from system import parts, postgres, proxy, settings
from system.process import wait_for
from system.settings import Trouble

from . import snapshot
from .resources import metrics


# The calls that each service answers, as the history names them.
CALLS = {
    "order": ("place", "cancel", "get"),
    "cook": ("ticket", "finish", "stock"),
    "delivery": ("deliver",),
    "mypage": ("view",),
}
ALL_CALLS = tuple(call for calls in CALLS.values() for call in calls)


@dataclasses.dataclass
class Harm:
    """When something was done; times are microseconds since 1970."""
    what: str
    calls: tuple  # that may go unanswered because of it
    began: int
    ended: int | None = None  # None while it lasts
    undoes_commits: bool = False  # the last ones that did not wait for the disk, mypage's


def _now():
    return int(time.time() * 1e6)


def _calls_of(target):
    """Of a replica such as cook-2; none of what is no service."""
    return CALLS.get(target.partition("-")[0], ())


class Driver:
    """Does harm to one system. Thread-safe: harms may overlap, but not on one target."""

    def __init__(self, system, folder):
        self.system = system
        self.folder = folder
        self.harms = []

    def do(self, action, **how):
        """Does `action` and returns its counts."""
        return getattr(self, action)(**how)

    @contextlib.contextmanager
    def harm(self, what, calls=(), undoes_commits=False):
        harm = Harm(what, calls, _now(), undoes_commits=undoes_commits)
        self.harms.append(harm)
        try:
            yield harm
        finally:
            harm.ended = _now()

    # Processes.

    def _process(self, target):
        name, _, number = target.partition("-")
        if name == "nats":
            return parts.nats(self.system)
        if name == "provisioner":
            return parts.provisioner(self.system)
        return parts.service(self.system, name, int(number or 1))

    def _start(self, target):
        process = self._process(target)
        process.start()
        name, _, number = target.partition("-")
        if name in self.system.services:
            parts.wait_ready(process, self.system.addresses(name)[int(number or 1) - 1])

    def _running(self, target):
        """Another harm may just have ended it."""
        process = self._process(target)
        wait_for(process.pid, 60, f"{target} does not come back")
        return process

    def kill(self, target):
        """kill -9, and start again."""
        process = self._running(target)
        with self.harm(f"kill {target}", _calls_of(target)):
            process.stop(signal.SIGKILL)
        self._start(target)
        return {"kills": 1}

    def restart(self, target):
        """SIGTERM, and start again."""
        process = self._running(target)
        with self.harm(f"restart {target}", _calls_of(target)):
            code = process.stop()
            self._start(target)
        if code != 0:
            raise Trouble(f"{target} ended with {code}; {process.log} may say why")
        return {"restarts": 1}

    def freeze(self, target, seconds):
        """SIGSTOP for a while: a process that hangs and keeps its connections. Another harm may
        kill it meanwhile, or may just have killed it."""
        process = self._process(target)

        def stopped():
            pid = process.pid()
            with contextlib.suppress(ProcessLookupError):
                if pid:
                    os.kill(pid, signal.SIGSTOP)
                    return pid
            return None

        pid = wait_for(stopped, 60, f"{target} does not come back")
        with self.harm(f"freeze {target}", _calls_of(target)):
            try:
                time.sleep(seconds)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        return {"freezes": 1}

    def away(self, target, seconds):
        """kill -9, and back only after a while."""
        process = self._running(target)
        with self.harm(f"{target} away", _calls_of(target)):
            process.stop(signal.SIGKILL)
            try:
                time.sleep(seconds)
            finally:
                self._start(target)
        return {"outages": 1}

    # Failpoints: docs/operations.md lists them.

    def _failpoints(self, target, method, spec=None):
        """GET lists, POST arms, DELETE disarms, on the metrics port of one replica."""
        name, _, number = target.partition("-")
        address = self.system.of(name, "METRICS_ADDRS").split(",")[int(number or 1) - 1]
        request = urllib.request.Request(
            f"http://{address}/failpoints", method=method, data=spec.encode() if spec else None)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise Trouble(f"failpoints of {target}: {error}") from None

    def _points(self, target):
        """name -> how often it acted, of the points of one replica."""
        rows = [line.split() for line in self._failpoints(target, "GET").splitlines()]
        return {row[0]: int(row[-1]) for row in rows if row}

    def failpoint(self, target, point, action_there, seconds):
        """Something goes wrong at one point for a while, also in several replicas (cook+cook-2)."""
        replicas = target.split("+")
        with self.harm(f"{point} of {target}"):
            for replica in replicas:
                self._failpoints(replica, "POST", f"{point}={action_there}")
            try:
                time.sleep(seconds)
                fired = sum(self._points(replica)[point] for replica in replicas)
            finally:
                for replica in replicas:
                    with contextlib.suppress(Trouble):
                        self._failpoints(replica, "DELETE")
        return {"failpoints_fired": fired}

    def crashes_at_points(self, seconds, seed, patience=4.0):
        """A crash at one failpoint after the other, of every service: what came last before the
        end is another thing each time. Points that nobody comes by are left."""
        everything = [(target, point) for target in ("order", "cook", "delivery", "mypage")
                      for point in self._points(target)
                      if not re.search(r"park|rebuild|reconcile\.|input", point)]
        random.Random(seed).shuffle(everything)
        end = time.monotonic() + seconds
        crashed, left = [], []
        for target, point in itertools.cycle(everything):
            if time.monotonic() > end or len(crashed) + len(left) == 3 * len(everything):
                break
            process = self._process(target)
            pid = process.pid()
            try:
                self._failpoints(target, "POST", f"{point}=crash@nth:2")
            except Trouble as error:
                # A busy point is passed twice before the answer has left; any other reason fails.
                wait_for(lambda: process.pid() != pid, patience, str(error))
            try:
                wait_for(lambda: process.pid() != pid, patience, "")
            except Trouble:
                left.append(f"{target} {point}")
                with contextlib.suppress(Trouble):
                    self._failpoints(target, "DELETE")
                continue
            with self.harm(f"{target} crashed at {point}", _calls_of(target)) as harm:
                # wait_for looks every 0.1 s, on a busy machine less often.
                harm.began -= 300_000
                crashed.append(f"{target} {point}")
            self._start(target)
        with open(os.path.join(self.folder, "crashes.txt"), "w", encoding="utf-8") as file:
            file.write("\n".join([*crashed, "", "nobody came by:", *left]) + "\n")
        return {"crashes": len(crashed), "points_crashed_at": len(set(crashed))}

    # Links: what Toxiproxy can do to them.

    def link(self, link, toxic, seconds, stream="both", attributes=None):
        """A link is bad for a while. `toxic`: latency, bandwidth, slicer, limit_data (cuts in the
        middle of a frame), timeout (silence; with `stream` in one direction only) or cut (gone)."""
        service, _, other = link.partition("-")
        # Who cannot get at the database cannot answer; all else must not be noticed.
        with self.harm(f"{toxic} {stream} on {link}",
                       _calls_of(service) if other == "postgres" else ()):
            names = []
            try:
                if toxic == "cut":
                    proxy.call(self.system, "POST", f"/proxies/{link}", {"enabled": False})
                for way in ("upstream", "downstream") if stream == "both" else (stream,):
                    if toxic != "cut":
                        names.append(f"{toxic}-{way}")
                        proxy.call(self.system, "POST", f"/proxies/{link}/toxics", {
                            "name": names[-1], "type": toxic, "stream": way, "toxicity": 1.0,
                            "attributes": attributes or {}})
                time.sleep(seconds)
            finally:
                for name in names:
                    proxy.call(self.system, "DELETE", f"/proxies/{link}/toxics/{name}")
                # Connections that the toxic has spoilt end here; everybody connects anew.
                proxy.call(self.system, "POST", f"/proxies/{link}", {"enabled": False})
                proxy.call(self.system, "POST", f"/proxies/{link}", {"enabled": True})
        return {"bad_links": 1}

    # Postgres.

    def postgres_backends(self):
        """Every connection of every service is terminated."""
        killed = []

        def some():
            # None, if another harm has just ended them all.
            killed.extend(postgres.sql(
                postgres.make(self.system).dsn(),
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname LIKE 'restaurant%' AND backend_type = 'client backend';"))
            return bool(killed)

        with self.harm("Postgres backends", ALL_CALLS):
            wait_for(some, 60, "nobody is connected to Postgres")
        return {"backends_killed": len(killed)}

    def postgres_kill(self):
        """kill -9 of the postmaster; restarted, it recovers from its log."""
        server = postgres.make(self.system)
        with self.harm("Postgres killed", ALL_CALLS, undoes_commits=True):
            server.stop(kill=True)
            # Its children may hold the shared memory for another moment.
            wait_for(lambda: self._postgres_runs(server), 60, "Postgres does not come back")
        return {"postgres_kills": 1}

    @staticmethod
    def _postgres_runs(server):
        try:
            server.start()
            server.wait()
            return True
        except Trouble:
            time.sleep(0.5)
            return False

    # The broker.

    def nats_wipe(self):
        """The broker loses its disk; streams come back empty, reconcile fills them."""
        process = parts.nats(self.system)
        with self.harm("broker wiped"):
            process.stop(signal.SIGKILL)
            shutil.rmtree(self.system.path("nats", "store"))
            process.start()
            self._streams_are_there()
        return {"wipes": 1, **self._alarmed(*snapshot.streams(self.system.services)),
                **self.reconcile()}

    def stream_delete(self, stream):
        """Somebody deletes a stream; the provisioner makes it again."""
        with self.harm(f"stream {stream} deleted"):
            snapshot.stream_tool(self.system, "delete-stream", stream)
            self._streams_are_there()
        services = [service for service, theirs in snapshot.streams(self.system.services).items()
                    if theirs == stream]
        return {"streams_deleted": 1, **self._alarmed(*services), **self.reconcile()}

    def durable_delete(self, stream, durable):
        """Somebody deletes a durable; made again, it begins at the stream's first event."""
        with self.harm(f"durable {durable} of {stream} deleted"):
            snapshot.stream_tool(self.system, "delete-durable", stream, durable)
            self._streams_are_there()
        return {"durables_deleted": 1}

    def _streams_are_there(self):
        wanted = {entry[1:3] for entry in snapshot.declarations(self.system.services)}

        def there():
            try:
                info = snapshot.stream_info(self.system)
            except Trouble:
                return False
            return all(durable in info.get(stream, {}).get("durables", {})
                       for stream, durable in wanted)

        wait_for(there, 30, "streams and durables were not restored within 30 s")

    def _alarmed(self, *services):
        """The relay of each of these services says within a minute that its stream has lost
        messages."""
        began = time.monotonic()
        for service in services:
            addresses = self.system.of(service, "METRICS_ADDRS").split(",")
            wait_for(lambda: any(metrics(address).get(("outbox_stream_reset", ""))
                                 for address in addresses),
                     60, f"{service} did not notice within 60 s that its stream has lost messages")
        return {"alarms": len(services), "alarm_ms": round(1000 * (time.monotonic() - began))}

    def reconcile(self):
        """Publishes again what the streams have lost, in every service that publishes."""
        republished, began = 0, time.monotonic()
        for service in snapshot.streams(self.system.services):
            done = subprocess.run(
                [os.path.join(settings.TOP, "scripts", "admin"), service, "reconcile", "--repair"],
                capture_output=True, text=True, check=False,
                env={**os.environ, "RUN_DIR": self.system.run_dir})
            if done.returncode != 0:
                raise Trouble(f"{service} reconcile: {(done.stderr or done.stdout).strip()}")
            found = re.search(r"^published again: (\d+)$", done.stdout, re.M)
            republished += int(found[1]) if found else 0
        return {"reconciles": 1, "republished": republished,
                "reconcile_ms": round(1000 * (time.monotonic() - began))}

    def shuffle(self, seconds, seed, share=0.5, duplicate=0.6, delay=2.0):
        """A further member of every durable that gives each event it gets back: late, at once, or
        twice. Nothing is kept from working."""
        words = snapshot.durable_words(self.system.services)
        done = json.loads(snapshot.stream_tool(
            self.system, f"--duration={seconds}s", f"--seed={seed}", f"--share={share}",
            f"--duplicate={duplicate}", f"--delay={delay}s", "shuffle", *words))
        return {"given_back_late": done["late"], "given_back": done["back_at_once"],
                "twins": done["twice"]}

    def poison(self, subject):
        """Events that nobody can apply."""
        return json.loads(snapshot.stream_tool(self.system, "poison", subject))

    def redrive(self, service):
        """Every parked event is tried once more; poison stays parked."""
        done = subprocess.run(
            [os.path.join(settings.TOP, "scripts", "admin"), service, "dead-letters", "redrive",
             "all"], capture_output=True, text=True, check=False,
            env={**os.environ, "RUN_DIR": self.system.run_dir})
        tried = len(re.findall(r"^\S+\t\S+\t", done.stdout, re.M))
        if not tried:
            raise Trouble(f"{service} redrive: {(done.stderr or done.stdout).strip()}")
        return {"redrives": 1, "redriven": tried}
