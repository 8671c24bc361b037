-- The delivery of each order that was cooked.
CREATE TABLE deliveries (
    order_id           uuid        PRIMARY KEY,
    restaurant_id      int         NOT NULL,
    restaurant_menu_id int         NOT NULL,
    customer_id        int         NOT NULL,
    qty                int         NOT NULL,
    status             text        NOT NULL CHECK (status IN ('STARTED', 'DELIVERED')),
    version            int         NOT NULL,
    created_at         timestamptz NOT NULL,
    modified_at        timestamptz NOT NULL,
    -- Of what started it, so that whoever plays the courier continues it.
    traceparent        text        NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.05);

-- What is on the way, the newest order first (ids sort by time): for lists. What
-- was delivered is nearly all there is; the primary key serves it.
CREATE INDEX deliveries_started ON deliveries (order_id) WHERE status = 'STARTED';
-- What is on the way, the oldest first: for whoever plays the courier.
CREATE INDEX deliveries_due ON deliveries (created_at) WHERE status = 'STARTED';
