"""Brings the system up on the cluster of the current context, and down."""

import base64
import json
import os
import secrets
import subprocess
import time
from contextlib import contextmanager

from system import nats, settings
from system.settings import TOP, Trouble

from . import load, tokens
from .kube import (NAMESPACE, apply, eventually, exists, get, http, is_ready, is_rolled_out,
                   kubectl, name_of, port_forward, say)

# Where volumes are on a cluster that has nobody to make them.
VOLUMES = "/var/lib/restaurant-volumes"


def up(overlay, images, prebuilt, seconds, story):
    check_cluster()
    if images:
        subprocess.run([os.path.join(TOP, "scripts", "images"),
                        *(["--prebuilt"] if prebuilt else [])], check=True)
    began = time.monotonic()
    say(f"applying k8s/overlays/{overlay} and istio")
    kubectl("apply", "-f", os.path.join(TOP, "k8s", "base", "namespace.yaml"), namespace=None)
    there = get("deployments")["items"]
    make_secrets(overlay)
    tokens.make_keys(keep=overlay == "production")
    make_volumes(overlay)
    kubectl("apply", "-k", os.path.join(TOP, "istio"), namespace=None)
    kubectl("apply", "-k", os.path.join(TOP, "k8s", "overlays", overlay), namespace=None)
    # Images of one tag are the same to Kubernetes. (Production's come from elsewhere.)
    if images and there and overlay != "production":
        kubectl("rollout", "restart", *(f"deployment/{name_of(each)}" for each in there))
    wait_ready(seconds)
    say(f"all pods are ready, {time.monotonic() - began:.0f} s after the images")
    if overlay == "production":
        return  # orders are its customers', and its kitchen stays
    load.start_pod()
    if story:
        tell_story()


def check_cluster():
    try:
        kubectl("version", namespace=None, timeout=15)
    except Trouble as trouble:
        raise Trouble(f"no cluster answers at the current kubectl context ({trouble})") from None
    for crd in ("gateways.networking.istio.io", "peerauthentications.security.istio.io"):
        if not exists("crd", crd, namespace=None):
            raise Trouble("this cluster has no Istio (istioctl install -y makes it)")


def _secret(name, **values):
    """Makes a Secret unless it is there: nobody's password changes by itself."""
    if not exists("secret", name):
        apply([{"apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": name, "namespace": NAMESPACE}, "stringData": values}])


def read_secret(name):
    return {key: base64.b64decode(value).decode()
            for key, value in get("secret", name)["data"].items()}


def make_broker_users(services):
    """A Secret with a password for each of the broker's users, and one with the hashes of all
    for the broker."""
    users = list(nats.may_publish(services))
    for user in users:
        _secret(f"nats-{user}", password=secrets.token_urlsafe(32))
    hashes = nats.passwords_configuration(
        {user: read_secret(f"nats-{user}")["password"] for user in users})
    apply([{"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "nats-users", "namespace": NAMESPACE},
            "stringData": {"passwords.conf": hashes}}])


def make_secrets(overlay):
    """Random passwords, known to this cluster alone."""
    services = settings.services()
    make_broker_users(services)
    if overlay == "production":
        return  # the databases are somebody's own: k8s/README.md
    _secret("postgres", password=secrets.token_urlsafe(24))
    names = [*services, *(f"{name}_owner" for name in services)]
    _secret("postgres-roles", **{name: secrets.token_urlsafe(24) for name in names})
    passwords = read_secret("postgres-roles")
    new = {name: secrets.token_urlsafe(24) for name in names if name not in passwords}
    if new:  # a service that is new here
        kubectl("patch", "secret", "postgres-roles", "--patch-file", "/dev/stdin",
                given=json.dumps({"stringData": new}))
        passwords |= new
    for name in services:
        def dsn(role):
            return (f"postgresql://restaurant_{role}:{passwords[role]}"  # noqa: B023
                    f"@postgres:5432/restaurant_{name}")
        _secret(f"{name}-database", owner_dsn=dsn(f"{name}_owner"), runtime_dsn=dsn(name))


def make_volumes(overlay):
    """Volumes on the node and their claims for a one-node cluster that has no StorageClass; empty,
    for a cluster that has just been made."""
    if overlay == "production" or get("storageclass", namespace=None)["items"]:
        return
    owners = {"postgres-0": 999, **{f"nats-{number}": 1000 for number in range(3)}}
    if not exists("pv", "restaurant-postgres-0", namespace=None):
        say(f"no StorageClass here: volumes are folders of the node under {VOLUMES}")
        _make_folders(owners)
    # The claims too, those of servers that are yet to come as well: a pod that is there before
    # its claim is bound was once not looked at again for three minutes.
    size = {"storage": "10Gi"}
    for name in owners:
        apply([{
            "apiVersion": "v1", "kind": "PersistentVolume",
            "metadata": {"name": f"restaurant-{name}", "labels": {"restaurant": "volume"}},
            "spec": {
                "capacity": size, "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Retain",
                "hostPath": {"path": f"{VOLUMES}/{name}"},
                "claimRef": {"namespace": NAMESPACE, "name": f"data-{name}"}}}], namespace=None)
        apply([{
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": f"data-{name}", "labels": {"app": name.partition("-")[0]}},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": size},
                     "volumeName": f"restaurant-{name}"}}])
    eventually("the volumes are bound", lambda: all(
        get("pvc", f"data-{name}")["status"].get("phase") == "Bound" for name in owners), 60)


def _make_folders(owners):
    script = "; ".join([f"rm -rf /volumes/{name}; install -d -o {user} -g {user} -m 700 /volumes/{name}"
                        for name, user in owners.items()])
    apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "restaurant-volumes"}}],
          namespace=None)
    apply([{
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "prepare"},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{
                "name": "prepare", "image": "restaurant/tools:dev",
                "command": ["bash", "-c", script],
                "securityContext": {"runAsUser": 0},
                "volumeMounts": [{"name": "volumes", "mountPath": "/volumes"}]}],
            "volumes": [{"name": "volumes",
                         "hostPath": {"path": VOLUMES, "type": "DirectoryOrCreate"}}]}}],
          namespace="restaurant-volumes")

    def prepared():
        phase = get("pod", "prepare", namespace="restaurant-volumes")["status"]["phase"]
        if phase == "Failed":
            raise Trouble("the volumes could not be made: "
                          + kubectl("logs", "prepare", namespace="restaurant-volumes"))
        return phase == "Succeeded"
    eventually("folders for volumes", prepared, 60)
    kubectl("delete", "namespace", "restaurant-volumes", "--wait=false", namespace=None)


def troubles():
    """Why pods cannot start, a line each, with whether waiting may help."""
    for pod in get("pods")["items"]:
        status = pod["status"]
        for container in status.get("initContainerStatuses", []) + status.get("containerStatuses", []):
            waiting = container.get("state", {}).get("waiting", {})
            last = container.get("lastState", {}).get("terminated", {})
            reason = waiting.get("reason", "")
            if reason in ("", "PodInitializing", "ContainerCreating"):
                if not last or container["ready"]:
                    continue
                reason = "it ended, and was started again"
            said = (last.get("message") or waiting.get("message") or "").strip().splitlines()
            hopeless = reason in ("CreateContainerConfigError", "InvalidImageName",
                                  "ErrImageNeverPull", "ImagePullBackOff", "ErrImagePull")
            yield (f"{name_of(pod)}/{container['name']}: {reason}: {said[-1] if said else ''}",
                   hopeless)
        for condition in status.get("conditions", []):
            if condition.get("reason") == "Unschedulable":
                yield f"{name_of(pod)}: Unschedulable: {condition['message']}", False


def wait_ready(seconds):
    """Until every rollout has ended and every pod is ready. Trouble names what is not, and why."""
    end = time.monotonic() + seconds
    tell = hopeless_since = 0.0
    while True:
        deployments = get("deployments")["items"]
        wanted = sum(each["spec"].get("replicas", 1)
                     for each in deployments + get("statefulsets")["items"])
        rolling = [name_of(each) for each in deployments if not is_rolled_out(each)]
        all_pods = [pod for pod in get("pods")["items"] if "deletionTimestamp" not in pod["metadata"]]
        ready = sum(map(is_ready, all_pods))
        if ready >= wanted > 0 and ready == len(all_pods) and not rolling:
            return
        now = time.monotonic()
        found = list(troubles())
        hopeless = [line for line, certain in found if certain]
        hopeless_since = (hopeless_since or now) if hopeless else 0.0
        if hopeless and now - hopeless_since > 15:
            raise Trouble("this cannot become ready: " + "; ".join(hopeless))
        if now > end:
            lines = ([line for line, _ in found]
                     or [f"{name_of(pod)} is not ready" for pod in all_pods if not is_ready(pod)]
                     or [f"{name} is not rolled out" for name in rolling])
            raise Trouble(f"not ready after {seconds} s: " + "; ".join(lines))
        if now > tell:
            say(f"{ready} of {wanted} pods are ready"
                + "".join(f"\n          {line}" for line, _ in found))
            tell = now + 10
        time.sleep(1)


def _ingress_url():
    """Where the ingress gateway is reached from here, or None."""
    service = get("service", "istio-ingressgateway", namespace="istio-system")
    for address in service["status"].get("loadBalancer", {}).get("ingress", []):
        url = f"http://{address.get('ip') or address.get('hostname')}"
        if http("GET", url, seconds=3)[0]:
            return url
    return None


@contextmanager
def ingress():
    """The ingress gateway's URL: its own address, or else a forwarded port."""
    url = _ingress_url()
    if url:
        yield url
        return
    with port_forward("service/istio-ingressgateway", 80, "istio-system") as port:
        yield f"http://127.0.0.1:{port}"


def tell_story():
    """scripts/demo's story, with the kitchen's pods going away and coming back."""
    kubectl_here = f"kubectl -n {NAMESPACE}"
    scale = f"{kubectl_here} scale deployment/cook >/dev/null --replicas="
    with ingress() as url:
        done = subprocess.run(
            [os.path.join(TOP, "scripts", "demo"), "--at", url], check=False, env={
                **os.environ,
                "RUN_DIR": tokens.run_dir(),
                "STOP_KITCHEN": f"{scale}0 && {kubectl_here} wait --for=delete pod -l app=cook "
                                "--timeout=120s >/dev/null",
                "START_KITCHEN": f"{scale}2 && {kubectl_here} rollout status deployment/cook "
                                 "--timeout=120s >/dev/null"})
    if done.returncode != 0:
        raise Trouble("the story has ended badly")


def down():
    kubectl("delete", "namespace", NAMESPACE, load.NAMESPACE, "restaurant-volumes",
            "--ignore-not-found", namespace=None, timeout=300)
    kubectl("delete", "pv", "-l", "restaurant=volume", "--ignore-not-found", namespace=None)
    say("down")
