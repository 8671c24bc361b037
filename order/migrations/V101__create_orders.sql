-- The orders. Room is left in every page for the one or two changes of status
-- that each order sees (HOT updates); for the same reason `status` is in no
-- index, nor in the predicate of one.
CREATE TABLE orders (
    order_id           uuid        PRIMARY KEY,
    customer_id        integer     NOT NULL CHECK (customer_id > 0),
    restaurant_id      integer     NOT NULL CHECK (restaurant_id > 0),
    restaurant_menu_id integer     NOT NULL CHECK (restaurant_menu_id > 0),
    qty                integer     NOT NULL CHECK (qty BETWEEN 1 AND 100),
    status             text        NOT NULL CHECK (status IN
        ('ORDERED', 'COMPLETED', 'REJECTED', 'CANCELLED', 'CANCEL_PENDING')),
    version            integer     NOT NULL CHECK (version > 0),
    -- The key that makes a retry safe; the answer to a repeat is made of the
    -- columns above that never change.
    request_id         text,
    created_at         timestamptz NOT NULL,
    modified_at        timestamptz NOT NULL,
    reason             text        NOT NULL DEFAULT '',
    -- A pending cancel: why, by whom, when the kitchen is to be asked next and
    -- how often it was.
    cancel_reason      text        NOT NULL DEFAULT '',
    cancel_by          text        NOT NULL DEFAULT '',
    cancel_due_at      timestamptz,
    cancel_attempts    integer     NOT NULL DEFAULT 0,
    CHECK ((status = 'CANCEL_PENDING') = (cancel_due_at IS NOT NULL))
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX orders_request ON orders (customer_id, request_id)
    WHERE request_id IS NOT NULL;
CREATE INDEX orders_customer ON orders (customer_id, order_id DESC);
CREATE INDEX orders_cancel_due ON orders (cancel_due_at)
    WHERE cancel_due_at IS NOT NULL;
