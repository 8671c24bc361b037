"""Who may talk to whom, and certificates that change."""

import json
import time

from system.settings import Trouble

from .. import load
from ..drill import drill
from ..kube import (NAMESPACE, apply, eventually, get, is_ready, kubectl, name_of, ready_pods,
                    rolled_out, sidecar)
from .rollout import check_none_failed, under_load

ORDER = ("order", "restaurant.order.v1.OrderService/GetOrder",
         {"order_id": "00000000-0000-7000-8000-000000000000"})
CANCEL_TICKET = ("cook", "restaurant.cook.v1.CookService/CancelTicket", {"order_id": "x"})
GET_TICKET = ("cook", "restaurant.cook.v1.CookService/GetTicket",
              {"order_id": "00000000-0000-7000-8000-000000000000"})
DELIVERY = ("delivery", "restaurant.delivery.v1.DeliveryService/ListDeliveries", {"page_size": 1})
MYPAGE = ("mypage", "restaurant.mypage.v1.MypageService/GetMypage",
          {"order_id": "00000000-0000-7000-8000-000000000000"})
RPCS = {"order": ORDER, "cook CancelTicket": CANCEL_TICKET, "cook GetTicket": GET_TICKET,
        "delivery": DELIVERY, "mypage": MYPAGE}
# What each kind of pod may reach; everything else is refused.
ALLOWED = {
    "gateway": {"order", "cook GetTicket", "delivery", "mypage"},
    "order": {"cook CancelTicket", "nats", "postgres"},
    "cook": {"nats", "postgres"},
    "delivery": {"nats", "postgres"},
    "mypage": {"nats", "postgres"},
    "provisioner": {"nats"},
    "outside": set(),
}


def _probe_pod(kind):
    """A pod with the service account of a kind, or without a sidecar, and none of its labels."""
    inside = kind != "outside"
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": f"probe-{kind}", "namespace": NAMESPACE, "labels": {
            "app": "probe", "sidecar.istio.io/inject": "true" if inside else "false"}},
        "spec": {
            "serviceAccountName": kind if inside else "default",
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "load", "image": "restaurant/tools:dev", "command": ["sleep", "infinity"],
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]}],
            "volumes": [{"name": "tmp", "emptyDir": {}}]}}


# What is said after we have said something: a server that speaks first may greet anybody whose
# certificate is good, since the mesh looks at who it is when the first byte comes.
TCP = {
    "nats": "exec 3<>/dev/tcp/nats/4222 && printf 'CONNECT {}\\r\\nPING\\r\\n' >&3 "
            "&& timeout 3 cat <&3 | tail -n +2 | head -c 4",
    "postgres": "exec 3<>/dev/tcp/postgres/5432 "
                "&& printf '\\0\\0\\0\\x08\\x04\\xd2\\x16\\x2f' >&3 && timeout 3 head -c 1 <&3",
}


@drill("from pods of each kind, with and without a sidecar: who may call what")
def who_may_call(run):
    # The sidecars' scopes would hide what is forbidden; here they see all.
    run.apply(json.dumps({
        "apiVersion": "networking.istio.io/v1", "kind": "Sidecar",
        "metadata": {"name": "probe", "namespace": NAMESPACE},
        "spec": {"workloadSelector": {"labels": {"app": "probe"}}, "egress": [{"hosts": ["./*"]}]}}))
    for kind in ALLOWED:
        run.apply(json.dumps(_probe_pod(kind)))
    eventually("the probes are ready", lambda: len(
        [p for p in get("pods", "-l", "app=probe")["items"] if is_ready(p)]) == len(ALLOWED), 120)
    wrong, allowed, denied = [], 0, 0
    for kind, may in ALLOWED.items():
        for what, (host, method, data) in RPCS.items():
            result = run.ask(f"{kind}-{what.replace(' ', '-')}", method, data, target=f"{host}:8080",
                             pod=f"probe-{kind}", namespace=NAMESPACE, timeout="5s", headers={})
            [code] = result.counts
            # The mesh's own no is PERMISSION_DENIED, and without a certificate there is no
            # connection. Who gets as far as a service is asked for a token.
            no = "Unavailable" if kind == "outside" else "PermissionDenied"
            if code != ("Unauthenticated" if what in may else no):
                wrong.append(f"{kind} → {what}: {code} {list(result.errors)[:1]}")
            allowed, denied = allowed + (code == "Unauthenticated"), denied + (code == no)
        for what, script in TCP.items():
            said = kubectl("exec", f"probe-{kind}", "-c", "load", "--", "bash", "-c", script, check=False)
            if bool(said) != (what in may):
                wrong.append(f"{kind} → {what}: {'reached' if said else 'refused'}")
            allowed, denied = allowed + bool(said), denied + (not said)
    run.check(f"{allowed} ways are open, {denied} are closed, {len(wrong)} are wrong"
              + "".join(f"; {each}" for each in wrong), not wrong)


@drill("a bad manifest is refused by Istio's and Kubernetes' webhooks")
def bad_manifests(run):
    bad = {
        "an ejection time that is none": {
            "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
            "metadata": {"name": "bad", "namespace": NAMESPACE},
            "spec": {"host": "cook", "trafficPolicy": {"outlierDetection": {"baseEjectionTime": "soon"}}}},
        "weights without a route": {
            "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": {"name": "bad", "namespace": NAMESPACE},
            "spec": {"hosts": ["cook"], "http": [{"timeout": "1s"}]}},
        "a budget of both kinds": {
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": {"name": "bad", "namespace": NAMESPACE},
            "spec": {"minAvailable": 1, "maxUnavailable": 1,
                     "selector": {"matchLabels": {"app": "cook"}}}},
    }
    for what, manifest in bad.items():
        try:
            apply([manifest])
            said = None
        except Trouble as trouble:
            said = str(trouble)
        run.check(f"{what}: {'ACCEPTED' if said is None else said[:120]}", said is not None)


@drill("certificates of two minutes are rotated under load: no request fails")
def certificate_rotation(run):
    deployments = ("gateway", "order")

    def serial(app):
        page = json.loads(sidecar(name_of(ready_pods(app)[0]), "certs"))
        return page["certificates"][0]["cert_chain"][0]["serial_number"]

    for name in deployments:
        template = get("deployment", name)["spec"]["template"]

        def back(name=name, template=template):
            kubectl("patch", "deployment", name, "--type=json", "--patch", json.dumps(
                [{"op": "replace", "path": "/spec/template", "value": template}]))
            rolled_out(name, 240)
        run.after(back)
        config = template["metadata"]["annotations"].get("proxy.istio.io/config", "")
        kubectl("patch", "deployment", name, "--patch", json.dumps({"spec": {"template": {"metadata": {
            "annotations": {"proxy.istio.io/config": config + "proxyMetadata:\n  SECRET_TTL: 2m\n"}}}}}))
    for name in deployments:
        rolled_out(name, 240)
    before = {name: serial(name) for name in deployments}

    def rotated():
        for name in deployments:
            eventually(f"{name} has another certificate", lambda: serial(name) != before[name], 180, 2)
    began = time.monotonic()
    results = under_load(run, "order", rotated)
    check_none_failed(run, f"both sidecars' certificates changed within {time.monotonic() - began:.0f} s",
                      results)
