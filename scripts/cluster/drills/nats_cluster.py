"""Production's NATS: three servers, streams in three copies."""

import json
import os
import time

from system.settings import TOP

from .. import admin, judge
from ..drill import drill
from ..kube import apply, eventually, get, http, kubectl, port_forward, say
from .outages import kill, wait_pod
from .rollout import check_none_failed, under_load


def streams():
    """What the servers say of the streams: {name: (leader, copies, messages, all are current)}.
    Of each its leader is asked: only that one knows how far the others are."""
    found = {}
    for server in ("nats-0", "nats-1", "nats-2"):
        try:
            with port_forward(f"pod/{server}", 8222) as port:
                _, text = http("GET", f"http://127.0.0.1:{port}/jsz?streams=true&config=true")
            page = json.loads(text)
        except Exception:  # noqa: BLE001  (that one is away)
            continue
        for account in page.get("account_details", []):
            for stream in account.get("stream_detail", []):
                cluster = stream.get("cluster") or {}
                if cluster.get("leader", server) == server:
                    replicas = cluster.get("replicas") or []
                    found[stream["name"]] = (cluster.get("leader"), 1 + len(replicas),
                                             stream["state"]["messages"],
                                             all(each.get("current") for each in replicas))
    return found


def change_broker(overlay, servers):
    """Another kind of broker, empty, and what it should hold said again by the databases.
    A server of a cluster and one alone cannot read each other's streams."""
    kubectl("scale", "statefulset", "nats", "--replicas=0")
    eventually("nats is down", lambda: not get("pods", "-l", "app=nats")["items"], 90)
    claims = [claim["metadata"]["name"] for claim in get("pvc", "-l", "app=nats")["items"]]
    kubectl("delete", "pod", "wipe-nats", "--ignore-not-found")
    apply([{
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "wipe-nats", "labels": {"sidecar.istio.io/inject": "false"}},
        "spec": {
            "restartPolicy": "Never",
            "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "fsGroup": 1000,
                                "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "wipe", "image": "restaurant/tools:dev",
                "command": ["bash", "-c", "rm -rf /volumes/*/*"],
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                "volumeMounts": [{"name": each, "mountPath": f"/volumes/{each}"} for each in claims]}],
            "volumes": [{"name": each, "persistentVolumeClaim": {"claimName": each}} for each in claims]}}])
    eventually("its volumes are empty", lambda: get("pod", "wipe-nats")["status"]["phase"] == "Succeeded", 60)
    kubectl("delete", "pod", "wipe-nats")
    kubectl("apply", "-k", os.path.join(TOP, "k8s", "overlays", overlay), namespace=None)
    for number in range(servers):
        wait_pod(f"nats-{number}", 180)
    eventually("the provisioner has made the streams", lambda: len(streams()) >= 3, 120, 2)
    for service in ("order", "cook", "delivery"):
        # Names resolve again, the schema is there: the same command as at night.
        eventually(f"{service} reconcile --repair",
                   lambda: admin.run(service, "reconcile", "--repair")[0], 120, 3)  # noqa: B023


@drill("production's NATS, three copies of each stream: its leader is killed under load")
def nats_cluster(run):
    run.note("on one node, so without the anti-affinity")
    run.after(change_broker, "dev", 1)
    change_broker("nats-drill", 3)
    eventually("three copies of each stream", lambda: len(streams()) >= 3 and all(
        copies == 3 and current for _, copies, _, current in streams().values()), 120, 2)
    leader = streams()["ORDER"][0]

    def strike():
        say(f"{leader} leads ORDER")
        kill(leader)
        eventually("another leads", lambda: streams().get("ORDER", (leader,))[0] not in (leader, None, ""), 60)
        wait_pod(leader, 120)
    began = time.monotonic()
    results = under_load(run, "order", strike)
    check_none_failed(run, f"{leader}, leader of ORDER, killed", results)
    judge.acknowledged(run, results[1:])
    run.note(f"{streams()['ORDER'][0]} leads now; {time.monotonic() - began:.0f} s in all")
    judge.settled(run)
