"""What the mesh costs: the same calls with and without sidecars, in one run."""

import json
import time

from ..drill import drill
from ..kube import apply, eventually, get, is_ready, kubectl
from .scaling import no_metrics

NAMESPACE = "restaurant-cost"
# Small and fast, so that what is seen is the way: the health of the server of descriptions.
CHECK = ("grpc.health.v1.Health/Check", {})


def _pod(name, image, command, mesh):
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": {
            "app": name, "sidecar.istio.io/inject": "true" if mesh else "false"}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "containers": [{"name": "load", "image": image, "command": command,
                            "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]}],
            "volumes": [{"name": "tmp", "emptyDir": {}}]}}


def _service(name):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": {"app": name}, "ports": [{"name": "grpc", "port": 8080}]}}


def _cpu(pod):
    """Millicores of the sidecar in the last ten seconds or so."""
    page = json.loads(kubectl("get", "--raw", f"/apis/metrics.k8s.io/v1beta1/namespaces/{NAMESPACE}/pods/{pod}",
                              namespace=None, check=False) or "{}")
    for container in page.get("containers", []):
        if container["name"] == "istio-proxy":
            text = container["usage"]["cpu"]
            return float(text.rstrip("nu")) / {"n": 1e6, "u": 1e3}.get(text[-1], 1e-3)
    return None


@drill("what a hop through two sidecars adds, and what they use", needs=[no_metrics])
def sidecar_cost(run):
    apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": NAMESPACE, "labels": {"istio-injection": "enabled"}}}], namespace=None)
    run.after(kubectl, "delete", "namespace", NAMESPACE, "--wait=false")
    server = ["reflection", "--listen=0.0.0.0:8080", "--descriptor_set=/etc/gateway/restaurant.pb"]
    wait = ["sleep", "infinity"]
    for mesh in (True, False):
        kind = "mesh" if mesh else "bare"
        apply([_pod(f"server-{kind}", "restaurant/gateway:dev", server, mesh), _service(f"server-{kind}"),
               _pod(f"client-{kind}", "restaurant/tools:dev", wait, mesh)], namespace=NAMESPACE)
    eventually("the pods are ready", lambda: all(
        map(is_ready, get("pods", namespace=NAMESPACE)["items"])), 120)
    rate, seen, cpu = 200, {"mesh": [], "bare": []}, []
    for number in range(3):
        for kind in ("mesh", "bare"):  # by turns, so that whatever else runs here hits both
            result = run.load(f"{kind}-{number}", *CHECK, rate, seconds=20, concurrency=8,
                              target=f"server-{kind}:8080", pod=f"client-{kind}", namespace=NAMESPACE)
            if kind == "mesh":
                time.sleep(19)
                cpu.append(sum(_cpu(f"{end}-mesh") or 0 for end in ("client", "server")))
            seen[kind].append(result.wait())
    p50, p99 = ({kind: sorted(r.percentile(p) for r in results)[1] for kind, results in seen.items()}
                for p in (50, 99))
    failed = sum(r.failed for results in seen.values() for r in results)
    run.check(f"p50 {p50['bare']:.2f} ms bare, {p50['mesh']:.2f} ms through two sidecars; "
              f"p99 {p99['bare']:.1f} and {p99['mesh']:.1f} ms; {failed} failed", failed == 0)
    run.note(f"one hop adds {p50['mesh'] - p50['bare']:.2f} ms (p50), {p99['mesh'] - p99['bare']:.1f} ms (p99)")
    used = sorted(cpu)[1] * 1000 / rate
    run.note(f"both sidecars of a hop use {used:.0f} millicores for 1,000 requests/s")
