"""Faults that Istio makes on the way from order to cook (istio/faults/): the customer
gets a definite answer or "pending", and everything agrees in the end."""

import os
import time

from system.settings import TOP

from .. import judge, tokens
from ..drill import drill
from ..kube import eventually, kubectl, name_of, ready_pods, sidecar, sql, stat
from ..load import CANCEL


def orders(run, count):
    """Places orders and returns their ids once the kitchen has heard of them."""
    run.place(rps=100, total=count, name="orders").wait()

    def heard():
        rows = sql("cook", f"SELECT order_id FROM tickets WHERE customer_id = {run.customer}")
        return [row[0] for row in rows] if len(rows) >= count else None
    return eventually("the kitchen has heard of the orders", heard, 60)


def cancel(run, ids, name="cancel", rps=50, headers=None):
    """Cancels these orders, one request each."""
    data = [{"order_id": each, "reason": "drill"} for each in ids]
    return run.load(name, CANCEL, data, rps, total=len(ids),
                    headers={**tokens.bearer("customer", str(run.customer)), **(headers or {})}).wait()


def were_pending(run):
    """How many of the run's orders have ever been CANCEL_PENDING."""
    return int(sql("order", f"""
        SELECT count(DISTINCT o.order_id) FROM orders o JOIN outbox e ON e.aggregate_id = o.order_id
        WHERE o.customer_id = {run.customer} AND e.subject = 'restaurant.order.cancel_pending'""")[0][0])


def all_cancelled(run, count, seconds=60):
    eventually("every cancel is decided",
               lambda: judge.statuses(run)["CANCELLED"] >= count, seconds)


def injected():
    """How many faults the sidecars of order have made."""
    return stat("order", "fault.aborts_injected")


class Fault:
    """istio/faults/NAME.yaml in force, once every sidecar of order knows it."""

    def __init__(self, run, name):
        with open(os.path.join(TOP, "istio", "faults", f"{name}.yaml"), encoding="utf-8") as file:
            kubectl("apply", "-f", "-", given=file.read())
        run.after(self.lift)
        self._known(True)

    def _known(self, known):
        for pod in map(name_of, ready_pods("order")):
            eventually(f"{pod} knows of it", lambda: known == (
                "envoy.filters.http.fault" in sidecar(pod, "config_dump?resource=dynamic_route_configs")),
                30)

    def lift(self):
        kubectl("apply", "-f", os.path.join(TOP, "istio", "virtual-service-cook.yaml"))
        self._known(False)


def _cancel_under(run, name, count=100):
    """Cancels under a fault; ends it; returns (the cancels, how many were pending)."""
    ids = orders(run, count)
    fault = Fault(run, name)
    result = cancel(run, ids)
    run.check(f"{result.total} cancels under the fault: {result.failed} without a definite answer "
              f"or \"pending\"; p50 {result.percentile(50):.0f} ms, slowest "
              f"{result.percentile(100):.0f} ms", result.failed == 0)
    pending = were_pending(run)
    fault.lift()
    began = time.monotonic()
    all_cancelled(run, count)
    run.note(f"{pending} were pending; all are cancelled {time.monotonic() - began:.1f} s after "
             "the fault")
    return result, pending


@drill("Istio answers 503 to every CancelTicket: cancels are pending, then cancelled")
def fault_abort_http(run):
    _, pending = _cancel_under(run, "abort-http")
    run.check(f"{pending} of 100 were pending", pending == 100)


@drill("Istio answers PERMISSION_DENIED: not cook's own no, so pending")
def fault_abort_grpc(run):
    _, pending = _cancel_under(run, "abort-grpc")
    run.check(f"{pending} of 100 were pending", pending == 100)


@drill("Istio answers 503 to half of them: some are pending, none is wrong")
def fault_percentage(run):
    _, pending = _cancel_under(run, "abort-percentage", 200)
    run.check(f"{pending} of 200 were pending, about half", 60 <= pending <= 140)


@drill("Istio holds CancelTicket for 3 s: the customer has an answer after one")
def fault_delay(run):
    result, pending = _cancel_under(run, "delay", 50)
    run.check(f"{pending} of 50 were pending", pending == 50)
    run.check(f"slowest answer after {result.percentile(100):.0f} ms", result.percentile(100) < 2900)


@drill("only calls of one trace fail: one user's trouble, nobody else's")
def fault_by_header(run):
    ids = orders(run, 100)
    fault = Fault(run, "by-header")
    before = injected()
    others = cancel(run, ids[:50], "others", rps=20)
    felt = injected() - before
    run.check(f"without the header {others.counts['OK']} of 50 are answered, {felt} felt the fault",
              others.failed == 0 and felt == 0)
    marked = cancel(run, ids[50:], "marked", rps=20, headers={
        "traceparent": "00-deadbeef00000000000000000000d511-00000000000d5111-01"})
    felt = injected() - before
    run.check(f"with it {marked.counts['OK']} of 50 are answered, {felt} felt it",
              marked.failed == 0 and felt >= 50)
    fault.lift()
    all_cancelled(run, 100)
