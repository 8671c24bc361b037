"""How the load generator is started against a system that is up, and how hard it must be."""

import collections
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from system import auth, parts
from system.settings import Trouble

from . import snapshot
from .settle import settle
from .snapshot import failed, read_history


# Longer than any drill, and an hour more: so old may those be that are used again.
_TOKEN_SECONDS = 7 * 3600
_USED_AGAIN_SECONDS = 3600


def _tokens(system, flags):
    """A file with a token for everybody whom the generator plays. For the same people used again for an hour."""
    first, count = int(flags.get("first_customer", 1)), int(flags.get("customers", 200))
    restaurant = int(flags.get("restaurant", 1))
    path = os.path.join(system["AUTH_DIR"], f"load-{restaurant}-{first}-{count}")
    if not os.path.exists(path) or time.time() - os.path.getmtime(path) > _USED_AGAIN_SECONDS:
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


def prepare(system, flags):
    """What takes its time before the first run with these flags."""
    load_command(system, flags)


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


@contextlib.contextmanager
def _started(system, flags, history, folder, cores):
    """The generator, which does not outlive this; its progress is in load.log."""
    command, environment = load_command(system, {**flags, "history": history})
    with open(os.path.join(folder, "load.log"), "a", encoding="utf-8") as log:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log,
                                   text=True, preexec_fn=on_cores(cores))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def run_with_history(system, flags, history, folder, cores):
    """The exit code, and the summary; empty if it failed."""
    with _started(system, flags, history, folder, cores) as process:
        summary, _ = process.communicate()
    return process.returncode, {} if process.returncode else json.loads(summary)


def find_peak(system, flags, cores):
    """The highest rate of arrivals that the system can keep up with here and now, found by raising
    it: answers within a second (p99), no cancel or read refused, and what the orders caused is
    done soon after. A second try, because machines falter; and what was found has to hold once
    more, because they are lucky, too."""
    rate, peak, seconds = 100.0, 0.0, 6

    def holds():
        since = snapshot.first_id(time.time() * 1e6)
        ops = run(system, {**flags, "rate": rate, "duration": f"{seconds}s"}, cores)["ops"]
        placed = ops["place"]["codes"].get("OK", 0) / seconds
        behind, _ = settle(system, since)
        return (placed > 0.95 * 0.6 * rate and behind <= 1 and
                all(op["p99_ms"] <= 1000 for op in ops.values()) and
                not any(op["codes"].get("RESOURCE_EXHAUSTED") for name, op in ops.items()
                        if name != "place"))

    while rate < 50000 and (holds() or holds()):
        peak, rate = rate, rate * 1.25
    if peak == 0:
        raise Trouble(f"not even {rate:.0f} arrivals a second are answered within a second")
    rate = peak
    while not (holds() or holds()):
        rate /= 1.25
        if rate < 100:
            raise Trouble(f"{peak:.0f} arrivals a second held once, and not even 100 again")
    return rate


def pin(system, cores):
    """Every thread of every part of the system, to `cores`."""
    for name in os.listdir(system.path("pids")):
        pid = parts.Process(system, name).pid()
        for task in os.listdir(f"/proc/{pid}/task") if pid else []:
            try:
                os.sched_setaffinity(int(task), cores)
            except ProcessLookupError:
                continue


def prefer_gateway(system, nice):
    """The gateway's part of a core that all share: what refuses must not wait for what works. A
    `nice` of -12 is 15 parts to one. Where the kernel groups by session, and lets us."""
    try:
        with open(f"/proc/{parts.Process(system, 'gateway').pid()}/autogroup", "w",
                  encoding="ascii") as file:
            file.write(str(nice))
    except OSError:
        pass


def overload(system, flags, phases, peak, history, folder, cores):
    """What the system can take, cancels and reads with it, and surges of new orders over that.
    `phases`: how many times the peak's new orders, and for how many seconds. Ends when all is
    answered; the exit code, and the summary with that of the surges."""
    def profile(rate_of):
        return ",".join(f"{rate_of(times):.1f}:{seconds:.1f}" for times, seconds in phases)

    surges = f"{history}.surges"
    # Both begin at once: the search for the peak has left stock enough. Between surges hardly
    # anything: the generator knows no rate of 0.
    flags = {**flags, "stock": -1}
    with _started(system, {**flags, "profile": profile(lambda times: min(times, 1) * peak)},
                  history, folder, cores) as steady, \
            _started(system, {**flags, "seed": flags["seed"] + 1, "mix": "100/0/0",
                              "profile": profile(
                                  lambda times: max(0.1, 0.6 * (times - 1) * peak))},
                     surges, folder, cores) as more:
        texts = [process.communicate()[0] for process in (steady, more)]
    code = steady.returncode or more.returncode
    summary = {}
    if code == 0:
        summary = {**json.loads(texts[0]), "surges": json.loads(texts[1])}
        with open(history, "a", encoding="utf-8") as whole, open(surges, encoding="utf-8") as part:
            shutil.copyfileobj(part, whole)
        os.unlink(surges)
    return code, summary


def not_sent(summary):
    """What the generator itself left out, because too much was under way."""
    return (sum(op["codes"].get("NOT_SENT", 0) for op in summary.get("ops", {}).values())
            + (not_sent(summary["surges"]) if "surges" in summary else 0))


def of_phases(history, begin, phases):
    """Facts about the phases of an overload: how much was placed in their second halves, when what
    was before is worked off (in percent of the last phase at the peak; the median), what part of
    the cancels and reads was answered, how long it took until all was."""
    entries = list(read_history([history]))
    placed, goodput = collections.defaultdict(list), collections.defaultdict(list)
    urgent, answered = collections.Counter(), collections.Counter()
    since, peak, back = begin, None, 0
    for times, seconds in phases:
        label = f"{times:g}x"
        half, end = since + seconds / 2 * 1e6, since + seconds * 1e6
        stored, last_bad = 0, since
        for entry in entries:
            if not since <= entry["i"] < end:
                continue
            done = not failed(entry)
            if not done:
                last_bad = max(last_bad, entry["i"])
            if entry["op"] == "place":
                stored += entry["code"] == "OK" and entry["i"] >= half
            elif entry["op"] in ("cancel", "get", "view"):
                urgent[label] += 1
                answered[label] += done
        rate = stored / (seconds / 2)
        if times == 1:
            peak = rate
        placed[label].append(round(rate))
        goodput[label].append(100 * rate / peak if peak else 0)
        if times < 1:
            back = (last_bad - since) / 1e6
        since = end
    found = {"back_to_normal_seconds": round(back, 1)}
    for label, rates in placed.items():
        found[f"placed_per_second_at_{label}"] = rates
        found[f"goodput_percent_at_{label}"] = round(statistics.median(goodput[label]), 1)
        found[f"urgent_answered_percent_at_{label}"] = (
            round(100 * answered[label] / urgent[label], 2) if urgent[label] else 0)
    return found
