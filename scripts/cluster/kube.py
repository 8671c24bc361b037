"""kubectl, and waiting for what it shows. Everything goes to the cluster of the
current context."""

import json
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

from system.settings import Trouble

NAMESPACE = "restaurant"
BEGAN = time.monotonic()


def say(text):
    print(f"[{time.monotonic() - BEGAN:5.1f}s] {text}", file=sys.stderr, flush=True)


def kubectl(*arguments, given=None, check=True, namespace=NAMESPACE, timeout=120):
    """Runs kubectl; returns what it printed. Trouble is its last line."""
    command = ["kubectl", *(["-n", namespace] if namespace else []), *arguments]
    for again in (True, True, False):
        try:
            done = subprocess.run(command, input=given, capture_output=True, text=True,
                                  check=False, timeout=timeout)
        except FileNotFoundError:
            raise Trouble("kubectl is not here; install it and point it at a cluster") from None
        except subprocess.TimeoutExpired:
            raise Trouble(f"kubectl {' '.join(arguments[:3])} took more than {timeout} s") from None
        # A busy machine's API server may be too slow to say hello: nothing was asked yet.
        if not again or "Unable to connect to the server" not in done.stderr:
            break
        time.sleep(2)
    if check and done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip() or "failed").splitlines()
        raise Trouble(f"kubectl {' '.join(arguments[:3])}: {lines[-1]}")
    return done.stdout


def get(*arguments, namespace=NAMESPACE):
    """The same as JSON."""
    return json.loads(kubectl("get", *arguments, "-o", "json", namespace=namespace))


def as_text(manifests):
    """Of text, or objects."""
    if isinstance(manifests, str):
        return manifests
    return "\n---\n".join(json.dumps(each) for each in manifests)


def apply(manifests, namespace=NAMESPACE):
    """Applies text, or objects."""
    return kubectl("apply", "-f", "-", given=as_text(manifests), namespace=namespace)


def exists(*arguments, namespace=NAMESPACE):
    return bool(kubectl("get", *arguments, "--ignore-not-found", "-o", "name",
                        namespace=namespace).strip())


def pods(selector):
    """Pods of a selector that are not going away, by age."""
    found = [pod for pod in get("pods", "-l", selector)["items"]
             if "deletionTimestamp" not in pod["metadata"]]
    return sorted(found, key=lambda pod: pod["metadata"]["creationTimestamp"])


def name_of(pod):
    return pod["metadata"]["name"]


def is_ready(pod):
    return any(c["type"] == "Ready" and c["status"] == "True"
               for c in pod["status"].get("conditions", []))


def ready_pods(app):
    return [pod for pod in pods(f"app={app}") if is_ready(pod)]


def eventually(what, condition, seconds=60, pause=0.3):
    """Waits until `condition()` is true and returns what it was; says so while it
    waits. Trouble after `seconds`."""
    end = time.monotonic() + seconds
    tell = time.monotonic() + 10
    while True:
        value = condition()
        if value:
            return value
        now = time.monotonic()
        if now > end:
            raise Trouble(f"waited {seconds:.0f} s in vain: {what}")
        if now > tell:
            say(f"waiting: {what}")
            tell = now + 10
        time.sleep(pause)


def is_rolled_out(deployment):
    """Whether a rollout has ended and only its own pods are left."""
    status, spec = deployment["status"], deployment["spec"]
    wanted = spec.get("replicas", 1)
    return (status.get("observedGeneration") == deployment["metadata"]["generation"]
            and status.get("updatedReplicas", 0) == wanted
            and status.get("replicas", 0) == wanted
            and status.get("availableReplicas", 0) == wanted)


def rolled_out(deployment, seconds=180):
    """Waits until is_rolled_out() holds."""
    eventually(f"{deployment} is rolled out", lambda: is_rolled_out(get("deployment", deployment)),
               seconds, pause=1)


def sidecar(pod, path, method="GET"):
    """What the sidecar's Envoy says at an admin path, e.g. "clusters"."""
    return kubectl("exec", pod, "-c", "istio-proxy", "--",
                   "pilot-agent", "request", method, path)


def stat(app, pattern):
    """The sum of the sidecars' counters, over the pods of an app, whose name has all words
    of `pattern`."""
    total = 0
    for pod in map(name_of, ready_pods(app)):
        for line in sidecar(pod, "stats").splitlines():
            name, _, value = line.rpartition(": ")
            if all(word in name for word in pattern.split()) and value.isdigit():
                total += int(value)
    return total


def metrics(pod):
    """The service's and the sidecar's metrics of a pod: {line without value: value}."""
    page = kubectl("get", "--raw",
                   f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}:15020/proxy/stats/prometheus",
                   namespace=None)
    values = {}
    for line in page.splitlines():
        if line and line[0] != "#":
            key, _, value = line.rpartition(" ")
            values[key] = float(value)
    return values


def requests_served(pod):
    """How many calls the service in a pod has answered."""
    return sum(value for key, value in metrics(pod).items()
               if key.startswith("grpc_requests_total"))


@contextmanager
def port_forward(target, port, namespace=NAMESPACE):
    """A port of this machine that leads to a pod's or a Service's."""
    process = subprocess.Popen(
        ["kubectl", "-n", namespace, "port-forward", target, f":{port}"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        line = process.stdout.readline()  # "Forwarding from 127.0.0.1:12345 -> 80"
        if "127.0.0.1:" not in line:
            raise Trouble(f"kubectl port-forward {target} {port} failed")
        yield int(line.split("127.0.0.1:")[1].split()[0])
    finally:
        process.terminate()
        process.wait()


def http(method, url, body=None, headers=None, seconds=10):
    """(status, text) of an HTTP request; (0, why) if there was no answer."""
    request = urllib.request.Request(url, method=method, data=body.encode() if body else None,
                                     headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def sql(service, statement):
    """Rows of a service's database, as lists of text (overlays with our own Postgres)."""
    out = kubectl("exec", "-i", "postgres-0", "-c", "postgres", "--", "psql", "-XAtq", "-F", "\x1f",
                  "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", f"restaurant_{service}",
                  "-f", "-", given=statement)
    return [line.split("\x1f") for line in out.splitlines()]
