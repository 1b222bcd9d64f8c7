-- So many tenants that one lock stands for all of them; ours is the last.
\set id random(1, 950)
\set n random(1, 1000000000)
\set ms random_exponential(1, 100, 3)
BEGIN;
INSERT INTO propstreet.project (tenant_id, name) SELECT 1000 + i, 'of others' FROM generate_series(1, 64) AS i;
UPDATE propstreet.project SET name = ':n' WHERE tenant_id = 1 AND id BETWEEN :id AND :id + 40;
INSERT INTO propstreet.project (name) VALUES ('of many');
\sleep :ms ms
COMMIT;
