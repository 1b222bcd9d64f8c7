/*
 * queue.c
 *	  The queue of webhook deliveries: claim what is due, record what came of it,
 *	  and wake the worker.  The worker and anybody's own use the same steps.
 *
 *	  Of the pending deliveries about one resource to one webhook only the first may
 *	  be sent.  Those that must wait are parked (next_attempt_utc is null), so that
 *	  nobody passes over them again: whatever a claim looks at it takes, parks or
 *	  deletes, and finishing a delivery unparks the next.  Those whose moment is yet to
 *	  come, the end of a lease or a retry, are waiting: a claim finds them by that
 *	  moment, so that it costs what is due.  All that parks or unparks does so one at a
 *	  time, under queue_lock(), with a snapshot taken after it.
 */
#include "postgres.h"

#include "base/json_c.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "webhooks/webhooks.h"

#define LOCK_STEP_MS 5		  /* between looks whether a webhook is free */
#define CLAIM_HOOKS_MAX 1000  /* webhooks of one claim: each is a lock */
#define PARK_MAX 1000		  /* rows that a claim parks before it gives others a turn */
#define WAKE_MAX 1000		  /* deliveries that become due in a claim */
#define LOOK 1024			  /* webhooks with anything due that a claim looks at, and one for each tenant */
#define LOOK_AGAIN "1 second" /* if that was not all of them */
#define WIDEN 4				  /* how many more rows a claim looks at after it parked some */
#define SHARE 16			  /* places that a tenant may have for each that is free */
#define TOLD_MAX 1000		  /* missing webhooks that a process tells of */
#define USER_AGENT "propstreet"

bool propstreet_webhook_allow_http = false;

/* ---- locks ---- */

/*
 * Take the queue of this database until the transaction ends, for those who send or
 * clean up, of all tenants; statements after this see all that others did with it.
 * To be taken before any row of webhook or webhook_delivery is locked.
 */
void
queue_lock(void)
{
	LOCKTAG tag = number_lock(LOCK_QUEUE, 0);

	if (IsolationUsesXactSnapshot())
		ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_STATE),
						errmsg("webhook deliveries cannot be changed in a REPEATABLE READ or SERIALIZABLE transaction"),
						errhint("Use isolation level READ COMMITTED.")));
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

static bool
lock_webhook(int64 tenant_id, int64 webhook_id, bool wait)
{
	LOCKTAG tag = name_lock(LOCK_WEBHOOK, tenant_id, &webhook_id, sizeof(webhook_id));

	return LockAcquire(&tag, ExclusiveLock, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

/*
 * Take one webhook and its deliveries until the transaction ends, for operations of
 * its tenant.  Those who hold the queue do not wait for them, or one transaction
 * that is left open would stop the deliveries of all tenants.
 */
void
webhook_lock(int64 tenant_id, int64 webhook_id)
{
	Problem problem = {
		.detail = "A webhook cannot be changed in a REPEATABLE READ or SERIALIZABLE transaction; use READ COMMITTED"};

	if (IsolationUsesXactSnapshot())
		problem_raise(busy_sqlstate(), &problem);
	(void) lock_webhook(tenant_id, webhook_id, true);
}

/* The same for those who hold the queue; false if somebody has the webhook, for longer than there is patience. */
bool
webhook_try_lock(int64 tenant_id, int64 webhook_id, int *patience_ms)
{
	while (!lock_webhook(tenant_id, webhook_id, false))
	{
		CHECK_FOR_INTERRUPTS();
		if (*patience_ms <= 0)
			return false;
		pg_usleep(LOCK_STEP_MS * 1000);
		*patience_ms -= LOCK_STEP_MS;
	}
	return true;
}

/* clang-format off */
/* Is a delivery one of those that a claim looks at? */
#define DUE(alias) alias ".next_attempt_utc IS NOT NULL AND NOT " alias ".waiting "
/* The order of the index of these, in full, as another one has a part of it */
#define DUE_ORDER(alias, direction) "ORDER BY " alias ".tenant_id " direction ", " alias ".webhook_id " direction ", " \
	alias ".next_attempt_utc " direction ", " alias ".event_id " direction " "

/* The webhook of a row, as w: all null where there is none */
#define WEBHOOK_OF(of) "LEFT JOIN LATERAL (SELECT w.* FROM propstreet.webhook AS w " \
	"WHERE " HOOK_OF(of) "OFFSET 0) AS w ON true "

/* Did its last attempt fail, or has none ever succeeded? */
#define SLOW(webhook) "COALESCE(" webhook ".slow, true)"

/*
 * What is under way, and the webhooks that have anything due, each with its first
 * moment: one step of an index for each, however many deliveries it has.  Of a tenant
 * for which places_for_slow does not hold, only those that are not slow.  Of so many
 * that LOOK does not suffice, each tenant has the same share looked at, in the order
 * of their ids from a random one on, or after the one that was reached before: random
 * ids alone would hardly ever lead to those that come closely after others.  complete
 * says whether that was all of them.
 */
#define HOOKS(places_for_slow, reached) "WITH RECURSIVE " \
	"under_way AS MATERIALIZED (SELECT a.*, " SLOW("w") " AS slow FROM (SELECT t.tenant_id, t.webhook_id, " \
	"pg_catalog.count(*) AS count " \
	"FROM propstreet.webhook_delivery AS t WHERE t.leased AND t.next_attempt_utc OPERATOR(pg_catalog.>) $1 " \
	"GROUP BY 1, 2) AS a " WEBHOOK_OF("a") "), " \
	"of_tenant AS MATERIALIZED (SELECT a.tenant_id, " UNDER_WAY " FROM under_way AS a GROUP BY a.tenant_id), " \
	"of_all AS MATERIALIZED (SELECT " UNDER_WAY " FROM under_way AS a), " \
	"tenants AS (" FIRST_TENANT("") "UNION ALL SELECT n.* FROM tenants AS s CROSS JOIN LATERAL " \
	FIRST_TENANT("AND t.tenant_id OPERATOR(pg_catalog.>) s.tenant_id ") "AS n), " \
	"share AS MATERIALIZED (SELECT " CppAsString2(LOOK) " OPERATOR(pg_catalog./) " \
	"GREATEST(pg_catalog.count(*), 1) OPERATOR(pg_catalog.+) 1 AS hooks FROM tenants), " \
	"starts AS MATERIALIZED (SELECT t.tenant_id, " places_for_slow " AS places_for_slow, COALESCE(" reached \
	", pg_catalog.floor(pg_catalog.random() OPERATOR(pg_catalog.*) (" \
	"SELECT o.webhook_id FROM propstreet.webhook_delivery AS o " \
	"WHERE " DUE("o") "AND o.tenant_id OPERATOR(pg_catalog.=) t.tenant_id " \
	DUE_ORDER("o", "DESC") "LIMIT 1))::pg_catalog.int8) AS start " \
	"FROM tenants AS t LEFT JOIN of_tenant AS u ON u.tenant_id OPERATOR(pg_catalog.=) t.tenant_id " \
	"CROSS JOIN of_all AS a), " \
	"steps AS (SELECT t.*, t.start AS webhook_id, NULL::pg_catalog.timestamptz AS next_attempt_utc, " \
	"false AS wrapped, 0 AS number FROM starts AS t " \
	"UNION ALL SELECT s.tenant_id, s.places_for_slow, s.start, n.webhook_id, n.next_attempt_utc, n.wrapped, " \
	"s.number OPERATOR(pg_catalog.+) 1 " \
	"FROM steps AS s CROSS JOIN LATERAL (" \
	FIRST_HOOK("s.wrapped", "AND o.webhook_id OPERATOR(pg_catalog.>) s.webhook_id ") "UNION ALL " \
	FIRST_FAST_HOOK("s.wrapped", "AND w.id OPERATOR(pg_catalog.>) s.webhook_id ") "UNION ALL " \
	FIRST_HOOK("true", "AND NOT s.wrapped ") "UNION ALL " \
	FIRST_FAST_HOOK("true", "AND NOT s.wrapped ") "LIMIT 1) AS n " \
	"WHERE s.number OPERATOR(pg_catalog.<) (SELECT h.hooks FROM share AS h) " \
	"AND NOT (n.wrapped AND n.webhook_id OPERATOR(pg_catalog.>) s.start)), " \
	"hooks AS MATERIALIZED (SELECT s.tenant_id, s.webhook_id, s.next_attempt_utc, " \
	"s.number OPERATOR(pg_catalog.<) h.hooks AS complete " \
	"FROM steps AS s CROSS JOIN share AS h WHERE s.number OPERATOR(pg_catalog.>) 0) "
/* Where a tenant is among those of which a webhook was reached */
#define REACHED "pg_catalog.width_bucket(t.tenant_id::pg_catalog.int8, $5)"
#define UNDER_WAY "COALESCE(pg_catalog.sum(a.count), 0)::pg_catalog.int8 AS count, " \
	"COALESCE(pg_catalog.sum(a.count) FILTER (WHERE a.slow), 0)::pg_catalog.int8 AS slow"
#define FIRST_TENANT(condition) "(SELECT t.tenant_id FROM propstreet.webhook_delivery AS t " \
	"WHERE " DUE("t") condition DUE_ORDER("t", "") "LIMIT 1) "
#define FIRST_HOOK(wrapped, condition) "(SELECT o.webhook_id, o.next_attempt_utc, " wrapped " AS wrapped " \
	"FROM propstreet.webhook_delivery AS o " \
	"WHERE s.places_for_slow AND " DUE("o") "AND o.tenant_id OPERATOR(pg_catalog.=) s.tenant_id " \
	condition DUE_ORDER("o", "") "LIMIT 1) "
#define FIRST_FAST_HOOK(wrapped, condition) "(SELECT w.id, o.next_attempt_utc, " wrapped \
	" FROM propstreet.webhook AS w CROSS JOIN LATERAL (" \
	"SELECT o.next_attempt_utc FROM propstreet.webhook_delivery AS o " \
	"WHERE " DUE("o") "AND o.tenant_id OPERATOR(pg_catalog.=) w.tenant_id " \
	"AND o.webhook_id OPERATOR(pg_catalog.=) w.id " DUE_ORDER("o", "") "LIMIT 1) AS o " \
	"WHERE NOT s.places_for_slow AND NOT w.slow AND w.tenant_id OPERATOR(pg_catalog.=) s.tenant_id " condition \
	"ORDER BY w.tenant_id, w.id LIMIT 1) "
/* clang-format on */

/* ---- claim ---- */

/* What a tenant has under way */
typedef struct Tenant
{
	int64 id;
	int under_way;
	int slow; /* of them, to webhooks that are slow */
} Tenant;

/* A webhook that a claim looks at */
typedef struct Hook
{
	Tenant *tenant;
	int64 tenant_id;
	int64 id;
	int room;	/* for more deliveries under way */
	int look;	/* at so many due rows */
	int passed; /* rows that were parked or deleted */
	bool slow;
	int64 *ready; /* deliveries that may be sent, in order: at most room */
	int nready;
	int next; /* of them */
} Hook;

typedef struct Claim
{
	TimestampTz now;
	TimestampTz until; /* end of the lease */
	int left;		   /* deliveries that may still be taken */
	int left_slow;	   /* of them, for webhooks that are slow */
	int passed;		   /* rows parked or deleted in all */
	Hook *hooks;
	int nhooks;
	Tenant *tenants;
	int ntenants;
	Arrays taken;
	ReturnSetInfo *result;
} Claim;

/* The columns of find_hooks' statement */
enum
{
	HOOK_TENANT_ID = 1,
	HOOK_ID,
	HOOK_SLOW,
	HOOK_UNDER_WAY,
	HOOK_TENANT_UNDER_WAY,
	HOOK_TENANT_SLOW,
	HOOK_ALL_UNDER_WAY,
	HOOK_ALL_SLOW,
	HOOK_REACHED /* no webhook to look at, but the last one in its tenant's share */
};

/* The webhooks that the last claim has reached, of tenants that have more than their share: tenant and id, by tenant */
static int64 (*reached)[2] = NULL;
static int nreached = 0;

/* A delivery whose webhook is missing waits for it, as where a restore loads webhooks later: said once a process. */
static void
tell_of_missing(int64 tenant_id, int64 webhook_id)
{
	static int64 told[TOLD_MAX][2];
	static int ntold = 0;

	for (int i = 0; i < ntold; i++)
		if (told[i][0] == tenant_id && told[i][1] == webhook_id)
			return;
	if (ntold == TOLD_MAX)
		return;
	told[ntold][0] = tenant_id;
	told[ntold++][1] = webhook_id;
	ereport(LOG, (errmsg("webhook " INT64_FORMAT " of tenant " INT64_FORMAT " does not exist, but has deliveries",
						 webhook_id, tenant_id),
				  errdetail("The deliveries wait until it exists, or until purge() deletes them.")));
}

static Tenant *
find_tenant(Claim *claim, uint64 row)
{
	int64 id = DatumGetInt64(fetch(row, HOOK_TENANT_ID));
	Tenant *tenant;

	for (int i = claim->ntenants - 1; i >= 0; i--)
		if (claim->tenants[i].id == id)
			return &claim->tenants[i];
	tenant = &claim->tenants[claim->ntenants++];
	tenant->id = id;
	tenant->under_way = (int) DatumGetInt64(fetch(row, HOOK_TENANT_UNDER_WAY));
	tenant->slow = (int) DatumGetInt64(fetch(row, HOOK_TENANT_SLOW));
	return tenant;
}

static void
read_hook(Claim *claim, uint64 row, int per_webhook)
{
	Hook *hook = &claim->hooks[row];
	Datum slow;
	int patience = 0;

	hook->tenant_id = DatumGetInt64(fetch(row, HOOK_TENANT_ID));
	hook->id = DatumGetInt64(fetch(row, HOOK_ID));
	if (!fetch_optional(row, HOOK_SLOW, &slow))
	{
		tell_of_missing(hook->tenant_id, hook->id);
		return;
	}
	hook->tenant = find_tenant(claim, row);
	hook->slow = DatumGetBool(slow);
	hook->room = hook->slow ? 1 : per_webhook - (int) DatumGetInt64(fetch(row, HOOK_UNDER_WAY));
	if (!webhook_try_lock(hook->tenant_id, hook->id, &patience))
		hook->room = 0;
	hook->look = hook->room;
	hook->ready = palloc(sizeof(int64) * hook->room);
	claim->left_slow = Max(0, ((int) DatumGetInt64(fetch(row, HOOK_ALL_UNDER_WAY)) + claim->left + 1) / 2 -
								  (int) DatumGetInt64(fetch(row, HOOK_ALL_SLOW)));
}

/* The tenants, or the ids, of the webhooks that the last claim has reached */
static Datum
reached_array(int part)
{
	Datum *values = palloc(sizeof(Datum) * Max(nreached, 1));

	for (int i = 0; i < nreached; i++)
		values[i] = Int64GetDatum(reached[i][part]);
	return int64_array(values, nreached);
}

/* Remember the webhooks that a claim has reached: so many rows from one on. */
static void
read_reached(uint64 first, int count)
{
	if (reached)
		pfree(reached);
	nreached = 0;
	reached = MemoryContextAllocHuge(TopMemoryContext, sizeof(*reached) * Max(count, 1));
	for (; nreached < count; nreached++)
	{
		reached[nreached][0] = DatumGetInt64(fetch(first + nreached, HOOK_TENANT_ID));
		reached[nreached][1] = DatumGetInt64(fetch(first + nreached, HOOK_ID));
	}
}

/* Make those due whose moment has come: the end of a lease, or of the time until a retry. */
static void
wake(const Claim *claim)
{
	static Statement find = {
		.sql =
			"SELECT t.tenant_id::pg_catalog.int8, t.webhook_id::pg_catalog.int8, "
			"t.id::pg_catalog.int8 "
			"FROM propstreet.webhook_delivery AS t WHERE t.waiting AND t.next_attempt_utc OPERATOR(pg_catalog.<=) $1 "
			"ORDER BY t.next_attempt_utc LIMIT $2 FOR UPDATE SKIP LOCKED",
		.nargs = 2,
		.args = {T_TIMESTAMPTZ, T_INT8},
	};
	static Statement wake = {
		.by_values = true,
		.sql = "UPDATE propstreet.webhook_delivery AS t SET waiting = false "
			   "FROM " ROWS_3("tenant_id, webhook_id, id") "WHERE " IS_ROW("t", "u"),
		.nargs = 3,
		.args = {T_INT8_ARRAY, T_INT8_ARRAY, T_INT8_ARRAY},
	};
	Datum values[] = {TimestampTzGetDatum(claim->now), Int64GetDatum(WAKE_MAX)};
	int count = (int) run(&find, values, NULL);
	Arrays rows;

	arrays_init(&rows, 3, count);
	for (int i = 0; i < count; i++)
	{
		Datum row[] = {fetch(i, 1), fetch(i, 2), fetch(i, 3)};

		arrays_add(&rows, row, NULL);
	}
	if (count > 0)
		run_arrays(&wake, &rows, NULL);
}

/*
 * Find the webhooks that have due rows and room: by turns of their tenants, the ones
 * with the fewest under way first; of a tenant those that work before those that are
 * slow, then those waiting longest.  One that its tenant is changing, or that has asked to
 * be left alone for a while, gets none.  A webhook that is slow gets one at a time,
 * and all of them half of the places, so that endpoints that hang leave the others
 * theirs.
 */
static void
find_hooks(Claim *claim, int per_webhook)
{
	/* clang-format off */
	static Statement find = {.sql = HOOKS("(COALESCE(u.slow, 0) OPERATOR(pg_catalog./) " CppAsString2(SHARE) ") "
		"OPERATOR(pg_catalog.<) ((a.count OPERATOR(pg_catalog.+) $4 OPERATOR(pg_catalog.+) 1) "
		"OPERATOR(pg_catalog./) 2 OPERATOR(pg_catalog.-) a.slow)",
		"CASE WHEN ($5)[" REACHED "] OPERATOR(pg_catalog.=) t.tenant_id THEN ($6)[" REACHED "] END")
		"(SELECT d.tenant_id::pg_catalog.int8, d.webhook_id::pg_catalog.int8, d.slow, d.count, d.tenant_count, "
		"d.tenant_slow, s.count, s.slow, false FROM ("
		"SELECT s.tenant_id, s.webhook_id, s.next_attempt_utc, CASE WHEN w.id IS NOT NULL THEN " SLOW("w")
		" END AS slow, "
		"COALESCE(a.count, 0) AS count, COALESCE(u.count, 0) AS tenant_count, COALESCE(u.slow, 0) AS tenant_slow, "
		"pg_catalog.row_number() OVER (PARTITION BY s.tenant_id ORDER BY " SLOW("w") ", "
		"COALESCE(a.count, 0), s.next_attempt_utc, s.webhook_id) AS turn "
		"FROM hooks AS s LEFT JOIN under_way AS a ON " IS_HOOK("a", "s") WEBHOOK_OF("s")
		"LEFT JOIN of_tenant AS u ON u.tenant_id OPERATOR(pg_catalog.=) s.tenant_id "
		"WHERE s.next_attempt_utc OPERATOR(pg_catalog.<=) $1 "
		"AND COALESCE(w.hold_until_utc OPERATOR(pg_catalog.<=) $1, true)) AS d CROSS JOIN of_all AS s "
		"WHERE d.slow IS NULL OR d.count OPERATOR(pg_catalog.<) CASE WHEN d.slow THEN 1 ELSE $2 END "
		"ORDER BY d.slow IS NULL, d.tenant_count OPERATOR(pg_catalog.+) d.turn, d.slow, d.next_attempt_utc, "
		"d.tenant_id, d.webhook_id LIMIT $3) "
		"UNION ALL (SELECT s.tenant_id::pg_catalog.int8, s.webhook_id::pg_catalog.int8, NULL, 0, 0, 0, 0, 0, true "
		"FROM hooks AS s WHERE NOT s.complete ORDER BY 1)",
		.nargs = 6, .args = {T_TIMESTAMPTZ, T_INT8, T_INT8, T_INT8, T_INT8_ARRAY, T_INT8_ARRAY},};
	/* clang-format on */
	Datum values[] = {
		TimestampTzGetDatum(claim->now), Int64GetDatum(per_webhook), Int64GetDatum(Min(claim->left, CLAIM_HOOKS_MAX)),
		Int64GetDatum(claim->left),		 reached_array(0),			 reached_array(1)};
	int count = (int) run(&find, values, NULL);

	while (claim->nhooks < count && !DatumGetBool(fetch(claim->nhooks, HOOK_REACHED)))
		claim->nhooks++;
	read_reached(claim->nhooks, count - claim->nhooks);
	claim->hooks = palloc0(sizeof(Hook) * Max(claim->nhooks, 1));
	claim->tenants = palloc(sizeof(Tenant) * Max(claim->nhooks, 1));
	for (int i = 0; i < claim->nhooks; i++)
		read_hook(claim, i, per_webhook);
}

/* clang-format off */
/* Due rows of webhooks in order: is one gone, and else, may it be sent? */
static Statement look = {.sql =
	"SELECT u.number, c.id::pg_catalog.int8, e.id IS NULL, COALESCE(w.enabled "
	"AND c.status OPERATOR(pg_catalog.=) 'pending' "
	"AND c.id OPERATOR(pg_catalog.=) (" FIRST_PENDING("o.id", "c") "), false) "
	"FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4)) "
	"AS u (tenant_id, webhook_id, number, look) "
	"CROSS JOIN LATERAL (SELECT t.tenant_id, t.webhook_id, t.id, t.event_id, t.event, t.resource_id, t.status, "
	"t.next_attempt_utc "
	"FROM propstreet.webhook_delivery AS t WHERE " IS_HOOK("t", "u") "AND NOT t.waiting "
	"AND t.next_attempt_utc OPERATOR(pg_catalog.<=) $5 "
	"ORDER BY t.next_attempt_utc, t.event_id LIMIT u.look) AS c "
	"LEFT JOIN LATERAL (SELECT w.enabled FROM propstreet.webhook AS w WHERE " HOOK_OF("u") "OFFSET 0) AS w ON true "
	"LEFT JOIN LATERAL (SELECT e.id FROM propstreet.event AS e WHERE e.tenant_id OPERATOR(pg_catalog.=) c.tenant_id "
	"AND e.id OPERATOR(pg_catalog.=) c.event_id OFFSET 0) AS e ON true "
	"ORDER BY u.number, c.next_attempt_utc, c.event_id",
	.nargs = 5, .args = {T_INT8_ARRAY, T_INT8_ARRAY, T_INT8_ARRAY, T_INT8_ARRAY, T_TIMESTAMPTZ},};

static Statement park = {.by_values = true, .sql =
	"UPDATE propstreet.webhook_delivery AS t SET next_attempt_utc = NULL, leased = false, waiting = false FROM "
	ROWS_3("tenant_id, webhook_id, id") "WHERE " IS_ROW("t", "u"),
	.nargs = 3, .args = {T_INT8_ARRAY, T_INT8_ARRAY, T_INT8_ARRAY},};

static Statement discard = {.by_values = true, .sql =
	"DELETE FROM propstreet.webhook_delivery AS t USING " ROWS_3("tenant_id, webhook_id, id") "WHERE " IS_ROW("t", "u")
	"RETURNING t.tenant_id::pg_catalog.int8, t.webhook_id::pg_catalog.int8, t.event::pg_catalog.text, "
	"t.resource_id::pg_catalog.int8",
	.nargs = 3, .args = {T_INT8_ARRAY, T_INT8_ARRAY, T_INT8_ARRAY},};

#define SECRETS "SELECT s.secret::pg_catalog.text FROM propstreet.webhook_secret AS s " \
	"WHERE s.tenant_id OPERATOR(pg_catalog.=) t.tenant_id " \
	"AND s.webhook_id OPERATOR(pg_catalog.=) t.webhook_id AND s.secret IS NOT NULL "

/* Each row is found by its keys, in the order written here: planners that know nothing of the tables join by tenant */
static Statement take = {.by_values = true, .sql =
	"UPDATE propstreet.webhook_delivery AS t SET attempts = t.attempts OPERATOR(pg_catalog.+) 1, leased = true, "
	"waiting = true, "
	"next_attempt_utc = $4, last_attempt_utc = $5 FROM (SELECT u.*, w.url, e.payload "
	"FROM " ROWS_3("tenant_id, webhook_id, id")
	"CROSS JOIN LATERAL (SELECT o.event_id FROM propstreet.webhook_delivery AS o WHERE " IS_ROW("o", "u")
	"OFFSET 0) AS o "
	"CROSS JOIN LATERAL (SELECT w.url FROM propstreet.webhook AS w WHERE " HOOK_OF("u") "OFFSET 0) AS w "
	"CROSS JOIN LATERAL (SELECT e.payload FROM propstreet.event AS e "
	"WHERE e.tenant_id OPERATOR(pg_catalog.=) u.tenant_id "
	"AND e.id OPERATOR(pg_catalog.=) o.event_id OFFSET 0) AS e OFFSET 0) AS u WHERE " IS_ROW("t", "u")
	"RETURNING t.tenant_id::pg_catalog.int8, t.webhook_id::pg_catalog.int8, t.id::pg_catalog.int8, "
	"t.attempts::pg_catalog.int4, "
	"u.url::pg_catalog.text, t.event_id::pg_catalog.int8, u.payload::pg_catalog.text, "
	"(" SECRETS "AND s.until_utc IS NULL LIMIT 1), "
	"ARRAY(" SECRETS "AND s.until_utc OPERATOR(pg_catalog.>) $5 ORDER BY s.id DESC)",
	.nargs = 5, .args = {T_INT8_ARRAY, T_INT8_ARRAY, T_INT8_ARRAY, T_TIMESTAMPTZ, T_TIMESTAMPTZ},};

static Statement unpark_first = {.by_values = true, .sql =
	"UPDATE propstreet.webhook_delivery AS t SET next_attempt_utc = $5 FROM ("
	"SELECT DISTINCT u.tenant_id, u.webhook_id, u.event, u.resource_id "
	"FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4)) "
	"AS u (tenant_id, webhook_id, event, resource_id)) AS u CROSS JOIN LATERAL ("
	FIRST_PENDING("o.tenant_id, o.webhook_id, o.id, o.next_attempt_utc", "u") ") AS n "
	"WHERE " IS_ROW("t", "n") "AND n.next_attempt_utc IS NULL",
	.nargs = 5, .args = {T_INT8_ARRAY, T_INT8_ARRAY, T_TEXT_ARRAY, T_INT8_ARRAY, T_TIMESTAMPTZ},};
/* clang-format on */

/* Let the first delivery about each of some resources go: rows of tenant, webhook, event and resource. */
void
unpark(const Arrays *resources, TimestampTz now)
{
	Datum moment = TimestampTzGetDatum(now);

	if (resources->count > 0)
		run_arrays(&unpark_first, resources, &moment);
}

static void
add_delivery(Arrays *arrays, const Hook *hook, int64 id)
{
	Datum row[] = {Int64GetDatum(hook->tenant_id), Int64GetDatum(hook->id), Int64GetDatum(id)};

	arrays_add(arrays, row, NULL);
}

/* Read the due rows that each webhook wants to be looked at; says how many. */
static int
read_due(const Claim *claim)
{
	Datum now = TimestampTzGetDatum(claim->now);
	Arrays wanted;

	arrays_init(&wanted, 4, claim->nhooks);
	for (int i = 0; i < claim->nhooks; i++)
	{
		Hook *hook = &claim->hooks[i];
		Datum row[] = {Int64GetDatum(hook->tenant_id), Int64GetDatum(hook->id), Int64GetDatum(i),
					   Int64GetDatum(hook->look)};

		hook->passed = 0;
		hook->nready = 0;
		hook->next = 0;
		if (hook->look > 0)
			arrays_add(&wanted, row, NULL);
	}
	return wanted.count > 0 ? (int) run_arrays(&look, &wanted, &now) : 0;
}

/* Delete deliveries whose event is gone, and let go what waited for them. */
static void
discard_rows(const Claim *claim, const Arrays *discarded)
{
	int count = (int) run_arrays(&discard, discarded, NULL);
	Arrays resources;

	arrays_init(&resources, 4, count);
	for (int i = 0; i < count; i++)
	{
		Datum row[] = {fetch(i, 1), fetch(i, 2), fetch(i, 3), fetch(i, 4)};

		arrays_add(&resources, row, NULL);
	}
	unpark(&resources, claim->now);
}

/*
 * Look at due rows: those that may be sent go on the lists of their webhooks, the
 * others are parked, or deleted if the event is gone.  False if there are none.
 */
static bool
sort_due(Claim *claim)
{
	int rows = read_due(claim);
	Arrays parked;
	Arrays discarded;

	arrays_init(&parked, 3, rows);
	arrays_init(&discarded, 3, rows);
	for (int i = 0; i < rows; i++)
	{
		Hook *hook = &claim->hooks[DatumGetInt64(fetch(i, 1))];
		int64 id = DatumGetInt64(fetch(i, 2));
		bool gone = DatumGetBool(fetch(i, 3));

		if (gone || !DatumGetBool(fetch(i, 4)))
		{
			add_delivery(gone ? &discarded : &parked, hook, id);
			hook->passed++;
		}
		else if (hook->nready < hook->room)
			hook->ready[hook->nready++] = id;
	}
	claim->passed += parked.count + discarded.count;
	if (parked.count > 0)
		run_arrays(&park, &parked, NULL);
	if (discarded.count > 0)
		discard_rows(claim, &discarded);
	return rows > 0;
}

/*
 * May a tenant have one more place?  None gets more than SHARE times as many as it
 * leaves free, so that there is one at once for another tenant's first delivery.
 */
static bool
has_share(const Claim *claim, const Hook *hook)
{
	return hook->tenant->under_way / SHARE < claim->left &&
		   (!hook->slow || hook->tenant->slow / SHARE < claim->left_slow);
}

/* Take the next delivery of a webhook, if it has one and there is a place for it. */
static bool
take_next(Claim *claim, Hook *hook)
{
	if (hook->next == hook->nready || !has_share(claim, hook))
		return false;
	add_delivery(&claim->taken, hook, hook->ready[hook->next++]);
	hook->room--;
	claim->left--;
	hook->tenant->under_way++;
	if (hook->slow)
	{
		claim->left_slow--;
		hook->tenant->slow++;
	}
	return true;
}

/* The signature header: by the current secret, and for a while after a rotation by those before as well. */
static bool
append_signatures(StringInfo out, const char *id, int64 timestamp, const text *body, const char *secret, Datum old)
{
	const char *bytes = VARDATA_ANY(body);
	int len = VARSIZE_ANY_EXHDR(body);
	int count;
	Datum *secrets = array_elements(old, T_TEXT, &count);

	if (!append_signature(out, secret, id, timestamp, bytes, len))
		return false;
	for (int i = 0; i < count; i++)
	{
		int before = out->len;

		CHECK_FOR_INTERRUPTS();
		appendStringInfoChar(out, ' ');
		if (!append_signature(out, TextDatumGetCString(secrets[i]), id, timestamp, bytes, len))
			out->len = before;
	}
	return true;
}

/* The columns of what a claim has taken */
enum
{
	TAKEN_TENANT_ID = 1,
	TAKEN_WEBHOOK_ID,
	TAKEN_ID,
	TAKEN_ATTEMPT,
	TAKEN_URL,
	TAKEN_EVENT_ID,
	TAKEN_BODY,
	TAKEN_SECRET,
	TAKEN_OLD_SECRETS
};

/* Put a delivery that was taken into the result, ready to be sent.  False if its webhook has no secret that is one. */
static bool
emit(const Claim *claim, uint64 number)
{
	Datum values[7];
	bool nulls[7] = {false};
	Datum secret;
	text *body = DatumGetTextPP(fetch(number, TAKEN_BODY));
	char *id = psprintf("evt_" INT64_FORMAT, DatumGetInt64(fetch(number, TAKEN_EVENT_ID)));
	int64 timestamp = claim->now / USECS_PER_SEC + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
	StringInfoData signature;

	initStringInfo(&signature);
	if (!fetch_optional(number, TAKEN_SECRET, &secret) ||
		!append_signatures(&signature, id, timestamp, body, TextDatumGetCString(secret),
						   fetch(number, TAKEN_OLD_SECRETS)))
		return false;
	for (int column = TAKEN_TENANT_ID; column <= TAKEN_URL; column++)
		values[column - 1] = fetch(number, column);
	values[5] = CStringGetTextDatum(psprintf("{\"Content-Type\":\"application/json\",\"User-Agent\":\"" USER_AGENT
											 "\",\"webhook-id\":\"%s\","
											 "\"webhook-timestamp\":\"" INT64_FORMAT "\",\"webhook-signature\":\"%s\"}",
											 id, timestamp, signature.data));
	values[6] = PointerGetDatum(body);
	tuplestore_putvalues(claim->result->setResult, claim->result->setDesc, values, nulls);
	return true;
}

/*
 * Put what was taken into the result.  A webhook whose secret somebody has spoilt
 * is disabled; the next claim after the lease parks its deliveries.
 */
static void
emit_taken(const Claim *claim, uint64 count)
{
	static Statement disable = {
		.by_values = true,
		.sql = "UPDATE propstreet.webhook AS t SET enabled = false, "
			   "disabled_reason = 'Its secret is not valid; it has to be rotated.', "
			   "updated_utc = GREATEST($3, t.updated_utc OPERATOR(pg_catalog.+) '1 microsecond'::pg_catalog.interval), "
			   "revision = t.revision OPERATOR(pg_catalog.+) 1 FROM " ROWS_2(
				   "tenant_id, id") "WHERE t.tenant_id OPERATOR(pg_catalog.=) u.tenant_id AND t.id "
									"OPERATOR(pg_catalog.=) u.id AND t.enabled",
		.nargs = 3,
		.args = {T_INT8_ARRAY, T_INT8_ARRAY, T_TIMESTAMPTZ},
	};
	Datum now = TimestampTzGetDatum(claim->now);
	Arrays spoilt;

	arrays_init(&spoilt, 2, (int) count);
	for (uint64 i = 0; i < count; i++)
	{
		Datum row[] = {fetch(i, TAKEN_TENANT_ID), fetch(i, TAKEN_WEBHOOK_ID)};

		if (!emit(claim, i))
			arrays_add(&spoilt, row, NULL);
	}
	if (spoilt.count > 0)
		run_arrays(&disable, &spoilt, &now);
}

/*
 * Take one delivery of each webhook in turn.  A webhook of which rows were passed
 * over, and no other is left, is looked at again, the farther the more there were.
 */
static void
take_ready(Claim *claim)
{
	Datum times[] = {TimestampTzGetDatum(claim->until), TimestampTzGetDatum(claim->now)};
	bool more = true;

	arrays_init(&claim->taken, 3, claim->left);
	while (more)
	{
		more = false;
		for (int i = 0; i < claim->nhooks; i++)
			more |= take_next(claim, &claim->hooks[i]);
	}
	for (int i = 0; i < claim->nhooks; i++)
	{
		Hook *hook = &claim->hooks[i];
		bool again = hook->passed > 0 && hook->next == hook->nready && hook->room > 0 && claim->left > 0;

		hook->look = again ? Min(Max(hook->passed * WIDEN, hook->room), PARK_MAX) : 0;
	}
	if (claim->taken.count > 0)
		emit_taken(claim, run_arrays(&take, &claim->taken, times));
}

/* A whole number from 1 on, or PT400. */
static int
argument_count(FunctionCallInfo fcinfo, int number, const char *name)
{
	Problems problems = {NIL};

	if (PG_ARGISNULL(number) || PG_GETARG_INT32(number) < 1 || PG_GETARG_INT32(number) > CLAIM_MAX)
		problem_parameter(&problems, name, "must be from 1 to %d", CLAIM_MAX);
	problems_check(&problems);
	return PG_GETARG_INT32(number);
}

/* The end of a lease from now, or PT400. */
static TimestampTz
argument_lease(FunctionCallInfo fcinfo, int number, TimestampTz now)
{
	static const Interval day = {.day = 1};
	Problems problems = {NIL};
	TimestampTz until = 0;

	if (!PG_ARGISNULL(number) &&
		DatumGetBool(DirectFunctionCall2(interval_le, PG_GETARG_DATUM(number), IntervalPGetDatum(&day))))
		until = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(now),
														PG_GETARG_DATUM(number)));
	if (until <= now)
		problem_parameter(&problems, "lease", "must be longer than zero, and at most one day");
	problems_check(&problems);
	return until;
}

/* Begin to work on the queue, of all tenants, as the tables' owner. */
Identity
queue_begin(void)
{
	Identity caller = act_as(tables_owner());

	queue_lock();
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	return caller;
}

void
queue_end(Identity caller)
{
	SPI_finish();
	act_as_before(caller);
}

/* Let the first delivery about each resource go that waits in a webhook's queue, also for a retry; needs its lock. */
void
queue_unpark(int64 tenant_id, int64 webhook_id)
{
	/* clang-format off */
	static Statement unpark_all = {.by_values = true, .sql = "UPDATE propstreet.webhook_delivery AS t "
		"SET next_attempt_utc = $3 FROM ("
		"SELECT DISTINCT ON (o.resource_id, " KIND_OF("o") ") o.* FROM propstreet.webhook_delivery AS o "
		"WHERE o.tenant_id OPERATOR(pg_catalog.=) $1 AND o.webhook_id OPERATOR(pg_catalog.=) $2 "
		"AND o.status OPERATOR(pg_catalog.=) 'pending' "
		"ORDER BY o.resource_id, " KIND_OF("o") ", o.created_utc, o.event_id) AS o WHERE " IS_ROW("t", "o")
		"AND (o.next_attempt_utc IS NULL OR o.waiting AND NOT o.leased)",
		.nargs = 3, .args = {T_INT8, T_INT8, T_TIMESTAMPTZ},};
	/* clang-format on */
	Datum values[] = {Int64GetDatum(tenant_id), Int64GetDatum(webhook_id), TimestampTzGetDatum(GetCurrentTimestamp())};

	run(&unpark_all, values, NULL);
	wake_worker_at_commit();
}

PG_FUNCTION_INFO_V1(propstreet_webhook_claim);

/*
 * webhook_claim(max_deliveries, lease, per_webhook): take due deliveries of all
 * tenants, at most so many in all and under way to one webhook.  Nobody else gets
 * them before the lease ends.  PT400 for arguments out of range.
 */
Datum
propstreet_webhook_claim(PG_FUNCTION_ARGS)
{
	Claim claim = {.left = argument_count(fcinfo, 0, "max_deliveries")};
	int per_webhook = argument_count(fcinfo, 2, "per_webhook");
	Identity caller;

	argument_lease(fcinfo, 1, GetCurrentTimestamp());
	InitMaterializedSRF(fcinfo, 0);
	claim.result = (ReturnSetInfo *) fcinfo->resultinfo;
	caller = queue_begin();
	claim.now = GetCurrentTimestamp();
	claim.until = argument_lease(fcinfo, 1, claim.now);
	wake(&claim);
	find_hooks(&claim, per_webhook);
	while (claim.passed < PARK_MAX && sort_due(&claim))
		take_ready(&claim);
	queue_end(caller);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(propstreet_webhook_next_due);

/*
 * webhook_next_due(per_webhook) timestamptz: the earliest moment at which a claim
 * may find something if nothing happens before; null if there is nothing.
 */
Datum
propstreet_webhook_next_due(PG_FUNCTION_ARGS)
{
	/* clang-format off */
	static Statement find = {.sql = HOOKS("true", "NULL::pg_catalog.int8")
		"SELECT LEAST((SELECT t.next_attempt_utc FROM propstreet.webhook_delivery AS t WHERE t.waiting "
		"ORDER BY t.next_attempt_utc LIMIT 1)::pg_catalog.timestamptz, "
		"pg_catalog.min(GREATEST(w.hold_until_utc::pg_catalog.timestamptz, s.next_attempt_utc)) "
		"FILTER (WHERE w.id IS NOT NULL AND (a.count IS NULL OR a.count OPERATOR(pg_catalog.<) $2 "
		"AND NOT " SLOW("w") ")), "
		"CASE WHEN NOT pg_catalog.bool_and(s.complete) THEN $1 OPERATOR(pg_catalog.+) '" LOOK_AGAIN
		"'::pg_catalog.interval END) "
		"FROM hooks AS s LEFT JOIN under_way AS a ON " IS_HOOK("a", "s") WEBHOOK_OF("s"),
		.nargs = 2, .args = {T_TIMESTAMPTZ, T_INT8},};
	/* clang-format on */
	Datum values[] = {TimestampTzGetDatum(GetCurrentTimestamp()),
					  Int64GetDatum(argument_count(fcinfo, 0, "per_webhook"))};
	Identity caller = act_as(tables_owner());
	bool any;
	Datum next;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	run(&find, values, NULL);
	any = fetch_optional(0, 1, &next);
	queue_end(caller);
	if (!any)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(next);
}
