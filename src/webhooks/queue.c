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

#include <math.h>

#include "base/json_c.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "propstreet.h"

#define LOCK_STEP_MS 5			/* between looks whether a webhook is free */
#define RECORD_PATIENCE_MS 200	/* that webhook_record() waits for webhooks that somebody is changing, in all */
#define CLAIM_HOOKS_MAX 1000	/* webhooks of one claim: each is a lock */
#define CLAIM_MAX 10000			/* deliveries, and outcomes, in a call */
#define PARK_MAX 1000			/* rows that a claim parks before it gives others a turn */
#define WAKE_MAX 1000			/* deliveries that become due in a claim */
#define LOOK 1024				/* webhooks with anything due that a claim looks at, and one for each tenant */
#define LOOK_AGAIN "1 second"	/* if that was not all of them */
#define WIDEN 4					/* how many more rows a claim looks at after it parked some */
#define SHARE 16				/* places that a tenant may have for each that is free */
#define TOLD_MAX 1000			/* missing webhooks that a process tells of */
#define FAILED_IN_ROW_MAX 10
#define RETRY_MAX_SECONDS (30 * SECS_PER_DAY)
#define RETRIES_MAX 100
#define RETRY_AFTER_MAX_SECONDS SECS_PER_DAY
#define JITTER 0.1
#define ERROR_MAX 500			/* bytes of an error that are kept */
#define STATUS_GONE 410
#define STATUS_TOO_MANY_REQUESTS 429	/* with a Retry-After these two speak for the whole endpoint */
#define STATUS_SERVICE_UNAVAILABLE 503
#define USER_AGENT "propstreet"

char	   *propstreet_webhook_retry = NULL;
bool		propstreet_webhook_allow_http = false;

/* ---- locks ---- */

/*
 * Take the queue of this database until the transaction ends, for those who send or
 * clean up, of all tenants; statements after this see all that others did with it.
 * To be taken before any row of webhook or webhook_delivery is locked.
 */
void
queue_lock(void)
{
	LOCKTAG		tag = number_lock(LOCK_QUEUE, 0);

	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE), errmsg("webhook deliveries can't be changed in a transaction that keeps to one snapshot"),
				 errhint("Use READ COMMITTED.")));
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

static bool
lock_webhook(int64 tenant_id, int64 webhook_id, bool wait)
{
	LOCKTAG		tag = name_lock(LOCK_WEBHOOK, tenant_id, &webhook_id, sizeof(webhook_id));

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
	Problem		problem = {.detail = "A webhook can't be changed in a transaction that keeps to one snapshot: use READ COMMITTED"};

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

/* ---- waking the worker ---- */

static bool wake_at_commit = false;

/* The worker's library, where it is loaded, offers this; it sets a latch and raises nothing. */
typedef void (*WakeFunction) (Oid database);

static void
wake_after(XactEvent event, void *arg pg_attribute_unused())
{
	WakeFunction *wake;

	if (!wake_at_commit || event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
		return;
	wake_at_commit = false;
	wake = (WakeFunction *) find_rendezvous_variable("propstreet_webhooks_wake");
	if (event == XACT_EVENT_COMMIT && *wake)
		(*wake) (MyDatabaseId);
}

/* To be called once, when the library is loaded. */
void
watch_commits(void)
{
	RegisterXactCallback(wake_after, NULL);
}

/* Wake the worker of this database when the transaction commits, if it does. */
void
wake_worker_at_commit(void)
{
	wake_at_commit = true;
}

/* ---- the retry schedule ---- */

/* The delays that a setting lists, in seconds; how many, or -1 if it is malformed. */
static int
retry_delays(const char *setting, int delays[RETRIES_MAX])
{
	int			count = 0;

	while (isspace((unsigned char) *setting))
		setting++;
	while (*setting)
	{
		char	   *end;
		long		seconds;

		if (count > 0 && *setting++ != ',')
			return -1;
		seconds = strtol(setting, &end, 10);
		if (end == setting || seconds < 0 || seconds > RETRY_MAX_SECONDS || count == RETRIES_MAX)
			return -1;
		delays[count++] = (int) seconds;
		for (setting = end; isspace((unsigned char) *setting);)
			setting++;
	}
	return count;
}

/* check hook of propstreet.webhook_retry */
bool
check_webhook_retry(char **value, void **extra pg_attribute_unused(), GucSource source pg_attribute_unused())
{
	int			delays[RETRIES_MAX];

	if (retry_delays(*value, delays) >= 0)
		return true;
	GUC_check_errdetail("It lists the seconds to wait after each attempt that failed, up to %d of them, each from 0 to %d, separated by commas.",
						RETRIES_MAX, RETRY_MAX_SECONDS);
	return false;
}

/* ---- rows as arrays, for statements that write many ---- */

#define ARRAYS_MAX 9

typedef struct Arrays
{
	int			columns;
	int			count;			/* of rows */
	Datum	   *values[ARRAYS_MAX];
	bool	   *nulls[ARRAYS_MAX];
} Arrays;

static void
arrays_init(Arrays *arrays, int columns, int rows)
{
	arrays->columns = columns;
	arrays->count = 0;
	for (int i = 0; i < columns; i++)
	{
		arrays->values[i] = palloc(sizeof(Datum) * Max(rows, 1));
		arrays->nulls[i] = palloc(sizeof(bool) * Max(rows, 1));
	}
}

static void
arrays_add(Arrays *arrays, const Datum *row, const bool *nulls)
{
	for (int i = 0; i < arrays->columns; i++)
	{
		arrays->values[i][arrays->count] = row[i];
		arrays->nulls[i][arrays->count] = nulls && nulls[i];
	}
	arrays->count++;
}

/* Run a statement whose first parameters are the arrays, and the others those given. */
static uint64
run_arrays(Statement *statement, const Arrays *arrays, const Datum *others)
{
	Datum		values[STATEMENT_ARGS];
	int			lower = 1;

	for (int i = 0; i < statement->nargs; i++)
	{
		Oid			element = get_element_type(type_oid(statement->args[i]));
		int			count = arrays->count;
		int16		len;
		bool		by_value;
		char		align;

		if (i >= arrays->columns)
		{
			values[i] = others[i - arrays->columns];
			continue;
		}
		get_typlenbyvalalign(element, &len, &by_value, &align);
		values[i] = PointerGetDatum(construct_md_array(arrays->values[i], arrays->nulls[i], 1, &count, &lower, element, len, by_value, align));
	}
	return run(statement, values, NULL);
}

/* ---- SQL that several statements have ---- */

/* The rows that parameters hold, as u */
#define ROWS_2(columns) "ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS u (" columns ") "
#define ROWS_3(columns) "ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) AS u (" columns ") "
#define IS_HOOK(alias, of) alias ".tenant_id OPERATOR(pg_catalog.=) " of ".tenant_id " \
	"AND " alias ".webhook_id OPERATOR(pg_catalog.=) " of ".webhook_id "
#define IS_ROW(alias, of) IS_HOOK(alias, of) "AND " alias ".id OPERATOR(pg_catalog.=) " of ".id "
#define HOOK_OF(alias) "w.tenant_id OPERATOR(pg_catalog.=) " alias ".tenant_id AND w.id OPERATOR(pg_catalog.=) " alias ".webhook_id "
#define KIND_OF(alias) "pg_catalog.split_part(" alias ".event, '.', 1)"

/*
 * The first pending delivery about the resource that another is about.  A statement
 * that another one calls writes its events first, so ids alone don't tell the order.
 */
#define FIRST_PENDING(columns, of) "SELECT " columns " FROM propstreet.webhook_delivery AS o " \
	"WHERE " IS_HOOK("o", of) "AND " KIND_OF("o") " OPERATOR(pg_catalog.=) " KIND_OF(of) " " \
	"AND o.resource_id OPERATOR(pg_catalog.=) " of ".resource_id AND o.status OPERATOR(pg_catalog.=) 'pending' " \
	"ORDER BY o.created_utc, o.event_id LIMIT 1"

/* Is a delivery one of those that a claim looks at? */
#define DUE(alias) alias ".next_attempt_utc IS NOT NULL AND NOT " alias ".waiting "
/* The order of the index of these, in full, as another one has a part of it */
#define DUE_ORDER(alias, direction) "ORDER BY " alias ".tenant_id " direction ", " alias ".webhook_id " direction ", " \
	alias ".next_attempt_utc " direction ", " alias ".event_id " direction " "

/* The webhook of a row, as w: all null where there is none */
#define WEBHOOK_OF(of) "LEFT JOIN LATERAL (SELECT w.* FROM propstreet.webhook AS w WHERE " HOOK_OF(of) "OFFSET 0) AS w ON true "

/* Did its last attempt fail, or has none ever succeeded? */
#define SLOW(webhook) "COALESCE(" webhook ".slow, true)"

/*
 * What is under way, and the webhooks that have anything due, each with its first
 * moment: one step of an index for each, however many deliveries it has.  Of a tenant
 * for which places_for_slow does not hold, only those that are not slow.  Of so many
 * that LOOK does not suffice, each tenant has the same share looked at, in the order
 * of their ids from a random one on; complete says whether that was all of them.
 */
#define HOOKS(places_for_slow) "WITH RECURSIVE " \
	"under_way AS MATERIALIZED (SELECT a.*, " SLOW("w") " AS slow FROM (SELECT t.tenant_id, t.webhook_id, pg_catalog.count(*) AS count " \
	"FROM propstreet.webhook_delivery AS t WHERE t.leased AND t.next_attempt_utc OPERATOR(pg_catalog.>) $1 GROUP BY 1, 2) AS a " WEBHOOK_OF("a") "), " \
	"of_tenant AS MATERIALIZED (SELECT a.tenant_id, " UNDER_WAY " FROM under_way AS a GROUP BY a.tenant_id), " \
	"of_all AS MATERIALIZED (SELECT " UNDER_WAY " FROM under_way AS a), " \
	"tenants AS (" FIRST_TENANT("") "UNION ALL SELECT n.* FROM tenants AS s CROSS JOIN LATERAL " \
	FIRST_TENANT("AND t.tenant_id OPERATOR(pg_catalog.>) s.tenant_id ") "AS n), " \
	"share AS MATERIALIZED (SELECT " CppAsString2(LOOK) " OPERATOR(pg_catalog./) GREATEST(pg_catalog.count(*), 1) OPERATOR(pg_catalog.+) 1 AS hooks FROM tenants), " \
	"starts AS MATERIALIZED (SELECT t.tenant_id, " places_for_slow " AS places_for_slow, pg_catalog.floor(pg_catalog.random() OPERATOR(pg_catalog.*) (" \
	"SELECT o.webhook_id FROM propstreet.webhook_delivery AS o WHERE " DUE("o") "AND o.tenant_id OPERATOR(pg_catalog.=) t.tenant_id " \
	DUE_ORDER("o", "DESC") "LIMIT 1))::pg_catalog.int8 AS start " \
	"FROM tenants AS t LEFT JOIN of_tenant AS u ON u.tenant_id OPERATOR(pg_catalog.=) t.tenant_id CROSS JOIN of_all AS a), " \
	"steps AS (SELECT t.*, t.start AS webhook_id, NULL::pg_catalog.timestamptz AS next_attempt_utc, false AS wrapped, 0 AS number FROM starts AS t " \
	"UNION ALL SELECT s.tenant_id, s.places_for_slow, s.start, n.webhook_id, n.next_attempt_utc, n.wrapped, s.number OPERATOR(pg_catalog.+) 1 " \
	"FROM steps AS s CROSS JOIN LATERAL (" \
	FIRST_HOOK("s.wrapped", "AND o.webhook_id OPERATOR(pg_catalog.>) s.webhook_id ") "UNION ALL " \
	FIRST_FAST_HOOK("s.wrapped", "AND w.id OPERATOR(pg_catalog.>) s.webhook_id ") "UNION ALL " \
	FIRST_HOOK("true", "AND NOT s.wrapped ") "UNION ALL " FIRST_FAST_HOOK("true", "AND NOT s.wrapped ") "LIMIT 1) AS n " \
	"WHERE s.number OPERATOR(pg_catalog.<) (SELECT h.hooks FROM share AS h) AND NOT (n.wrapped AND n.webhook_id OPERATOR(pg_catalog.>) s.start)), " \
	"hooks AS MATERIALIZED (SELECT s.tenant_id, s.webhook_id, s.next_attempt_utc, s.number OPERATOR(pg_catalog.<) h.hooks AS complete " \
	"FROM steps AS s CROSS JOIN share AS h WHERE s.number OPERATOR(pg_catalog.>) 0) "
#define UNDER_WAY "COALESCE(pg_catalog.sum(a.count), 0)::pg_catalog.int8 AS count, " \
	"COALESCE(pg_catalog.sum(a.count) FILTER (WHERE a.slow), 0)::pg_catalog.int8 AS slow"
#define FIRST_TENANT(condition) "(SELECT t.tenant_id FROM propstreet.webhook_delivery AS t WHERE " DUE("t") condition DUE_ORDER("t", "") "LIMIT 1) "
#define FIRST_HOOK(wrapped, condition) "(SELECT o.webhook_id, o.next_attempt_utc, " wrapped " AS wrapped FROM propstreet.webhook_delivery AS o " \
	"WHERE s.places_for_slow AND " DUE("o") "AND o.tenant_id OPERATOR(pg_catalog.=) s.tenant_id " condition DUE_ORDER("o", "") "LIMIT 1) "
#define FIRST_FAST_HOOK(wrapped, condition) "(SELECT w.id, o.next_attempt_utc, " wrapped " FROM propstreet.webhook AS w CROSS JOIN LATERAL (" \
	"SELECT o.next_attempt_utc FROM propstreet.webhook_delivery AS o WHERE " DUE("o") "AND o.tenant_id OPERATOR(pg_catalog.=) w.tenant_id " \
	"AND o.webhook_id OPERATOR(pg_catalog.=) w.id " DUE_ORDER("o", "") "LIMIT 1) AS o " \
	"WHERE NOT s.places_for_slow AND NOT w.slow AND w.tenant_id OPERATOR(pg_catalog.=) s.tenant_id " condition "ORDER BY w.tenant_id, w.id LIMIT 1) "

/* ---- claim ---- */

/* What a tenant has under way */
typedef struct Tenant
{
	int64		id;
	int			under_way;
	int			slow;			/* of them, to webhooks that are slow */
} Tenant;

/* A webhook that a claim looks at */
typedef struct Hook
{
	Tenant	   *tenant;
	int64		tenant_id;
	int64		id;
	int			room;			/* for more deliveries under way */
	int			look;			/* at so many due rows */
	int			passed;			/* rows that were parked or deleted */
	bool		slow;
	int64	   *ready;			/* deliveries that may be sent, in order: at most room */
	int			nready;
	int			next;			/* of them */
} Hook;

typedef struct Claim
{
	TimestampTz now;
	TimestampTz until;			/* end of the lease */
	int			left;			/* deliveries that may still be taken */
	int			left_slow;		/* of them, for webhooks that are slow */
	int			passed;			/* rows parked or deleted in all */
	Hook	   *hooks;
	int			nhooks;
	Tenant	   *tenants;
	int			ntenants;
	Arrays		taken;
	ReturnSetInfo *result;
} Claim;

/* The columns of find_hooks' statement */
enum
{
	HOOK_TENANT_ID = 1, HOOK_ID, HOOK_SLOW, HOOK_UNDER_WAY, HOOK_TENANT_UNDER_WAY, HOOK_TENANT_SLOW, HOOK_ALL_UNDER_WAY, HOOK_ALL_SLOW
};

/* A delivery whose webhook is missing waits for it, as where a restore loads webhooks later: said once a process. */
static void
tell_of_missing(int64 tenant_id, int64 webhook_id)
{
	static int64 told[TOLD_MAX][2];
	static int	ntold = 0;

	for (int i = 0; i < ntold; i++)
		if (told[i][0] == tenant_id && told[i][1] == webhook_id)
			return;
	if (ntold == TOLD_MAX)
		return;
	told[ntold][0] = tenant_id;
	told[ntold++][1] = webhook_id;
	ereport(LOG,
			(errmsg("webhook " INT64_FORMAT " of tenant " INT64_FORMAT " does not exist, but has deliveries", webhook_id, tenant_id),
			 errdetail("They wait until it exists, or until purge() drops them.")));
}

static Tenant *
find_tenant(Claim *claim, uint64 row)
{
	int64		id = DatumGetInt64(fetch(row, HOOK_TENANT_ID));
	Tenant	   *tenant;

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
	Hook	   *hook = &claim->hooks[row];
	Datum		slow;
	int			patience = 0;

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

/* Make those due whose moment has come: the end of a lease, or of the time until a retry. */
static void
wake(const Claim *claim)
{
	static Statement find = {.sql = "SELECT t.tenant_id::pg_catalog.int8, t.webhook_id::pg_catalog.int8, t.id::pg_catalog.int8 "
		"FROM propstreet.webhook_delivery AS t WHERE t.waiting AND t.next_attempt_utc OPERATOR(pg_catalog.<=) $1 "
		"ORDER BY t.next_attempt_utc LIMIT $2 FOR UPDATE SKIP LOCKED",
	.nargs = 2,.args = {T_TIMESTAMPTZ, T_INT8}};
	static Statement wake = {.by_values = true,.sql = "UPDATE propstreet.webhook_delivery AS t SET waiting = false FROM "
		ROWS_3("tenant_id, webhook_id, id") "WHERE " IS_ROW("t", "u"),
	.nargs = 3,.args = {T_INT8_ARRAY, T_INT8_ARRAY, T_INT8_ARRAY}};
	Datum		values[] = {TimestampTzGetDatum(claim->now), Int64GetDatum(WAKE_MAX)};
	int			count = (int) run(&find, values, NULL);
	Arrays		rows;

	arrays_init(&rows, 3, count);
	for (int i = 0; i < count; i++)
	{
		Datum		row[] = {fetch(i, 1), fetch(i, 2), fetch(i, 3)};

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
	static Statement find = {.sql = HOOKS("(COALESCE(u.slow, 0) OPERATOR(pg_catalog./) " CppAsString2(SHARE) ") OPERATOR(pg_catalog.<) "
										  "((a.count OPERATOR(pg_catalog.+) $4 OPERATOR(pg_catalog.+) 1) OPERATOR(pg_catalog./) 2 OPERATOR(pg_catalog.-) a.slow)")
		"SELECT d.tenant_id::pg_catalog.int8, d.webhook_id::pg_catalog.int8, d.slow, d.count, d.tenant_count, d.tenant_slow, s.count, s.slow FROM ("
		"SELECT s.tenant_id, s.webhook_id, s.next_attempt_utc, CASE WHEN w.id IS NOT NULL THEN " SLOW("w") " END AS slow, "
		"COALESCE(a.count, 0) AS count, COALESCE(u.count, 0) AS tenant_count, COALESCE(u.slow, 0) AS tenant_slow, "
		"pg_catalog.row_number() OVER (PARTITION BY s.tenant_id ORDER BY " SLOW("w") ", COALESCE(a.count, 0), s.next_attempt_utc, s.webhook_id) AS turn "
		"FROM hooks AS s LEFT JOIN under_way AS a ON " IS_HOOK("a", "s") WEBHOOK_OF("s")
		"LEFT JOIN of_tenant AS u ON u.tenant_id OPERATOR(pg_catalog.=) s.tenant_id "
		"WHERE s.next_attempt_utc OPERATOR(pg_catalog.<=) $1 AND COALESCE(w.hold_until_utc OPERATOR(pg_catalog.<=) $1, true)) AS d CROSS JOIN of_all AS s "
		"WHERE d.slow IS NULL OR d.count OPERATOR(pg_catalog.<) CASE WHEN d.slow THEN 1 ELSE $2 END "
		"ORDER BY d.slow IS NULL, d.tenant_count OPERATOR(pg_catalog.+) d.turn, d.slow, d.next_attempt_utc, d.tenant_id, d.webhook_id LIMIT $3",
	.nargs = 4,.args = {T_TIMESTAMPTZ, T_INT8, T_INT8, T_INT8}};
	Datum		values[] = {TimestampTzGetDatum(claim->now), Int64GetDatum(per_webhook), Int64GetDatum(Min(claim->left, CLAIM_HOOKS_MAX)),
	Int64GetDatum(claim->left)};

	claim->nhooks = (int) run(&find, values, NULL);
	claim->hooks = palloc0(sizeof(Hook) * Max(claim->nhooks, 1));
	claim->tenants = palloc(sizeof(Tenant) * Max(claim->nhooks, 1));
	for (int i = 0; i < claim->nhooks; i++)
		read_hook(claim, i, per_webhook);
}

/* Due rows of webhooks in order: is one gone, and else, may it be sent? */
static Statement look = {.sql =
	"SELECT u.number, c.id::pg_catalog.int8, e.id IS NULL, COALESCE(w.enabled AND c.status OPERATOR(pg_catalog.=) 'pending' "
	"AND c.id OPERATOR(pg_catalog.=) (" FIRST_PENDING("o.id", "c") "), false) "
	"FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4)) "
	"AS u (tenant_id, webhook_id, number, look) "
	"CROSS JOIN LATERAL (SELECT t.tenant_id, t.webhook_id, t.id, t.event_id, t.event, t.resource_id, t.status, t.next_attempt_utc "
	"FROM propstreet.webhook_delivery AS t WHERE " IS_HOOK("t", "u") "AND NOT t.waiting AND t.next_attempt_utc OPERATOR(pg_catalog.<=) $5 "
	"ORDER BY t.next_attempt_utc, t.event_id LIMIT u.look) AS c "
	"LEFT JOIN LATERAL (SELECT w.enabled FROM propstreet.webhook AS w WHERE " HOOK_OF("u") "OFFSET 0) AS w ON true "
	"LEFT JOIN LATERAL (SELECT e.id FROM propstreet.event AS e WHERE e.tenant_id OPERATOR(pg_catalog.=) c.tenant_id "
	"AND e.id OPERATOR(pg_catalog.=) c.event_id OFFSET 0) AS e ON true "
	"ORDER BY u.number, c.next_attempt_utc, c.event_id",
.nargs = 5,.args = {T_INT8_ARRAY, T_INT8_ARRAY, T_INT8_ARRAY, T_INT8_ARRAY, T_TIMESTAMPTZ}};

static Statement park = {.by_values = true,.sql =
	"UPDATE propstreet.webhook_delivery AS t SET next_attempt_utc = NULL, leased = false, waiting = false FROM "
	ROWS_3("tenant_id, webhook_id, id") "WHERE " IS_ROW("t", "u"),
.nargs = 3,.args = {T_INT8_ARRAY, T_INT8_ARRAY, T_INT8_ARRAY}};

static Statement discard = {.by_values = true,.sql =
	"DELETE FROM propstreet.webhook_delivery AS t USING " ROWS_3("tenant_id, webhook_id, id") "WHERE " IS_ROW("t", "u")
	"RETURNING t.tenant_id::pg_catalog.int8, t.webhook_id::pg_catalog.int8, t.event::pg_catalog.text, t.resource_id::pg_catalog.int8",
.nargs = 3,.args = {T_INT8_ARRAY, T_INT8_ARRAY, T_INT8_ARRAY}};

#define SECRETS "SELECT s.secret::pg_catalog.text FROM propstreet.webhook_secret AS s WHERE s.tenant_id OPERATOR(pg_catalog.=) t.tenant_id " \
	"AND s.webhook_id OPERATOR(pg_catalog.=) t.webhook_id AND s.secret IS NOT NULL "

/* Each row is found by its keys, in the order written here: planners that know nothing of the tables join by tenant */
static Statement take = {.by_values = true,.sql =
	"UPDATE propstreet.webhook_delivery AS t SET attempts = t.attempts OPERATOR(pg_catalog.+) 1, leased = true, waiting = true, "
	"next_attempt_utc = $4, last_attempt_utc = $5 FROM (SELECT u.*, w.url, e.payload FROM " ROWS_3("tenant_id, webhook_id, id")
	"CROSS JOIN LATERAL (SELECT o.event_id FROM propstreet.webhook_delivery AS o WHERE " IS_ROW("o", "u") "OFFSET 0) AS o "
	"CROSS JOIN LATERAL (SELECT w.url FROM propstreet.webhook AS w WHERE " HOOK_OF("u") "OFFSET 0) AS w "
	"CROSS JOIN LATERAL (SELECT e.payload FROM propstreet.event AS e WHERE e.tenant_id OPERATOR(pg_catalog.=) u.tenant_id "
	"AND e.id OPERATOR(pg_catalog.=) o.event_id OFFSET 0) AS e OFFSET 0) AS u WHERE " IS_ROW("t", "u")
	"RETURNING t.tenant_id::pg_catalog.int8, t.webhook_id::pg_catalog.int8, t.id::pg_catalog.int8, t.attempts::pg_catalog.int4, "
	"u.url::pg_catalog.text, t.event_id::pg_catalog.int8, u.payload::pg_catalog.text, "
	"(" SECRETS "AND s.until_utc IS NULL LIMIT 1), "
	"ARRAY(" SECRETS "AND s.until_utc OPERATOR(pg_catalog.>) $5 ORDER BY s.id DESC)",
.nargs = 5,.args = {T_INT8_ARRAY, T_INT8_ARRAY, T_INT8_ARRAY, T_TIMESTAMPTZ, T_TIMESTAMPTZ}};

/* Let the first delivery about each of some resources go. */
static Statement unpark = {.by_values = true,.sql =
	"UPDATE propstreet.webhook_delivery AS t SET next_attempt_utc = $5 FROM ("
	"SELECT DISTINCT u.tenant_id, u.webhook_id, u.event, u.resource_id "
	"FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4)) "
	"AS u (tenant_id, webhook_id, event, resource_id)) AS u CROSS JOIN LATERAL ("
	FIRST_PENDING("o.tenant_id, o.webhook_id, o.id, o.next_attempt_utc", "u") ") AS n "
	"WHERE " IS_ROW("t", "n") "AND n.next_attempt_utc IS NULL",
.nargs = 5,.args = {T_INT8_ARRAY, T_INT8_ARRAY, T_TEXT_ARRAY, T_INT8_ARRAY, T_TIMESTAMPTZ}};

static void
add_delivery(Arrays *arrays, const Hook *hook, int64 id)
{
	Datum		row[] = {Int64GetDatum(hook->tenant_id), Int64GetDatum(hook->id), Int64GetDatum(id)};

	arrays_add(arrays, row, NULL);
}

/* Read the due rows that each webhook wants to be looked at; says how many. */
static int
read_due(const Claim *claim)
{
	Datum		now = TimestampTzGetDatum(claim->now);
	Arrays		wanted;

	arrays_init(&wanted, 4, claim->nhooks);
	for (int i = 0; i < claim->nhooks; i++)
	{
		Hook	   *hook = &claim->hooks[i];
		Datum		row[] = {Int64GetDatum(hook->tenant_id), Int64GetDatum(hook->id), Int64GetDatum(i), Int64GetDatum(hook->look)};

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
	Datum		now = TimestampTzGetDatum(claim->now);
	int			count = (int) run_arrays(&discard, discarded, NULL);
	Arrays		resources;

	arrays_init(&resources, 4, count);
	for (int i = 0; i < count; i++)
	{
		Datum		row[] = {fetch(i, 1), fetch(i, 2), fetch(i, 3), fetch(i, 4)};

		arrays_add(&resources, row, NULL);
	}
	if (count > 0)
		run_arrays(&unpark, &resources, &now);
}

/*
 * Look at due rows: those that may be sent go on the lists of their webhooks, the
 * others are parked, or deleted if the event is gone.  False if there are none.
 */
static bool
sort_due(Claim *claim)
{
	int			rows = read_due(claim);
	Arrays		parked;
	Arrays		discarded;

	arrays_init(&parked, 3, rows);
	arrays_init(&discarded, 3, rows);
	for (int i = 0; i < rows; i++)
	{
		Hook	   *hook = &claim->hooks[DatumGetInt64(fetch(i, 1))];
		int64		id = DatumGetInt64(fetch(i, 2));
		bool		gone = DatumGetBool(fetch(i, 3));

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
	return hook->tenant->under_way / SHARE < claim->left && (!hook->slow || hook->tenant->slow / SHARE < claim->left_slow);
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
	int			len = VARSIZE_ANY_EXHDR(body);
	int			count;
	Datum	   *secrets = array_elements(old, T_TEXT, &count);

	if (!append_signature(out, secret, id, timestamp, bytes, len))
		return false;
	for (int i = 0; i < count; i++)
	{
		int			before = out->len;

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
	TAKEN_TENANT_ID = 1, TAKEN_WEBHOOK_ID, TAKEN_ID, TAKEN_ATTEMPT, TAKEN_URL, TAKEN_EVENT_ID, TAKEN_BODY, TAKEN_SECRET, TAKEN_OLD_SECRETS
};

/* Put a delivery that was taken into the result, ready to be sent.  False if its webhook has no secret that is one. */
static bool
emit(const Claim *claim, uint64 number)
{
	Datum		values[7];
	bool		nulls[7] = {false};
	Datum		secret;
	text	   *body = DatumGetTextPP(fetch(number, TAKEN_BODY));
	char	   *id = psprintf("evt_" INT64_FORMAT, DatumGetInt64(fetch(number, TAKEN_EVENT_ID)));
	int64		timestamp = claim->now / USECS_PER_SEC + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
	StringInfoData signature;

	initStringInfo(&signature);
	if (!fetch_optional(number, TAKEN_SECRET, &secret) ||
		!append_signatures(&signature, id, timestamp, body, TextDatumGetCString(secret), fetch(number, TAKEN_OLD_SECRETS)))
		return false;
	for (int column = TAKEN_TENANT_ID; column <= TAKEN_URL; column++)
		values[column - 1] = fetch(number, column);
	values[5] = CStringGetTextDatum(psprintf("{\"Content-Type\":\"application/json\",\"User-Agent\":\"" USER_AGENT "\",\"webhook-id\":\"%s\","
											 "\"webhook-timestamp\":\"" INT64_FORMAT "\",\"webhook-signature\":\"%s\"}", id, timestamp, signature.data));
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
	static Statement disable = {.by_values = true,.sql =
		"UPDATE propstreet.webhook AS t SET enabled = false, disabled_reason = 'Its secret is not valid; it has to be rotated.', "
		"updated_utc = GREATEST($3, t.updated_utc OPERATOR(pg_catalog.+) '1 microsecond'::pg_catalog.interval), "
		"revision = t.revision OPERATOR(pg_catalog.+) 1 FROM " ROWS_2("tenant_id, id")
		"WHERE t.tenant_id OPERATOR(pg_catalog.=) u.tenant_id AND t.id OPERATOR(pg_catalog.=) u.id AND t.enabled",
	.nargs = 3,.args = {T_INT8_ARRAY, T_INT8_ARRAY, T_TIMESTAMPTZ}};
	Datum		now = TimestampTzGetDatum(claim->now);
	Arrays		spoilt;

	arrays_init(&spoilt, 2, (int) count);
	for (uint64 i = 0; i < count; i++)
	{
		Datum		row[] = {fetch(i, TAKEN_TENANT_ID), fetch(i, TAKEN_WEBHOOK_ID)};

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
	Datum		times[] = {TimestampTzGetDatum(claim->until), TimestampTzGetDatum(claim->now)};
	bool		more = true;

	arrays_init(&claim->taken, 3, claim->left);
	while (more)
	{
		more = false;
		for (int i = 0; i < claim->nhooks; i++)
			more |= take_next(claim, &claim->hooks[i]);
	}
	for (int i = 0; i < claim->nhooks; i++)
	{
		Hook	   *hook = &claim->hooks[i];
		bool		again = hook->passed > 0 && hook->next == hook->nready && hook->room > 0 && claim->left > 0;

		hook->look = again ? Min(Max(hook->passed * WIDEN, hook->room), PARK_MAX) : 0;
	}
	if (claim->taken.count > 0)
		emit_taken(claim, run_arrays(&take, &claim->taken, times));
}

/* A whole number from 1 on, or PT400. */
static int
argument_count(FunctionCallInfo fcinfo, int number, const char *name)
{
	Problems	problems = {NIL};

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
	Problems	problems = {NIL};
	TimestampTz until = 0;

	if (!PG_ARGISNULL(number) && DatumGetBool(DirectFunctionCall2(interval_le, PG_GETARG_DATUM(number), IntervalPGetDatum(&day))))
		until = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(now), PG_GETARG_DATUM(number)));
	if (until <= now)
		problem_parameter(&problems, "lease", "must be more than nothing, and at most a day");
	problems_check(&problems);
	return until;
}

/* Begin to work on the queue, of all tenants, as the tables' owner. */
static Identity
queue_begin(void)
{
	Identity	caller = act_as(tables_owner());

	queue_lock();
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	return caller;
}

static void
queue_end(Identity caller)
{
	SPI_finish();
	act_as_before(caller);
}

/* Let the first delivery about each resource go that waits in a webhook's queue; needs its lock. */
void
queue_unpark(int64 tenant_id, int64 webhook_id)
{
	static Statement unpark_all = {.by_values = true,.sql = "UPDATE propstreet.webhook_delivery AS t SET next_attempt_utc = $3 FROM ("
		"SELECT DISTINCT ON (o.resource_id, " KIND_OF("o") ") o.* FROM propstreet.webhook_delivery AS o "
		"WHERE o.tenant_id OPERATOR(pg_catalog.=) $1 AND o.webhook_id OPERATOR(pg_catalog.=) $2 AND o.status OPERATOR(pg_catalog.=) 'pending' "
		"ORDER BY o.resource_id, " KIND_OF("o") ", o.created_utc, o.event_id) AS o WHERE " IS_ROW("t", "o") "AND o.next_attempt_utc IS NULL",
	.nargs = 3,.args = {T_INT8, T_INT8, T_TIMESTAMPTZ}};
	Datum		values[] = {Int64GetDatum(tenant_id), Int64GetDatum(webhook_id), TimestampTzGetDatum(GetCurrentTimestamp())};

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
	Claim		claim = {.left = argument_count(fcinfo, 0, "max_deliveries")};
	int			per_webhook = argument_count(fcinfo, 2, "per_webhook");
	Identity	caller;

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
	static Statement find = {.sql = HOOKS("true")
		"SELECT LEAST((SELECT t.next_attempt_utc FROM propstreet.webhook_delivery AS t WHERE t.waiting ORDER BY t.next_attempt_utc LIMIT 1)::pg_catalog.timestamptz, "
		"pg_catalog.min(GREATEST(w.hold_until_utc::pg_catalog.timestamptz, s.next_attempt_utc)) "
		"FILTER (WHERE w.id IS NOT NULL AND (a.count IS NULL OR a.count OPERATOR(pg_catalog.<) $2 AND NOT " SLOW("w") ")), "
		"CASE WHEN NOT pg_catalog.bool_and(s.complete) THEN $1 OPERATOR(pg_catalog.+) '" LOOK_AGAIN "'::pg_catalog.interval END) "
		"FROM hooks AS s LEFT JOIN under_way AS a ON " IS_HOOK("a", "s") WEBHOOK_OF("s"),
	.nargs = 2,.args = {T_TIMESTAMPTZ, T_INT8}};
	Datum		values[] = {TimestampTzGetDatum(GetCurrentTimestamp()), Int64GetDatum(argument_count(fcinfo, 0, "per_webhook"))};
	Identity	caller = act_as(tables_owner());
	bool		any;
	Datum		next;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	run(&find, values, NULL);
	any = fetch_optional(0, 1, &next);
	queue_end(caller);
	if (!any)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(next);
}

/* ---- record ---- */

/* What came of a delivery */
typedef struct Outcome
{
	int64		tenant_id;
	int64		webhook_id;
	int64		delivery_id;
	int64		attempt;
	int64		status;			/* of the response; 0: there was none */
	int64		latency_ms;		/* -1: not known */
	const char *error;			/* NULL: none */
	int64		retry_after;	/* seconds; 0: none */
} Outcome;

/* An integer between two limits, or a problem. */
static void
set_integer(json_object *value, const Path *path, int64 least, int64 most, int64 *number, Problems *problems)
{
	if (value == NULL)
		return;
	if (json_object_is_type(value, json_type_int) && json_object_get_int64(value) >= least && json_object_get_int64(value) <= most)
		*number = json_object_get_int64(value);
	else
		problem_add(problems, path, "must be a whole number from " INT64_FORMAT " to " INT64_FORMAT, least, most);
}

/* An id, as a string or, as in the rows of a claim, a number. */
static void
set_id(json_object *value, const Path *path, int64 *id, Problems *problems)
{
	bool		given = json_object_is_type(value, json_type_string) || json_object_is_type(value, json_type_int);

	if (!given || !id_parse(json_object_get_string(value), id))
		problem_add(problems, path, "must be an id: a positive whole number");
}

static void
set_tenant_id(json_object *value, const Path *path, void *target, Problems *problems)
{
	set_id(value, path, &((Outcome *) target)->tenant_id, problems);
}

static void
set_webhook_id(json_object *value, const Path *path, void *target, Problems *problems)
{
	set_id(value, path, &((Outcome *) target)->webhook_id, problems);
}

static void
set_delivery_id(json_object *value, const Path *path, void *target, Problems *problems)
{
	set_id(value, path, &((Outcome *) target)->delivery_id, problems);
}

static void
set_attempt(json_object *value, const Path *path, void *target, Problems *problems)
{
	set_integer(value, path, 1, PG_INT32_MAX, &((Outcome *) target)->attempt, problems);
}

static void
set_status(json_object *value, const Path *path, void *target, Problems *problems)
{
	set_integer(value, path, 100, 999, &((Outcome *) target)->status, problems);
}

static void
set_latency(json_object *value, const Path *path, void *target, Problems *problems)
{
	set_integer(value, path, 0, PG_INT32_MAX, &((Outcome *) target)->latency_ms, problems);
}

static void
set_error(json_object *value, const Path *path, void *target, Problems *problems)
{
	const char *error = value ? json_string(value, path, problems) : NULL;

	if (error)
		((Outcome *) target)->error = pnstrdup(error, pg_mbcliplen(error, strlen(error), ERROR_MAX));
}

/* The seconds until a date as HTTP writes it (RFC 9110, section 5.6.7), or 0. */
static int64
seconds_until(const char *date)
{
	struct pg_tm tm = {0};
	char		month[4];
	TimestampTz time;
	int			utc = 0;

	if (sscanf(date, "%*3[A-Za-z], %2d %3s %4d %2d:%2d:%2d GMT", &tm.tm_mday, month, &tm.tm_year, &tm.tm_hour, &tm.tm_min, &tm.tm_sec) != 6)
		return 0;
	for (tm.tm_mon = 1; tm.tm_mon <= MONTHS_PER_YEAR && strcmp(months[tm.tm_mon - 1], month) != 0;)
		tm.tm_mon++;
	if (tm.tm_mon > MONTHS_PER_YEAR || tm2timestamp(&tm, 0, &utc, &time) != 0)
		return 0;
	return (time - GetCurrentTimestamp()) / USECS_PER_SEC + 1;
}

/* What a Retry-After says; the other side wrote it, so what can't be read is as good as nothing. */
static void
set_retry_after(json_object *value, const Path *path, void *target, Problems *problems)
{
	const char *text = value ? json_object_get_string(value) : "";
	int64		seconds;

	if (value && !json_object_is_type(value, json_type_string) && !json_object_is_type(value, json_type_int))
		problem_add(problems, path, "must be seconds, or a date as HTTP writes it");
	else
	{
		seconds = isdigit((unsigned char) *text) ? strtoi64(text, NULL, 10) : seconds_until(text);
		((Outcome *) target)->retry_after = Max(0, Min(seconds, RETRY_AFTER_MAX_SECONDS));
	}
}

static const Field outcome_fields[] = {
	{"tenantId", FIELD_REQUIRED, set_tenant_id},
	{"webhookId", FIELD_REQUIRED, set_webhook_id},
	{"deliveryId", FIELD_REQUIRED, set_delivery_id},
	{"attempt", FIELD_REQUIRED, set_attempt},
	{"responseStatus", FIELD_NULLABLE, set_status},
	{"latencyMs", FIELD_NULLABLE, set_latency},
	{"error", FIELD_NULLABLE, set_error},
	{"retryAfter", FIELD_NULLABLE, set_retry_after},
	{NULL, 0, NULL}
};

/* The outcomes that an argument holds; PT400 if they are malformed. */
static Outcome *
argument_outcomes(FunctionCallInfo fcinfo, int *count)
{
	Problems	problems = {NIL};
	json_object *array = argument_body(fcinfo, 0, &problems);
	Outcome    *outcomes;

	if (json_array(array, NULL, &problems) && json_object_array_length(array) > CLAIM_MAX)
		problem_add(&problems, NULL, "must have at most %d outcomes", CLAIM_MAX);
	problems_check(&problems);
	*count = (int) json_object_array_length(array);
	outcomes = palloc0(sizeof(Outcome) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
	{
		Path		path = {NULL, NULL, i};

		outcomes[i].latency_ms = -1;
		decode_object(json_object_array_get_idx(array, i), &path, outcome_fields, false, &outcomes[i], &problems);
	}
	problems_check(&problems);
	return outcomes;
}

/*
 * Leave only outcomes of webhooks that nobody is changing; says how many.  The
 * deliveries of the others are claimed again when their lease ends.
 */
static int
lock_webhooks(Outcome *outcomes, int count)
{
	int			patience = RECORD_PATIENCE_MS;
	int			kept = 0;

	for (int i = 0; i < count; i++)
		if (webhook_try_lock(outcomes[i].tenant_id, outcomes[i].webhook_id, &patience))
			outcomes[kept++] = outcomes[i];
	return kept;
}

/* A delivery that is still leased for the attempt that an outcome is about, and what becomes of it */
typedef struct Attempt
{
	const Outcome *outcome;
	Datum		event;
	Datum		resource_id;
	bool		success;
	bool		finished;		/* delivered, or failed for good */
	const char *error;			/* NULL: none */
	TimestampTz next;			/* unless it is finished */
} Attempt;

/* What a call has found out about a webhook */
typedef struct Finding
{
	int64		tenant_id;
	int64		webhook_id;
	bool		enabled;
	int64		failed_in_row;
	bool		success;
	const char *error;			/* the last; NULL: none */
	const char *disabled_reason;	/* NULL: it stays as it is */
	TimestampTz hold;			/* it has asked to be left alone until then; 0: it has not */
} Finding;

/*
 * Deliveries that were leased for these attempts, with the state of their webhooks,
 * by webhook; found by their keys, as COALESCE sees to: the index of leased ones
 * has an entry for each that was, while somebody may still see it so.
 */
static Statement find_attempts = {.sql =
	"SELECT d.number, d.event::pg_catalog.text, d.resource_id::pg_catalog.int8, d.enabled::pg_catalog.bool, d.failed_in_row FROM ("
	"SELECT DISTINCT ON (u.tenant_id, u.webhook_id, u.id) u.tenant_id, u.webhook_id, u.number, t.event, t.resource_id, w.enabled, w.failed_in_row::pg_catalog.int8 "
	"FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4)) "
	"WITH ORDINALITY AS u (tenant_id, webhook_id, id, attempt, number) "
	"CROSS JOIN LATERAL (SELECT t.event, t.resource_id FROM propstreet.webhook_delivery AS t WHERE " IS_ROW("t", "u")
	"AND COALESCE(t.leased, false) AND t.attempts OPERATOR(pg_catalog.=) u.attempt OFFSET 0) AS t "
	"LEFT JOIN LATERAL (SELECT w.enabled, w.failed_in_row FROM propstreet.webhook AS w WHERE " HOOK_OF("u") "OFFSET 0) AS w ON true "
	"ORDER BY u.tenant_id, u.webhook_id, u.id, u.number) AS d ORDER BY d.tenant_id, d.webhook_id, d.number",
.nargs = 4,.args = {T_INT8_ARRAY, T_INT8_ARRAY, T_INT8_ARRAY, T_INT8_ARRAY}};

static Statement record_attempts = {.by_values = true,.sql =
	"UPDATE propstreet.webhook_delivery AS t SET leased = false, status = u.status, next_attempt_utc = u.next_attempt_utc, waiting = u.next_attempt_utc IS NOT NULL, "
	"response_status = u.response_status, latency_ms = u.latency_ms, error = u.error "
	"FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5), "
	"pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8)) "
	"AS u (tenant_id, webhook_id, id, status, next_attempt_utc, response_status, latency_ms, error) WHERE " IS_ROW("t", "u"),
.nargs = 8,.args = {T_INT8_ARRAY, T_INT8_ARRAY, T_INT8_ARRAY, T_TEXT_ARRAY, T_TIMESTAMPTZ_ARRAY, T_INT8_ARRAY, T_INT8_ARRAY, T_TEXT_ARRAY}};

static Statement record_findings = {.by_values = true,.sql =
	"UPDATE propstreet.webhook AS t SET failed_in_row = u.failed_in_row, last_success_utc = COALESCE(u.success_utc, t.last_success_utc), "
	"last_error_utc = COALESCE(u.error_utc, t.last_error_utc), last_error = COALESCE(u.error, t.last_error), "
	"enabled = t.enabled AND u.reason IS NULL, disabled_reason = COALESCE(u.reason, t.disabled_reason), "
	"hold_until_utc = GREATEST(u.hold_until_utc, t.hold_until_utc), "
	"updated_utc = CASE WHEN u.reason IS NULL THEN t.updated_utc ELSE "
	"GREATEST($9, t.updated_utc OPERATOR(pg_catalog.+) '1 microsecond'::pg_catalog.interval) END, "
	"revision = CASE WHEN u.reason IS NULL THEN t.revision ELSE t.revision OPERATOR(pg_catalog.+) 1 END "
	"FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5), "
	"pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8)) "
	"AS u (tenant_id, id, failed_in_row, success_utc, error_utc, error, reason, hold_until_utc) "
	"WHERE t.tenant_id OPERATOR(pg_catalog.=) u.tenant_id AND t.id OPERATOR(pg_catalog.=) u.id",
.nargs = 9,.args = {T_INT8_ARRAY, T_INT8_ARRAY, T_INT8_ARRAY, T_TIMESTAMPTZ_ARRAY, T_TIMESTAMPTZ_ARRAY, T_TEXT_ARRAY, T_TEXT_ARRAY,
T_TIMESTAMPTZ_ARRAY, T_TIMESTAMPTZ}};

/* Find the attempts that outcomes are about; the others' lease has ended, and somebody has claimed them again. */
static Attempt *
read_attempts(const Outcome *outcomes, int count, int *nattempts, Finding **findings)
{
	Arrays		wanted;
	Attempt    *attempts;
	Datum		value;

	arrays_init(&wanted, 4, count);
	for (int i = 0; i < count; i++)
	{
		const Outcome *outcome = &outcomes[i];
		Datum		row[] = {Int64GetDatum(outcome->tenant_id), Int64GetDatum(outcome->webhook_id), Int64GetDatum(outcome->delivery_id),
		Int64GetDatum(outcome->attempt)};

		arrays_add(&wanted, row, NULL);
	}
	*nattempts = (int) run_arrays(&find_attempts, &wanted, NULL);
	attempts = palloc0(sizeof(Attempt) * Max(*nattempts, 1));
	*findings = palloc0(sizeof(Finding) * Max(*nattempts, 1));
	for (int i = 0; i < *nattempts; i++)
	{
		Attempt    *attempt = &attempts[i];
		Finding    *finding = &(*findings)[i];

		attempt->outcome = &outcomes[DatumGetInt64(fetch(i, 1)) - 1];
		attempt->event = fetch(i, 2);
		attempt->resource_id = fetch(i, 3);
		finding->enabled = fetch_optional(i, 4, &value) && DatumGetBool(value);
		finding->failed_in_row = fetch_optional(i, 5, &value) ? DatumGetInt64(value) : 0;
		finding->tenant_id = attempt->outcome->tenant_id;
		finding->webhook_id = attempt->outcome->webhook_id;
	}
	return attempts;
}

/* When to try again after an attempt that failed, counted from 1; false if it was the last. */
static bool
next_attempt(const Outcome *outcome, TimestampTz now, TimestampTz *next)
{
	int			delays[RETRIES_MAX];
	int			count = retry_delays(propstreet_webhook_retry, delays);
	double		seconds;

	if (outcome->attempt > count)
		return false;
	seconds = delays[outcome->attempt - 1] * (1 - JITTER + 2 * JITTER * pg_prng_double(&pg_global_prng_state));
	*next = now + (TimestampTz) rint(Max(seconds, outcome->retry_after) * USECS_PER_SEC);
	return true;
}

/* Judge an attempt, and what it says of the webhook. */
static void
judge(Attempt *attempt, Finding *finding, TimestampTz now)
{
	const Outcome *outcome = attempt->outcome;

	attempt->success = outcome->error == NULL && outcome->status >= 200 && outcome->status < 300;
	if (attempt->success)
	{
		attempt->finished = true;
		finding->success = true;
		finding->failed_in_row = 0;
		return;
	}
	attempt->error = outcome->error ? outcome->error : outcome->status ? psprintf("HTTP " INT64_FORMAT, outcome->status) : "no response";
	attempt->finished = !next_attempt(outcome, now, &attempt->next);
	finding->error = attempt->error;
	if (outcome->status == STATUS_TOO_MANY_REQUESTS || outcome->status == STATUS_SERVICE_UNAVAILABLE)
		finding->hold = Max(finding->hold, outcome->retry_after > 0 ? now + outcome->retry_after * USECS_PER_SEC : 0);
	if (attempt->finished)
		finding->failed_in_row++;
	if (!finding->enabled || finding->disabled_reason)
		return;
	if (outcome->status == STATUS_GONE)
		finding->disabled_reason = "The endpoint answered 410 Gone.";
	else if (finding->failed_in_row >= FAILED_IN_ROW_MAX)
		finding->disabled_reason = psprintf("%d deliveries in a row have used up all their attempts; the last error: %s", FAILED_IN_ROW_MAX, attempt->error);
}

/* Judge all attempts, which are sorted by webhook; findings become one for each. Says how many. */
static int
judge_all(Attempt *attempts, Finding *findings, int count, TimestampTz now)
{
	int			nfindings = 0;

	for (int i = 0; i < count; i++)
	{
		Finding    *last = nfindings > 0 ? &findings[nfindings - 1] : NULL;

		if (last == NULL || last->tenant_id != findings[i].tenant_id || last->webhook_id != findings[i].webhook_id)
		{
			findings[nfindings] = findings[i];
			last = &findings[nfindings++];
		}
		judge(&attempts[i], last, now);
	}
	return nfindings;
}

static void
write_attempts(const Attempt *attempts, int count)
{
	Arrays		rows;

	arrays_init(&rows, 8, count);
	for (int i = 0; i < count; i++)
	{
		const Attempt *attempt = &attempts[i];
		const Outcome *outcome = attempt->outcome;
		const char *status = attempt->success ? "delivered" : attempt->finished ? "failed" : "pending";
		Datum		row[] = {Int64GetDatum(outcome->tenant_id), Int64GetDatum(outcome->webhook_id), Int64GetDatum(outcome->delivery_id),
			CStringGetTextDatum(status), TimestampTzGetDatum(attempt->next), Int64GetDatum(outcome->status), Int64GetDatum(outcome->latency_ms),
		attempt->error ? CStringGetTextDatum(attempt->error) : (Datum) 0};
		bool		nulls[] = {false, false, false, false, attempt->finished, outcome->status == 0, outcome->latency_ms < 0, attempt->error == NULL};

		arrays_add(&rows, row, nulls);
	}
	run_arrays(&record_attempts, &rows, NULL);
}

/* Let the next delivery about a resource go when one is finished. */
static void
unpark_next(const Attempt *attempts, int count, TimestampTz now)
{
	Datum		moment = TimestampTzGetDatum(now);
	Arrays		rows;

	arrays_init(&rows, 4, count);
	for (int i = 0; i < count; i++)
	{
		const Attempt *attempt = &attempts[i];
		Datum		row[] = {Int64GetDatum(attempt->outcome->tenant_id), Int64GetDatum(attempt->outcome->webhook_id), attempt->event, attempt->resource_id};

		if (attempt->finished)
			arrays_add(&rows, row, NULL);
	}
	if (rows.count > 0)
		run_arrays(&unpark, &rows, &moment);
}

static void
write_findings(const Finding *findings, int count, TimestampTz now)
{
	Datum		moment = TimestampTzGetDatum(now);
	Arrays		rows;

	arrays_init(&rows, 8, count);
	for (int i = 0; i < count; i++)
	{
		const Finding *finding = &findings[i];
		Datum		row[] = {Int64GetDatum(finding->tenant_id), Int64GetDatum(finding->webhook_id), Int64GetDatum(finding->failed_in_row),
			moment, moment, finding->error ? CStringGetTextDatum(finding->error) : (Datum) 0,
		finding->disabled_reason ? CStringGetTextDatum(finding->disabled_reason) : (Datum) 0, TimestampTzGetDatum(finding->hold)};
		bool		nulls[] = {false, false, false, !finding->success, finding->error == NULL, finding->error == NULL, finding->disabled_reason == NULL, finding->hold == 0};

		arrays_add(&rows, row, nulls);
	}
	run_arrays(&record_findings, &rows, &moment);
}

PG_FUNCTION_INFO_V1(propstreet_webhook_record);

/*
 * webhook_record(outcomes) int: record what came of claimed deliveries, of all
 * tenants; how many of them were still leased for that attempt.  PT400 for
 * malformed outcomes.
 */
Datum
propstreet_webhook_record(PG_FUNCTION_ARGS)
{
	int			count;
	int			nattempts;
	Outcome    *outcomes = argument_outcomes(fcinfo, &count);
	Identity	caller = queue_begin();
	TimestampTz now = GetCurrentTimestamp();
	Finding    *findings;
	Attempt    *attempts = read_attempts(outcomes, lock_webhooks(outcomes, count), &nattempts, &findings);

	if (nattempts > 0)
	{
		int			nfindings = judge_all(attempts, findings, nattempts, now);

		write_attempts(attempts, nattempts);
		unpark_next(attempts, nattempts, now);
		write_findings(findings, nfindings, now);
	}
	queue_end(caller);
	PG_RETURN_INT32(nattempts);
}
