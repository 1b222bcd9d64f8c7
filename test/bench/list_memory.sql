-- Memory of a session that reads many pages, before and after
CREATE TEMP TABLE used AS SELECT 0 AS pages, 0::bigint AS bytes WITH NO DATA;
DO $$
DECLARE
	page json;
BEGIN
	FOR i IN 1 .. 2000 LOOP
		page := propstreet.project_list(cursor => page -> 'page' ->> 'nextCursor');
		IF i IN (200, 2000) THEN
			INSERT INTO used SELECT i, sum(total_bytes) FROM pg_backend_memory_contexts;
		END IF;
		COMMIT;
	END LOOP;
END
$$;
SELECT format('memory of a session: %s kB after %s pages', bytes / 1024, pages) FROM used ORDER BY pages;
