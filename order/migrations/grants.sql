-- Who ordered what never changes, and no order is ever deleted.
GRANT SELECT, INSERT,
      UPDATE (status, version, modified_at, reason, cancel_reason, cancel_by,
              cancel_due_at, cancel_attempts)
    ON orders TO :"runtime_role";
