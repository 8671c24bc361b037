"""Circuit breaking: by limits and by ejection of pods that fail."""

import json
import os
import time

from system.settings import TOP

from .. import judge, load
from ..drill import drill
from ..kube import eventually, get, http, kubectl, name_of, port_forward, ready_pods, say, sidecar, stat
from .faults import all_cancelled, cancel, orders, were_pending
from .scaling import hpa

GET_STOCK = load.READS["cook"]


def no_fault_switch():
    pod = name_of(ready_pods("cook")[0])
    with port_forward(f"pod/{pod}", 9090) as port:
        status, _ = http("GET", f"http://127.0.0.1:{port}/failpoints")
    return "" if status == 200 else "cook runs without --failpoint_control (overlays/dev has it)"


def arm(pod, spec):
    """The fault switch of one pod. It listens where no sidecar lets anybody in: who may
    forward a pod's port may turn it (role operator in Kubernetes)."""
    with port_forward(f"pod/{pod}", 9090) as port:
        status, said = (http("POST", f"http://127.0.0.1:{port}/failpoints", spec) if spec
                        else http("DELETE", f"http://127.0.0.1:{port}/failpoints"))
    if status not in (200, 204):
        raise AssertionError(f"the fault switch of {pod} said {status}: {said}")


def break_pods(run, pods, code="UNAVAILABLE"):
    for pod in pods:
        arm(pod, f"rpc.before_work=error({code})")
        run.after(arm, pod, None)


def ejected(caller, host, callers=None):
    """Addresses of `host` that a caller's sidecars (or some of them) ask no more."""
    found = set()
    for pod in callers or map(name_of, ready_pods(caller)):
        for line in sidecar(pod, "clusters").splitlines():
            if f"|{host}." in line and "failed_outlier_check" in line:
                found.add(line.split("::")[1])
    return found


@drill("one of two cook pods fails: ejected within seconds, customers do not notice, it returns",
       needs=[no_fault_switch])
def outlier_ejection(run):
    read = run.load("read", *GET_STOCK, 100)
    time.sleep(2)
    victim = ready_pods("cook")[0]
    # Asking Kubernetes takes its time, which is not the breaker's.
    callers = [name_of(ready_pods("gateway")[0])]
    break_pods(run, [name_of(victim)])
    began = time.monotonic()
    address = f"{victim['status']['podIP']}:8080"
    eventually("the gateway asks the pod no more", lambda: address in ejected("gateway", "cook", callers), 60)
    run.check(f"ejected after {time.monotonic() - began:.1f} s", time.monotonic() - began < 20)
    time.sleep(5)
    arm(name_of(victim), None)
    healed = time.monotonic()
    eventually("it is asked again", lambda: not ejected("gateway", "cook"), 120)
    run.note(f"asked again {time.monotonic() - healed:.0f} s after it was well")
    result = read.stop()
    run.check(f"{result.failed} of {result.total} customers' requests failed "
              f"({100 * result.failed / result.total:.2f} %)", result.failed <= 0.001 * result.total)


@drill("every cook pod fails: orders go on, cancels are pending, all recovers", needs=[no_fault_switch])
def all_cooks_fail(run):
    ids = orders(run, 50)
    cooks = [name_of(pod) for pod in ready_pods("cook")]
    break_pods(run, cooks)
    placed = run.place(50, "meanwhile", total=250).wait()
    run.check(f"orders meanwhile: {placed.failed} of {placed.total} failed", placed.failed == 0)
    cancelled = cancel(run, ids)
    run.check(f"cancels: {cancelled.failed} of {cancelled.total} failed, "
              f"{were_pending(run)} pending", cancelled.failed == 0 and were_pending(run) == 50)
    for pod in cooks:
        arm(pod, None)
    began = time.monotonic()
    all_cancelled(run, 50, 90)
    run.note(f"all are cancelled {time.monotonic() - began:.1f} s after cook was well")


@drill("1,000 business refusals and 1,000 bad inputs: nobody is ejected")
def refusals_eject_nobody(run):
    before = stat("gateway", "outlier_detection ejections_enforced_total")
    [order] = orders(run, 1)
    cancel(run, [order])
    all_cancelled(run, 1)
    finish = run.load("refused", "restaurant.cook.v1.CookService/FinishCooking",
                      {"order_id": order}, 200, total=1000).wait()
    run.check(f"a cancelled ticket cannot be finished: {dict(finish.counts)}",
              finish.counts["FailedPrecondition"] == 1000)
    bad = run.load("bad", load.PLACE, load.place(run.customer, qty=0), 200, total=1000).wait()
    run.check(f"a quantity of 0: {dict(bad.counts)}", bad.counts["InvalidArgument"] == 1000)
    time.sleep(2)
    out = ejected("gateway", "cook") | ejected("gateway", "order")
    count = stat("gateway", "outlier_detection ejections_enforced_total") - before
    run.check(f"{count} ejections", not out and count == 0)


@drill("more than the limit of requests in hand: overflow is refused at once, the rest works")
def overload(run):
    rule = json.loads(kubectl("get", "destinationrule", "order", "-o", "json"))
    pool = rule["spec"]["trafficPolicy"]["connectionPool"]["http"]
    pool.update(http2MaxRequests=2, http1MaxPendingRequests=2)
    kubectl("patch", "destinationrule", "order", "--type=merge", "--patch",
            json.dumps({"spec": {"trafficPolicy": rule["spec"]["trafficPolicy"]}}))
    run.after(kubectl, "apply", "-n", "restaurant", "-f",
              os.path.join(TOP, "istio", "destination-rule-order.yaml"))
    pod = name_of(ready_pods("gateway")[0])
    eventually("the sidecar of the gateway knows the limit", lambda: any(
        "|order." in line and "max_requests::2" in line and "default_priority" in line
        for line in sidecar(pod, "clusters").splitlines()), 30)
    before = stat("gateway", "order upstream_rq overflow")
    other = run.load("other", *GET_STOCK, 40)
    burst = run.place(rps=None, name="burst", total=3000, concurrency=64)
    placed, read = burst.wait(), other.stop()
    refused = placed.counts["Unavailable"]
    run.check(f"{placed.total} orders at once: {dict(placed.counts)}, p99 {placed.percentile(99):.0f} ms",
              refused > 0 and placed.counts["OK"] > 0 and placed.counts["OK"] + refused == placed.total)
    overflow = stat("gateway", "order upstream_rq overflow") - before
    run.check(f"the breaker counted {overflow}", overflow >= refused)
    run.check(f"cook's reads meanwhile: {read.failed} of {read.total} failed", read.failed == 0)
    judge.acknowledged(run, [placed])


@drill("the seed's own breaker: what one error does, and for how long", needs=[no_fault_switch])
def seed_profile(run):
    # Each sidecar of a gateway ejects for itself, and the ingress ejects a gateway that has
    # nobody to ask: with two of them, which an earlier drill's load leaves, half of the effect.
    old = get("hpa", "gateway")["spec"]
    run.after(lambda: hpa("gateway", **{key: old[key] for key in ("minReplicas", "maxReplicas")}))
    hpa("gateway", minReplicas=1, maxReplicas=1)
    eventually("one pod of the gateway", lambda: len(get("pods", "-l", "app=gateway")["items"]) == 1
               and ready_pods("gateway"), 120, 1)
    kubectl("apply", "-n", "restaurant", "-f", os.path.join(TOP, "istio", "seed-drill", "destination-rule-cook.yaml"))
    run.after(kubectl, "apply", "-n", "restaurant", "-f", os.path.join(TOP, "istio", "destination-rule-cook.yaml"))
    pod = name_of(ready_pods("gateway")[0])
    eventually("the sidecar of the gateway knows the seed's breaker", lambda: "max_ejection_percent\": 100"
               in sidecar(pod, "config_dump?resource=dynamic_active_clusters&name_regex=.*cook.*"), 30)
    cooks = ready_pods("cook")
    for cook in cooks:
        arm(name_of(cook), "rpc.before_work=error(UNAVAILABLE)@times:1")
        run.after(arm, name_of(cook), None)
    burst = run.load("one-error-each", *GET_STOCK, 20, total=60).wait()
    run.note(f"one error from each of {len(cooks)} pods, then none: {dict(burst.counts)}")
    time.sleep(10)
    later = run.load("later", *GET_STOCK, 20, total=100).wait()
    run.check(f"10 s later, with every pod well: {later.failed} of {later.total} fail still "
              f"({len(ejected('gateway', 'cook'))} of {len(cooks)} pods are out for 10 minutes)",
              later.failed == later.total)
    say("the sane rule ends it")
