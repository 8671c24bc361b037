"""Load: ghz in a pod outside of the mesh, as customers are, through Istio's ingress
gateway. Every request is kept, in a file for each run."""

import json
import os
import subprocess
import time
from collections import Counter

from system.settings import TOP, Trouble

from . import tokens
from .kube import apply, eventually, get, is_ready, kubectl

NAMESPACE = "restaurant-load"
INGRESS = "istio-ingressgateway.istio-system.svc.cluster.local:80"
PLACE = "restaurant.order.v1.OrderService/PlaceOrder"
CANCEL = "restaurant.order.v1.OrderService/CancelOrder"

# By service: a read that it answers itself, and its request.
READS = {
    "order": ("restaurant.order.v1.OrderService/ListOrders", {"customer_id": 1, "page_size": 1}),
    "cook": ("restaurant.cook.v1.CookService/GetStock",
             {"restaurant_id": 1, "restaurant_menu_id": 1}),
    "delivery": ("restaurant.delivery.v1.DeliveryService/ListDeliveries", {"page_size": 1}),
    "mypage": ("restaurant.mypage.v1.MypageService/ListMypages", {"customer_id": 1, "page_size": 1}),
    "gateway": ("restaurant.order.v1.OrderService/ListOrders", {"customer_id": 1, "page_size": 1}),
}


def start_pod():
    """The pod `load`, in a namespace without sidecars."""
    apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}],
          namespace=None)
    apply([{
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "load"},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "load", "image": "restaurant/tools:dev",
                "command": ["sleep", "infinity"],
                "resources": {"requests": {"cpu": "50m", "memory": "64Mi"},
                              "limits": {"memory": "512Mi"}},
                "securityContext": {"allowPrivilegeEscalation": False,
                                    "readOnlyRootFilesystem": True,
                                    "capabilities": {"drop": ["ALL"]}},
                "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]}],
            "volumes": [{"name": "tmp", "emptyDir": {}}]}}], namespace=NAMESPACE)
    eventually("the load's pod", lambda: is_ready(get("pod", "load", namespace=NAMESPACE)), 60)


class Result:
    """What became of the requests of a run."""

    def __init__(self, report):
        everything = report.get("details") or []
        self.asked = len(everything)
        # What ghz itself gave up when it was told to end is nobody's failure.
        self.details = [each for each in everything if each["status"] != "Canceled"
                        or report.get("endReason") != "cancel"]
        self.counts = Counter(each["status"] for each in self.details)
        self.errors = Counter(each["error"] for each in self.details if each.get("error"))
        self.total = len(self.details)
        self.seconds = report.get("total", 0) / 1e9
        self.latencies = sorted(each["latency"] / 1e6 for each in self.details)

    @property
    def failed(self):
        return self.total - self.counts["OK"]

    @property
    def rate(self):
        return self.total / self.seconds if self.seconds else 0

    def percentile(self, percent):
        """In milliseconds."""
        if not self.latencies:
            return 0.0
        return self.latencies[min(len(self.latencies) - 1, len(self.latencies) * percent // 100)]

    def __str__(self):
        counts = ", ".join(f"{count} {code}" for code, count in self.counts.most_common())
        return (f"{self.total} at {self.rate:.0f}/s: {counts}; p50 {self.percentile(50):.0f} ms, "
                f"p99 {self.percentile(99):.0f} ms")


class Load:
    """A run in the background. Data may hold ghz's templates, e.g. {{newUUID}}. Headers, if
    any are given, are all that is sent; else there is the token of whoever makes such a call."""

    def __init__(self, folder, name, method, data, rps, seconds=900, total=None, headers=None,
                 concurrency=16, target=INGRESS, timeout="15s", pod="load", namespace=NAMESPACE):
        os.makedirs(folder, exist_ok=True)
        self.file = os.path.join(folder, f"{name}.json")
        self.pod, self.namespace = pod, namespace
        self.ended = False
        self.pid_file = f"/tmp/{name}-{time.monotonic_ns()}.pid"
        ghz = ["ghz", "--insecure", "--protoset", "/etc/restaurant/restaurant.pb",
               "--call", method, "--data", json.dumps(data), "--metadata-file", f"{self.pid_file}.metadata",
               "--concurrency", str(concurrency), "--connections", str(min(concurrency, 4)),
               "--timeout", timeout, "--format", "json"]
        ghz += ["--rps", str(rps)] if rps else []
        ghz += (["--total", str(total)] if total
                else ["--duration", f"{seconds}s", "--duration-stop", "wait"])
        # SIGINT makes ghz end and report; it must not be ignored, as it would be in a background job.
        # Tokens come by stdin: a command line is no place for them. What ghz says stays in the pod
        # until it has ended: kubectl exec may break off, or lose the end of a long output.
        command = ["kubectl", "-n", namespace, "exec", "-i", pod, "-c", "load", "--", "bash", "-c",
                   'echo $$ >"$0"; cat >"$0.metadata"; exec "$@" >"$0.json"', self.pid_file, *ghz, target]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)
        json.dump(tokens.for_call(method, data) if headers is None else headers, self.process.stdin)
        self.process.stdin.close()
        self.process.stdin = None

    def wait(self):
        """Until the run has ended by itself."""
        _, said = self.process.communicate()
        page = eventually("ghz has ended", self._report, 900)
        self.ended = True
        self._in_pod('rm -f "$0" "$0.json" "$0.metadata"')
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(page)
        try:
            return Result(json.loads(page))
        except ValueError:
            raise Trouble(f"ghz said nothing: {said.strip()[-300:]}") from None

    def stop(self):
        """Ends the run now."""
        eventually("ghz is told to end",
                   lambda: self._in_pod('kill -INT "$(cat "$0")" 2>/dev/null; echo told'), 300)
        return self.wait()

    def _report(self):
        """What ghz has said; None if it still runs, or if not all of it came."""
        size, _, page = self._in_pod('kill -0 "$(cat "$0")" 2>/dev/null && exit; '
                                     'stat -c %s "$0.json" || echo 0; cat "$0.json"').partition("\n")
        return (page or " ") if size == str(len(page.encode())) else None

    def _in_pod(self, script):
        """What a script beside ghz says; "" if nobody could ask."""
        try:
            return kubectl("exec", self.pod, "-c", "load", "--", "bash", "-c", script, self.pid_file,
                           namespace=self.namespace, check=False)
        except Trouble:  # a machine that is too busy to answer: whoever asked asks again
            return ""


def place(customer, qty=1, restaurant=1, menu=1):
    """The data of PlaceOrder, a new request id each time."""
    return {"request_id": "{{newUUID}}", "customer_id": customer, "restaurant_id": restaurant,
            "restaurant_menu_id": menu, "qty": qty}
