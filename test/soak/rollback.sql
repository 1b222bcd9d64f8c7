-- All is rolled back.
\set id random(1, 950)
\set ms random_exponential(1, 100, 3)
BEGIN;
UPDATE propstreet.project SET name = 'never' WHERE tenant_id = 1 AND id BETWEEN :id AND :id + 40;
INSERT INTO propstreet.project (name) VALUES ('never');
\sleep :ms ms
ROLLBACK;
