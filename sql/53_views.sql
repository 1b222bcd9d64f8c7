-- 53_views.sql: delta views. Columns are listed, and later versions only append.

CREATE VIEW propstreet.project_delta WITH (security_invoker) AS
SELECT p.tenant_id, p.id, p.name, p.asset_type, p.property_count, p.status, p.classification, p.teaser_stage, p.published_utc,
	p.verified_utc, p.communicated_utc, p.mandate, p.price, p.price_range, p.transactions, p.external_refs, p.created_utc,
	p.updated_utc, p.deleted_utc, p.revision,
	propstreet.etag('project', p.tenant_id, p.id, p.revision, p.updated_utc) AS etag,
	propstreet.project_json(p) AS resource
FROM propstreet.project AS p;
COMMENT ON VIEW propstreet.project_delta IS
	'Projects, deleted ones included, with ETag and the API''s JSON; for a delta read call propstreet.sync_barrier() first, or use propstreet.project_changes()';
COMMENT ON COLUMN propstreet.project_delta.etag IS 'ETag of this version of the project, as the API shows it';
COMMENT ON COLUMN propstreet.project_delta.resource IS 'The project as the API''s JSON';

CREATE VIEW propstreet.prospect_delta WITH (security_invoker) AS
SELECT p.tenant_id, p.id, p.project_id, p.contact_id, p.company_id, p.classification, p.tags, p.accepted_utc, p.deadline_utc,
	p.external_refs, p.created_utc, p.updated_utc, p.deleted_utc, p.revision,
	propstreet.etag('prospect', p.tenant_id, p.id, p.revision, p.updated_utc) AS etag,
	propstreet.prospect_json(p) AS resource
FROM propstreet.prospect AS p;
COMMENT ON VIEW propstreet.prospect_delta IS
	'Prospects, removed ones included, with ETag and the API''s JSON; for a delta read call propstreet.sync_barrier() first, or use propstreet.prospect_changes()';
COMMENT ON COLUMN propstreet.prospect_delta.etag IS 'ETag of this version of the prospect, as the API shows it';
COMMENT ON COLUMN propstreet.prospect_delta.resource IS 'The prospect as the API''s JSON';

CREATE VIEW propstreet.webhook_status WITH (security_invoker) AS
SELECT w.tenant_id, w.id, w.name, w.url, w.enabled, w.disabled_reason, d.backlog, d.oldest_undelivered_utc, w.failed_in_row,
	w.last_success_utc, w.last_error_utc, w.last_error, w.dropped
FROM propstreet.webhook AS w CROSS JOIN LATERAL (
	SELECT count(*) AS backlog, min(d.created_utc) AS oldest_undelivered_utc
	FROM propstreet.webhook_delivery AS d
	WHERE d.tenant_id = w.tenant_id AND d.webhook_id = w.id AND d.status = 'pending') AS d;
COMMENT ON VIEW propstreet.webhook_status IS
	'How each webhook is doing: what waits to be delivered, since when, the last success and error, whether it is disabled and why';
COMMENT ON COLUMN propstreet.webhook_status.backlog IS 'Number of deliveries that are pending';
COMMENT ON COLUMN propstreet.webhook_status.oldest_undelivered_utc IS 'When the change happened that the oldest pending delivery is about; null: nothing is pending';

CREATE FUNCTION propstreet.table_version() RETURNS integer
	LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT 1';
-- DROP EXTENSION CASCADE leaves tables without the columns of our types: they must not count as installed
ALTER FUNCTION propstreet.table_version() DEPENDS ON EXTENSION propstreet;
COMMENT ON FUNCTION propstreet.table_version() IS 'Version of the tables, set by propstreet.install(); part of the data, so dumps carry it';
