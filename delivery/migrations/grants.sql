GRANT SELECT, INSERT, UPDATE (status, version, modified_at)
    ON deliveries TO :"runtime_role";
