"""Keys and tokens of the system on the cluster.

Public keys are a ConfigMap that every service reads; order's own key is a Secret that only
order has. The key that signs people's tokens is a Secret that no pod has; it is copied to
RUN_DIR/mesh/system for scripts/token:

  RUN_DIR=.run/mesh/system scripts/token --customer 42
"""

import base64
import os
import shutil

from system import auth, settings

from .kube import NAMESPACE, apply, exists, get

_tokens = {}


def run_dir():
    """Where scripts/token finds this cluster's keys."""
    return os.path.join(settings.run_dir(), "mesh", "system")


def _settings():
    folder = os.path.join(run_dir(), "auth")
    return settings.Settings({
        "RUN_DIR": run_dir(), "SERVICES": " ".join(settings.services()), "AUTH": "on",
        "AUTH_DIR": folder, "AUTH_JWKS": os.path.join(folder, "people.jwks.json"),
        "AUTH_SERVICE_JWKS": os.path.join(folder, "services.jwks.json")})


def _read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def make_keys(keep):
    """Takes the cluster's keys, or makes some, and tells Istio. With `keep` what is there is somebody's own and stays: if there are public keys, nothing is made."""
    if keep and exists("configmap", "auth-keys"):
        return
    here = _settings()
    owners = [auth.PEOPLE, *auth.CALLING_SERVICES]
    # Keys of another cluster are of no use here.
    shutil.rmtree(here["AUTH_DIR"], ignore_errors=True)
    os.makedirs(here["AUTH_DIR"], mode=0o700)
    for owner in owners:
        if exists("secret", f"{owner}-key"):
            data = get("secret", f"{owner}-key")["data"][f"{owner}.pem"]
            descriptor = os.open(auth.key_file(here, owner), os.O_WRONLY | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(base64.b64decode(data))
    auth.make_keys(here)
    here.save()
    for owner in owners:
        apply([{"apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": f"{owner}-key", "namespace": NAMESPACE},
                "stringData": {f"{owner}.pem": _read(auth.key_file(here, owner))}}])
    people, services = _read(here["AUTH_JWKS"]), _read(here["AUTH_SERVICE_JWKS"])
    if not (keep and exists("requestauthentication", "tokens")):
        make_request_authentication(people, services)
    # Last: where they are, all else is.
    apply([{"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "auth-keys", "namespace": NAMESPACE},
            "data": {"people.jwks.json": people, "services.jwks.json": services}}])


def make_request_authentication(people, services):
    """Tells Istio whose tokens are good."""
    # The services look at tokens themselves; the mesh refuses forged ones on their way, and
    # lets policies speak of what is in good ones (istio/authorization-policy.yaml). Not at the
    # gateway: what is wrong with a token it says itself, as JSON.
    apply([{"apiVersion": "security.istio.io/v1", "kind": "RequestAuthentication",
            "metadata": {"name": "tokens", "namespace": NAMESPACE},
            "spec": {
                "selector": {"matchLabels": {"restaurant/service": "true"}},
                "jwtRules": [
                    {"issuer": auth.ISSUER, "audiences": [auth.AUDIENCE], "jwks": people,
                     "forwardOriginalToken": True},
                    {"issuer": "restaurant-services", "audiences": [auth.AUDIENCE], "jwks": services,
                     "forwardOriginalToken": True}]}}])


def bearer(role, subject, **claims):
    """Metadata with a token of two hours; made once."""
    key = (role, subject, str(claims))
    if key not in _tokens:
        _tokens[key] = auth.token(_settings(), role, subject, 7200, **claims)
    return {"authorization": f"Bearer {_tokens[key]}"}


def for_call(method, data):
    """The metadata of whoever makes such a call: the customer himself, the kitchen of
    restaurant 1, or a courier."""
    if "CookService" in method:
        return bearer("kitchen", "kitchen", restaurants=[1])
    if "DeliveryService" in method:
        return bearer("courier", "courier")
    if "Health" in method:
        return {}
    return bearer("customer", str(data.get("customer_id") or 1)) if isinstance(data, dict) else {}
