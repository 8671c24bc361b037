"""What was seen in a drill, as numbers: what the table shows, and what a drill demands to have
seen before it counts as one."""

import bisect

from .invariants import AFTERMATH
from .snapshot import read_history

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
    return {name: int(value) for name, value in rows}


def _percent(part, whole):
    return round(100 * part / whole, 1) if whole else 0


def of_history(path, harms):
    """How long it took until requests were answered again after each fault. A failure after so
    long without one that nothing is excused any more has another cause."""
    failed = sorted(
        entry["s"] for entry in read_history([path])
        if entry["code"] in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "UNKNOWN",
                             "INTERNAL", "RESOURCE_EXHAUSTED")
        and entry["op"] in ("place", "cancel", "get", "view"))
    longest = 0
    starts = sorted(harm.began for harm in harms) + [float("inf")]
    for end in sorted(harm.ended for harm in harms):
        following = min(start for start in starts if start > end)
        back = end
        for sent in failed[bisect.bisect_left(failed, end):]:
            if sent >= following or sent - back > AFTERMATH:
                break
            back = sent
        longest = max(longest, back - end)
    return {"back_seconds": round(longest / 1e6, 1)}


def of_relays(samples, counts):
    """The relays' best second, all together, and how fast reconcile was beside them."""
    found = {"relay_per_second": max(
        (round((after["published"] - before["published"]) / (after["time"] - before["time"]))
         for before, after in zip(samples, samples[1:])), default=0)}
    if counts.get("reconcile_ms"):
        found["reconcile_per_second"] = round(1000 * counts["republished"] / counts["reconcile_ms"])
    return found


def missed(drill, seen):
    """What the drill's table demands and was not seen."""
    seen = dict(seen)
    for name in ("tombstones", "cancelled_cooking", "told_cancelled", "told_pending",
                 "told_too_late"):
        seen[name + "_percent"] = _percent(seen.get(name, 0), seen.get("cancels", 0))
    found = []
    for name, least in drill.get("at_least", {}).items():
        if seen.get(name, 0) < least:
            found.append(f"{name}: {seen.get(name, 0)}, and at least {least} must be seen")
    for name, most in drill.get("at_most", {}).items():
        if seen.get(name, 0) > most:
            found.append(f"{name}: {seen.get(name, 0)}, and at most {most} may be seen")
    return found
