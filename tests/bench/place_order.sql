-- pgbench: the rows that PlaceOrder writes, as one statement. What Postgres
-- itself can do on this machine; the yardstick of scripts/bench.
\set customer random(1, 100000)
\set menu random(1, 64)
WITH placed AS (
    INSERT INTO orders (order_id, customer_id, restaurant_id, restaurant_menu_id,
                        qty, status, version, created_at, modified_at)
    VALUES (gen_random_uuid(), :customer, 1, :menu, 1, 'ORDERED', 1, now(), now())
    RETURNING order_id, created_at)
INSERT INTO outbox (event_id, aggregate_id, version, subject, event_type, payload,
                    traceparent, event_time)
SELECT gen_random_uuid(), order_id, 1, 'restaurant.order.ordered',
       'restaurant.order.v1.Ordered',
       '\x0a580a2430313965386630612d376234322d373062392d623931662d3334653566303031633262331085ae0218012001280130013801420c08a0d9c9cb0610c0f1b2a4014a0c08a0d9c9cb0610c0f1b2a401',
       '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', created_at
FROM placed;
