"""Changing what runs while customers order: new versions, bad ones, evictions."""

import json
import os
import time

from .. import judge, load
from ..drill import drill
from ..kube import (NAMESPACE, eventually, get, kubectl, name_of, ready_pods, rolled_out, say)

# Reads and orders together: more than 100 requests/s.
READ_RPS, PLACE_RPS = 80, 40


def under_load(run, service, action, name="load"):
    """Does `action` while customers read from `service` and place orders; returns both
    results."""
    method, data = load.READS[service]
    read = run.load(f"{name}-read", method, data, READ_RPS)
    place = run.place(PLACE_RPS, f"{name}-place")
    try:
        time.sleep(3)
        action()
        time.sleep(3)
    finally:
        results = read.stop(), place.stop()
    return results


def check_none_failed(run, what, results):
    """`results`: what under_load() returned, of several one after another; the rate is the
    slowest one's."""
    total, failed = sum(r.total for r in results), sum(r.failed for r in results)
    rate = min(read.rate + place.rate for read, place in zip(results[::2], results[1::2]))
    run.check(f"{what}: {failed} of {total} requests failed at {rate:.0f}/s, "
              f"p99 {max(r.percentile(99) for r in results):.0f} ms", failed == 0)
    for error, count in sum((r.errors for r in results), start=type(results[0].errors)()).most_common(3):
        run.note(f"{count} × {error}")


def _rollout(run, deployment):
    times = int(os.environ.get("MESH_ROLLOUTS", "3"))
    results = []
    for number in range(times):
        def restart():
            kubectl("rollout", "restart", f"deployment/{deployment}")
            rolled_out(deployment, 300)
        results += under_load(run, deployment, restart, f"rollout-{number + 1}")
    check_none_failed(run, f"{times} rolling updates of {deployment}", results)
    judge.acknowledged(run, results[1::2])


@drill("three rolling updates of order under load: no request fails")
def rollout_order(run):
    _rollout(run, "order")


@drill("three rolling updates of cook under load: no request fails")
def rollout_cook(run):
    _rollout(run, "cook")


@drill("three rolling updates of delivery under load: no request fails")
def rollout_delivery(run):
    _rollout(run, "delivery")


@drill("three rolling updates of mypage under load: no request fails")
def rollout_mypage(run):
    _rollout(run, "mypage")


@drill("three rolling updates of the gateway under load: no request fails")
def rollout_gateway(run):
    _rollout(run, "gateway")


def _restore(run, deployment):
    """Brings the deployment back to the template it has now, when the drill has ended."""
    template = get("deployment", deployment)["spec"]["template"]

    def back():
        kubectl("patch", "deployment", deployment, "--type=json", "--patch", json.dumps(
            [{"op": "replace", "path": "/spec/template", "value": template}]))
        rolled_out(deployment, 240)
    run.after(back)


@drill("the control: without probes and drain, with a slow start, requests do fail (the seed's 70 %)")
def rollout_control(run):
    _restore(run, "delivery")

    def patch(extra):
        kubectl("patch", "deployment", "delivery", "--patch", json.dumps({"spec": {
            "minReadySeconds": 0,
            "template": {
                "metadata": {"annotations": {"drill": extra}},
                "spec": {
                    "terminationGracePeriodSeconds": 1,
                    "containers": [{
                        "name": "delivery",
                        "command": ["bash", "-c", "sleep 8; exec delivery --flagfile=/etc/restaurant/flags "
                                                  "--tryfromenv=pg_dsn --drain=0s --grace=0s"],
                        "startupProbe": None, "readinessProbe": None, "livenessProbe": None,
                    }]}}}}))
        rolled_out("delivery", 240)
    run.after(kubectl, "patch", "deployment", "delivery", "--patch", '{"spec": {"minReadySeconds": 5}}')
    patch("first")
    eventually("delivery serves", lambda: run.ask("warm", *load.READS["delivery"]).counts["OK"], 60, 1)
    read, place = under_load(run, "delivery", lambda: (patch("second"), time.sleep(5)))
    share = 100 * (read.total - read.failed) / read.total
    run.check(f"availability of delivery {share:.1f} %: {read.failed} of {read.total} failed",
              read.failed > 0)
    run.check(f"orders, which need no courier: {place.failed} of {place.total} failed",
              place.failed == 0)


@drill("a bad image: the rollout stops by itself and nobody notices")
def bad_image(run):
    _restore(run, "cook")
    deadline = get("deployment", "cook")["spec"]["progressDeadlineSeconds"]
    run.after(kubectl, "patch", "deployment", "cook", "--patch",
              json.dumps({"spec": {"progressDeadlineSeconds": deadline}}))
    kubectl("patch", "deployment", "cook", "--patch", '{"spec": {"progressDeadlineSeconds": 20}}')

    def failed():
        return any(c["type"] == "Progressing" and c["reason"] == "ProgressDeadlineExceeded"
                   for c in get("deployment", "cook")["status"]["conditions"])

    def release():
        began = time.monotonic()
        kubectl("set", "image", "deployment/cook", "cook=restaurant/cook:no-such-version")
        eventually("Kubernetes calls the rollout failed", failed, 120)
        run.note(f"called failed after {time.monotonic() - began:.0f} s; "
                 f"{len(ready_pods('cook'))} pods of the old version serve")
    check_none_failed(run, "with a bad image of cook", under_load(run, "cook", release))


@drill("a rollout taken back half way: no request fails")
def rollback_half_way(run):
    before = {name_of(pod) for pod in ready_pods("order")}

    def release():
        kubectl("rollout", "restart", "deployment/order")
        eventually("half of the pods are new",
                   lambda: {name_of(pod) for pod in ready_pods("order")} - before, 120)
        kubectl("rollout", "undo", "deployment/order")
        rolled_out("order", 240)
    check_none_failed(run, "rollout of order taken back half way", under_load(run, "order", release))


@drill("every pod of order is evicted: one at a time, no request fails")
def eviction(run):
    def evict(pod):
        """Whether it was allowed to."""
        manifest = json.dumps({"apiVersion": "policy/v1", "kind": "Eviction",
                               "metadata": {"name": pod, "namespace": NAMESPACE}})
        out = kubectl("create", "--raw", f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction",
                      "-f", "-", given=manifest, check=False, namespace=None)
        return "Success" in out

    refused = 0

    def drain():
        nonlocal refused
        victims = [name_of(pod) for pod in ready_pods("order")]
        for victim in victims:
            while not evict(victim):  # the budget says: not now
                refused += 1
                time.sleep(1)
            say(f"evicted {victim}")
        eventually("as many pods as before", lambda: len(ready_pods("order")) >= len(victims), 180)
    check_none_failed(run, "eviction of all pods of order", under_load(run, "order", drain))
    run.check(f"{refused} evictions were put off by the budget", refused > 0)
