"""Pods that die without a word: a service's, the broker's, the database's."""

import time

from .. import judge
from ..drill import drill
from ..kube import eventually, get, is_ready, kubectl, metrics, name_of, ready_pods, say, sql
from .rollout import check_none_failed, under_load


def kill(pod):
    """kill -9 for a pod: no SIGTERM, no grace, and its endpoint gone at once."""
    kubectl("delete", "pod", pod, "--grace-period=0", "--force")


def wait_pod(pod, seconds=120):
    def ready():
        try:
            return is_ready(get("pod", pod))
        except Exception:  # noqa: BLE001  (not there yet)
            return False
    eventually(f"{pod} is ready again", ready, seconds)


@drill("kill -9 of a pod of order under load: what was acknowledged is there")
def pod_kill_order(run):
    def strike():
        kill(name_of(ready_pods("order")[0]))
        eventually("two pods of order", lambda: len(ready_pods("order")) >= 2, 120)
    read, placed = under_load(run, "order", strike)
    run.check(f"{read.failed + placed.failed} of {read.total + placed.total} requests failed "
              f"({dict(read.counts + placed.counts)})",
              read.failed + placed.failed <= 0.01 * (read.total + placed.total))
    judge.acknowledged(run, [placed])


@drill("kill -9 of a pod of cook under load: orders go on, nothing is cooked twice")
def pod_kill_cook(run):
    def strike():
        kill(name_of(ready_pods("cook")[0]))
        eventually("two pods of cook", lambda: len(ready_pods("cook")) >= 2, 120)
    read, placed = under_load(run, "cook", strike)
    run.check(f"{placed.failed} of {placed.total} orders and {read.failed} of {read.total} reads "
              f"from cook failed", placed.failed == 0 and read.failed <= 0.01 * read.total)
    judge.acknowledged(run, [placed])


def orders_taken(pod):
    """How many orders a pod of order has taken."""
    return sum(value for key, value in metrics(pod).items()
               if key.startswith("grpc_requests_total") and "PlaceOrder" in key and '"OK"' in key)


@drill("NATS is killed, then away, under load: orders are taken, also by a new pod, events follow")
def nats_restart(run):
    servers = get("statefulset", "nats")["spec"]["replicas"]

    def back():
        kubectl("scale", "statefulset", "nats", f"--replicas={servers}")
        for number in range(servers):
            wait_pod(f"nats-{number}")

    def strike():
        kill("nats-0")
        wait_pod("nats-0")
        run.after(back)
        kubectl("scale", "statefulset", "nats", "--replicas=0")
        eventually("nats is away", lambda: not get("pods", "-l", "app=nats")["items"], 60)
        before = {name_of(pod) for pod in ready_pods("order")}
        began = time.monotonic()
        kubectl("delete", "pod", min(before), "--wait=false")
        new = min(eventually("a new pod of order is ready", lambda: {
            name_of(pod) for pod in ready_pods("order")} - before, 120))
        seconds = time.monotonic() - began
        taken = eventually("it takes orders", lambda: orders_taken(new), 60)
        away = not get("pods", "-l", "app=nats")["items"]
        run.check(f"without a broker a new pod of order was ready after {seconds:.0f} s and took "
                  f"{taken:.0f} orders before it was back", away)
        back()
    results = under_load(run, "order", strike)
    check_none_failed(run, "without a broker", results)
    judge.acknowledged(run, results[1:])
    began = time.monotonic()
    eventually("the outbox is empty", lambda: sql(
        "order", "SELECT count(*) FROM outbox WHERE published_at IS NULL") == [["0"]], 60)
    run.note(f"outbox empty {time.monotonic() - began:.1f} s after the load")


@drill("the Postgres pod is killed under load: refusals that can be repeated, no lost order")
def postgres_restart(run):
    def strike():
        began = time.monotonic()
        kill("postgres-0")
        wait_pod("postgres-0")
        say(f"Postgres is back after {time.monotonic() - began:.0f} s")

        def serves():
            return run.ask("again", "restaurant.order.v1.OrderService/ListOrders",
                           {"customer_id": 1, "page_size": 1}).counts["OK"]
        eventually("order answers again", serves, 60)
    read, placed = under_load(run, "order", strike)
    counts = read.counts + placed.counts
    run.check(f"{dict(counts)}: refusals only, no INTERNAL or UNKNOWN",
              set(counts) <= {"OK", "Unavailable", "ResourceExhausted", "DeadlineExceeded", "Aborted"})
    judge.acknowledged(run, [placed])
