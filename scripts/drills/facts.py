"""What was seen in a drill, as numbers: what the table shows, and what a drill demands to have
seen before it counts as one."""

import bisect
import collections
import datetime
import json
import math

from .invariants import AFTERMATH
from .snapshot import failed

_FACTS = {
    "orders": "SELECT count(*) FROM orders",
    "completed": "SELECT count(*) FROM orders WHERE status = 'COMPLETED'",
    "cancelled": "SELECT count(*) FROM orders WHERE status = 'CANCELLED'",
    "rejected": "SELECT count(*) FROM orders WHERE status = 'REJECTED'",
    # Who came first, the cancel or the order.
    "tombstones": "SELECT count(*) FROM tickets WHERE status = 'CANCELLED' AND version = 1",
    "cancelled_cooking": "SELECT count(*) FROM tickets WHERE status = 'CANCELLED' AND version = 2",
    "cooked": "SELECT count(*) FROM tickets WHERE status = 'COOKED'",
    "told_cancelled": "SELECT count(DISTINCT order_id) FROM history WHERE op = 'cancel' AND "
                      "status = 'CANCELLED'",
    "told_pending": "SELECT count(DISTINCT order_id) FROM history WHERE op = 'cancel' AND "
                    "status = 'CANCEL_PENDING'",
    "told_too_late": "SELECT count(DISTINCT order_id) FROM history WHERE op = 'cancel' AND "
                     "code = 'FAILED_PRECONDITION'",
    "cancels": "SELECT count(DISTINCT order_id) FROM history WHERE op = 'cancel'",
    "repeats": "SELECT count(*) - count(DISTINCT key) FROM history WHERE op = 'place' AND "
               "answer = 'yes'",
    "reuses_refused": "SELECT count(*) FROM history WHERE code = 'ALREADY_EXISTS'",
    "unanswered": "SELECT count(*) FROM history WHERE answer = 'unknown'",
    "refused": "SELECT count(*) FROM history WHERE code = 'RESOURCE_EXHAUSTED'",
    "answered": "SELECT count(*) FROM history WHERE answer = 'yes'",
    "published_twice": "SELECT count(*) - count(DISTINCT event_id) FROM stream JOIN (SELECT "
                       "DISTINCT event_id::text FROM outbox) AS e USING (event_id)",
    "parked": "SELECT count(*) FROM dead_letters",
    "portions_sold": "SELECT coalesce(sum(qty), 0) FROM tickets WHERE status = 'COOKED'",
    "rows_written": "SELECT (SELECT count(*) FROM outbox) * 3 + (SELECT count(*) FROM inbox)",
}


def of_snapshot(world):
    rows = world.sql(" UNION ALL ".join(
        f"SELECT '{name}', ({query})::text" for name, query in _FACTS.items()) + ";")
    found = {name: int(value) for name, value in rows}
    for name in ("tombstones", "cancelled_cooking", "told_cancelled", "told_pending",
                 "told_too_late"):
        found[name + "_percent"] = _percent(found[name], found["cancels"])
    return found


def _percent(part, whole):
    return round(100 * part / whole, 1) if whole else 0


def of_history(history, harms):
    """How long it took until requests were answered again after each fault: those that it can have
    kept from being answered. What was under way when the next such fault came is that one's, and
    a failure after so long without one that nothing is excused any more has another cause."""
    failures = sorted((entry["s"], entry["e"], entry["op"]) for entry in history if failed(entry))
    longest = 0
    for harm in harms:
        following = min((other.began for other in harms
                         if other is not harm and other.ended > harm.ended and
                         set(other.calls) & set(harm.calls)),
                        default=math.inf)
        back = harm.ended
        for sent, ended, call in failures[bisect.bisect_left(failures, (harm.ended,)):]:
            if sent >= following or sent - back > AFTERMATH:
                break
            if call in harm.calls and ended < following:
                back = sent
        longest = max(longest, back - harm.ended)
    return {"back_seconds": round(longest / 1e6, 1)}


def of_relays(samples, counts):
    """The relays' best second, all together, and how fast reconcile was beside them."""
    found = {"relay_per_second": max(
        (round((after["published"] - before["published"]) / (after["time"] - before["time"]))
         for before, after in zip(samples, samples[1:])), default=0)}
    if counts.get("reconcile_ms"):
        found["reconcile_per_second"] = round(1000 * counts["republished"] / counts["reconcile_ms"])
        found["reconcile_of_relays_percent"] = _percent(
            found["reconcile_per_second"], found["relay_per_second"])
    return found


def of_refusals(gateway_log, began, seen):
    """What part of all refusals for overload took at most 10 ms: of the gateway's own, which its log
    tells, and of the services'. Measured where they are made. Nothing where nothing was refused."""
    since = datetime.datetime.fromtimestamp(began, datetime.timezone.utc).isoformat()
    own = []
    with open(gateway_log, encoding="utf-8", errors="replace") as file:
        for line in file:
            # UO: its circuit breaker was open. A line may just be being written.
            if '"flags":"UO"' in line and line.endswith("}\n"):
                entry = json.loads(line)
                if entry["time"] >= since:
                    own.append(entry["duration_ms"])
    whole = len(own) + seen["refused_by_services"]
    if not whole:
        return {}
    quickly = sum(took <= 10 for took in own) + seen["refused_by_services_quickly"]
    return {"refused_by_gateway": len(own),
            "refused_within_10_ms_percent": round(100 * quickly / whole, 2)}


Limit = collections.namedtuple("Limit", "fact words amount")


def limits(drill, full):
    """What the drill's table demands: "at least" or "at most" so much."""
    for words, table in (("at least", "at_least"), ("at most", "at_most")):
        for name, amount in drill.get(table, {}).items():
            yield Limit(name, words, amount[full] if isinstance(amount, list) else amount)


def missed(demanded, seen):
    """Which of the demanded limits do not hold. What never happened was not counted."""
    found = []
    for name, words, limit in demanded:
        value = seen.get(name, 0 if words == "at least" else math.inf)
        if value < limit if words == "at least" else value > limit:
            found.append(f"{name}: {value}, and {words} {limit} must be seen")
    return found
