"""How the load generator is started against a system that is up, and how hard it must be."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

from system import auth, parts
from system.settings import Trouble

from .snapshot import read_history


# Longer than any drill.
_TOKEN_SECONDS = 6 * 3600


def _tokens(system, flags):
    """A file with a token for everybody whom the generator plays. Made once for the same people."""
    first, count = int(flags.get("first_customer", 1)), int(flags.get("customers", 200))
    restaurant = int(flags.get("restaurant", 1))
    path = os.path.join(system["AUTH_DIR"], f"load-{restaurant}-{first}-{count}")
    if not os.path.exists(path):
        with ThreadPoolExecutor() as pool:
            customers = pool.map(
                lambda customer: auth.token(system, "customer", str(customer), _TOKEN_SECONDS),
                range(first, first + count))
            lines = [f"{first + n} {token}" for n, token in enumerate(customers)]
        kitchen = auth.token(system, "kitchen", "kitchen", _TOKEN_SECONDS,
                             restaurants=[restaurant])
        lines += [f"kitchen {kitchen}",
                  f"courier {auth.token(system, 'courier', 'courier', _TOKEN_SECONDS)}"]
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    return path


def load_command(system, flags):
    """The command of bin/load and its environment."""
    program = os.path.join(system["BUILD_DIR"], "bin", "load")
    if not os.access(program, os.X_OK):
        raise Trouble(f"{program} is not there; scripts/build release load makes it")
    flags = {"target": system["GATEWAY_URL"].removeprefix("http://"), **flags}
    if system["AUTH"] == "on":
        flags["tokens"] = _tokens(system, flags)
    return ([program, *(f"--{name}={value}" for name, value in flags.items())], dict(os.environ))


def on_cores(cores):
    """What a child does before it begins, so that it runs on `cores` only; None: on all."""
    return (lambda: os.sched_setaffinity(0, cores)) if cores else None


def run(system, flags, cores=None):
    """Runs the generator to its end; its summary."""
    command, environment = load_command(system, {**flags, "quiet": "true"})
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False,
                          preexec_fn=on_cores(cores))
    if done.returncode != 0:
        raise Trouble(f"load: {done.stderr.strip()}")
    return json.loads(done.stdout)


def goodput(summary, seconds):
    """Placed orders a second."""
    return summary["ops"].get("place", {}).get("codes", {}).get("OK", 0) / seconds


def find_peak(system, flags, cores):
    """The highest rate of arrivals at which nearly all that is asked for is done, found by raising
    it: what the system can take here and now."""
    rate, best, seconds = 200.0, 0.0, 4
    while rate < 50000:
        summary = run(system, {**flags, "rate": rate, "duration": f"{seconds}s"}, cores)
        placed = goodput(summary, seconds)
        best = max(best, placed / 0.6)
        if placed < 0.9 * 0.6 * rate:
            break
        rate *= 1.5
    return best


def pin(system, cores):
    """Every thread of every part of the system, to `cores`."""
    names = [name for name in os.listdir(system.path("pids"))]
    for name in names:
        pid = parts.Process(system, name).pid()
        for task in os.listdir(f"/proc/{pid}/task") if pid else []:
            try:
                os.sched_setaffinity(int(task), cores)
            except ProcessLookupError:
                continue


def of_phases(history, begin, phases, shares, seconds):
    """Facts about each phase of an overload: what part of the placing was done, how many cancels
    and reads were answered, how long refusals took."""
    found, start, peak = {}, begin, None
    for times, share in zip(phases, shares):
        end = start + share * seconds * 1e6
        placed, urgent, answered, last_bad = 0, 0, 0, start
        for entry in read_history([history]):
            if not start <= entry["i"] < end:
                continue
            done = entry["code"] not in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED",
                                         "UNKNOWN", "INTERNAL", "RESOURCE_EXHAUSTED")
            if entry["op"] == "place":
                placed += entry["code"] == "OK"
                if not done:
                    last_bad = entry["i"]
            elif entry["op"] in ("cancel", "get", "view"):
                urgent += 1
                answered += done
        rate = placed / (end - start) * 1e6
        peak = peak or rate
        label = f"{times:g}x"
        found[f"placed_per_second_at_{label}"] = round(rate)
        found[f"goodput_percent_at_{label}"] = round(100 * rate / peak, 1) if peak else 0
        found[f"urgent_answered_percent_at_{label}"] = (
            round(100 * answered / urgent, 2) if urgent else 0)
        if times < 1:
            found["back_to_normal_seconds"] = round((last_bad - start) / 1e6, 1)
        start = end
    return found
