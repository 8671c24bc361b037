"""A subcommand of a service, such as reconcile, on the cluster."""

import secrets
import sys

from system import nats

from .kube import apply, eventually, get, kubectl


def run(service, *words):
    """Runs it in a pod of its own, as the database's owner and the broker's <service>-admin,
    which no pod that serves is. Returns whether it succeeded, and what it said."""
    spec = get("deployment", service)["spec"]["template"]["spec"]
    serving = spec["containers"][0]
    shared = ("flags", "postgres-ca")  # the second one in production only
    user = nats.admin_of(service)
    name = f"{user}-{secrets.token_hex(4)}"
    owner = {"name": "FLAGS_pg_owner_dsn",
             "valueFrom": {"secretKeyRef": {"name": f"{service}-database", "key": "owner_dsn"}}}
    apply([{
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {"app": user, "restaurant/admin": "true"},
            # It ends when the command does.
            "annotations": {"sidecar.istio.io/nativeSidecar": "true"}},
        "spec": {
            "restartPolicy": "Never",
            "serviceAccountName": spec["serviceAccountName"],
            "automountServiceAccountToken": False,
            "securityContext": spec["securityContext"],
            "containers": [{
                "name": "admin", "image": serving["image"],
                "securityContext": serving["securityContext"],
                "command": [service, *words, "--flagfile=/etc/restaurant/flags",
                            f"--nats_user={user}", "--tryfromenv=pg_dsn,pg_owner_dsn"],
                "env": [*serving["env"], owner],
                "volumeMounts": [*(each for each in serving["volumeMounts"] if each["name"] in shared),
                                 {"name": "nats-password", "mountPath": "/etc/nats-password"}]}],
            "volumes": [*(each for each in spec["volumes"] if each["name"] in shared),
                        {"name": "nats-password",
                         "secret": {"secretName": f"nats-{user}", "defaultMode": 0o444}}]}}])
    try:
        phase = eventually(f"{service} {' '.join(words)}", lambda: next(
            (phase for phase in [get("pod", name)["status"].get("phase")]
             if phase in ("Succeeded", "Failed")), None), 600, 1)
        return phase == "Succeeded", kubectl("logs", name, "-c", "admin")
    finally:
        kubectl("delete", "pod", name, "--wait=false")


def main(words):
    succeeded, said = run(*words)
    sys.stdout.write(said)
    return 0 if succeeded else 1
