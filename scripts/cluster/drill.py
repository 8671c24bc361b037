"""Runs drills: finds them, judges them, keeps what they saw, prints the table.

A drill is a function of scripts/cluster/drills/ with @drill("one line of what it shows").
It gets a Run, drives load, waits for effects, calls run.check() with figures, and leaves
everything as it found it: what must be put back is told to run.after().
"""

import importlib
import os
import pkgutil
import time
import traceback

from system import settings
from system.settings import Trouble

from . import judge, load
from .kube import apply, as_text, kubectl, say

_ALL = {}


def drill(summary, needs=()):
    """Registers a drill under its function's name, `_` as `-`."""
    def register(function):
        _ALL[function.__name__.replace("_", "-")] = (function, summary, needs)
        return function
    return register


class Run:
    """One run of a drill."""

    def __init__(self, name):
        self.name = name
        self.folder = os.path.join(settings.run_dir(), "mesh",
                                   time.strftime("%Y%m%d-%H%M%S-") + name)
        os.makedirs(self.folder)
        self.figures = []
        self.failures = []
        self.undo = []
        self.loads = []
        # Orders of this run are those of a customer of its own.
        self.customer = 100_000 + time.time_ns() // 1_000_000_000 % 1_000_000_000

    def check(self, what, holds):
        """A figure that was seen, and whether it is as it must be."""
        say(f"{'ok    ' if holds else 'FAILED'} {what}")
        self.figures.append(what)
        if not holds:
            self.failures.append(what)

    def note(self, what):
        """A figure that nothing depends on."""
        say(f"seen   {what}")
        self.figures.append(what)

    def after(self, function, *arguments):
        """To be done when the drill has ended, last said first, whatever happens."""
        self.undo.append((function, arguments))

    def apply(self, manifests):
        """Applies text, or objects, until the drill has ended."""
        text = as_text(manifests)
        apply(text)
        self.after(lambda: kubectl("delete", "--ignore-not-found", "-f", "-", given=text))

    def load(self, name, method, data, rps, **options):
        self.loads.append(load.Load(self.folder, name, method, data, rps, **options))
        return self.loads[-1]

    def stop_loads(self):
        """What a drill that broke off has left running would be the next one's load."""
        for each in self.loads:
            if not each.ended:
                self.after(each.stop)

    def ask(self, name, method, data, must=None, **options):
        """One request: how it ended, or Trouble if that is not as it must be."""
        result = self.load(name, method, data, None, total=1, concurrency=1, **options).wait()
        if must and result.counts[must] != 1:
            raise Trouble(f"{method}: {result}; {'; '.join(result.errors)}")
        return result

    def place(self, rps=60, name="place", **options):
        """Orders of this run's customer."""
        return self.load(name, load.PLACE, load.place(self.customer), rps, **options)


def _import_all():
    package = importlib.import_module("cluster.drills")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"cluster.drills.{module.name}")


def _run(name):
    function, _, needs = _ALL[name]
    for need in needs:
        missing = need()
        if missing:
            say(f"*** SKIPPED {name}: {missing} ***")
            return "SKIPPED", [missing]
    run = Run(name)
    say(f"=== {name}")
    try:
        run.ask("stock", "restaurant.cook.v1.CookService/SetStock",
                {"restaurant_id": 1, "restaurant_menu_id": 1, "on_hand": 1_000_000}, must="OK")
        function(run)
    except Exception as error:  # noqa: BLE001  (whatever it is: put things back, go on to the next)
        if not isinstance(error, Trouble):
            traceback.print_exc()
        run.failures.append(f"{type(error).__name__}: {error}")
        say(f"FAILED {run.failures[-1]}")
    finally:
        run.stop_loads()
        for undo, arguments in reversed(run.undo):
            try:
                undo(*arguments)
            except Exception as error:  # noqa: BLE001
                run.failures.append(f"not put back: {error}")
    if not run.failures:
        try:
            judge.settled(run)
        except Trouble as trouble:
            run.failures.append(str(trouble))
            say(f"FAILED {trouble}")
    with open(os.path.join(run.folder, "figures.txt"), "w", encoding="utf-8") as file:
        file.write("\n".join(run.figures + [f"FAILED {each}" for each in run.failures]) + "\n")
    return ("FAILED", run.failures) if run.failures else ("passed", run.figures)


def main(names):
    _import_all()
    if names == ["list"]:
        for name, (_, summary, _) in _ALL.items():
            print(f"{name:<22} {summary}")
        return 0
    if names == ["all"]:
        names = list(_ALL)
    unknown = [name for name in names if name not in _ALL]
    if unknown:
        raise Trouble(f"there is no drill {unknown[0]}; scripts/mesh drill list shows them")
    if not os.environ.get("MESH_NO_LOAD_POD"):
        load.start_pod()
    table = []
    for name in names:
        began = time.monotonic()
        outcome, figures = _run(name)
        table.append((name, outcome, time.monotonic() - began, figures))
    print(f"\n{'drill':<22} {'outcome':<8} {'seconds':>7}  figures")
    for name, outcome, seconds, figures in table:
        print(f"{name:<22} {outcome:<8} {seconds:7.0f}  {(figures or [''])[0]}")
        for figure in figures[1:]:
            print(f"{'':<40} {figure}")
    counts = {kind: sum(row[1] == kind for row in table) for kind in ("passed", "FAILED", "SKIPPED")}
    print(f"{counts['passed']} passed, {counts['FAILED']} failed, {counts['SKIPPED']} skipped")
    return 1 if counts["FAILED"] else 0
