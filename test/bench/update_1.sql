\set id random(1, :rows)
\set count random(1, 1000000)
UPDATE propstreet.project SET property_count = :count WHERE tenant_id = 1 AND id = :id;
