"""What scripts/mesh up says when something that it needs is missing or wrong."""

import json

from system.settings import Trouble

from ..drill import drill
from ..kube import get, kubectl, rolled_out
from ..up import read_secret, wait_ready


def _change(container, field, value, init=False):
    """A patch of delivery's pods."""
    kind = "initContainers" if init else "containers"
    kubectl("patch", "deployment", "delivery", "--patch", json.dumps({"spec": {"template": {"spec": {
        kind: [{"name": container, field: value}]}}}}))


def _database(secret):
    return [{"name": "FLAGS_pg_dsn", "valueFrom": {"secretKeyRef": {"name": secret, "key": "owner_dsn"}}}]


@drill("a missing Secret, a wrong image, a database that is not there: up says which pod and why")
def named_troubles(run):
    template = get("deployment", "delivery")["spec"]["template"]

    def back():
        kubectl("patch", "deployment", "delivery", "--type=json", "--patch", json.dumps(
            [{"op": "replace", "path": "/spec/template", "value": template}]))
        rolled_out("delivery", 180)
    run.after(back)
    dsn = read_secret("delivery-database")["owner_dsn"]
    run.apply([{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "nowhere"},
                "stringData": {"owner_dsn": dsn.replace("@postgres:5432", "@postgres:5433")}}])
    for what, change, words in (
            ("a missing Secret", ("migrate", "env", _database("no-such-secret"), True), 'secret "no-such-secret" not found'),
            ("a wrong image", ("delivery", "image", "restaurant/delivery:no-such-tag"), "ImagePull"),
            ("no database", ("migrate", "env", _database("nowhere"), True), "The database is away")):
        _change(*change)
        try:
            wait_ready(40)
            said = "ALL PODS ARE READY"
        except Trouble as trouble:
            said = str(trouble)
        run.check(f"{what}: {said}", "delivery-" in said and words in said)
        back()
