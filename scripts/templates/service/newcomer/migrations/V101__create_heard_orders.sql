-- The latest that was heard of each order.
CREATE TABLE heard_orders (
    order_id    uuid        PRIMARY KEY,
    customer_id int         NOT NULL,
    status      text        NOT NULL,
    version     int         NOT NULL,
    changed_at  timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.05);
