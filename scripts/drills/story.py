"""All that is known of one order, by time."""

_STORY = """
SELECT to_char(at AT TIME ZONE 'UTC', 'HH24:MI:SS.US') || '  ' || text FROM (
    SELECT to_timestamp(ended / 1e6) AS at, concat_ws(' ', 'client   ', op, code, reason, status,
           'v' || version, '(sent', to_char(to_timestamp(sent / 1e6) AT TIME ZONE 'UTC',
           'HH24:MI:SS.US') || ')', key) AS text
    FROM history WHERE order_id = '{id}' OR key IN (SELECT request_id FROM orders
                                                   WHERE order_id = '{id}')
  UNION ALL
    SELECT event_time, concat_ws(' ', rpad(service, 9), 'says', event_type, 'v' || version,
           event_id, CASE WHEN published_at IS NULL THEN 'NOT PUBLISHED' ELSE '#' ||
           stream_sequence END)
    FROM outbox WHERE order_id = '{id}'
  UNION ALL
    SELECT i.applied_at, concat_ws(' ', rpad(i.service, 9), 'applied', e.event_type, i.event_id)
    FROM inbox i JOIN outbox e USING (event_id) WHERE e.order_id = '{id}'
  UNION ALL
    SELECT p.parked_at, concat_ws(' ', rpad(p.service, 9), 'PARKED', p.subject, p.event_id,
           p.reason)
    FROM dead_letters p JOIN outbox e ON e.event_id::text = p.event_id WHERE e.order_id = '{id}'
  UNION ALL
    SELECT at, concat_ws(' ', 'cook      stock', kind, delta) FROM stock_ledger
    WHERE order_id = '{id}'
  UNION ALL
    SELECT modified_at, concat_ws(' ', 'order     row:', status, 'v' || version, reason)
    FROM orders WHERE order_id = '{id}'
  UNION ALL
    SELECT modified_at, concat_ws(' ', 'cook      row:', status, 'v' || version, reason)
    FROM tickets WHERE order_id = '{id}'
  UNION ALL
    SELECT modified_at, concat_ws(' ', 'delivery  row:', status, 'v' || version)
    FROM deliveries WHERE order_id = '{id}'
) AS story ORDER BY at, text;
"""


def story(snapshot, order_id):
    """The lines of an order's story."""
    return [row[0] for row in snapshot.sql(_STORY.format(id=order_id))]


def describe(snapshot, violations, most=5):
    """The violations as text: all are counted, each invariant's first few told with the whole
    story of their orders."""
    lines, seen = [], {}
    for violation in violations:
        number = seen[violation.invariant] = seen.get(violation.invariant, 0) + 1
        if number > most:
            continue
        lines.append(f"{violation.invariant} VIOLATED: {violation.order_id} {violation.text}")
        if violation.order_id:
            lines += ["    " + line for line in story(snapshot, violation.order_id)]
    lines += [f"{invariant}: {count} violations, {count - most} not shown"
              for invariant, count in seen.items() if count > most]
    return "\n".join(lines)
