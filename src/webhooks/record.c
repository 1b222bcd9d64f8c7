/*
 * record.c
 *	  Recording what came of webhook deliveries: retries, webhooks that are held or
 *	  disabled, and what waited for a delivery that is finished.
 */
#include "postgres.h"

#include <math.h>

#include "base/json_c.h"

#include "common/pg_prng.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "webhooks/webhooks.h"

#define RECORD_PATIENCE_MS 200 /* that it waits for webhooks that somebody is changing, in all */
#define FAILED_IN_ROW_MAX 10
#define RETRY_MAX_SECONDS (30 * SECS_PER_DAY)
#define RETRIES_MAX 100
#define RETRY_AFTER_MAX_SECONDS SECS_PER_DAY
#define JITTER 0.1
#define ERROR_MAX 500 /* bytes of an error that are kept */
#define STATUS_GONE 410
#define STATUS_TOO_MANY_REQUESTS 429 /* with a Retry-After these two speak for the whole endpoint */
#define STATUS_SERVICE_UNAVAILABLE 503

char *propstreet_webhook_retry = NULL;

/* ---- the retry schedule ---- */

/* The delays that a setting lists, in seconds; how many, or -1 if it is malformed. */
static int
retry_delays(const char *setting, int delays[RETRIES_MAX])
{
	int count = 0;

	while (isspace((unsigned char) *setting))
		setting++;
	while (*setting)
	{
		char *end;
		long seconds;

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
	int delays[RETRIES_MAX];

	if (retry_delays(*value, delays) >= 0)
		return true;
	GUC_check_errdetail("It must be a list of up to %d numbers from 0 to %d, separated by commas. They are the seconds "
						"to wait after each attempt that failed.",
						RETRIES_MAX, RETRY_MAX_SECONDS);
	return false;
}

/* ---- outcomes ---- */

/* What came of a delivery */
typedef struct Outcome
{
	int64 tenant_id;
	int64 webhook_id;
	int64 delivery_id;
	int64 attempt;
	int64 status;	   /* of the response; 0: there was none */
	int64 latency_ms;  /* -1: not known */
	const char *error; /* NULL: none */
	int64 retry_after; /* seconds; 0: none */
} Outcome;

/* An integer between two limits, or a problem. */
static void
set_integer(json_object *value, const Path *path, int64 least, int64 most, int64 *number, Problems *problems)
{
	if (value == NULL)
		return;
	if (json_object_is_type(value, json_type_int) && json_object_get_int64(value) >= least &&
		json_object_get_int64(value) <= most)
		*number = json_object_get_int64(value);
	else
		problem_add(problems, path, "must be a whole number from " INT64_FORMAT " to " INT64_FORMAT, least, most);
}

/* An id, as a string or, as in the rows of a claim, a number. */
static void
set_id(json_object *value, const Path *path, int64 *id, Problems *problems)
{
	bool given = json_object_is_type(value, json_type_string) || json_object_is_type(value, json_type_int);

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
	char month[4];
	TimestampTz time;
	int utc = 0;

	if (sscanf(date, "%*3[A-Za-z], %2d %3s %4d %2d:%2d:%2d GMT", &tm.tm_mday, month, &tm.tm_year, &tm.tm_hour,
			   &tm.tm_min, &tm.tm_sec) != 6)
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
	int64 seconds;

	if (value && !json_object_is_type(value, json_type_string) && !json_object_is_type(value, json_type_int))
		problem_add(problems, path, "must be a number of seconds, or an HTTP date");
	else
	{
		seconds = isdigit((unsigned char) *text) ? strtoi64(text, NULL, 10) : seconds_until(text);
		((Outcome *) target)->retry_after = Max(0, Min(seconds, RETRY_AFTER_MAX_SECONDS));
	}
}

static const Field outcome_fields[] = {{"tenantId", FIELD_REQUIRED, set_tenant_id, NULL},
									   {"webhookId", FIELD_REQUIRED, set_webhook_id, NULL},
									   {"deliveryId", FIELD_REQUIRED, set_delivery_id, NULL},
									   {"attempt", FIELD_REQUIRED, set_attempt, NULL},
									   {"responseStatus", FIELD_NULLABLE, set_status, NULL},
									   {"latencyMs", FIELD_NULLABLE, set_latency, NULL},
									   {"error", FIELD_NULLABLE, set_error, NULL},
									   {"retryAfter", FIELD_NULLABLE, set_retry_after, NULL},
									   {NULL, 0, NULL, NULL}};

/* The outcomes that an argument holds; PT400 if they are malformed. */
static Outcome *
argument_outcomes(FunctionCallInfo fcinfo, int *count)
{
	Problems problems = {NIL};
	json_object *array = argument_body(fcinfo, 0, &problems);
	Outcome *outcomes;

	if (json_array(array, NULL, &problems) && json_object_array_length(array) > CLAIM_MAX)
		problem_add(&problems, NULL, "must have at most %d outcomes", CLAIM_MAX);
	problems_check(&problems);
	*count = (int) json_object_array_length(array);
	outcomes = palloc0(sizeof(Outcome) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
	{
		Path path = {NULL, NULL, i};

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
	int patience = RECORD_PATIENCE_MS;
	int kept = 0;

	for (int i = 0; i < count; i++)
		if (webhook_try_lock(outcomes[i].tenant_id, outcomes[i].webhook_id, &patience))
			outcomes[kept++] = outcomes[i];
	return kept;
}

/* A delivery that is still leased for the attempt that an outcome is about, and what becomes of it */
typedef struct Attempt
{
	const Outcome *outcome;
	Datum event;
	Datum resource_id;
	bool success;
	bool finished;	   /* delivered, or failed for good */
	const char *error; /* NULL: none */
	TimestampTz next;  /* unless it is finished */
} Attempt;

/* What a call has found out about a webhook */
typedef struct Finding
{
	int64 tenant_id;
	int64 webhook_id;
	bool enabled;
	int64 failed_in_row;
	bool success;
	const char *error;			 /* the last; NULL: none */
	const char *disabled_reason; /* NULL: it stays as it is */
	TimestampTz hold;			 /* it has asked to be left alone until then; 0: it has not */
} Finding;

/*
 * Deliveries that were leased for these attempts, with the state of their webhooks,
 * by webhook; found by their keys, as COALESCE sees to: the index of leased ones
 * has an entry for each that was, while somebody may still see it so.
 */
/* clang-format off */
static Statement find_attempts = {.sql =
	"SELECT d.number, d.event::pg_catalog.text, d.resource_id::pg_catalog.int8, d.enabled::pg_catalog.bool, "
	"d.failed_in_row FROM ("
	"SELECT DISTINCT ON (u.tenant_id, u.webhook_id, u.id) u.tenant_id, u.webhook_id, u.number, t.event, t.resource_id, "
	"w.enabled, w.failed_in_row::pg_catalog.int8 "
	"FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4)) "
	"WITH ORDINALITY AS u (tenant_id, webhook_id, id, attempt, number) "
	"CROSS JOIN LATERAL (SELECT t.event, t.resource_id FROM propstreet.webhook_delivery AS t WHERE " IS_ROW("t", "u")
	"AND COALESCE(t.leased, false) AND t.attempts OPERATOR(pg_catalog.=) u.attempt OFFSET 0) AS t "
	"LEFT JOIN LATERAL (SELECT w.enabled, w.failed_in_row FROM propstreet.webhook AS w "
	"WHERE " HOOK_OF("u") "OFFSET 0) AS w ON true "
	"ORDER BY u.tenant_id, u.webhook_id, u.id, u.number) AS d ORDER BY d.tenant_id, d.webhook_id, d.number",
	.nargs = 4, .args = {T_INT8_ARRAY, T_INT8_ARRAY, T_INT8_ARRAY, T_INT8_ARRAY},};
/* clang-format on */

static Statement record_attempts = {
	.by_values = true,
	.sql =
		"UPDATE propstreet.webhook_delivery AS t SET leased = false, status = u.status, "
		"next_attempt_utc = u.next_attempt_utc, waiting = u.next_attempt_utc IS NOT NULL, "
		"response_status = u.response_status, latency_ms = u.latency_ms, error = u.error "
		"FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), "
		"pg_catalog.unnest($5), "
		"pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8)) "
		"AS u (tenant_id, webhook_id, id, status, next_attempt_utc, response_status, latency_ms, error) "
		"WHERE " IS_ROW("t", "u"),
	.nargs = 8,
	.args = {T_INT8_ARRAY, T_INT8_ARRAY, T_INT8_ARRAY, T_TEXT_ARRAY, T_TIMESTAMPTZ_ARRAY, T_INT8_ARRAY, T_INT8_ARRAY,
			 T_TEXT_ARRAY},
};

static Statement record_findings = {
	.by_values = true,
	.sql =
		"UPDATE propstreet.webhook AS t SET failed_in_row = u.failed_in_row, "
		"last_success_utc = COALESCE(u.success_utc, t.last_success_utc), "
		"last_error_utc = COALESCE(u.error_utc, t.last_error_utc), last_error = COALESCE(u.error, t.last_error), "
		"enabled = t.enabled AND u.reason IS NULL, disabled_reason = COALESCE(u.reason, t.disabled_reason), "
		"hold_until_utc = GREATEST(u.hold_until_utc, t.hold_until_utc), "
		"updated_utc = CASE WHEN u.reason IS NULL THEN t.updated_utc ELSE "
		"GREATEST($9, t.updated_utc OPERATOR(pg_catalog.+) '1 microsecond'::pg_catalog.interval) END, "
		"revision = CASE WHEN u.reason IS NULL THEN t.revision ELSE t.revision OPERATOR(pg_catalog.+) 1 END "
		"FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), "
		"pg_catalog.unnest($5), "
		"pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8)) "
		"AS u (tenant_id, id, failed_in_row, success_utc, error_utc, error, reason, hold_until_utc) "
		"WHERE t.tenant_id OPERATOR(pg_catalog.=) u.tenant_id AND t.id OPERATOR(pg_catalog.=) u.id",
	.nargs = 9,
	.args = {T_INT8_ARRAY, T_INT8_ARRAY, T_INT8_ARRAY, T_TIMESTAMPTZ_ARRAY, T_TIMESTAMPTZ_ARRAY, T_TEXT_ARRAY,
			 T_TEXT_ARRAY, T_TIMESTAMPTZ_ARRAY, T_TIMESTAMPTZ},
};

/* Find the attempts that outcomes are about; the others' lease has ended, and somebody has claimed them again. */
static Attempt *
read_attempts(const Outcome *outcomes, int count, int *nattempts, Finding **findings)
{
	Arrays wanted;
	Attempt *attempts;
	Datum value;

	arrays_init(&wanted, 4, count);
	for (int i = 0; i < count; i++)
	{
		const Outcome *outcome = &outcomes[i];
		Datum row[] = {Int64GetDatum(outcome->tenant_id), Int64GetDatum(outcome->webhook_id),
					   Int64GetDatum(outcome->delivery_id), Int64GetDatum(outcome->attempt)};

		arrays_add(&wanted, row, NULL);
	}
	*nattempts = (int) run_arrays(&find_attempts, &wanted, NULL);
	attempts = palloc0(sizeof(Attempt) * Max(*nattempts, 1));
	*findings = palloc0(sizeof(Finding) * Max(*nattempts, 1));
	for (int i = 0; i < *nattempts; i++)
	{
		Attempt *attempt = &attempts[i];
		Finding *finding = &(*findings)[i];

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
	int delays[RETRIES_MAX];
	int count = retry_delays(propstreet_webhook_retry, delays);
	double seconds;

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
	attempt->error = outcome->error	 ? outcome->error :
					 outcome->status ? psprintf("HTTP " INT64_FORMAT, outcome->status) :
									   "no response";
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
		finding->disabled_reason =
			psprintf("%d deliveries in a row have used up all their attempts; the last error: %s", FAILED_IN_ROW_MAX,
					 attempt->error);
}

/* Judge all attempts, which are sorted by webhook; findings become one for each. Says how many. */
static int
judge_all(Attempt *attempts, Finding *findings, int count, TimestampTz now)
{
	int nfindings = 0;

	for (int i = 0; i < count; i++)
	{
		Finding *last = nfindings > 0 ? &findings[nfindings - 1] : NULL;

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
	Arrays rows;

	arrays_init(&rows, 8, count);
	for (int i = 0; i < count; i++)
	{
		const Attempt *attempt = &attempts[i];
		const Outcome *outcome = attempt->outcome;
		const char *status = attempt->success ? "delivered" : attempt->finished ? "failed" : "pending";
		Datum row[] = {
			Int64GetDatum(outcome->tenant_id),	 Int64GetDatum(outcome->webhook_id),
			Int64GetDatum(outcome->delivery_id), CStringGetTextDatum(status),
			TimestampTzGetDatum(attempt->next),	 Int64GetDatum(outcome->status),
			Int64GetDatum(outcome->latency_ms),	 attempt->error ? CStringGetTextDatum(attempt->error) : (Datum) 0};
		bool nulls[] = {false,
						false,
						false,
						false,
						attempt->finished,
						outcome->status == 0,
						outcome->latency_ms < 0,
						attempt->error == NULL};

		arrays_add(&rows, row, nulls);
	}
	run_arrays(&record_attempts, &rows, NULL);
}

/* Let the next delivery about a resource go when one is finished. */
static void
unpark_next(const Attempt *attempts, int count, TimestampTz now)
{
	Arrays rows;

	arrays_init(&rows, 4, count);
	for (int i = 0; i < count; i++)
	{
		const Attempt *attempt = &attempts[i];
		Datum row[] = {Int64GetDatum(attempt->outcome->tenant_id), Int64GetDatum(attempt->outcome->webhook_id),
					   attempt->event, attempt->resource_id};

		if (attempt->finished)
			arrays_add(&rows, row, NULL);
	}
	unpark(&rows, now);
}

static void
write_findings(const Finding *findings, int count, TimestampTz now)
{
	Datum moment = TimestampTzGetDatum(now);
	Arrays rows;

	arrays_init(&rows, 8, count);
	for (int i = 0; i < count; i++)
	{
		const Finding *finding = &findings[i];
		Datum row[] = {Int64GetDatum(finding->tenant_id),
					   Int64GetDatum(finding->webhook_id),
					   Int64GetDatum(finding->failed_in_row),
					   moment,
					   moment,
					   finding->error ? CStringGetTextDatum(finding->error) : (Datum) 0,
					   finding->disabled_reason ? CStringGetTextDatum(finding->disabled_reason) : (Datum) 0,
					   TimestampTzGetDatum(finding->hold)};
		bool nulls[] = {false,
						false,
						false,
						!finding->success,
						finding->error == NULL,
						finding->error == NULL,
						finding->disabled_reason == NULL,
						finding->hold == 0};

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
	int count;
	int nattempts;
	Outcome *outcomes = argument_outcomes(fcinfo, &count);
	Identity caller = queue_begin();
	TimestampTz now = GetCurrentTimestamp();
	Finding *findings;
	Attempt *attempts = read_attempts(outcomes, lock_webhooks(outcomes, count), &nattempts, &findings);

	if (nattempts > 0)
	{
		int nfindings = judge_all(attempts, findings, nattempts, now);

		write_attempts(attempts, nattempts);
		unpark_next(attempts, nattempts, now);
		write_findings(findings, nfindings, now);
	}
	queue_end(caller);
	PG_RETURN_INT32(nattempts);
}
