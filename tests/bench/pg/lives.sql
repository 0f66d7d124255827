-- SPDX-License-Identifier: Apache-2.0
-- The life of 100 tasks by hand, for pgbench: what somebody who knows SQL would write for the same rows.
INSERT INTO agent_tasks (id, host_id, experiment_id, type, action, config, priority, status, run_at, epoch, retry_count,
    max_attempts, created_at, updated_at, rev)
  SELECT gen_random_uuid()::text, 'host-' || lpad(g::text, 5, '0'), '0191f0c4-7a3b-7000-8000-000000000001', 'collector',
    'start', '{"pipeline":"topk","config_url":"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}',
    1, 'pending', now(), 0, 0, 4, now(), now(), nextval('phoenix_rev')
  FROM generate_series(0, 99) g;
WITH h AS (SELECT 'host-' || lpad(g::text, 5, '0') AS host FROM generate_series(0, 99) g),
  c AS (SELECT t.id FROM h CROSS JOIN LATERAL (SELECT id FROM agent_tasks WHERE host_id = h.host AND status = 'pending'
          AND run_at <= now() ORDER BY priority DESC, id LIMIT 4 FOR UPDATE SKIP LOCKED) t LIMIT 100),
  u AS (UPDATE agent_tasks a SET status = 'assigned', epoch = epoch + 1, assigned_at = now(),
          lease_until = now() + interval '10 s', updated_at = now(), rev = nextval('phoenix_rev')
        FROM c WHERE a.id = c.id RETURNING a.*)
SELECT array_agg(id) AS ids, array_agg(epoch) AS epochs, count(config) AS n FROM u \gset
UPDATE agent_tasks a SET status = 'completed', completed_at = now(), updated_at = now(), lease_until = NULL,
    rev = nextval('phoenix_rev')
  FROM unnest(:ids::text[], :epochs::bigint[]) u(id, epoch) WHERE a.id = u.id AND a.epoch = u.epoch;
