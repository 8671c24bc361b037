"""What must hold after every drill: no acknowledged order is lost or decided twice, the
services agree, stock is conserved, and nothing is left behind in an outbox."""

from collections import Counter

from .kube import eventually, sql

# What the kitchen's ticket may be, by the order's status.
AGREES = {
    "ORDERED": {"COOKING", "COOKED"},
    "COMPLETED": {"COOKED"},
    "REJECTED": {"REJECTED"},
    "CANCELLED": {"CANCELLED"},
}


def _disagreements():
    """Orders that are not (yet) what the other services say."""
    tickets = dict(sql("cook", "SELECT order_id, status FROM tickets"))
    orders = dict(sql("order", "SELECT order_id, status FROM orders"))
    views = {row[0] for row in sql("mypage", "SELECT order_id FROM mypage_views")}
    wrong = [f"order {order} is {status}, its ticket {tickets.get(order)}"
             for order, status in orders.items()
             if tickets.get(order) not in AGREES.get(status, set())]
    wrong += [f"ticket {order} has no order" for order in tickets.keys() - orders.keys()]
    wrong += [f"order {order} is on no page" for order in orders.keys() - views]
    for service in ("order", "cook", "delivery"):
        waiting = sql(service, "SELECT count(*) FROM outbox WHERE published_at IS NULL")[0][0]
        if waiting != "0":
            wrong.append(f"{waiting} events wait in the outbox of {service}")
    return wrong, len(orders)


def settled(run, seconds=90):
    """Waits until everything agrees, and checks it."""
    last = []

    def agree():
        wrong, last[:] = _disagreements()[0], []
        last.extend(wrong)
        return not wrong
    try:
        eventually("the services agree", agree, seconds, pause=2)
    finally:
        count = int(sql("order", "SELECT count(*) FROM orders")[0][0])
        run.check(f"{count} orders, {len(last)} on which the services disagree"
                  + "".join(f"; {each}" for each in last[:3]), not last)
    ledger = sql("cook", """
        SELECT s.on_hand, (SELECT coalesce(sum(delta), 0) FROM stock_ledger l
                           WHERE (l.restaurant_id, l.restaurant_menu_id) = (s.restaurant_id, s.restaurant_menu_id))
        FROM stocks s""")
    bad = [row for row in ledger if row[0] != row[1]]
    run.check(f"stock is what the ledger says for {len(ledger)} dishes" if not bad
              else f"stock {bad[0][0]} but ledger {bad[0][1]}", not bad)
    parked = sum(int(sql(service, "SELECT count(*) FROM dead_letters WHERE redriven_at IS NULL")[0][0])
                 for service in ("order", "cook", "delivery", "mypage"))
    if parked:
        run.check(f"{parked} events are parked", False)


def acknowledged(run, placed, extra=0):
    """Every order that was acknowledged in `placed` (results) exists, and none that was not
    asked for. `extra`: further orders of the run's customer."""
    ok = sum(result.counts["OK"] for result in placed)
    asked = sum(result.asked for result in placed)
    stored = int(sql("order", f"SELECT count(*) FROM orders WHERE customer_id = {run.customer}")[0][0])
    run.check(f"{ok} acknowledged, {stored} stored, {asked} asked",
              ok + extra <= stored <= asked + extra)


def statuses(run):
    """How the run's orders stand: {status: count}."""
    return Counter({status: int(count) for status, count in sql(
        "order", f"SELECT status, count(*) FROM orders WHERE customer_id = {run.customer} GROUP BY 1")})
