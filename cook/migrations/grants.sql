GRANT SELECT, INSERT, UPDATE (status, version, modified_at, reason, cancelled_by)
    ON tickets TO :"runtime_role";
GRANT SELECT, INSERT, UPDATE (on_hand, modified_at) ON stocks TO :"runtime_role";
-- A ledger: what was entered stays.
GRANT SELECT, INSERT ON stock_ledger TO :"runtime_role";
