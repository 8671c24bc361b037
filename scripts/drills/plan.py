"""A drill is a table in tests/drills/<name>.toml. With a seed it becomes a plan: what is done
when. The same seed makes the same plan.

    title = "what is done, in a line"
    group = "crash"
    [load]                     flags of the load generator; seconds = [quick, full]
    [[faults]]                 each: action = a function of faults.py, its arguments, and
      every = 3.0              again and again, with up to half of that before and after, or
      at = [0.3, 0.6]          at these parts of the duration
      lasts = 0.5              in place of `seconds`: a part of the duration
      target = ["order", …]    one of them each time, all before one comes again
    growth_after = 600         seconds; what is held then is compared with the end
    [system]                   settings of scripts/up; such a drill runs alone
    [at_least] / [at_most]     facts that must have been seen: the drill has failed otherwise;
                               [quick, full] where a full run demands another number
"""

import collections
import itertools
import os
import random
import tomllib

from system.settings import TOP, Trouble

Step = collections.namedtuple("Step", "at action how")
# Actions that go on until the load ends; and those that do not wait for the one before.
LASTING = ("shuffle", "crashes_at_points")
BESIDE = ("shuffle", "failpoint", "freeze")
FOLDER = os.path.join(TOP, "tests", "drills")


def names():
    """Every drill, in the order in which `all` runs them."""
    found = {file.removesuffix(".toml"): read(file.removesuffix(".toml"))
             for file in os.listdir(FOLDER) if file.endswith(".toml")}
    return sorted(found, key=lambda name: (found[name].get("position", 50), name))


def read(name):
    path = os.path.join(FOLDER, name + ".toml")
    if not os.path.exists(path):
        raise Trouble(f"there is no drill {name}; scripts/drill list shows those there are")
    with open(path, "rb") as file:
        return tomllib.load(file)


def make(drill, seed, seconds):
    """The steps, by time."""
    chance = random.Random(seed)
    steps = []
    for fault in drill.get("faults", []):
        fault = dict(fault)
        action, at, every = fault.pop("action"), fault.pop("at", []), fault.pop("every", None)
        moments = [part * seconds for part in at]
        if every:
            # Room at both ends: what went before, and what comes back.
            moment = every * chance.uniform(0.3, 1)
            while moment < seconds - 1:
                moments.append(moment)
                moment += every * chance.uniform(0.5, 1.5)
        choices = {name: itertools.cycle(chance.sample(value, len(value)))
                   for name, value in fault.items() if isinstance(value, list)}
        for moment in moments:
            how = {name: next(choices[name]) if name in choices else value
                   for name, value in fault.items()}
            if "lasts" in how:
                how["seconds"] = round(how.pop("lasts") * seconds, 1)
            if action in LASTING:
                how.setdefault("seconds", round(seconds - moment, 1))
                how["seed"] = chance.randrange(1 << 30)
            steps.append(Step(round(moment, 2), action, how))
    return sorted(steps, key=lambda step: step.at)
