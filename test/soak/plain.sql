-- Rows are changed, deleted and brought back by SQL; tags of a contact reach its prospects.
\set id random(1, 950)
\set contact random(101, 200)
\set n random(1, 1000000000)
\set ms random_exponential(1, 100, 3)
BEGIN;
INSERT INTO propstreet.project (name) VALUES ('by SQL'), ('by SQL');
UPDATE propstreet.project SET name = ':n' WHERE tenant_id = 1 AND id BETWEEN :id AND :id + 40;
\sleep :ms ms
UPDATE propstreet.prospect SET deleted_utc = CASE WHEN deleted_utc IS NULL THEN now() END WHERE tenant_id = 1 AND id BETWEEN :id AND :id + 40;
COMMIT;
UPDATE propstreet.project SET deleted_utc = CASE WHEN deleted_utc IS NULL THEN now() END WHERE tenant_id = 1 AND id = :id;
UPDATE propstreet.contact SET tags = ARRAY[':n'] WHERE tenant_id = 1 AND id = :contact;
