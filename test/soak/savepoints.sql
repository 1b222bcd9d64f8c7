-- What follows a savepoint is rolled back, and the writer's lock with it; then it writes again.
\set id random(1, 950)
\set n random(1, 1000000000)
\set ms random_exponential(1, 50, 3)
BEGIN;
SAVEPOINT a;
UPDATE propstreet.project SET name = 'never' WHERE tenant_id = 1 AND id BETWEEN :id AND :id + 20;
\sleep :ms ms
ROLLBACK TO a;
UPDATE propstreet.project SET name = ':n' WHERE tenant_id = 1 AND id BETWEEN :id AND :id + 40;
SAVEPOINT b;
INSERT INTO propstreet.project (name) VALUES ('never');
UPDATE propstreet.prospect SET classification = 'bidder' WHERE tenant_id = 1 AND id = :id;
ROLLBACK TO b;
\sleep :ms ms
SAVEPOINT c;
INSERT INTO propstreet.project (name) VALUES ('after a savepoint');
RELEASE c;
COMMIT;
