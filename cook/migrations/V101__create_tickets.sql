-- What the kitchen does for each order. A CANCELLED row of version 1 is a
-- tombstone: the cancel came before the order was heard of.
CREATE TABLE tickets (
    order_id           uuid        PRIMARY KEY,
    restaurant_id      int         NOT NULL,
    restaurant_menu_id int         NOT NULL,
    customer_id        int         NOT NULL,
    qty                int         NOT NULL,
    status             text        NOT NULL
        CHECK (status IN ('COOKING', 'COOKED', 'CANCELLED', 'REJECTED')),
    version            int         NOT NULL,
    created_at         timestamptz NOT NULL,
    modified_at        timestamptz NOT NULL,
    reason             text        NOT NULL DEFAULT '',
    cancelled_by       text        NOT NULL DEFAULT '',
    -- Of what made the ticket, so that whoever plays the kitchen continues it.
    traceparent        text        NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.05);

-- Lists, newest order first (ids sort by time). All states are four of one.
CREATE INDEX tickets_of_restaurant ON tickets (restaurant_id, status, order_id);
-- Cancellations, the latest first; a cancelled ticket is never modified again.
CREATE INDEX tickets_cancelled ON tickets (modified_at, order_id)
    WHERE status = 'CANCELLED';
CREATE INDEX tickets_cancelled_of_restaurant
    ON tickets (restaurant_id, modified_at, order_id)
    WHERE status = 'CANCELLED';
-- What is on the stove, the oldest first.
CREATE INDEX tickets_cooking ON tickets (created_at) WHERE status = 'COOKING';
