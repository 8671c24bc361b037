"""Runs drills against one system: load, faults, rest, judgement."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

from system import settings
from system.settings import TOP, Trouble

from . import facts, invariants, plan, report, snapshot, story
from .faults import Driver
from . import load as generator
from .resources import Sampler, growth, i14_back_to_where_they_were, usage
from .settle import settle

# What the drills' system is like: the kitchen and the courier are played, several kitchens share
# the stock.
SYSTEM = {
    "PROXY": "on",
    "COOK_REPLICAS": "2",
    "COOK_FLAGS": "--auto_cook_after=1s",
    "DELIVERY_FLAGS": "--auto_deliver_after=200ms",
}


def say(text):
    print(text, file=sys.stderr, flush=True)


class OwnSystem:
    """A system for drills, in a folder of its own; gone in the end, also by a signal."""

    _ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self, folder, flags="", settings_of_drill=None):
        self.run_dir = os.environ.get("RUN_DIR") or tempfile.mkdtemp(prefix="drill-")
        self.folder = folder
        own = {**SYSTEM, **(settings_of_drill or {})}
        self.environment = {**os.environ, **own, "RUN_DIR": self.run_dir}
        for service in settings.services():
            name = f"{service.upper()}_FLAGS"
            self.environment[name] = f"{own.get(name, '')} --failpoint_control {flags}"

    def __enter__(self):
        for number in self._ENDS:
            signal.signal(number, self._leave)
        say("starting a system")
        self._script("up", "--auto-ports")
        os.environ["RUN_DIR"] = self.run_dir
        return settings.Settings.load()

    def __exit__(self, *_):
        keep = os.path.join(self.folder, "log")
        subprocess.run(["cp", "-r", os.path.join(self.run_dir, "log"), keep], check=False)
        self._script("down", "--purge")

    def _leave(self, number, _frame):
        """Instead of an exception: threads that do harm would go on while the system goes down."""
        for each in self._ENDS:
            signal.signal(each, signal.SIG_IGN)
        say("broken off")
        subprocess.run(["pkill", "-KILL", "-P", str(os.getpid())], check=False)
        os.chdir(TOP)
        os.execve("/bin/sh", ["/bin/sh", "-c", 'scripts/down --purge >&2; exit "$0"',
                              str(128 + number)], self.environment)

    def _script(self, *words):
        done = subprocess.run([os.path.join(TOP, "scripts", words[0]), *words[1:]],
                              env=self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise Trouble(f"scripts/{' '.join(words)}:\n{done.stdout}")


class Faults(threading.Thread):
    """Carries out a plan while the load runs, within `with`. Steps that overlap run beside each
    other. When the load is over, or after an exception, nothing more is begun; what is under way
    is waited for."""

    def __init__(self, driver, steps):
        super().__init__(daemon=True)
        self._driver, self._steps = driver, steps
        self.counts, self.troubles, self.left_out = {}, [], 0
        self._lock = threading.Lock()
        self._over = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self.join()

    def run(self):
        began = time.monotonic()
        threads, previous = [], None
        for done, step in enumerate(self._steps):
            self._over.wait(max(0, began + step.at - time.monotonic()))
            if previous and step.action not in plan.BESIDE:
                # Its target must be there when it is its turn.
                previous.join()
            if self._over.is_set():
                self.left_out = len(self._steps) - done
                break
            thread = threading.Thread(target=self._do, args=(step,), daemon=True)
            thread.start()
            threads.append(thread)
            if step.action not in plan.BESIDE:
                previous = thread
        for thread in threads:
            thread.join()

    def _do(self, step):
        say(f"    {step.action} {' '.join(map(str, step.how.values()))}")
        try:
            counts = self._driver.do(step.action, **step.how)
            if not any(counts.values()):
                raise Trouble("nothing was done")
        except Exception as trouble:  # whatever it is, the drill has failed by it
            with self._lock:
                self.troubles.append(f"{step.action} {step.how}: {trouble}")
            return
        with self._lock:
            for name, count in counts.items():
                self.counts[name] = self.counts.get(name, 0) + count


def _flags(drill, seed, number):
    flags = {name: value for name, value in drill["load"].items()
             if name not in ("seconds", "overload", "shares", "pinned")}
    # An own restaurant and own customers: what a drill leaves does not disturb the next one.
    return {"customers": 200, **flags, "seed": seed, "restaurant": 1000 + number,
            "first_customer": 1 + 10000 * number}


def run(system, name, seed, seconds, folder, number=0):
    """One drill. Returns what the report needs."""
    drill = plan.read(name)
    folder = os.path.join(folder, f"{name}-{seed}")
    os.makedirs(folder, exist_ok=True)
    steps = plan.make(drill, seed, seconds)
    with open(os.path.join(folder, "plan.json"), "w", encoding="utf-8") as file:
        json.dump([step._asdict() for step in steps], file, indent=1)
    say(f"{name} (seed {seed}, {seconds} s): {drill['title']}")

    flags = _flags(drill, seed, number)
    history = os.path.join(folder, "history.jsonl")
    all_cores, load_cores = os.sched_getaffinity(0), None
    if drill["load"].get("pinned") and len(all_cores) > 1:
        load_cores = {max(all_cores)}
        generator.pin(system, all_cores - load_cores)
        generator.prefer_gateway(system, -12)
    peak = None
    if "overload" in drill["load"]:
        peak = generator.find_peak(system, flags, load_cores)
        # What was asked for to find it and goes on must not be taken for the drill's.
        settle(system, snapshot.first_id(0))
        phases = [(times, share * seconds)
                  for times, share in zip(drill["load"]["overload"], drill["load"]["shares"])]
    # What the plan's times count from is the load's beginning, or nearly.
    generator.prepare(system, flags)
    before = usage(system)
    driver = Driver(system, folder)
    # Too short a run says nothing about what grows.
    grows = seconds >= 2 * drill.get("growth_after", seconds)
    with Sampler(system, database=grows) as sampler:
        began = time.time()
        with Faults(driver, steps) as faults:
            if peak:
                code, summary = generator.overload(
                    system, flags, phases, peak, history, folder, load_cores)
            else:
                code, summary = generator.run_with_history(
                    system, {**flags, "duration": f"{seconds}s"}, history, folder, load_cores)
            loaded = time.time()
            if code != 0:
                raise Trouble(f"the load ended with {code}, see {folder}/load.log")
        ended = time.time()
        if load_cores:
            generator.pin(system, all_cores)
            generator.prefer_gateway(system, 0)
        took, unsettled = settle(system, snapshot.first_id(began * 1e6))
    result = {
        "name": name, "group": drill["group"], "title": drill["title"], "seed": seed,
        "seconds": seconds, "folder": folder, "steps": steps, "settle": took,
        "began": began, "ended": ended, "harms": driver.harms, "samples": sampler.samples,
        "counts": faults.counts, "summary": {}, "facts": {}, "violations": [], "missed": [],
        "story": "",
    }
    result["missed"] += faults.troubles
    result["summary"] = summary
    if unsettled:
        result["missed"].append(f"not at rest after {took:.0f} s: {unsettled}")
    judge(system, drill, result, history, sampler, before)
    if grows:
        result["facts"].update(growth(sampler.samples, began + drill["growth_after"], loaded))
        if sampler.trouble:
            say(f"    the database was away when looked at: {sampler.trouble}")
    elif "growth_after" in drill:
        say(f"    not judged: what grows; that takes {2 * drill['growth_after']} s or more")
    if peak:
        result["facts"]["peak_arrivals_per_second"] = round(peak)
        result["facts"]["not_sent"] = generator.not_sent(summary)
        result["facts"].update(generator.of_phases(
            history, result["summary"]["begin"], phases))
    limits = [limit for limit in facts.limits(drill, seconds >= drill["load"]["seconds"][1])
              if grows or not limit.fact.endswith("_grew")]
    result["missed"] += facts.missed(limits, result["facts"])
    if faults.left_out:
        say(f"    the load was over, and steps were left out: {faults.left_out}")
        if result["missed"]:
            result["missed"].append(f"left out because the load was over: {faults.left_out} steps")
    verdict = "ok" if passed(result) else "FAILED"
    say(f"  {verdict}: {report.one_line(result)}")
    for name, words, amount in limits:
        say(f"    {name}: {result['facts'].get(name, 0)} ({words} {amount})"
            + (f" {most}" if (most := result["facts"].get(name + "_most")) else ""))
    for missed in result["missed"]:
        say(f"    {missed}")
    if result["story"]:
        say(result["story"])
    return result


def judge(system, drill, result, history, sampler, before):
    """Fills in facts, violations, and what should have been seen and was not."""
    with snapshot.take(system, [history], result["harms"]) as world:
        result["facts"] = {**facts.of_snapshot(world), **result["counts"],
                           **facts.of_history(snapshot.read_history([history]), result["harms"]),
                           **facts.of_relays(sampler.samples, result["counts"]),
                           **sampler.facts()}
        if "overload" in drill["load"]:
            result["facts"].update(facts.of_refusals(
                system.path("log", "gateway.log"), result["began"], result["facts"]))
        result["facts"]["duplicates"] = (result["facts"]["redelivered"] +
                                         result["facts"]["published_again"] +
                                         result["facts"]["published_twice"])
        result["violations"] = invariants.judge(world)
        result["violations"] += i14_back_to_where_they_were(
            before, usage(system), result["facts"]["rows_written"])
        result["story"] = story.describe(world, result["violations"])
    with open(os.path.join(result["folder"], "violations.txt"), "w", encoding="utf-8") as file:
        file.write(result["story"])


def passed(result):
    return not result["violations"] and not result["missed"]


def judge_running_system(histories):
    """For scripts/drill judge."""
    if not histories:
        raise Trouble("say which histories; scripts/load --history FILE writes one")
    system = settings.Settings.load()
    began = min(entry["s"] for entry in snapshot.read_history(histories))
    took, unsettled = settle(system, snapshot.first_id(began))
    say(f"waited {took:.1f} s" + (f"; {unsettled}" if unsettled else ""))
    with snapshot.take(system, histories) as world:
        violations = invariants.judge(world)
        print(story.describe(world, violations) or "all invariants hold")
    print(f"{len(violations)} violations")
    return 1 if violations else 0
