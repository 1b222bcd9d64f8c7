/*
 * purge.c
 *	  Deleting what is over: idempotency keys, events and deliveries.  For all
 *	  tenants, as the tables' owner.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/timestamp.h"

#include "propstreet.h"

/*
 * Rows of event and webhook_delivery are found from the lowest id on, in each
 * tenant (or webhook), up to the first that is a day too young: ids and moments grow
 * together but for the time that a transaction lasts.  The bounds are materialized: as
 * filters of a join they could be looked up anew for each row.
 */
#define SLACK "'1 day'::pg_catalog.interval"
#define SCAN(table, key, next) \
	"WITH RECURSIVE groups AS (" \
	"(SELECT " key " FROM propstreet." table " AS t ORDER BY " key " LIMIT 1) UNION ALL " \
	"SELECT n.* FROM groups AS g CROSS JOIN LATERAL (SELECT " key " FROM propstreet." table " AS t WHERE " next " ORDER BY " key " LIMIT 1) AS n) "
#define BOUNDS(table, of) \
	", bounds AS MATERIALIZED (SELECT g.*, coalesce((SELECT o.id FROM propstreet." table " AS o WHERE " of \
	" AND o.created_utc OPERATOR(pg_catalog.>=) ($1 OPERATOR(pg_catalog.+) " SLACK ") ORDER BY o.id LIMIT 1), 9223372036854775807) AS before FROM groups AS g) "
#define OLD(of) of " AND o.created_utc OPERATOR(pg_catalog.<) $1 AND o.id OPERATOR(pg_catalog.<) g.before"

#define OF_TENANT "o.tenant_id OPERATOR(pg_catalog.=) g.tenant_id"
#define OF_WEBHOOK OF_TENANT " AND o.webhook_id OPERATOR(pg_catalog.=) g.webhook_id"
#define IS_OLD "t.tenant_id OPERATOR(pg_catalog.=) o.tenant_id AND t.webhook_id OPERATOR(pg_catalog.=) o.webhook_id AND t.id OPERATOR(pg_catalog.=) o.id"
#define WEBHOOKS SCAN("webhook_delivery", "t.tenant_id, t.webhook_id", "(t.tenant_id, t.webhook_id) OPERATOR(pg_catalog.>) (g.tenant_id, g.webhook_id)") \
	BOUNDS("webhook_delivery", OF_WEBHOOK)

static uint64
purge_keys(TimestampTz now)
{
	static Statement keys = {.sql = "DELETE FROM propstreet.idempotency_key AS t USING ("
		"SELECT k.tenant_id, k.key FROM propstreet.idempotency_key AS k WHERE k.created_utc OPERATOR(pg_catalog.<=) $1 "
		"FOR UPDATE SKIP LOCKED) AS k "
		"WHERE t.tenant_id OPERATOR(pg_catalog.=) k.tenant_id AND t.key OPERATOR(pg_catalog.=) k.key",
	.nargs = 1,.args = {T_TIMESTAMPTZ}};
	Datum		values[] = {TimestampTzGetDatum(now - KEPT_HOURS * USECS_PER_HOUR)};

	return run(&keys, values, NULL);
}

/* Deliveries that are finished, but for those that somebody replays right now */
static uint64
purge_finished(TimestampTz before)
{
	static Statement finished = {.sql = WEBHOOKS
		"DELETE FROM propstreet.webhook_delivery AS t USING (SELECT o.* FROM bounds AS g CROSS JOIN LATERAL "
		"(SELECT o.tenant_id, o.webhook_id, o.id FROM propstreet.webhook_delivery AS o WHERE " OLD(OF_WEBHOOK)
		" AND o.status OPERATOR(pg_catalog.<>) 'pending' FOR UPDATE SKIP LOCKED) AS o) AS o "
		"WHERE " IS_OLD,
	.nargs = 1,.args = {T_TIMESTAMPTZ}};
	Datum		values[] = {TimestampTzGetDatum(before)};

	return run(&finished, values, NULL);
}

/* Deliveries of a webhook that were never made: they are counted in it, and what waited for them can go. */
static uint64
purge_undelivered(Datum tenant_id, Datum webhook_id, TimestampTz now, TimestampTz before)
{
	static Statement pending = {.sql = "WITH groups AS (SELECT $3 AS tenant_id, $4 AS webhook_id)" BOUNDS("webhook_delivery", OF_WEBHOOK)
		"DELETE FROM propstreet.webhook_delivery AS o USING bounds AS g WHERE " OLD(OF_WEBHOOK)
		" AND o.status OPERATOR(pg_catalog.=) 'pending' AND NOT (o.leased AND o.next_attempt_utc OPERATOR(pg_catalog.>) $2)",
	.nargs = 4,.args = {T_TIMESTAMPTZ, T_TIMESTAMPTZ, T_INT8, T_INT8}};
	static Statement dropped = {.sql = "UPDATE propstreet.webhook AS t SET dropped = t.dropped OPERATOR(pg_catalog.+) $3, last_error_utc = $4, "
		"last_error = pg_catalog.format('%s deliveries that were not made within propstreet.keep_undelivered were dropped', $3) "
		"WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 AND t.id OPERATOR(pg_catalog.=) $2",
	.nargs = 4,.args = {T_INT8, T_INT8, T_INT8, T_TIMESTAMPTZ}};
	Datum		old[] = {TimestampTzGetDatum(before), TimestampTzGetDatum(now), tenant_id, webhook_id};
	uint64		purged = run(&pending, old, NULL);
	Datum		values[] = {tenant_id, webhook_id, Int64GetDatum(purged), TimestampTzGetDatum(now)};

	if (purged == 0)
		return 0;
	run(&dropped, values, NULL);
	queue_unpark(DatumGetInt64(tenant_id), DatumGetInt64(webhook_id));
	return purged;
}

/*
 * Old deliveries (notes, "Webhooks"), but for those that are under way, and those of
 * webhooks that somebody is changing: another purge() finds them.
 */
static uint64
purge_deliveries(TimestampTz now, TimestampTz before)
{
	static Statement undelivered = {.sql = WEBHOOKS
		"SELECT g.tenant_id::pg_catalog.int8, g.webhook_id::pg_catalog.int8 FROM bounds AS g "
		"WHERE EXISTS (SELECT FROM propstreet.webhook_delivery AS o WHERE " OLD(OF_WEBHOOK) " AND o.status OPERATOR(pg_catalog.=) 'pending' LIMIT 1)",
	.nargs = 1,.args = {T_TIMESTAMPTZ}};
	Datum		values[] = {TimestampTzGetDatum(before)};
	uint64		purged = 0;
	int			patience = 0;
	int			webhooks;
	SPITupleTable *found;

	queue_lock();
	webhooks = (int) run(&undelivered, values, NULL);
	found = SPI_tuptable;
	for (int i = 0; i < webhooks; i++)
	{
		bool		isnull;
		Datum		tenant_id = SPI_getbinval(found->vals[i], found->tupdesc, 1, &isnull);
		Datum		webhook_id = SPI_getbinval(found->vals[i], found->tupdesc, 2, &isnull);

		if (webhook_try_lock(DatumGetInt64(tenant_id), DatumGetInt64(webhook_id), &patience))
			purged += purge_undelivered(tenant_id, webhook_id, now, before);
	}
	return purged + purge_finished(before);
}

/* Events of deliveries that are under way stay as well: these may be tried again. */
static uint64
purge_events(TimestampTz before)
{
	static Statement events = {.sql = SCAN("event", "t.tenant_id", "t.tenant_id OPERATOR(pg_catalog.>) g.tenant_id")
		BOUNDS("event", OF_TENANT)
		", under_way AS MATERIALIZED (SELECT d.tenant_id, d.event_id FROM propstreet.webhook_delivery AS d WHERE d.leased) "
		"DELETE FROM propstreet.event AS o USING bounds AS g WHERE " OLD(OF_TENANT)
		" AND NOT EXISTS (SELECT FROM under_way AS d WHERE d.tenant_id OPERATOR(pg_catalog.=) o.tenant_id AND d.event_id OPERATOR(pg_catalog.=) o.id)",
	.nargs = 1,.args = {T_TIMESTAMPTZ}};
	Datum		values[] = {TimestampTzGetDatum(before)};

	return run(&events, values, NULL);
}

PG_FUNCTION_INFO_V1(propstreet_purge);

/*
 * purge() bigint: delete what has expired, of all tenants; how many rows.
 * Idempotency keys after 24 hours, events and deliveries after
 * propstreet.keep_undelivered.  May run at any time, also twice at once.
 */
Datum
propstreet_purge(PG_FUNCTION_ARGS)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz before = now - propstreet_keep_undelivered * USECS_PER_SEC;
	Identity	caller = act_as(tables_owner());
	uint64		purged;

	(void) fcinfo;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	purged = purge_keys(now) + purge_deliveries(now, before) + purge_events(before);
	SPI_finish();
	act_as_before(caller);
	PG_RETURN_INT64(purged);
}
