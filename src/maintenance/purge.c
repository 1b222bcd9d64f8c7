/*
 * purge.c
 *	  Deleting what is over: idempotency keys, events and deliveries.  For all
 *	  tenants, as the tables' owner.
 *
 *	  Events and deliveries are walked from the lowest id on, in each tenant or
 *	  webhook, a batch of ids at a time, up to the first that is a day too young: ids
 *	  and moments grow together but for the time that a transaction lasts.  What a
 *	  batch deletes it finds by an array of ids, so that no plan reads more.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "maintenance/maintenance.h"

int propstreet_keep_undelivered = 30 * SECS_PER_DAY;

#define FIRST_BATCH 100 /* rows that are looked at, ten times as many each time */
#define LAST_BATCH 10000
#define SLACK (INT64CONST(24) * USECS_PER_HOUR)

/* What is walked: rows of a tenant, or of one of its webhooks (else 0) */
typedef struct RowGroup
{
	int64 tenant_id;
	int64 webhook_id;
} RowGroup;

/* How old is too old, and how much more may be deleted */
typedef struct Purge
{
	TimestampTz now;
	TimestampTz before;
	int64 left;
	uint64 purged;
	int64 *busy; /* tenants of webhooks that somebody is changing */
	int nbusy;
} Purge;

/* $1 tenant, $2 webhook, $3 after which id, $4 before which moment, $5 up to which, $6 how many, $7 now */
#define WALK(table, of, doomed, guard) \
	"WITH batch AS MATERIALIZED (SELECT t.* FROM propstreet." table " AS t WHERE " of \
	" AND t.id OPERATOR(pg_catalog.>) $3 ORDER BY t.id LIMIT $6), " \
	"doomed AS MATERIALIZED (SELECT t.id FROM propstreet." table " AS t WHERE " of \
	" AND t.id OPERATOR(pg_catalog.=) ANY (ARRAY(" \
	"SELECT t.id FROM batch AS t WHERE t.created_utc OPERATOR(pg_catalog.<) $4" doomed ")) " guard "), " \
	"deleted AS (DELETE FROM propstreet." table " AS t WHERE " of \
	" AND t.id OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT d.id FROM doomed AS d)) RETURNING 1) " \
	"SELECT (SELECT pg_catalog.max(b.id) FROM batch AS b)::pg_catalog.int8, (SELECT pg_catalog.count(*) " \
	"FROM deleted)::pg_catalog.int8, " \
	"COALESCE((SELECT pg_catalog.bool_or(b.created_utc OPERATOR(pg_catalog.>=) $5) FROM batch AS b), true), $2, $7"
#define WALK_ARGS .nargs = 7, .args = {T_INT8, T_INT8, T_INT8, T_TIMESTAMPTZ, T_TIMESTAMPTZ, T_INT8, T_TIMESTAMPTZ}
#define OF_TENANT "t.tenant_id OPERATOR(pg_catalog.=) $1"
#define OF_WEBHOOK OF_TENANT " AND t.webhook_id OPERATOR(pg_catalog.=) $2"

/* Deliveries that are finished, but for those that somebody replays right now */
static Statement finished = {
	.sql = WALK("webhook_delivery", OF_WEBHOOK, " AND t.status OPERATOR(pg_catalog.<>) 'pending'",
				"AND t.status OPERATOR(pg_catalog.<>) 'pending' FOR UPDATE SKIP LOCKED"),
	WALK_ARGS,
};

/* Deliveries that were never made, but for those that are under way */
static Statement undelivered = {
	.sql = WALK("webhook_delivery", OF_WEBHOOK,
				" AND t.status OPERATOR(pg_catalog.=) 'pending' "
				"AND NOT (t.leased AND t.next_attempt_utc OPERATOR(pg_catalog.>) $7)",
				""),
	WALK_ARGS,
};

/* Events, but for those of deliveries that are under way, which may be tried again */
static Statement events = {
	.sql = WALK("event", OF_TENANT, "",
				"AND t.id OPERATOR(pg_catalog.<>) ALL (ARRAY("
				"SELECT d.event_id FROM propstreet.webhook_delivery AS d "
				"WHERE d.tenant_id OPERATOR(pg_catalog.=) $1 AND d.leased))"),
	WALK_ARGS,
};

/* Delete old rows of a group; how many. */
static uint64
walk(Statement *statement, const RowGroup *group, Purge *purge)
{
	int64 after = 0;
	int64 size = FIRST_BATCH;
	uint64 purged = 0;
	bool over = false;

	while (!over && purge->left > 0)
	{
		Datum values[] = {Int64GetDatum(group->tenant_id),
						  Int64GetDatum(group->webhook_id),
						  Int64GetDatum(after),
						  TimestampTzGetDatum(purge->before),
						  TimestampTzGetDatum(purge->before + SLACK),
						  Int64GetDatum(Min(size, purge->left)),
						  TimestampTzGetDatum(purge->now)};
		Datum last;
		int64 deleted;

		CHECK_FOR_INTERRUPTS();
		run(statement, values, NULL);
		deleted = DatumGetInt64(fetch(0, 2));
		over = !fetch_optional(0, 1, &last) || DatumGetBool(fetch(0, 3));
		after = DatumGetInt64(last);
		SPI_freetuptable(SPI_tuptable);
		size = Min(size * 10, LAST_BATCH);
		purge->left -= deleted;
		purged += deleted;
	}
	purge->purged += purged;
	return purged;
}

/* The groups that a table has, one step of its primary key each; says how many. */
static int
find_groups(Statement *statement, bool of_webhooks, RowGroup **groups)
{
	int count = (int) run(statement, NULL, NULL);

	*groups = palloc(sizeof(RowGroup) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		(*groups)[i].tenant_id = DatumGetInt64(fetch(i, 1));
		(*groups)[i].webhook_id = of_webhooks ? DatumGetInt64(fetch(i, 2)) : 0;
	}
	SPI_freetuptable(SPI_tuptable);
	return count;
}

#define GROUPS(table, key, of_g, next) \
	"WITH RECURSIVE groups AS (" \
	"(SELECT " key " FROM propstreet." table " AS t ORDER BY " key " LIMIT 1) UNION ALL " \
	"SELECT n.* FROM groups AS g CROSS JOIN LATERAL (SELECT " key " FROM propstreet." table " AS t WHERE " next \
	" ORDER BY " key " LIMIT 1) AS n) " \
	"SELECT " of_g " FROM groups AS g"

static Statement webhooks = {
	.sql = GROUPS("webhook_delivery", "t.tenant_id, t.webhook_id",
				  "g.tenant_id::pg_catalog.int8, g.webhook_id::pg_catalog.int8",
				  "(t.tenant_id, t.webhook_id) OPERATOR(pg_catalog.>) (g.tenant_id, g.webhook_id)"),
};
static Statement tenants = {
	.sql = GROUPS("event", "t.tenant_id", "g.tenant_id::pg_catalog.int8",
				  "t.tenant_id OPERATOR(pg_catalog.>) g.tenant_id"),
};

static void
purge_keys(Purge *purge)
{
	static Statement keys = {
		.sql = "DELETE FROM propstreet.idempotency_key AS t USING ("
			   "SELECT k.tenant_id, k.key FROM propstreet.idempotency_key AS k WHERE k.created_utc "
			   "OPERATOR(pg_catalog.<=) $1 "
			   "ORDER BY k.created_utc LIMIT $2 FOR UPDATE SKIP LOCKED) AS k "
			   "WHERE t.tenant_id OPERATOR(pg_catalog.=) k.tenant_id AND t.key OPERATOR(pg_catalog.=) k.key",
		.nargs = 2,
		.args = {T_TIMESTAMPTZ, T_INT8},
	};
	Datum values[] = {TimestampTzGetDatum(purge->now - KEPT_HOURS * USECS_PER_HOUR), Int64GetDatum(purge->left)};
	uint64 purged = run(&keys, values, NULL);

	purge->left -= purged;
	purge->purged += purged;
}

/* Deliveries of a webhook that were never made: they are counted in it, and what waited for them can go. */
static void
purge_undelivered(const RowGroup *group, Purge *purge)
{
	static Statement dropped = {
		.sql =
			"UPDATE propstreet.webhook AS t "
			"SET dropped = t.dropped OPERATOR(pg_catalog.+) $3, last_error_utc = $4, "
			"last_error = pg_catalog.format('%s deliveries that were not made within propstreet.keep_undelivered were "
			"dropped', $3) "
			"WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 AND t.id OPERATOR(pg_catalog.=) $2",
		.nargs = 4,
		.args = {T_INT8, T_INT8, T_INT8, T_TIMESTAMPTZ},
	};
	uint64 purged = walk(&undelivered, group, purge);
	Datum values[] = {Int64GetDatum(group->tenant_id), Int64GetDatum(group->webhook_id), Int64GetDatum(purged),
					  TimestampTzGetDatum(purge->now)};

	if (purged == 0)
		return;
	run(&dropped, values, NULL);
	queue_unpark(group->tenant_id, group->webhook_id);
}

/*
 * Old deliveries (doc/decisions.md, "Webhooks"), but for those that are under way, and
 * those of webhooks that somebody is changing: another purge() finds them.  The queue
 * is taken for the ones that were not made only, and from then on.
 */
static void
purge_deliveries(Purge *purge)
{
	RowGroup *groups;
	int count = find_groups(&webhooks, true, &groups);
	int patience = 0;

	for (int i = 0; i < count; i++)
		walk(&finished, &groups[i], purge);
	queue_lock();
	purge->busy = palloc(sizeof(int64) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		if (webhook_try_lock(groups[i].tenant_id, groups[i].webhook_id, &patience))
			purge_undelivered(&groups[i], purge);
		else
			purge->busy[purge->nbusy++] = groups[i].tenant_id;
	}
}

static bool
is_busy(const Purge *purge, int64 tenant_id)
{
	for (int i = 0; i < purge->nbusy; i++)
		if (purge->busy[i] == tenant_id)
			return true;
	return false;
}

/*
 * Old events, but for those of tenants whose old deliveries could not all be dropped: without its
 * event one can't be sent.
 */
static void
purge_events(Purge *purge)
{
	RowGroup *groups;
	int count = find_groups(&tenants, false, &groups);

	for (int i = 0; i < count; i++)
		if (!is_busy(purge, groups[i].tenant_id))
			walk(&events, &groups[i], purge);
}

/* Secrets of webhooks that sign along no more */
static void
purge_secrets(Purge *purge)
{
	static Statement secrets = {
		.sql = "DELETE FROM propstreet.webhook_secret AS t "
			   "WHERE t.until_utc OPERATOR(pg_catalog.<=) $1",
		.nargs = 1,
		.args = {T_TIMESTAMPTZ},
	};
	Datum values[] = {TimestampTzGetDatum(purge->now)};

	if (purge->left > 0)
		purge->purged += run(&secrets, values, NULL);
}

PG_FUNCTION_INFO_V1(propstreet_purge);

/*
 * purge(max_rows) bigint: delete what has expired, of all tenants; how many rows, at
 * most max_rows unless that is null.  Idempotency keys after 24 hours, events and
 * deliveries after propstreet.keep_undelivered.  May run at any time, also twice at
 * once.  No webhook is delivered from when deliveries that were not made are looked
 * at to the end of the transaction; purge_in_batches() commits between.
 */
Datum
propstreet_purge(PG_FUNCTION_ARGS)
{
	TimestampTz now = GetCurrentTimestamp();
	Purge purge = {.now = now,
				   .before = now - propstreet_keep_undelivered * USECS_PER_SEC,
				   .left = PG_ARGISNULL(0) ? PG_INT64_MAX : PG_GETARG_INT64(0)};
	Identity caller = act_as(tables_owner());

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	purge_keys(&purge);
	purge_deliveries(&purge);
	purge_events(&purge);
	purge_secrets(&purge);
	SPI_finish();
	act_as_before(caller);
	PG_RETURN_INT64(purge.purged);
}
