-- What is on hand of each menu item, shared by all replicas. An item without a
-- row has 0. Rows are few and change often: room on the page keeps updates
-- inside it.
CREATE TABLE stocks (
    restaurant_id      int         NOT NULL,
    restaurant_menu_id int         NOT NULL,
    on_hand            int         NOT NULL CHECK (on_hand BETWEEN 0 AND 1000000),
    modified_at        timestamptz NOT NULL,
    PRIMARY KEY (restaurant_id, restaurant_menu_id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

-- Why it is so many: the sum of an item's deltas is its on_hand, always.
CREATE TABLE stock_ledger (
    entry_id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    restaurant_id      int         NOT NULL,
    restaurant_menu_id int         NOT NULL,
    delta              int         NOT NULL,
    kind               text        NOT NULL CHECK (kind IN ('set', 'take', 'return')),
    order_id           uuid,
    at                 timestamptz NOT NULL,
    CHECK ((order_id IS NULL) = (kind = 'set'))
);

-- An order takes once and returns once.
CREATE UNIQUE INDEX stock_ledger_once ON stock_ledger (order_id, kind)
    WHERE order_id IS NOT NULL;
