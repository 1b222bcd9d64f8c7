\set id random(1, :rows - 100)
\set count random(1, 1000000)
UPDATE propstreet.project SET property_count = :count WHERE tenant_id = 1 AND id BETWEEN :id AND :id + 99;
