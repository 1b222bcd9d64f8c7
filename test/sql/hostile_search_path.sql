-- hostile_search_path: operations and triggers have the rights of the tables' owner, but never run what the caller puts in their way
\i test/preamble.sql
SELECT test.begin(21);
CREATE ROLE regress_app;
SELECT propstreet.grant_to('regress_app');
CREATE SCHEMA regress_hostile AUTHORIZATION regress_app;
SET ROLE regress_app;

-- operators and functions of the same names, for all types there are
DO $$
DECLARE
	type text;
	operator text;
	name text;
BEGIN
	FOREACH type IN ARRAY ARRAY['bigint', 'integer', 'text', 'timestamptz', 'boolean', 'anyarray', 'anyenum', 'jsonb', 'propstreet.price', 'propstreet.price_range', 'propstreet.external_ref', 'record'] LOOP
		EXECUTE format('CREATE FUNCTION regress_hostile.hostile(%1$s, %1$s) RETURNS boolean LANGUAGE plpgsql AS %2$L', type, 'BEGIN RAISE ''executed as %'', current_user; END');
		FOREACH operator IN ARRAY ARRAY['=', '<>', '<', '<=', '>', '>=', '&&', '@>'] LOOP
			EXECUTE format('CREATE OPERATOR regress_hostile.%1$s (LEFTARG = %2$s, RIGHTARG = %2$s, FUNCTION = regress_hostile.hostile)', operator, type);
		END LOOP;
	END LOOP;
	FOREACH name IN ARRAY ARRAY['unnest(anyarray)', 'now()', 'clock_timestamp()', 'format(text, text)', 'count(bigint)', 'isfinite(timestamptz)', 'num_nonnulls(bigint, bigint)', 'char_length(text)', 'array_position(anyarray, anyelement)',
		'current_tenant()', 'tag_keys(bigint, text[])', 'project_json(record)', 'etag(text, bigint, bigint, bigint, timestamptz)'] LOOP
		EXECUTE format('CREATE FUNCTION regress_hostile.%s RETURNS text LANGUAGE plpgsql AS %L', name, 'BEGIN RAISE ''executed as %'', current_user; END');
	END LOOP;
END
$$;
CREATE TABLE regress_hostile.project (LIKE propstreet.project);
CREATE DOMAIN regress_hostile.price AS text;
CREATE TYPE regress_hostile.asset_type AS ENUM ('hostile');
CREATE TYPE regress_hostile.text AS ENUM ('hostile');
-- the callers themselves do run into them
SET search_path = regress_hostile, pg_catalog;
SELECT 1::bigint = 1::bigint;

INSERT INTO propstreet.company (name) VALUES ('c');
INSERT INTO propstreet.contact (name, company_id) VALUES ('p', 1), ('q', 1);
INSERT INTO propstreet.investment_strategy (contact_id, asset_types, budget) VALUES (2, '{single}', '1..2 SEK');
INSERT INTO propstreet.property DEFAULT VALUES;
INSERT INTO propstreet.project (name, price, external_refs) VALUES ('plain', '1 SEK', '{a:0}');
INSERT INTO propstreet.project_property (project_id, property_id) VALUES (1, 1);
SELECT propstreet.project_create('{"name": "x", "price": {"value": 1, "currency": "SEK"}, "priceRange": {"min": 1, "currency": "SEK"}, "externalRefs": [{"namespace": "a", "id": "1"}]}')->>'id';
SELECT propstreet.project_update(2, '{"name": "y", "externalRefs": [{"namespace": "a", "id": "2"}]}', '*')->>'name';
SELECT propstreet.project_upsert('a', '2', '{"mandate": "other"}')->>'result', propstreet.project_upsert('a', '3', '{"name": "z"}')->>'result';
SELECT propstreet.project_get(2)->>'name', propstreet.project_find('a', '2')->>'name', propstreet.project_properties(1);
SELECT propstreet.prospect_add(2, '{"contactId": "1", "externalRefs": [{"namespace": "a", "id": "1"}]}')->>'id', propstreet.prospect_add(2, '{"companyId": "1"}')->>'id';
SELECT propstreet.prospect_upsert(2, 'a', '1', '{"classification": "bidder"}')->>'result', propstreet.prospect_upsert(2, 'a', '2', '{"companyId": "1"}')->>'result';
SELECT propstreet.prospect_update(2, 1, '{"classification": "contacted", "externalRefs": []}')->>'classification';
SELECT propstreet.prospect_get(2, 1)->>'id', propstreet.prospect_find(2, 'a', '2')->>'id';
SELECT propstreet.teaser_advance(2, 'drafting')->>'id', propstreet.teaser_communicate(2, '2126-01-01')->>'id';
SELECT propstreet.teaser_accept(2, 3)->'capabilities';
SELECT propstreet.project_close(2, '[{}]')->>'status', propstreet.project_reopen(2)->>'status';
UPDATE propstreet.contact SET tags = '{t}', company_id = NULL;
UPDATE propstreet.company SET tags = '{t}';
UPDATE propstreet.project SET external_refs = '{}', name = 'w';
UPDATE propstreet.prospect SET classification = 'bidder';
SELECT propstreet.contact_projects(1, 'open', 'bidder')->'data'->0->>'id', propstreet.company_projects(1)->'data'->0->>'id';
SELECT propstreet.project_list(status => 'open', classification => 'draft', teaser_stage => 'communicated')->'data'->0->>'id', propstreet.prospect_list(2, tags => '{t}', capability => 'chat')->'data'->0->>'id',
	propstreet.prospect_list_all(classification => 'bidder')->'data'->0->>'id', propstreet.prospect_list_all(tags => '{t}')->'data'->0->>'id';
SELECT resource->>'id' FROM propstreet.project_changes(NULL);
SELECT id, resource->>'id' FROM propstreet.prospect_delta;
SELECT propstreet.prospect_remove(2, 2);
SELECT propstreet.project_delete(2);

-- an index of the owner's with a function: it does not see the caller's path
RESET ROLE;
RESET search_path;
CREATE FUNCTION public.regress_norm(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF current_setting('search_path') ~ 'hostile' THEN
		RAISE 'ran as % with the path %', current_user, current_setting('search_path');
	END IF;
	RETURN $1;
END
$$;
CREATE INDEX regress_norm ON propstreet.event (public.regress_norm(event));
SET ROLE regress_app;
SET search_path = regress_hostile, public;
INSERT INTO propstreet.project (name) VALUES ('indexed');
RESET ROLE;
RESET search_path;
DROP INDEX propstreet.regress_norm;
DROP FUNCTION public.regress_norm;

RESET search_path;
RESET ROLE;
SET client_min_messages = warning;
DROP OWNED BY regress_app CASCADE;
DROP ROLE regress_app;
