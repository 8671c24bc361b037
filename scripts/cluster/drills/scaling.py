"""More pods and fewer: the HPA, and two versions side by side."""

import json
import os
import time

from system.settings import TOP

from .. import judge, load
from ..drill import drill
from ..kube import (eventually, get, kubectl, name_of, ready_pods, requests_served, rolled_out, say)
from .faults import all_cancelled, cancel, orders


def hpa(name, **spec):
    kubectl("patch", "hpa", name, "--type=merge", "--patch", json.dumps({"spec": spec}))


def no_metrics():
    found = kubectl("get", "apiservice", "v1beta1.metrics.k8s.io", "--ignore-not-found",
                    "-o", "jsonpath={.status.conditions[?(@.type=='Available')].status}",
                    namespace=None)
    return "" if found == "True" else "this cluster has no metrics-server"


@drill("the seed's HPA, order 3 to 5 at 10 % CPU: new pods take their share, scale-in fails nothing",
       needs=[no_metrics])
def hpa_3_5_3(run):
    old = get("hpa", "order")["spec"]
    run.after(lambda: (hpa("order", **{key: old[key] for key in
                                       ("minReplicas", "maxReplicas", "metrics", "behavior")}),
                       eventually("as many pods as before", lambda: len(
                           ready_pods("order")) <= old["minReplicas"], 240, 2)))
    # Three at most until the load is there: ten per cent are so little that idle pods may be over it.
    hpa("order", minReplicas=3, maxReplicas=3, metrics=[{"type": "Resource", "resource": {
        "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 10}}}])
    eventually("three pods of order", lambda: len(ready_pods("order")) == 3, 240, 1)

    def used():
        metrics = get("hpa", "order")["status"].get("currentMetrics") or [{}]
        return metrics[0].get("resource", {}).get("current", {}).get("averageUtilization")
    time.sleep(20)  # what they used to start is over
    run.note(f"idle, three pods use {eventually('the autoscaler has looked', used, 60, 1)} % of their "
             "request; the target is 10 %")
    known = {name_of(pod) for pod in ready_pods("order")}
    began = time.monotonic()
    ramp = [run.place(50, "ramp-1")]
    hpa("order", maxReplicas=5)
    time.sleep(5)
    ramp.append(run.load("ramp-2", *load.READS["order"], 100))
    time.sleep(5)
    ramp.append(run.load("ramp-3", *load.READS["order"], 150))
    eventually("five pods of order", lambda: len(ready_pods("order")) >= 5, 240, 1)
    run.check(f"5 pods {time.monotonic() - began:.0f} s after the load began", True)
    pods = [name_of(pod) for pod in ready_pods("order")]
    fresh = [pod for pod in pods if pod not in known]
    shares = {}
    settled_in = time.monotonic()
    while time.monotonic() - settled_in < 60:
        before = {pod: requests_served(pod) for pod in pods}
        time.sleep(10)
        served = {pod: requests_served(pod) - before[pod] for pod in pods}
        shares = {pod: 100 * count / max(1, sum(served.values())) for pod, count in served.items()}
        say("shares: " + ", ".join(f"{share:.0f} %" for share in shares.values()))
        if min(shares[pod] for pod in pods) >= 10:
            break
    run.check("shares of the five: " + ", ".join(
        f"{shares[pod]:.0f} %{' (new)' if pod in fresh else ''}" for pod in pods)
        + f", {time.monotonic() - settled_in:.0f} s after they were ready",
        min(shares.values()) >= 10)
    results = [each.stop() for each in ramp[1:]]
    # Little is left; the pods that go away go under it.
    trickle = run.load("trickle", *load.READS["order"], 5)
    results.append(ramp[0].stop())
    began = time.monotonic()
    # Ten per cent of a tenth of a core is little: what an idle pod with its sidecar uses may
    # be more on a slow machine, and then it would never go back.
    hpa("order", metrics=old["metrics"])
    eventually("three pods of order", lambda: get("deployment", "order")["status"].get("replicas") == 3,
               420, 2)
    time.sleep(20)  # the pods that went are still serving what they had
    results.append(trickle.stop())
    failed, total = sum(r.failed for r in results), sum(r.total for r in results)
    run.check(f"3 pods {time.monotonic() - began - 20:.0f} s after the load; {failed} of {total} "
              "requests failed, up and down", failed == 0)
    judge.acknowledged(run, [results[2]])


@drill("canary: a second version of cook takes a tenth, on the same database and stream")
def canary(run):
    stable = get("deployment", "cook")
    template = stable["spec"]["template"]
    template["metadata"]["labels"]["version"] = "canary"
    run.apply(json.dumps({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cook-canary"},
        "spec": {"replicas": 1, "template": template,
                 "selector": {"matchLabels": {"app": "cook", "version": "canary"}}}}))
    rolled_out("cook-canary", 180)
    routes = get("virtualservice", "cook")
    for rule in routes["spec"]["http"]:
        port = {"number": 8080}
        rule["route"] = [
            {"destination": {"host": "cook", "subset": "stable", "port": port}, "weight": 90},
            {"destination": {"host": "cook", "subset": "canary", "port": port}, "weight": 10}]
    kubectl("patch", "virtualservice", "cook", "--type=merge", "--patch",
            json.dumps({"spec": {"http": routes["spec"]["http"]}}))
    run.after(lambda: (kubectl("apply", "-n", "restaurant", "-f",
                               os.path.join(TOP, "istio", "virtual-service-cook.yaml")), time.sleep(2)))
    pod = name_of(next(p for p in ready_pods("cook") if p["metadata"]["labels"]["version"] == "canary"))

    def asked():
        run.ask("probe", *load.READS["cook"])
        return requests_served(pod) > 0
    eventually("the canary is asked", asked, 60, 0.1)
    before = {name_of(p): requests_served(name_of(p)) for p in ready_pods("cook")}
    reads = run.load("reads", *load.READS["cook"], 100, total=2000).wait()
    served = {name: requests_served(name) - count for name, count in before.items()}
    share = 100 * served[pod] / sum(served.values())
    run.check(f"the canary answered {share:.1f} % of {reads.total} reads, {reads.failed} failed",
              6 <= share <= 14 and reads.failed == 0)
    ids = orders(run, 100)
    result = cancel(run, ids)
    all_cancelled(run, 100)
    run.check(f"100 orders cooked and cancelled by both versions; {result.failed} cancels failed",
              result.failed == 0)
