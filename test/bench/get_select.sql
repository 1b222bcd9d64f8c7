\set id random(1, :rows)
SELECT * FROM propstreet.project WHERE tenant_id = 1 AND id = :id;
