-- A project and a prospect of it are created, changed, and now and then deleted.
\set contact random(1, 100)
\set ms random_exponential(1, 100, 3)
\set fate random(1, 4)
BEGIN;
SELECT (propstreet.project_create('{"name": "by operation"}')->>'id')::bigint AS project \gset
SELECT (propstreet.prospect_add(:project, json_build_object('contactId', ':contact'))->>'id')::bigint AS prospect \gset
\sleep :ms ms
SELECT propstreet.project_update(:project, '{"classification": "active"}');
SELECT propstreet.prospect_update(:project, :prospect, '{"classification": "bidder"}');
COMMIT;
\if :fate = 1
SELECT propstreet.project_delete(:project);
\elif :fate = 2
SELECT propstreet.prospect_remove(:project, :prospect);
\endif
