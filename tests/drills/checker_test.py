#!/usr/bin/env python3
"""Does the checker catch what it claims to? Small, hand-made worlds in a database of the
test's own: one in which all is well, and for each invariant some in which just that is broken.

As ctest runs it: writes a GoogleTest report to $GTEST_OUTPUT. Needs TEST_PG_URL (the connection
string of a server on which databases may be created), else starts a Postgres of its own.
"""

import contextlib
import datetime
import os
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree as xml

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "scripts"))

from drills import facts, invariants, snapshot, story  # noqa: E402
from drills.faults import Harm  # noqa: E402
from drills.plan import Step  # noqa: E402
from drills.resources import (BYTES_PER_ROW, Held, growth,  # noqa: E402
                              i14_back_to_where_they_were)
from drills.runner import Faults  # noqa: E402
from system import postgres  # noqa: E402
from system.settings import Trouble  # noqa: E402

# Orders of the world: one that was delivered, one cancelled while it cooked, one rejected, one
# cancelled before the kitchen had heard of it.
DONE, CANCELLED, REJECTED, EARLY = (f"00000000-0000-7000-8000-00000000000{n}" for n in range(1, 5))
NOBODYS = "00000000-0000-7000-8000-0000000000ff"


def event_id(number):
    return f"00000000-0000-4000-8000-{number:012d}"


# (service, order, version, type, subject, status number, name in the timeline)
EVENTS = [
    ("order", DONE, 1, "Ordered", "order.ordered", 1, "ORDERED"),
    ("cook", DONE, 1, "CookStarted", "cook.started", 1, "COOKING"),
    ("cook", DONE, 2, "Cooked", "cook.cooked", 2, "COOKED"),
    ("delivery", DONE, 1, "DeliveryStarted", "delivery.started", 1, "DELIVERY_STARTED"),
    ("delivery", DONE, 2, "Delivered", "delivery.delivered", 2, "DELIVERED"),
    ("order", DONE, 2, "OrderCompleted", "order.completed", 2, "COMPLETED"),
    ("order", CANCELLED, 1, "Ordered", "order.ordered", 1, "ORDERED"),
    ("cook", CANCELLED, 1, "CookStarted", "cook.started", 1, "COOKING"),
    ("cook", CANCELLED, 2, "CookCancelled", "cook.cancelled", 3, "COOK_CANCELLED"),
    ("order", CANCELLED, 2, "OrderCancelled", "order.cancelled", 4, "CANCELLED"),
    ("order", REJECTED, 1, "Ordered", "order.ordered", 1, "ORDERED"),
    ("cook", REJECTED, 1, "CookQtyChecked", "cook.qty_checked", 4, "QTY_OVER"),
    ("order", REJECTED, 2, "OrderRejected", "order.rejected", 3, "REJECTED"),
    ("order", EARLY, 1, "Ordered", "order.ordered", 1, "ORDERED"),
    ("cook", EARLY, 1, "CookCancelled", "cook.cancelled", 3, "COOK_CANCELLED"),
    ("order", EARLY, 2, "OrderCancelled", "order.cancelled", 4, "CANCELLED"),
]
VIEWS = {DONE: (2, 2, 2, 2, 2, 2), CANCELLED: (4, 3, 0, 2, 2, 0), REJECTED: (3, 4, 0, 2, 1, 0),
         EARLY: (4, 3, 0, 2, 1, 0)}


def at(number):
    return f"2026-01-01T00:00:{number:02d}.000000Z"


def well(world):
    """Fills a world in which all is well."""
    said = [(service, event_id(n), order, version, f"restaurant.{subject}",
             f"restaurant.{service}.v1.{kind}", at(n), at(n), n + 1)
            for n, (service, order, version, kind, subject, _, _) in enumerate(EVENTS)]
    world.fill("outbox", "service, event_id, order_id, version, subject, event_type, event_time, "
               "published_at, stream_sequence", said)
    declared = list(snapshot.declarations(["order", "cook", "delivery", "mypage"]))
    world.fill("durables", "service, stream, durable, subject, pending, unacknowledged",
               [(*entry[:3], snapshot._like(entry[3]), 0, 0) for entry in declared])
    world.fill("stream", "stream, sequence, event_id, message_id, subject, order_id, version",
               [(row[0].upper(), row[8], row[1], row[1], row[4], row[2], row[3]) for row in said])
    world.sql("""INSERT INTO inbox SELECT DISTINCT d.service, d.durable, e.event_id, e.event_time
                 FROM outbox e JOIN durables d ON e.subject LIKE d.subject;""")
    orders = [(DONE, "COMPLETED", "k1"), (CANCELLED, "CANCELLED", "k2"),
              (REJECTED, "REJECTED", "k3"), (EARLY, "CANCELLED", "k4")]
    world.fill("orders", "order_id, customer_id, restaurant_id, restaurant_menu_id, qty, status, "
               "version, request_id, created_at, modified_at, reason",
               [(order, 5, 7, 1, 2, status, 2, key, at(0), at(20), "") for order, status, key in orders])
    world.fill("tickets", "order_id, restaurant_id, restaurant_menu_id, customer_id, qty, status, "
               "version, created_at, modified_at, reason, cancelled_by",
               [(order, 7, 1, 5, 2, status, version, at(1), at(20), "", "")
                for order, status, version in ((DONE, "COOKED", 2), (CANCELLED, "CANCELLED", 2),
                                               (REJECTED, "REJECTED", 1), (EARLY, "CANCELLED", 1))])
    world.fill("deliveries", "order_id, restaurant_id, restaurant_menu_id, customer_id, qty, "
               "status, version, created_at, modified_at",
               [(DONE, 7, 1, 5, 2, "DELIVERED", 2, at(3), at(4))])
    views = []
    for order, numbers in VIEWS.items():
        mine = [(n, entry) for n, entry in enumerate(EVENTS) if entry[1] == order]
        lines = [f"{at(n)}\t{service}\t{version}\t{number}\t{name}\tby\t{event_id(n)}\t"
                 for n, (service, _, version, _, _, number, name) in mine]
        views.append((order, 5, 7, 1, 2, *numbers, len(mine), "\n".join(lines)))
    world.fill("views", "order_id, customer_id, restaurant_id, restaurant_menu_id, qty, "
               "order_status, cook_status, delivery_status, order_version, cook_version, "
               "delivery_version, version, timeline", views)
    world.fill("stocks", "restaurant_id, restaurant_menu_id, on_hand", [(7, 1, 1)])
    world.fill("stock_ledger", "entry_id, restaurant_id, restaurant_menu_id, delta, kind, "
               "order_id, at",
               [(1, 7, 1, 3, "set", None, at(0)), (2, 7, 1, -2, "take", DONE, at(1)),
                (3, 7, 1, 2, "set", None, at(2)), (4, 7, 1, -2, "take", CANCELLED, at(3)),
                (5, 7, 1, 2, "return", CANCELLED, at(4)), (6, 7, 1, -2, "set", None, at(5))])
    asked = [(n, "place", 10 + n, 10 + n, 20 + n, "OK", None, None, key, 5, 7, 1, 2, order,
              "ORDERED", 1, f"{order} told")
             for n, (order, _, key) in enumerate(orders)]
    asked += [
        (10, "place", 30, 30, 40, "OK", None, None, "k1", 5, 7, 1, 2, DONE, "ORDERED", 1,
         f"{DONE} told"),
        (11, "place", 30, 30, 40, "ALREADY_EXISTS", "IDEMPOTENCY_KEY_REUSED", None, "k1", 5, 7, 1,
         3, None, None, None, None),
        (12, "cancel", 30, 30, 40, "OK", None, None, None, 5, None, None, None, CANCELLED,
         "CANCELLED", 2, None),
        (13, "cancel", 30, 30, 40, "OK", None, None, None, 5, None, None, None, EARLY,
         "CANCEL_PENDING", 2, None),
        (14, "cancel", 50, 50, 60, "FAILED_PRECONDITION", "ALREADY_COOKED", None, None, 5, None,
         None, None, DONE, None, None, None),
        (15, "finish", 30, 30, 40, "OK", None, None, None, None, None, None, None, DONE, "COOKED",
         2, None),
        (16, "finish", 30, 30, 40, "FAILED_PRECONDITION", "TICKET_CANCELLED", None, None, None,
         None, None, None, CANCELLED, None, None, None),
        (17, "get", 30, 30, 40, "OK", None, None, None, 5, None, None, None, DONE, "ORDERED", 1,
         None),
        (18, "get", 50, 50, 60, "OK", None, None, None, 5, None, None, None, DONE, "COMPLETED", 2,
         None),
        (19, "place", 30, 30, 40, "RESOURCE_EXHAUSTED", "OVERLOADED", "t", "k9", 5, 7, 1, 2, None,
         None, None, None),
        # No answer, while a fault was on.
        (20, "place", 100, 100, 200, "UNAVAILABLE", None, None, "k8", 5, 7, 1, 2, None, None, None,
         None),
    ]
    world.fill("history", "n, op, intended, sent, ended, code, reason, retry, key, customer, "
               "restaurant, menu, qty, order_id, status, version, told", asked)
    world.fill("faults", "began, ended, calls, undoes_commits",
               [(90, 210, "{place,cancel,get}", False)])


# After a harm that all calls felt.
PAGE_WENT_BACK = """UPDATE history SET op = 'view' WHERE n IN (17, 18);
    UPDATE history SET version = 0 WHERE n = 18;
    UPDATE faults SET calls = '{place,cancel,get,view}', began = 42, ended = 48"""

# What is broken, by the invariant that must notice: it may break others, too.
BROKEN = [
    ("I1", "an acknowledged order is lost", f"DELETE FROM orders WHERE order_id = '{DONE}'"),
    ("I1", "an order has no ticket", f"DELETE FROM tickets WHERE order_id = '{DONE}'"),
    ("I1", "the kitchen decided twice", f"""INSERT INTO outbox SELECT service, gen_random_uuid(),
        order_id, 1, subject, 'restaurant.cook.v1.CookQtyChecked' FROM outbox
        WHERE service = 'cook' AND order_id = '{DONE}' AND version = 1"""),
    ("I1", "another quantity was stored", f"UPDATE orders SET qty = 9 WHERE order_id = '{DONE}'"),
    ("I2", "an order that nobody placed", "DELETE FROM history WHERE key = 'k3'"),
    ("I2", "a refused order was stored",
     "UPDATE history SET code = 'RESOURCE_EXHAUSTED', retry = true WHERE key = 'k3'"),
    ("I2", "a ticket of no order", f"DELETE FROM orders WHERE order_id = '{EARLY}'"),
    ("I2", "a delivery of what was not cooked",
     f"UPDATE tickets SET status = 'COOKING' WHERE order_id = '{DONE}'"),
    ("I2", "cancelled without a wish",
     f"DELETE FROM history WHERE op = 'cancel' AND order_id = '{CANCELLED}'"),
    ("I3", "an order has not ended",
     f"UPDATE orders SET status = 'ORDERED' WHERE order_id = '{DONE}'"),
    ("I3", "order and cook disagree",
     f"UPDATE tickets SET status = 'COOKED' WHERE order_id = '{CANCELLED}'"),
    ("I3", "delivered, and not completed",
     f"UPDATE deliveries SET status = 'STARTED' WHERE order_id = '{DONE}'"),
    ("I3", "changed after its end",
     f"""UPDATE outbox SET version = 3 WHERE order_id = '{CANCELLED}' AND service = 'order' AND
         version = 1"""),
    ("I3", "a version went back", "UPDATE history SET version = 0 WHERE n = 18"),
    ("I3", "a page went back, and nothing had crashed", PAGE_WENT_BACK),
    ("I3", "an order went back in a crash", "UPDATE history SET version = 0 WHERE n = 18; "
     "UPDATE faults SET undoes_commits = true, began = 42, ended = 48"),
    ("I3", "an end did not stay", "UPDATE history SET status = 'REJECTED' WHERE n = 17"),
    ("I4", "the ledger is not the balance", "UPDATE stocks SET on_hand = 2"),
    ("I4", "below zero", "UPDATE stock_ledger SET delta = 1 WHERE entry_id = 1; "
     "UPDATE stocks SET on_hand = -1"),
    ("I4", "returned twice", f"INSERT INTO stock_ledger SELECT 9, restaurant_id, "
     f"restaurant_menu_id, delta, kind, order_id, at FROM stock_ledger WHERE entry_id = 5; "
     "UPDATE stocks SET on_hand = 3"),
    ("I4", "not returned", "DELETE FROM stock_ledger WHERE entry_id = 5; "
     "UPDATE stocks SET on_hand = -1"),
    ("I4", "a tombstone returned stock", f"INSERT INTO stock_ledger VALUES (9, 7, 1, 2, 'return', "
     f"'{EARLY}', now()); UPDATE stocks SET on_hand = 3"),
    ("I5", "said cancelled, and it is not", f"UPDATE orders SET status = 'COMPLETED' "
     f"WHERE order_id = '{CANCELLED}'"),
    ("I5", "said cancelled, and it was cooked", f"""UPDATE outbox SET
        event_type = 'restaurant.cook.v1.Cooked' WHERE order_id = '{CANCELLED}' AND
        service = 'cook' AND version = 1"""),
    ("I5", "refused, and cancelled by it",
     f"UPDATE history SET order_id = '{CANCELLED}' WHERE n = 14"),
    ("I5", "pending for ever",
     f"UPDATE orders SET status = 'CANCEL_PENDING' WHERE order_id = '{EARLY}'"),
    ("I5", "said finished, and it was cancelled",
     f"UPDATE history SET order_id = '{CANCELLED}' WHERE n = 15"),
    ("I6", "a change without an event",
     f"UPDATE orders SET version = 3 WHERE order_id = '{DONE}'"),
    ("I6", "a hole in the versions", f"""UPDATE outbox SET version = 3 WHERE service = 'cook' AND
        order_id = '{DONE}' AND version = 2"""),
    ("I6", "never published", "UPDATE outbox SET published_at = NULL WHERE version = 2 AND "
     "service = 'order'"),
    ("I6", "lost by the stream", "DELETE FROM stream WHERE sequence = 3"),
    ("I6", "an event of no row", f"UPDATE outbox SET order_id = '{NOBODYS}' "
     "WHERE service = 'delivery'"),
    ("I7", "delivered twice", f"""INSERT INTO outbox SELECT service, gen_random_uuid(), order_id,
        3, subject, event_type, now(), now(), 99 FROM outbox WHERE service = 'delivery' AND
        version = 2"""),
    ("I7", "stock taken twice", f"INSERT INTO stock_ledger VALUES (9, 7, 1, -2, 'take', "
     f"'{DONE}', now())"),
    ("I7", "twice in the timeline", "INSERT INTO timeline SELECT * FROM timeline LIMIT 1"),
    ("I7", "twice in an inbox", "INSERT INTO inbox SELECT * FROM inbox LIMIT 1"),
    ("I8", "an event was skipped", "DELETE FROM inbox WHERE service = 'delivery'"),
    ("I8", "published out of order", "UPDATE stream SET sequence = 50 WHERE sequence = 2"),
    ("I8", "mypage is behind", "UPDATE views SET cook_version = 1 WHERE cook_version = 2"),
    ("I9", "no row", f"DELETE FROM views WHERE order_id = '{EARLY}'"),
    ("I9", "an event is missing in the timeline",
     "DELETE FROM timeline WHERE event_id = (SELECT min(event_id::text)::uuid FROM timeline)"),
    ("I9", "an event of nobody in the timeline",
     "UPDATE timeline SET event_id = gen_random_uuid() WHERE status = 'COOKED'"),
    ("I9", "the status of an earlier event",
     "UPDATE views SET order_status = 1 WHERE order_status = 2"),
    ("I9", "another customer", f"UPDATE views SET customer_id = 6 WHERE order_id = '{DONE}'"),
    ("I10", "one key, two answers", f"UPDATE history SET told = 'other' WHERE n = 10"),
    ("I10", "one key, two orders",
     f"UPDATE orders SET request_id = 'k1' WHERE order_id = '{REJECTED}'"),
    ("I10", "another body was accepted",
     f"UPDATE history SET code = 'OK', order_id = '{DONE}', told = '{DONE} told' WHERE n = 11"),
    ("I10", "its own repeat was refused", "UPDATE history SET qty = 2 WHERE n = 11"),
    ("I11", "still pending", "UPDATE durables SET pending = 1 WHERE service = 'cook'"),
    ("I11", "a durable is missing", "UPDATE durables SET pending = NULL, unacknowledged = NULL "
     "WHERE service = 'cook'"),
    ("I11", "neither applied nor parked", "DELETE FROM inbox WHERE service = 'mypage' AND "
     f"event_id = '{event_id(3)}'"),
    ("I11", "parked without a reason", "INSERT INTO dead_letters VALUES ('cook', 'cook', 'ORDER', "
     "9, 'x', 's', '', 3)"),
    ("I11", "parked without its payload", f"INSERT INTO dead_letters VALUES ('cook', 'cook', "
     f"'ORDER', 1, '{event_id(0)}', 's', 'why', 0)"),
    ("I12", "a defect is the answer",
     "UPDATE history SET code = 'INTERNAL', reason = 'INTERNAL' WHERE n = 17"),
    ("I12", "a refusal does not say when", "UPDATE history SET retry = NULL WHERE n = 19"),
    ("I12", "no answer, and nothing was wrong", "DELETE FROM faults"),
    ("I12", "no answer but that of the gateway, and nothing was wrong",
     "UPDATE history SET code = 'UNAVAILABLE', reason = 'SERVICE_UNAVAILABLE', retry = true "
     "WHERE n = 20; DELETE FROM faults"),
    ("I12", "no answer, and another service was down", "UPDATE faults SET calls = '{view}'"),
    ("I12", "too many answers were late",
     "UPDATE history SET code = 'DEADLINE_EXCEEDED' WHERE n = 20; DELETE FROM faults"),
    ("I12", "much too late", "UPDATE history SET ended = sent + 8000000 WHERE n = 20"),
    ("I12", "an acknowledged order is not found",
     "UPDATE history SET code = 'NOT_FOUND', reason = 'ORDER_NOT_FOUND' WHERE n = 17"),
]


class CheckerTest(unittest.TestCase):
    """One case for each broken world is added below. Damage is undone after each question."""

    @classmethod
    def setUpClass(cls):
        cls.world = snapshot.Snapshot(ADMIN_DSN)
        well(cls.world)
        cls.world.ready()

    @classmethod
    def tearDownClass(cls):
        cls.world.__exit__()

    def tearDown(self):
        self.world.damage = ""

    def test_all_is_well(self):
        found = invariants.judge(self.world)
        self.assertEqual(found, [], story.describe(self.world, found))

    def test_a_crash_of_postgres_takes_a_page_back(self):
        self.world.damage = PAGE_WENT_BACK + "; UPDATE faults SET undoes_commits = true"
        found = invariants.judge(self.world)
        self.assertNotIn("I3", [violation.invariant for violation in found])

    def test_the_story_of_a_violation_is_told(self):
        self.world.damage = f"UPDATE tickets SET status = 'COOKED' WHERE order_id = '{CANCELLED}'"
        text = story.describe(self.world, invariants.judge(self.world))
        for part in (CANCELLED, "client    cancel OK CANCELLED", "CookCancelled", "stock return 2",
                     "applied restaurant.order.v1.Ordered"):
            self.assertIn(part, text)

    def test_i14_leaks(self):
        class Usage:
            def __init__(self, memory, descriptors, connections, dead_rows, name="cook"):
                self.processes = {name: Held(memory, descriptors, 1)}
                self.connections, self.dead_rows = connections, dead_rows

        before = Usage(50, 40, 10, 100)
        self.assertEqual(i14_back_to_where_they_were(before, Usage(60, 45, 12, 200), 100), [])
        for worse in (Usage(500, 40, 10, 100), Usage(50, 400, 10, 100), Usage(50, 40, 300, 100),
                      Usage(50, 40, 10, 10**6), Usage(50, 40, 10, 100, name="order")):
            found = i14_back_to_where_they_were(before, worse, 100)
            self.assertEqual([violation.invariant for violation in found], ["I14"])

    def test_when_the_load_is_over_no_more_harm_is_done(self):
        class Driver:
            def __init__(self):
                self.done = []

            def do(self, action):
                self.done.append(action)
                return {"kills": 1}

        for trouble in (None, Trouble("broken off")):
            driver = Driver()
            with self.assertRaises(Trouble) if trouble else contextlib.nullcontext():
                with Faults(driver, [Step(0, "kill", {}), Step(0.5, "restart", {})]) as faults:
                    while not driver.done:
                        time.sleep(0.01)
                    if trouble:
                        raise trouble
            self.assertEqual(driver.done, ["kill"])
            self.assertEqual(faults.counts, {"kills": 1})

    def test_answers_are_back_when_the_last_that_the_fault_kept_from_one_was_sent(self):
        def failed(call, sent, ended):
            return {"op": call, "s": sent * 10**6, "e": ended * 10**6, "code": "UNAVAILABLE"}

        def harm(call, at):
            return Harm("kill", (call,), at * 10**6, at * 10**6)

        harms = [harm("place", 100), harm("ticket", 101), harm("place", 106)]
        lasting = Harm("away", ("place",), 98 * 10**6, 101 * 10**6)
        self.assertEqual(facts.of_history([failed("place", 100.2, 100.3)], [harms[0], lasting]),
                         {"back_seconds": 0})
        self.assertEqual(facts.of_history([], harms), {"back_seconds": 0})
        history = [
            failed("place", 99, 100.5), failed("place", 100.2, 100.3), failed("place", 102, 102.1),
            failed("view", 103, 103.1),  # not by a fault of this call
            failed("place", 105, 106.5),  # by the next
            failed("place", 106.1, 106.2),
            failed("place", 130, 130.1),  # by none of them
        ]
        self.assertEqual(facts.of_history(history, harms), {"back_seconds": 2})

    def test_how_quickly_was_refused(self):
        def line(second, code, flags, took):
            return (f'{{"time":"2026-11-29T00:00:{second:02}.000000Z","code":"{code}",'
                    f'"duration_ms":{took},"flags":"{flags}"}}\n')

        with tempfile.NamedTemporaryFile("w", suffix=".log") as log:
            log.write(line(1, "RESOURCE_EXHAUSTED", "UO", 99)  # before it began
                      + line(3, "RESOURCE_EXHAUSTED", "UO", 2)
                      + line(3, "RESOURCE_EXHAUSTED", "UO", 30)
                      + line(4, "RESOURCE_EXHAUSTED", "-", 1)  # by a service
                      + line(5, "OK", "-", 1) + line(6, "RESOURCE_EXHAUSTED", "UO", 1)[:-3])
            log.flush()
            began = datetime.datetime(2026, 11, 29, 0, 0, 2, tzinfo=datetime.timezone.utc)
            seen = {"refused_by_services": 2, "refused_by_services_quickly": 2}
            self.assertEqual(facts.of_refusals(log.name, began.timestamp(), seen),
                             {"refused_by_gateway": 2, "refused_within_10_ms_percent": 75})
            self.assertEqual(facts.of_refusals(log.name, began.timestamp() + 60,
                                               dict.fromkeys(seen, 0)), {})

    def test_what_a_drill_demands(self):
        drill = {"at_least": {"kills": [2, 20]}, "at_most": {"grew": 1.1}}
        self.assertEqual(facts.missed(facts.limits(drill, False), {"kills": 2, "grew": 1.1}), [])
        for full, seen in ((True, {"kills": 2, "grew": 1}), (False, {"kills": 1, "grew": 1}),
                           (False, {"grew": 1}), (False, {"kills": 2, "grew": 1.2}),
                           (False, {"kills": 2})):
            self.assertEqual(len(facts.missed(facts.limits(drill, full), seen)), 1)

    def test_bytes_for_each_row(self):
        found = postgres.sql(ADMIN_DSN, "CREATE TABLE two AS VALUES (1), (2); " + BYTES_PER_ROW)
        self.assertEqual(float(found[0][0]), 8192 / 2)

    def test_growth_is_that_of_whoever_grew_most_and_lived(self):
        def sample(time, memory, connections, **bytes_per_row):
            return {"time": time, "connections": connections, "bytes_per_row": bytes_per_row,
                    **{name: Held(mib, 20, pid) for name, (mib, pid) in memory.items()}}

        samples = [
            # Before and between the five minutes that are compared.
            sample(200, {"cook": (1, 1), "order": (1, 2), "mypage": (1, 3)}, 1, cook=1),
            sample(500, {"cook": (30, 1), "order": (30, 2), "mypage": (30, 3)}, 50, cook=400),
            sample(550, {"cook": (30, 1), "order": (90, 2), "mypage": (30, 3)}, 48, cook=200),
            sample(600, {"cook": (30, 1), "order": (30, 2), "mypage": (30, 3)}, 40, cook=300),
            sample(800, {"cook": (99, 1), "order": (99, 2), "mypage": (99, 3)}, 99, cook=999),
            sample(1000, {"cook": (31.5, 1), "order": (36, 2), "mypage": (90, 4)}, 45, cook=440),
            {"time": 1100},
        ]
        found = growth(samples, then=600, now=1100)
        self.assertEqual(found, {
            "memory_grew": 1.2, "memory_grew_most": "order 2: 30.0 to 36.0",
            "descriptors_grew": 1.0, "descriptors_grew_most": "order 2: 20.0 to 20.0",
            "connections_grew": 0.9, "connections_grew_most": "all: 50.0 to 45.0",
            "bytes_per_row_grew": 1.1, "bytes_per_row_grew_most": "cook: 400.0 to 440.0"})
        for kind in ("memory", "descriptors", "connections", "bytes_per_row"):
            self.assertGreater(growth(samples, then=600, now=2000)[f"{kind}_grew"], 1.1)


def _add(number, invariant, what, damage):
    def test(self):
        self.world.damage = damage
        judge = next(f for f in invariants.ALL if f.__name__.startswith(f"{invariant.lower()}_"))
        self.assertNotEqual(judge(self.world), [])

    name = f"test_{invariant.lower()}_{number:02d}_{what.replace(' ', '_').replace(',', '')}"
    setattr(CheckerTest, name, test)


for _number, _broken in enumerate(BROKEN):
    _add(_number, *_broken)


class Result(unittest.TextTestResult):
    """Also keeps what passed, for the report."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.passed = []

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed.append(test)


def write_report(result, folder):
    """As GoogleTest writes it, for scripts/results."""
    report = xml.Element("testsuites")
    suite = xml.SubElement(report, "testsuite", name="CheckerTest")
    for test in result.passed:
        xml.SubElement(suite, "testcase", name=test.id(), classname="CheckerTest", status="run")
    for test, text in result.failures + result.errors:
        case = xml.SubElement(suite, "testcase", name=test.id(), classname="CheckerTest")
        xml.SubElement(case, "failure", message=text)
    xml.ElementTree(report).write(os.path.join(folder, "checker_test.xml"))


def main():
    global ADMIN_DSN
    own = None
    if "TEST_PG_URL" in os.environ:
        ADMIN_DSN = os.environ["TEST_PG_URL"]
    else:
        own = {**os.environ, "RUN_DIR": tempfile.mkdtemp(prefix="checker-test-"),
               "POSTGRES_SETTINGS": "fsync=off"}
        subprocess.run([f"{TOP}/scripts/up", "--only", "postgres"], env=own, check=True)
        os.environ["RUN_DIR"] = own["RUN_DIR"]
        from system import settings
        ADMIN_DSN = settings.Settings.load()["POSTGRES_DSN"]
    try:
        program = unittest.main(
            exit=False, testRunner=unittest.TextTestRunner(resultclass=Result, verbosity=1))
    finally:
        if own:
            subprocess.run([f"{TOP}/scripts/down", "--purge"], env=own, check=False)
    output = os.environ.get("GTEST_OUTPUT", "")
    if output.startswith("xml:"):
        write_report(program.result, output.removeprefix("xml:"))
    return 0 if program.result.wasSuccessful() else 1


sys.exit(main())
