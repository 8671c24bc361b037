"""What a browser gets through the mesh: the pages, and watches that last."""

import json
import threading
import time
import urllib.request

from system.settings import Trouble

from .. import tokens
from ..drill import drill
from ..kube import http
from ..up import ingress
from .faults import cancel, orders

# Longer than the time-outs of every other route, and than a heartbeat takes to come.
WATCHED = 25


class Watch:
    """Server-sent events of a path, read as they come: [(when, event)]."""

    def __init__(self, url, headers):
        self.events = []
        self.ended = None
        self._answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        try:
            for line in self._answer:
                if line.startswith(b"data:"):
                    self.events.append((time.monotonic(), json.loads(line[len("data:"):])))
            self.ended = "it ended"
        except (OSError, ValueError) as error:
            self.ended = str(error)

    def wait(self, what, holds, seconds=10):
        """When an event came for which `holds`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for when, event in self.events:
                if holds(event):
                    return when
            if self.ended:
                break
            time.sleep(0.01)
        raise Trouble(f"the watch did not say {what} ({self.ended or 'it goes on'})")


@drill("a page and a watch through the ingress: no proxy ends it, changes come at once")
def watch(run):
    [order] = orders(run, 1)
    with ingress() as url:
        status, page = http("GET", url + "/")
        run.check(f"the customer's page: {status}, {len(page)} bytes", status == 200 and "<html" in page)
        watching = Watch(f"{url}/mypages/{order}:watch", tokens.bearer("customer", str(run.customer)))
        watching.wait("how the order stands", lambda event: "mypage" in event)
        time.sleep(WATCHED)
        beats = sum("heartbeat" in event for _, event in watching.events)
        run.check(f"after {WATCHED} s: {beats} heartbeats, {watching.ended or 'it goes on'}",
                  beats > 0 and not watching.ended)
        began = time.monotonic()
        cancel(run, [order])
        seen = watching.wait("the cancel", lambda event: event.get("mypage", {}).get(
            "order_status") == "ORDER_STATUS_CANCELLED")
        run.check(f"a cancel was seen {1000 * (seen - began):.0f} ms after ghz was started to ask for it",
                  seen - began < 5)
