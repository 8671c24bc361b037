-- A repair writes every event anew. Vacuumed only after 5 % of them, while more
-- come in than go, the index of what was published grew to five times its size.
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.01);
