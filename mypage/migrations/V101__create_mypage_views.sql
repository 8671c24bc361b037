-- One row per order, written by every event about it: `timeline` is the set of
-- those events (one line each, see mypage/adapters/timeline_text.h), and all
-- that follows, statuses and versions, is derived from it on every write, for
-- filters and for people. Rows grow fourfold in their life: room is left for that in every
-- page, so that changes stay in it (HOT updates; 90 of 100 when measured, 68
-- with fillfactor 50); for the same reason no status is in an index.
--
-- `mypage rebuild` replaces this table by a new one of the same shape.
CREATE TABLE mypage_views (
    order_id           uuid        PRIMARY KEY,
    -- 0: not told yet.
    customer_id        integer     NOT NULL,
    restaurant_id      integer     NOT NULL,
    restaurant_menu_id integer     NOT NULL,
    qty                integer     NOT NULL,
    -- The numbers of restaurant.order.v1.OrderStatus, cook.v1.TicketStatus and
    -- delivery.v1.DeliveryStatus; 0: not heard of yet.
    order_status       integer     NOT NULL,
    cook_status        integer     NOT NULL,
    delivery_status    integer     NOT NULL,
    -- The highest version heard of each.
    order_version      integer     NOT NULL,
    cook_version       integer     NOT NULL,
    delivery_version   integer     NOT NULL,
    -- How many events the row is made of.
    version            integer     NOT NULL,
    timeline           text        NOT NULL,
    -- When the order was placed; NULL until the order was heard of.
    created_at         timestamptz,
    -- The time of the latest entry of the timeline.
    modified_at        timestamptz NOT NULL
) WITH (fillfactor = 30);

CREATE INDEX mypage_views_customer ON mypage_views (customer_id, order_id DESC);
