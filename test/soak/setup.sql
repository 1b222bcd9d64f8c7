-- What test/t/soak.pl works with: rows to write on, eight readers, and what each of them holds to be true.

CREATE EXTENSION propstreet;
SELECT propstreet.install();
INSERT INTO propstreet.company (name) SELECT 'company' FROM generate_series(1, 20);
INSERT INTO propstreet.contact (company_id, name) SELECT 1 + i % 20, 'contact' FROM generate_series(1, 200) AS i;
INSERT INTO propstreet.project (name) SELECT 'project' FROM generate_series(1, 1000);
INSERT INTO propstreet.prospect (project_id, contact_id) SELECT 1 + i / 200, 1 + i % 200 FROM generate_series(0, 999) AS i;

CREATE SCHEMA soak;
CREATE TABLE soak.state AS SELECT true AS writing;

CREATE VIEW soak.truth AS
SELECT 'project' AS kind, id, updated_utc, revision, resource FROM propstreet.project_delta WHERE tenant_id = 1
UNION ALL
SELECT 'prospect', id, updated_utc, revision, resource FROM propstreet.prospect_delta WHERE tenant_id = 1;

-- What a reader reads, and which moment it asks from next time. The last three read lists that are the same, but don't wait for writers.
CREATE TABLE soak.reader (
	id integer PRIMARY KEY,
	reads text NOT NULL,
	goes_on_from text NOT NULL,
	syncs integer NOT NULL DEFAULT 0,
	pages integer NOT NULL DEFAULT 0,
	busy integer NOT NULL DEFAULT 0,
	took interval NOT NULL DEFAULT '0',
	longest interval NOT NULL DEFAULT '0'
);
INSERT INTO soak.reader (id, reads, goes_on_from) VALUES
	(0, 'lists', 'syncedUtc'), (1, 'lists', 'updatedUtc'), (2, 'lists', 'own clock'), (3, 'changes', 'syncedUtc'), (4, 'views', 'syncedUtc'),
	(5, 'plain lists', 'syncedUtc'), (6, 'plain lists', 'updatedUtc'), (7, 'plain lists', 'own clock');

CREATE UNLOGGED TABLE soak.copy (
	reader integer,
	kind text,
	id bigint,
	resource text NOT NULL,
	PRIMARY KEY (reader, kind, id)
);

-- A page of a list as anybody would write it
CREATE FUNCTION soak.plain_list(of_kind text, since timestamptz, cursor text, size integer) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
	now timestamptz := clock_timestamp();
	after_time timestamptz := coalesce(since, '-infinity');
	after_id bigint := 0;
	list json;
BEGIN
	IF cursor IS NOT NULL THEN
		SELECT updated_utc, id INTO after_time, after_id FROM propstreet.cursor_decode(cursor);
	END IF;
	SELECT json_build_object(
		'data', coalesce(json_agg(resource ORDER BY n) FILTER (WHERE n <= size), '[]'),
		'page', json_build_object(
			'nextCursor', (array_agg(propstreet.cursor_encode(updated_utc, id) ORDER BY n DESC) FILTER (WHERE n <= size))[1],
			'hasMore', count(*) > size,
			'syncedUtc', now))
	INTO list
	FROM (
		SELECT *, row_number() OVER (ORDER BY updated_utc, id) AS n
		FROM soak.truth
		WHERE kind = of_kind AND (updated_utc, id) > (after_time, after_id) AND updated_utc < now
		ORDER BY updated_utc, id LIMIT size + 1) AS row;
	RETURN list;
END
$$;

-- All since a moment, in the same form, by a barrier and a view
CREATE FUNCTION soak.view(of_kind text, since timestamptz) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
	barrier timestamptz := propstreet.sync_barrier();
BEGIN
	RETURN json_build_object('data', coalesce(json_agg(resource ORDER BY updated_utc, id), '[]'),
		'page', json_build_object('hasMore', false, 'syncedUtc', barrier))
	FROM soak.truth WHERE kind = of_kind AND updated_utc >= coalesce(since, '-infinity') AND updated_utc < barrier;
END
$$;

-- The same by project_changes() and prospect_changes(); no rows: the moment stays what it was
CREATE FUNCTION soak.changes(kind text, since timestamptz) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
	list json;
BEGIN
	EXECUTE format('SELECT json_build_object(''data'', coalesce(json_agg(resource), ''[]''),
			''page'', json_build_object(''hasMore'', false, ''syncedUtc'', coalesce(max(synced_utc), $1)))
		FROM propstreet.%s_changes($1)', kind) INTO list USING since;
	RETURN list;
END
$$;

-- A page for a reader; null if it can't be exact just now
CREATE FUNCTION soak.page(reads text, kind text, since timestamptz, cursor text, size integer) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
	page json;
BEGIN
	page := CASE
		WHEN reads = 'plain lists' THEN soak.plain_list(kind, since, cursor, size)
		WHEN reads = 'views' THEN soak.view(kind, since)
		WHEN reads = 'changes' THEN soak.changes(kind, since)
		WHEN kind = 'project' THEN propstreet.project_list(since, true, page_size => size, cursor => cursor)
		ELSE propstreet.prospect_list_all(since, true, page_size => size, cursor => cursor)
	END;
	RETURN CASE WHEN page->'page'->>'syncedUtc' IS NOT NULL THEN page END;
EXCEPTION WHEN SQLSTATE 'PT503' THEN
	RETURN NULL;
END
$$;

-- Keep a copy in step until nobody writes any more, and once again. Pages are read and written down in transactions of their own.
CREATE PROCEDURE soak.follow(me integer) LANGUAGE plpgsql AS $$
DECLARE
	self soak.reader;
	kinds text[] := '{project,prospect}';
	since timestamptz[];
	newest timestamptz[];
	last_sync boolean;
	asked timestamptz;
	first_asked timestamptz;
	first_synced timestamptz;
	cursor text;
	page json;
BEGIN
	SELECT * INTO self FROM soak.reader AS r WHERE r.id = me;
	LOOP
		SELECT NOT writing INTO last_sync FROM soak.state;
		FOR k IN 1 .. 2 LOOP
			cursor := NULL;
			LOOP
				asked := clock_timestamp();
				page := soak.page(self.reads, kinds[k], since[k], cursor, 1 + floor(500 * random())::integer);
				self.took := self.took + (clock_timestamp() - asked);
				self.longest := greatest(self.longest, clock_timestamp() - asked);
				COMMIT;
				IF page IS NULL THEN
					self.busy := self.busy + 1;
					CONTINUE;
				END IF;
				INSERT INTO soak.copy AS c
				SELECT me, kinds[k], (r->>'id')::bigint, r::text FROM json_array_elements(page->'data') AS r
				ON CONFLICT ON CONSTRAINT copy_pkey DO UPDATE SET resource = excluded.resource;
				COMMIT;
				IF cursor IS NULL THEN
					first_asked := asked;
					first_synced := page->'page'->>'syncedUtc';
				END IF;
				self.pages := self.pages + 1;
				newest[k] := greatest(newest[k], (page->'data'->-1->>'updatedUtc')::timestamptz);
				cursor := page->'page'->>'nextCursor';
				EXIT WHEN page->'page'->>'hasMore' = 'false';
			END LOOP;
			since[k] := CASE self.goes_on_from WHEN 'syncedUtc' THEN first_synced WHEN 'updatedUtc' THEN newest[k] ELSE first_asked END;
		END LOOP;
		self.syncs := self.syncs + 1;
		EXIT WHEN last_sync;
		PERFORM pg_sleep(0.02);
	END LOOP;
	UPDATE soak.reader AS r
	SET (syncs, pages, busy, took, longest) = (self.syncs, self.pages, self.busy, self.took, self.longest) WHERE r.id = me;
END
$$;

-- How the readers did
CREATE VIEW soak.result AS
SELECT r.*, lost, stale
FROM soak.reader AS r, LATERAL (
	SELECT count(*) FILTER (WHERE c.id IS NULL) AS lost, count(*) FILTER (WHERE c.resource <> t.resource::text OR t.id IS NULL) AS stale
	FROM soak.truth AS t FULL JOIN (SELECT * FROM soak.copy WHERE reader = r.id) AS c ON c.kind = t.kind AND c.id = t.id) AS compared;
