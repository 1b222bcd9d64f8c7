SELECT * FROM propstreet.project WHERE tenant_id = 1 AND deleted_utc IS NULL ORDER BY updated_utc, id LIMIT 500;
