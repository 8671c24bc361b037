"""Whether the drills find bugs: each mistake of platform/planted/planted.cc, planted in a build of
its own, must be caught by the general checker of a drill, or by the simulator."""

import collections
import contextlib
import json
import os
import signal
import subprocess
import sys
import time

from system.settings import TOP, Trouble

# A mistake, the drill that is to find it, and further flags of every service: what makes the
# moment likelier in which the mistake matters.
Bug = collections.namedtuple("Bug", "name drill flags", defaults=("",))

BUGS = [
    Bug("arrival_order_wins", "delivery"),
    Bug("body_ignored", "idempotency"),
    Bug("cancel_told_early", "cancel-finish"),
    Bug("cancelled_can_be_cooked", "cancel-finish"),
    Bug("consumer_acks_first", "postgres"),
    Bug("consumer_swallows_errors", "postgres"),
    Bug("event_forgotten", "cancel-early"),
    Bug("inbox_skipped", "kill"),
    Bug("no_tombstone", "cancel-early"),
    Bug("outbox_by_position", "cancel-finish", "--failpoints=pg.before_commit=delay(100ms)@p:0.2"),
    Bug("relay_marks_first", "broker-away"),
    Bug("relays_skip_locked", "relay-slow"),
    Bug("stock_not_locked", "stock"),
    Bug("stock_returned_twice", "cancel-lost"),
]
# Mistakes whose moment no drill can make likely: a kitchen that is slower than every fault, a
# broker that loses messages and remembers their ids. The same mistakes in the simulator.
SIMULATED = {"pending_forgotten": "forget_pending", "reconcile_reuses_ids": "reuse_message_ids"}

# What is built with them.
_PROGRAMS = ["programs", "load", "drill_stream", "simulate"]
# Answers that came late, memory that grew: a busy machine can do that, too.
_OF_THE_RUN = ("I12", "I14")

Catch = collections.namedtuple("Catch", "bug drill by seconds first")


def run(names, seed, folder):
    """`drill planted [bug…]`: prints a table; the number of mistakes that were missed."""
    known = [bug.name for bug in BUGS] + list(SIMULATED)
    for name in names:
        if name not in known:
            raise Trouble(f"there is no planted bug {name}; there are {', '.join(known)}")
    # So that a drill is broken off, not left alone.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    subprocess.run([os.path.join(TOP, "scripts", "build"), "planted", *_PROGRAMS], check=True)
    catches = []
    for bug in BUGS:
        if not names or bug.name in names:
            catches.append(_drill(bug, seed, folder))
            _say(catches[-1])
    for name, simulated in SIMULATED.items():
        if not names or name in names:
            catches.append(_simulate(name, simulated))
            _say(catches[-1])
    print(f"{'bug':<26}{'drill':<16}{'caught by':<24}{'seconds':>8}")
    for catch in catches:
        print(f"{catch.bug:<26}{catch.drill:<16}{catch.by or 'MISSED':<24}{catch.seconds:>8.1f}")
    missed = sum(not catch.by for catch in catches)
    print(f"{len(catches) - missed} passed, {missed} failed, 0 skipped", flush=True)
    return missed


def _say(catch):
    print(f"{catch.bug}: {catch.by or 'MISSED'} {catch.first}", file=sys.stderr, flush=True)


def _drill(bug, seed, folder):
    folder = os.path.join(folder, "planted", bug.name)
    os.makedirs(folder, exist_ok=True)
    command = [os.path.join(TOP, "scripts", "drill"), bug.drill, "--quick", "--seed", str(seed),
               "--report", folder, f"--flags=--planted_bug={bug.name} {bug.flags}"]
    results = os.path.join(folder, "results.json")
    with contextlib.suppress(FileNotFoundError):
        os.remove(results)
    began = time.monotonic()
    with open(os.path.join(folder, "output"), "w", encoding="utf-8") as log:
        drill = subprocess.Popen(
            command, stdout=log, stderr=log,
            env={**os.environ, "BUILD_DIR": os.path.join(TOP, "build", "planted")})
        try:
            drill.wait()
        finally:
            # Broken off, it takes its system down.
            drill.terminate()
            drill.wait()
    seconds = time.monotonic() - began
    violations = []
    if os.path.exists(results):
        with open(results, encoding="utf-8") as file:
            violations = json.load(file)[0]["violations"]
    violations = [violation for violation in violations if violation[0] not in _OF_THE_RUN]
    invariants = sorted({violation[0] for violation in violations}, key=lambda i: int(i[1:]))
    first = violations[0][2] if violations else ""
    return Catch(bug.name, bug.drill, " ".join(invariants), seconds, first)


def _simulate(name, simulated):
    began = time.monotonic()
    done = subprocess.run([os.path.join(TOP, "build", "planted", "bin", "simulate"),
                           f"--bug={simulated}"], stdout=subprocess.PIPE, text=True, check=False)
    first = done.stdout.splitlines()[0] if done.returncode == 1 else ""
    by = first.removeprefix("violated: ").partition(":")[0]
    return Catch(name, "simulator", by, time.monotonic() - began, first)
