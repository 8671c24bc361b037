"""What must hold once the system has come to rest: I1 to I12, a function each, asked of a
snapshot. Each returns its violations; none is what everybody wants to see.

An operation whose answer never came ("unknown") may have been carried out or not, once.
"""

import collections

Violation = collections.namedtuple("Violation", "invariant order_id text")

FINAL = "('COMPLETED', 'CANCELLED', 'REJECTED')"
# Status numbers of the views.
ORDER_STATUS = "ARRAY['ORDERED','COMPLETED','REJECTED','CANCELLED','CANCEL_PENDING']"
COOK_STATUS = "ARRAY['COOKING','COOKED','CANCELLED','REJECTED']"
DELIVERY_STATUS = "ARRAY['STARTED','DELIVERED']"

# An answer may be late by so much before it counts as none, in microseconds.
SLACK = 2_000_000
# After a fault ended, calls may still go unanswered for so long.
AFTERMATH = 10_000_000
# After so long the broker delivers again what was not acknowledged.
ACK_WAIT = 30_000_000
# One in so many calls may come too late for no known reason: the machine has other things to do.
LATE_PER_CALL = 100


def _ask(snapshot, invariant, *queries):
    """Queries that return (order id or '', text) for each violation."""
    together = " UNION ALL ".join(
        f"SELECT order_id::text, text FROM ({query}) AS q (order_id, text)" for query in queries)
    return [Violation(invariant, *row) for row in snapshot.sql(together + ";")]


def i1_acknowledged_orders_exist_once(snapshot):
    """Every acknowledged order is in order's database, as asked for, and led to exactly one
    decision in cook."""
    return _ask(
        snapshot, "I1",
        """SELECT DISTINCT h.order_id, 'acknowledged, but order does not have it'
           FROM history h LEFT JOIN orders o USING (order_id)
           WHERE h.op = 'place' AND h.answer = 'yes' AND o.order_id IS NULL""",
        """SELECT DISTINCT h.order_id, 'stored is not what was acknowledged: ' || h.told
           FROM history h JOIN orders o USING (order_id)
           WHERE h.op = 'place' AND h.answer = 'yes' AND
                 (h.key, h.customer, h.restaurant, h.menu, h.qty) IS DISTINCT FROM
                 (o.request_id, o.customer_id, o.restaurant_id, o.restaurant_menu_id, o.qty)""",
        """SELECT order_id, 'is in order ' || count(*) || ' times' FROM orders
           GROUP BY order_id HAVING count(*) > 1""",
        """SELECT o.order_id, 'cook has ' || count(t.order_id) || ' tickets for it'
           FROM orders o LEFT JOIN tickets t USING (order_id)
           GROUP BY o.order_id HAVING count(t.order_id) <> 1""",
        """SELECT o.order_id, 'cook decided ' || count(e.event_id) || ' times'
           FROM orders o LEFT JOIN outbox e ON e.order_id = o.order_id AND e.service = 'cook'
                AND e.version = 1
           GROUP BY o.order_id HAVING count(e.event_id) <> 1""")


def i2_no_effect_without_a_request(snapshot):
    """Nothing was done that nobody asked for, nor what was refused."""
    return _ask(
        snapshot, "I2",
        """SELECT o.order_id, 'an order that nobody placed, or that was refused'
           FROM orders o WHERE NOT EXISTS (
               SELECT FROM history h WHERE h.op = 'place' AND h.key = o.request_id AND
               h.customer = o.customer_id AND h.qty = o.qty AND h.answer <> 'no')""",
        """SELECT t.order_id, 'a ticket without an order'
           FROM tickets t LEFT JOIN orders o USING (order_id) WHERE o.order_id IS NULL""",
        """SELECT d.order_id, 'a delivery of what was not cooked'
           FROM deliveries d LEFT JOIN tickets t USING (order_id)
           WHERE t.status IS DISTINCT FROM 'COOKED'""",
        """SELECT t.order_id, 'cancelled, and nobody asked for it'
           FROM tickets t WHERE t.status = 'CANCELLED' AND NOT EXISTS (
               SELECT FROM history h WHERE h.op = 'cancel' AND h.order_id = t.order_id AND
               h.answer <> 'no')""",
        """SELECT l.order_id, 'stock was moved for an order that is not there'
           FROM stock_ledger l LEFT JOIN tickets t USING (order_id)
           WHERE l.order_id IS NOT NULL AND t.order_id IS NULL AND
                 l.order_id >= (SELECT min(order_id::text)::uuid FROM orders)""")


def i3_one_end_and_all_agree(snapshot):
    """Each order ends once, the four services agree, versions only grow and an end stays."""
    return _ask(
        snapshot, "I3",
        f"""SELECT order_id, 'has not ended: ' || status FROM orders
            WHERE status NOT IN {FINAL}""",
        f"""SELECT o.order_id, concat_ws(' ', 'they disagree: order', o.status, 'cook',
                   coalesce(t.status, '-'), 'delivery', coalesce(d.status, '-'), 'mypage',
                   coalesce(({ORDER_STATUS})[v.order_status], '-'))
            FROM orders o LEFT JOIN tickets t USING (order_id)
                 LEFT JOIN deliveries d USING (order_id) LEFT JOIN views v USING (order_id)
            WHERE o.status IN {FINAL} AND
                  (t.status, d.status, ({ORDER_STATUS})[v.order_status]) IS DISTINCT FROM
                  (CASE o.status WHEN 'COMPLETED' THEN 'COOKED' ELSE o.status END,
                   CASE o.status WHEN 'COMPLETED' THEN 'DELIVERED' END, o.status)""",
        """SELECT order_id, 'changed after its end'
           FROM outbox WHERE service = 'order' AND event_type ~
                '(OrderCompleted|OrderCancelled|OrderRejected)$'
           GROUP BY order_id HAVING count(*) > 1 OR max(version) <
                (SELECT max(version) FROM outbox x
                 WHERE x.service = 'order' AND x.order_id = outbox.order_id)""",
        # mypage does not wait for the disk: a crash of Postgres takes back what it has shown until
        # the events come again.
        f"""SELECT a.order_id, 'read version ' || a.version || ' and later ' || b.version
            FROM history a JOIN history b ON b.order_id = a.order_id AND b.op = a.op AND
                 b.sent > a.ended AND b.version < a.version
            WHERE a.op IN ('get', 'view', 'ticket') AND a.answer = 'yes' AND b.answer = 'yes' AND
                  NOT (a.op = 'view' AND EXISTS (
                      SELECT FROM faults f
                      WHERE f.undoes_commits AND f.began <= b.ended AND
                            a.sent <= f.ended AND b.sent <= f.ended + {AFTERMATH} + {ACK_WAIT}))""",
        f"""SELECT h.order_id, 'was shown as ' || h.status || ' and is ' || o.status
            FROM history h JOIN orders o USING (order_id)
            WHERE h.op IN ('get', 'view', 'cancel') AND h.answer = 'yes' AND
                  h.status IN {FINAL} AND h.status <> o.status""")


def i4_stock_is_conserved(snapshot):
    """Per item: what was set and returned = what is on hand and was taken; never below 0."""
    return _ask(
        snapshot, "I4",
        """SELECT '', concat_ws(' ', 'item', s.restaurant_id, s.restaurant_menu_id, 'has',
                                s.on_hand, 'on hand and', coalesce(sum(l.delta), 0), 'in the ledger')
           FROM stocks s LEFT JOIN stock_ledger l USING (restaurant_id, restaurant_menu_id)
           GROUP BY s.restaurant_id, s.restaurant_menu_id, s.on_hand
           HAVING s.on_hand <> coalesce(sum(l.delta), 0)""",
        """SELECT coalesce(order_id::text, ''), 'stock went below 0: ' || balance FROM (
               SELECT order_id, sum(delta) OVER (PARTITION BY restaurant_id, restaurant_menu_id
                                                 ORDER BY entry_id) AS balance
               FROM stock_ledger) AS balances WHERE balance < 0""",
        """SELECT t.order_id, concat_ws(' ', 'of', t.qty, 'portions', coalesce(l.taken, 0),
                  'were taken and', coalesce(l.returned, 0), 'returned; the ticket is', t.status)
           FROM tickets t LEFT JOIN (
               SELECT order_id, -sum(delta) FILTER (WHERE kind = 'take') AS taken,
                      sum(delta) FILTER (WHERE kind = 'return') AS returned
               FROM stock_ledger GROUP BY order_id) AS l USING (order_id)
           WHERE (coalesce(l.taken, 0), coalesce(l.returned, 0)) <> CASE
                 WHEN t.status IN ('COOKING', 'COOKED') THEN (t.qty::bigint, 0::bigint)
                 WHEN t.status = 'CANCELLED' AND t.version > 1
                     THEN (t.qty::bigint, t.qty::bigint)
                 ELSE (0::bigint, 0::bigint) END""")


def i5_cancel_tells_the_truth(snapshot):
    """Cancelled means never cooked; a refusal means not cancelled by it; pending resolves. The
    kitchen's own button likewise."""
    return _ask(
        snapshot, "I5",
        """SELECT DISTINCT h.order_id, 'answered CANCELLED; the order is '
                  || coalesce(o.status, '-') || ', the ticket ' || coalesce(t.status, '-')
           FROM history h LEFT JOIN orders o USING (order_id) LEFT JOIN tickets t USING (order_id)
           WHERE h.op = 'cancel' AND h.answer = 'yes' AND h.status = 'CANCELLED' AND
                 (o.status, t.status) IS DISTINCT FROM ('CANCELLED', 'CANCELLED')""",
        """SELECT DISTINCT h.order_id, 'answered CANCELLED, and was cooked or delivered: '
                  || e.event_type
           FROM history h JOIN outbox e USING (order_id)
           WHERE h.op = 'cancel' AND h.answer = 'yes' AND h.status = 'CANCELLED' AND
                 e.event_type ~ '\\.(Cooked|DeliveryStarted|Delivered|OrderCompleted)$'""",
        """SELECT DISTINCT h.order_id, 'a cancel was refused with ' || h.reason ||
                  '; the ticket is ' || t.status
           FROM history h JOIN tickets t USING (order_id)
           WHERE h.op = 'cancel' AND h.code = 'FAILED_PRECONDITION' AND t.status <> CASE h.reason
                 WHEN 'ALREADY_COOKED' THEN 'COOKED' WHEN 'ORDER_COMPLETED' THEN 'COOKED'
                 ELSE 'REJECTED' END""",
        """SELECT DISTINCT h.order_id, 'a cancel is pending for ever'
           FROM history h JOIN orders o USING (order_id)
           WHERE h.op = 'cancel' AND o.status = 'CANCEL_PENDING'""",
        """SELECT DISTINCT h.order_id, 'a cancel was answered with ' || h.status
           FROM history h WHERE h.op = 'cancel' AND h.answer = 'yes' AND
                h.status NOT IN ('CANCELLED', 'CANCEL_PENDING')""",
        """SELECT DISTINCT h.order_id, 'finished, was the answer; the ticket is ' || t.status
           FROM history h JOIN tickets t USING (order_id)
           WHERE h.op = 'finish' AND h.answer = 'yes' AND t.status <> 'COOKED'""",
        """SELECT DISTINCT h.order_id, 'finishing was refused with ' || h.reason ||
                  '; the ticket is ' || t.status
           FROM history h JOIN tickets t USING (order_id)
           WHERE h.op = 'finish' AND h.code = 'FAILED_PRECONDITION' AND t.status <> CASE h.reason
                 WHEN 'TICKET_CANCELLED' THEN 'CANCELLED' ELSE 'REJECTED' END""")


def i6_outbox_is_complete(snapshot):
    """One event per state change, versions without a hole, all published and in the stream."""
    rows = " UNION ALL ".join(
        f"SELECT '{service}' AS service, order_id, version FROM {table}"
        for service, table in (("order", "orders"), ("cook", "tickets"),
                               ("delivery", "deliveries")))
    return _ask(
        snapshot, "I6",
        f"""SELECT r.order_id, concat_ws(' ', r.service, 'is at version', r.version, 'with',
                   count(e.event_id), 'events, the last of version', max(e.version))
            FROM ({rows}) AS r LEFT JOIN outbox e ON e.service = r.service AND
                 e.order_id = r.order_id
            GROUP BY r.service, r.order_id, r.version
            HAVING count(e.event_id) <> r.version OR count(DISTINCT e.version) <> r.version OR
                   max(e.version) IS DISTINCT FROM r.version""",
        f"""SELECT e.order_id, 'an event of ' || e.service || ' without a row: ' || e.event_type
            FROM outbox e LEFT JOIN ({rows}) AS r ON r.service = e.service AND
                 r.order_id = e.order_id WHERE r.order_id IS NULL""",
        """SELECT order_id, 'not published: ' || event_type || ' ' || event_id
           FROM outbox WHERE published_at IS NULL""",
        """SELECT e.order_id, 'published, but not in the stream: ' || e.event_type || ' '
                  || e.event_id
           FROM outbox e LEFT JOIN stream s ON s.event_id = e.event_id::text
           WHERE e.published_at IS NOT NULL AND s.event_id IS NULL""")


def i7_one_effect_per_event(snapshot):
    """However often an event was delivered, what it causes happened once."""
    return _ask(
        snapshot, "I7",
        """SELECT order_id, concat_ws(' ', event_type, 'happened', count(*), 'times')
           FROM outbox WHERE event_type !~ '(OrderCancelPending|OrderCancelRefused)$'
           GROUP BY order_id, event_type HAVING count(*) > 1""",
        """SELECT order_id, concat_ws(' ', 'stock:', kind, count(*), 'times') FROM stock_ledger
           WHERE order_id IS NOT NULL GROUP BY order_id, kind HAVING count(*) > 1""",
        """SELECT order_id, 'the timeline has ' || event_id || ' ' || count(*) || ' times'
           FROM timeline GROUP BY order_id, event_id HAVING count(*) > 1""",
        """SELECT '', concat_ws(' ', 'the inbox of', service, durable, 'has', event_id, count(*),
                                'times')
           FROM inbox GROUP BY service, durable, event_id HAVING count(*) > 1""")


def i8_nothing_skipped_for_good(snapshot):
    """Every event was applied by everybody who listens to it; versions only grow, in each stream
    and where they are applied."""
    return _ask(
        snapshot, "I8",
        """SELECT e.order_id, concat_ws(' ', d.service, 'has not applied', e.event_type,
                  e.event_id, (SELECT 'parked: ' || p.reason FROM dead_letters p
                               WHERE p.event_id = e.event_id::text AND p.service = d.service
                               LIMIT 1))
           FROM outbox e JOIN (SELECT DISTINCT service, durable, subject FROM durables) AS d
                ON e.subject LIKE d.subject
           LEFT JOIN inbox i ON i.event_id = e.event_id AND i.service = d.service
           WHERE i.event_id IS NULL""",
        """SELECT v.order_id, concat_ws(' ', 'mypage is at', v.order_version, v.cook_version,
                  v.delivery_version, 'of', max(e.version) FILTER (WHERE e.service = 'order'),
                  max(e.version) FILTER (WHERE e.service = 'cook'),
                  max(e.version) FILTER (WHERE e.service = 'delivery'))
           FROM views v JOIN outbox e USING (order_id)
           GROUP BY v.order_id, v.order_version, v.cook_version, v.delivery_version
           HAVING v.order_version <>
                      coalesce(max(e.version) FILTER (WHERE e.service = 'order'), 0) OR
                  v.cook_version <>
                      coalesce(max(e.version) FILTER (WHERE e.service = 'cook'), 0) OR
                  v.delivery_version <>
                      coalesce(max(e.version) FILTER (WHERE e.service = 'delivery'), 0)""",
        # What reconcile or a drill published once more has another message id.
        """SELECT order_id, concat_ws(' ', 'version', version, 'of', service, 'is at', sequence,
                  'in the stream, behind a later version at', next_sequence)
           FROM (SELECT *, lead(sequence) OVER (
                     PARTITION BY service, order_id ORDER BY version) AS next_sequence
                 FROM (SELECT e.service, e.order_id, e.version, min(s.sequence) AS sequence
                       FROM stream s JOIN outbox e ON e.event_id::text = s.event_id
                       WHERE s.message_id = s.event_id
                       GROUP BY e.service, e.order_id, e.version) AS first_published
                ) AS by_version
           WHERE next_sequence < sequence""")


def i9_mypage_is_the_fold(snapshot):
    """A row of mypage is what all events of its order add up to, whatever order they came in."""
    return _ask(
        snapshot, "I9",
        """SELECT e.order_id, 'mypage has no row for it'
           FROM outbox e LEFT JOIN views v USING (order_id) WHERE v.order_id IS NULL
           GROUP BY e.order_id""",
        """SELECT coalesce(e.order_id, t.order_id), concat_ws(' ', 'the timeline',
                  CASE WHEN t.event_id IS NULL THEN 'lacks' ELSE 'has an event of nobody' END,
                  e.event_type, e.event_id, t.event_id)
           FROM (SELECT * FROM outbox) AS e FULL JOIN timeline t
                ON t.event_id = e.event_id AND t.order_id = e.order_id AND
                   t.source = e.service AND t.version = e.version AND
                   t.at = e.event_time
           WHERE e.event_id IS NULL OR t.event_id IS NULL""",
        f"""SELECT v.order_id, concat_ws(' ', 'mypage shows', v.order_status, v.cook_status,
                   v.delivery_status, v.version, 'of order', o.status, 'cook', t.status,
                   'delivery', d.status)
            FROM views v JOIN orders o USING (order_id) LEFT JOIN tickets t USING (order_id)
                 LEFT JOIN deliveries d USING (order_id)
            WHERE (v.customer_id, v.restaurant_id, v.restaurant_menu_id, v.qty) <>
                  (o.customer_id, o.restaurant_id, o.restaurant_menu_id, o.qty) OR
                  ({ORDER_STATUS})[v.order_status] IS DISTINCT FROM o.status OR
                  ({COOK_STATUS})[v.cook_status] IS DISTINCT FROM t.status OR
                  ({DELIVERY_STATUS})[v.delivery_status] IS DISTINCT FROM d.status OR
                  v.version <> (SELECT count(*) FROM outbox e WHERE e.order_id = v.order_id)""")


def i10_same_key_same_answer(snapshot):
    """One key and body: one order and one answer. Another body: refused, no effect."""
    return _ask(
        snapshot, "I10",
        """SELECT min(order_id::text), 'one key, several answers: ' ||
                  string_agg(DISTINCT told, ' | ')
           FROM history WHERE op = 'place' AND answer = 'yes'
           GROUP BY customer, key HAVING count(DISTINCT told) > 1""",
        """SELECT min(order_id::text), 'key ' || request_id || ' made ' || count(*) || ' orders'
           FROM orders WHERE request_id IS NOT NULL
           GROUP BY customer_id, request_id HAVING count(*) > 1""",
        """SELECT min(order_id::text), 'key ' || key || ' was accepted with two bodies'
           FROM history WHERE op = 'place' AND answer = 'yes'
           GROUP BY customer, key HAVING count(DISTINCT (restaurant, menu, qty)) > 1""",
        """SELECT o.order_id, 'a repeat of its own request was refused: ' || h.code || ' '
                  || coalesce(h.reason, '')
           FROM history h JOIN orders o ON o.request_id = h.key AND o.customer_id = h.customer
           WHERE h.op = 'place' AND h.code = 'ALREADY_EXISTS' AND h.qty = o.qty""")


def i11_published_is_accounted_for(snapshot):
    """What is in a stream was applied or parked by everybody who listens, nothing is pending; a
    parked event has its reason and payload."""
    return _ask(
        snapshot, "I11",
        """SELECT '', concat_ws(' ', service, 'has', coalesce(pending::text, 'no durable and'),
                  'events pending and', unacknowledged, 'unacknowledged on', stream)
           FROM durables WHERE pending IS DISTINCT FROM 0 OR unacknowledged IS DISTINCT FROM 0""",
        """SELECT DISTINCT e.order_id::text, concat_ws(' ', d.service, 'neither applied nor parked',
                  s.stream, s.sequence, s.subject, s.event_id)
           FROM stream s JOIN outbox e ON e.event_id::text = s.event_id
                JOIN durables d ON d.stream = s.stream AND s.subject LIKE d.subject
           WHERE NOT EXISTS (SELECT FROM inbox i WHERE i.event_id = e.event_id AND
                             i.service = d.service) AND
                 NOT EXISTS (SELECT FROM dead_letters p WHERE p.event_id = s.event_id AND
                             p.service = d.service)""",
        """SELECT '', concat_ws(' ', 'parked without a reason:', service, stream, sequence)
           FROM dead_letters WHERE coalesce(reason, '') = ''""",
        """SELECT coalesce(e.order_id::text, ''), concat_ws(' ', 'parked without its payload:',
                  p.service, p.stream, p.sequence)
           FROM dead_letters p LEFT JOIN outbox e ON e.event_id::text = p.event_id
           WHERE p.payload_bytes IS NULL OR (p.payload_bytes = 0 AND e.event_id IS NOT NULL)""")


def i12_every_request_is_answered(snapshot):
    """One definite answer by the deadline, unless the service that gives it was down; a refusal
    says when to come back; a defect is never the answer."""
    # With one of these reasons it is the gateway that speaks, in place of the service.
    unexplained = f"""SELECT * FROM history h
        WHERE answer = 'unknown' AND
              coalesce(reason, '') IN ('', 'SERVICE_UNAVAILABLE', 'DEADLINE_EXCEEDED') AND NOT EXISTS (
            SELECT FROM faults f WHERE h.op = ANY (f.calls) AND h.ended >= f.began AND
                   h.sent <= f.ended + {AFTERMATH})"""
    return _ask(
        snapshot, "I12",
        """SELECT coalesce(order_id::text, ''), concat_ws(' ', op, 'was answered with', code,
                  reason)
           FROM history WHERE reason <> '' AND
                code IN ('UNKNOWN', 'INTERNAL', 'DATA_LOSS', 'UNIMPLEMENTED')""",
        """SELECT coalesce(order_id::text, ''), concat_ws(' ', op, code, reason,
                  'does not say when to come back')
           FROM history WHERE NOT coalesce(retry, false) AND
                (code = 'RESOURCE_EXHAUSTED' OR code = 'UNAVAILABLE' AND reason <> '')""",
        f"""SELECT coalesce(order_id::text, ''), concat_ws(' ', op, 'ended',
                   (ended - sent) / 1000, 'ms after it was sent')
            FROM history WHERE ended - sent > 5000000 + {SLACK}""",
        f"""SELECT coalesce(order_id::text, ''), concat_ws(' ', op, 'sent at', to_char(
                   to_timestamp(sent / 1e6) AT TIME ZONE 'UTC', 'HH24:MI:SS.US'),
                   'got no answer (', code, ') while its service was well')
            FROM ({unexplained}) AS h
            WHERE code <> 'DEADLINE_EXCEEDED' OR {LATE_PER_CALL} * (
                SELECT count(*) FROM ({unexplained}) AS late WHERE code = 'DEADLINE_EXCEEDED') >
                (SELECT count(*) FROM history)""",
        # A place that was answered must not be answered as if it were another's.
        """SELECT coalesce(order_id::text, ''), concat_ws(' ', op, 'of an acknowledged order was '
                  'answered with NOT_FOUND')
           FROM history WHERE op IN ('get', 'cancel') AND code = 'NOT_FOUND'""")


ALL = [
    i1_acknowledged_orders_exist_once, i2_no_effect_without_a_request, i3_one_end_and_all_agree,
    i4_stock_is_conserved, i5_cancel_tells_the_truth, i6_outbox_is_complete,
    i7_one_effect_per_event, i8_nothing_skipped_for_good, i9_mypage_is_the_fold,
    i10_same_key_same_answer, i11_published_is_accounted_for, i12_every_request_is_answered,
]


def judge(snapshot):
    """Every violation, in the order of the invariants."""
    return [violation for invariant in ALL for violation in invariant(snapshot)]
