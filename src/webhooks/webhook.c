/*
 * webhook.c
 *	  Operations on subscriptions to events, and on what they were sent (doc/decisions.md,
 *	  "Webhooks").  They act as the tables' owner for the session's tenant.
 */
#include "postgres.h"

#include "base/json_c.h"

#include <arpa/inet.h>
#include <ctype.h>

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/timestamp.h"

#include "webhooks/webhooks.h"

#define URL_MAX_BYTES 2000
#define OLD_SECRET_HOURS 24	   /* that it signs along after a rotation */
#define ANY_WEBHOOK 0		   /* for the lock on how many there are */
#define DEFAULT_DELIVERIES 100 /* on a page */
#define FILTER_NAMESPACE "externalRef.namespace"

#define WEBHOOK_SQL \
	"t.tenant_id::pg_catalog.int8, t.id::pg_catalog.int8, t.name::pg_catalog.text, " \
	"t.url::pg_catalog.text, " \
	"t.events::pg_catalog.text[], t.filter_namespace::pg_catalog.text, t.exclude_origin::pg_catalog.text, " \
	"t.enabled::pg_catalog.bool, " \
	"t.disabled_reason::pg_catalog.text, t.created_utc::pg_catalog.timestamptz, " \
	"t.updated_utc::pg_catalog.timestamptz, t.revision::pg_catalog.int8"
#define OF_WEBHOOK "WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 AND t.id OPERATOR(pg_catalog.=) $2"

/* The columns of WEBHOOK_SQL */
enum
{
	W_TENANT_ID,
	W_ID,
	W_NAME,
	W_URL,
	W_EVENTS,
	W_FILTER_NAMESPACE,
	W_EXCLUDE_ORIGIN,
	W_ENABLED,
	W_DISABLED_REASON,
	W_CREATED_UTC,
	W_UPDATED_UTC,
	W_REVISION,
	W_COLUMNS
};

/* Those that a body can write stand together */
#define FIRST_WRITTEN W_NAME
#define LAST_WRITTEN W_ENABLED
#define GIVEN (LAST_WRITTEN - FIRST_WRITTEN + 1)
#define WRITTEN_ARGS T_TEXT, T_TEXT, T_TEXT_ARRAY, T_TEXT, T_TEXT, T_BOOL

int propstreet_max_webhooks = 100;

typedef struct Webhook
{
	Datum values[W_COLUMNS];
	bool nulls[W_COLUMNS];
	bool given[W_COLUMNS]; /* by a body */
} Webhook;

/* ---- bodies ---- */

static void
give(void *target, int column, Datum value, bool isnull)
{
	Webhook *webhook = target;

	webhook->values[column] = value;
	webhook->nulls[column] = isnull;
	webhook->given[column] = true;
}

static void
set_name(json_object *value, const Path *path, void *target, Problems *problems)
{
	char *name = value ? decode_name(value, path, problems) : NULL;

	if (value == NULL)
		give(target, W_NAME, (Datum) 0, true);
	else if (name)
		give(target, W_NAME, CStringGetTextDatum(name), false);
}

/* Is there a host that can be called: a name, or an address of version 6 in brackets?  It ends before end. */
static bool
is_host(const char *host, const char *end)
{
	char address[INET6_ADDRSTRLEN];
	struct in6_addr parsed;

	if (*host == '[')
	{
		if (end - host < 3 || end[-1] != ']' || end - host - 2 >= (int) sizeof(address))
			return false;
		strlcpy(address, host + 1, end - host - 1);
		return inet_pton(AF_INET6, address, &parsed) == 1;
	}
	for (const char *c = host; c < end; c++)
		if (!isalnum((unsigned char) *c) && *c != '-' && *c != '_' && (*c != '.' || c == host || c[-1] == '.'))
			return false;
	return end > host;
}

/* Is there no port, or one from 1 to 65535?  Up to end. */
static bool
is_port(const char *colon, const char *end)
{
	int port = 0;

	if (end - colon <= 1)
		return true;
	for (const char *c = colon + 1; c < end; c++)
	{
		if (*c < '0' || *c > '9')
			return false;
		port = Min(port * 10 + (*c - '0'), PG_UINT16_MAX + 1);
	}
	return port >= 1 && port <= PG_UINT16_MAX;
}

/* The worker's library, where it is loaded, offers this: what its parser says of a URL, or NULL. */
typedef const char *(*ParserFunction)(const char *url);

/* Why a URL can't be called, whatever there is at its end, or NULL. */
static const char *
uncallable(const char *url, const char *host, size_t len)
{
	ParserFunction *parser = (ParserFunction *) find_rendezvous_variable("propstreet_webhooks_url_problem");
	const char *wrong = *parser ? (*parser)(url) : NULL;
	const char *end = host + len;
	const char *port = end;

	if (wrong)
		return psprintf("cannot be called: %s", wrong);
	for (const char *c = url; *c; c++)
		if (*c == '%' && (!isxdigit((unsigned char) c[1]) || !isxdigit((unsigned char) c[2])))
			return "must have two hexadecimal digits after a percent sign";
	for (const char *c = end; c > host && c[-1] != ']'; c--)
		if (c[-1] == ':')
			port = c - 1;
	if (!is_host(host, port))
		return "must name a host, such as crm.example or [2001:db8::1]";
	return is_port(port, end) ? NULL : "must have a port from 1 to 65535, or none";
}

/* What is wrong with a URL, or NULL; where it leads is checked when it is called. */
static const char *
url_problem(const char *url)
{
	const char *host = NULL;
	size_t len;

	if (pg_strncasecmp(url, "https://", strlen("https://")) == 0)
		host = url + strlen("https://");
	else if (propstreet_webhook_allow_http && pg_strncasecmp(url, "http://", strlen("http://")) == 0)
		host = url + strlen("http://");
	if (host == NULL)
		return propstreet_webhook_allow_http ? "must begin with https:// or http://" : "must begin with https://";
	len = strcspn(host, "/?#");
	if (len == 0 || *host == ':')
		return "must name a host";
	if (memchr(host, '@', len))
		return "must not contain a user name or password";
	for (const char *c = url; *c; c++)
		if (*c <= ' ' || *c > '~' || *c == '#')
			return "must be printable ASCII, without spaces and without a fragment";
	if (strlen(url) > URL_MAX_BYTES)
		return "must have at most 2000 characters";
	return uncallable(url, host, len);
}

static void
set_url(json_object *value, const Path *path, void *target, Problems *problems)
{
	const char *url = json_string(value, path, problems);
	const char *wrong = url ? url_problem(url) : NULL;

	if (wrong)
		problem_add(problems, path, "%s", wrong);
	else if (url)
		give(target, W_URL, CStringGetTextDatum(url), false);
}

static char *
event_choices(void)
{
	StringInfoData choices;

	initStringInfo(&choices);
	for (int i = 0; i < EVENT_TYPES; i++)
		appendStringInfo(&choices, "%s%s", i > 0 ? ", " : "", event_names[i]);
	return choices.data;
}

static void
set_events(json_object *value, const Path *path, void *target, Problems *problems)
{
	Datum events[EVENT_TYPES];
	int count = 0;

	if (!json_array(value, path, problems))
		return;
	if (json_object_array_length(value) < 1 || json_object_array_length(value) > EVENT_TYPES)
	{
		problem_add(problems, path, "must have at least one of %s, each only once", event_choices());
		return;
	}
	for (int i = 0; i < (int) json_object_array_length(value); i++)
	{
		Path element = {path, NULL, i};
		const char *name = json_string(json_object_array_get_idx(value, i), &element, problems);

		if (name == NULL)
			continue;
		if (!is_event_name(name))
			problem_add(problems, &element, "must be one of %s, not %s", event_choices(), quoted(name));
		for (int j = 0; j < count; j++)
			if (strcmp(TextDatumGetCString(events[j]), name) == 0)
				problem_add(problems, &element, "appears more than once");
		events[count++] = CStringGetTextDatum(name);
	}
	give(target, W_EVENTS, PointerGetDatum(construct_array(events, count, TEXTOID, -1, false, TYPALIGN_INT)), false);
}

static void
set_filter_namespace(json_object *value, const Path *path, void *target, Problems *problems)
{
	const char *namespace = value ? json_string(value, path, problems) : NULL;
	ExternalRef *ref;
	Problems wrong = {NIL};

	if (namespace == NULL)
		return;
	/* a reference knows how its namespace is written */
	ref = external_ref_make(namespace, "any", NULL, &wrong);
	if (ref)
		give(target, W_FILTER_NAMESPACE,
			 PointerGetDatum(cstring_to_text_with_len(VARDATA_ANY(ref), namespace_len(ref))), false);
	else
		problem_add(problems, path, "%s", ((Problem *) linitial(wrong.list))->detail);
}

static void
set_filter(json_object *value, const Path *path, void *target, Problems *problems)
{
	static const Field fields[] = {{FILTER_NAMESPACE, FIELD_NULLABLE, set_filter_namespace, NULL},
								   {NULL, 0, NULL, NULL}};

	give(target, W_FILTER_NAMESPACE, (Datum) 0, true);
	if (value)
		decode_object(value, path, fields, false, target, problems);
}

static void
set_exclude_origin(json_object *value, const Path *path, void *target, Problems *problems)
{
	const char *origin = value ? json_string(value, path, problems) : NULL;

	if (value == NULL)
		give(target, W_EXCLUDE_ORIGIN, (Datum) 0, true);
	if (origin == NULL)
		return;
	if (*origin == '\0' || !is_change_origin(origin))
		problem_add(problems, path, "must have 1 to %d printable ASCII characters", CHANGE_ORIGIN_MAX);
	else
		give(target, W_EXCLUDE_ORIGIN, CStringGetTextDatum(origin), false);
}

static void
set_enabled(json_object *value, const Path *path, void *target, Problems *problems)
{
	if (value && !json_object_is_type(value, json_type_boolean))
		problem_add(problems, path, "must be true or false");
	else
		give(target, W_ENABLED, BoolGetDatum(value == NULL || json_object_get_boolean(value)), false);
}

const Field webhook_fields[] = {{"name", FIELD_NULLABLE, set_name, "Name"},
								{"url", FIELD_REQUIRED | FIELD_ALWAYS, set_url, "Uri"},
								{"events", FIELD_REQUIRED | FIELD_ALWAYS, set_events, "Events"},
								{"filter", FIELD_NULLABLE, set_filter, "Filter"},
								{"excludeOrigin", FIELD_NULLABLE, set_exclude_origin, "Text"},
								{"enabled", FIELD_NULLABLE | FIELD_ALWAYS, set_enabled, "Boolean"},
								{"id", FIELD_READONLY | FIELD_ALWAYS, NULL, "Id"},
								{"disabledReason", FIELD_READONLY, NULL, "Text"},
								{"createdUtc", FIELD_READONLY | FIELD_ALWAYS, NULL, "Moment"},
								{"updatedUtc", FIELD_READONLY | FIELD_ALWAYS, NULL, "Moment"},
								{"etag", FIELD_READONLY | FIELD_ALWAYS, NULL, "ETag"},
								{"secret", FIELD_READONLY, NULL, "Text"},
								{NULL, 0, NULL, NULL}};

/* A body to create a webhook with, or to change one by; PT400 with all problems. */
static void
decode_webhook(FunctionCallInfo fcinfo, int number, bool patch, Webhook *webhook)
{
	Problems problems = {NIL};

	memset(webhook, 0, sizeof(Webhook));
	memset(webhook->nulls, true, sizeof(webhook->nulls));
	decode_object(argument_body(fcinfo, number, &problems), NULL, webhook_fields, patch, webhook, &problems);
	problems_check(&problems);
}

/* ---- answers ---- */

static void
append_text_member(StringInfo out, const char *name, const Webhook *webhook, int column)
{
	char *value;

	if (webhook->nulls[column])
		return;
	value = TextDatumGetCString(webhook->values[column]);
	append_member(out, name);
	append_json_string(out, value, strlen(value));
}

static void
append_events(StringInfo out, Datum array)
{
	int count;
	Datum *events = array_elements(array, T_TEXT, &count);

	append_member(out, "events");
	for (int i = 0; i < count; i++)
		appendStringInfo(out, "%s\"%s\"", i > 0 ? "," : "[", TextDatumGetCString(events[i]));
	appendStringInfoChar(out, ']');
}

static Version
webhook_version(const Webhook *webhook)
{
	Version version = {.kind = KIND_WEBHOOK,
					   .tenant_id = DatumGetInt64(webhook->values[W_TENANT_ID]),
					   .id = DatumGetInt64(webhook->values[W_ID]),
					   .revision = DatumGetInt64(webhook->values[W_REVISION]),
					   .updated_utc = DatumGetTimestampTz(webhook->values[W_UPDATED_UTC])};

	return version;
}

/* A webhook (doc/decisions.md, "Webhooks"); its secret is shown once, when it is new, and NULL otherwise. */
static void
append_webhook(StringInfo out, const Webhook *webhook, const char *secret)
{
	Version version = webhook_version(webhook);

	appendStringInfoChar(out, '{');
	append_member(out, "id");
	append_id(out, version.id);
	append_text_member(out, "name", webhook, W_NAME);
	append_text_member(out, "url", webhook, W_URL);
	append_events(out, webhook->values[W_EVENTS]);
	if (!webhook->nulls[W_FILTER_NAMESPACE])
	{
		append_member(out, "filter");
		appendStringInfoChar(out, '{');
		append_text_member(out, FILTER_NAMESPACE, webhook, W_FILTER_NAMESPACE);
		appendStringInfoChar(out, '}');
	}
	append_text_member(out, "excludeOrigin", webhook, W_EXCLUDE_ORIGIN);
	append_member(out, "enabled");
	appendStringInfoString(out, DatumGetBool(webhook->values[W_ENABLED]) ? "true" : "false");
	append_text_member(out, "disabledReason", webhook, W_DISABLED_REASON);
	append_member(out, "createdUtc");
	append_utc(out, DatumGetTimestampTz(webhook->values[W_CREATED_UTC]));
	append_member(out, "updatedUtc");
	append_utc(out, version.updated_utc);
	append_version_etag(out, &version);
	if (secret)
	{
		append_member(out, "secret");
		append_json_string(out, secret, strlen(secret));
	}
	appendStringInfoChar(out, '}');
}

static Datum
webhook_result(FunctionCallInfo fcinfo, Operation *operation, const Webhook *webhook, bool created, const char *secret)
{
	Answer *answer = answer_of(fcinfo);
	StringInfoData out;

	initStringInfo(&out);
	append_webhook(&out, webhook, NULL);
	if (answer)
	{
		MemoryContext spi = MemoryContextSwitchTo(operation->context);

		answer->version = webhook_version(webhook);
		answer->created = created;
		answer->kept = secret ? cstring_to_text_with_len(out.data, out.len) : NULL;
		MemoryContextSwitchTo(spi);
	}
	resetStringInfo(&out);
	append_webhook(&out, webhook, secret);
	return operation_result(operation, &out);
}

/* ---- reading ---- */

static void
fetch_webhook(uint64 number, Webhook *webhook)
{
	for (int i = 0; i < W_COLUMNS; i++)
	{
		bool optional = i == W_NAME || i == W_FILTER_NAMESPACE || i == W_EXCLUDE_ORIGIN || i == W_DISABLED_REASON;

		if (optional)
			webhook->nulls[i] = !fetch_optional(number, i + 1, &webhook->values[i]);
		else
		{
			webhook->values[i] = fetch(number, i + 1);
			webhook->nulls[i] = false;
		}
	}
}

/* A webhook of the operation's tenant; PT404. */
static void
load_webhook(Operation *operation, int64 id, Reading reading, Webhook *webhook)
{
#define GET "SELECT " WEBHOOK_SQL " FROM propstreet.webhook AS t " OF_WEBHOOK
	static Statement get[] = {[READ_SNAPSHOT] = {.sql = GET, .reads = true, .nargs = 2, .args = {T_INT8, T_INT8}},
							  [READ_NOW] = {.sql = GET, .nargs = 2, .args = {T_INT8, T_INT8}},
							  [READ_LOCKED] = {.sql = GET " FOR UPDATE", .nargs = 2, .args = {T_INT8, T_INT8}}};
	Datum values[] = {Int64GetDatum(operation->tenant_id), Int64GetDatum(id)};

	if (run(&get[reading], values, NULL) == 0)
		not_found("Webhook", id, NULL);
	fetch_webhook(0, webhook);
}

PG_FUNCTION_INFO_V1(propstreet_webhook_get);

/* webhook_get(id) json; PT404 */
Datum
propstreet_webhook_get(PG_FUNCTION_ARGS)
{
	int64 id = argument_id(fcinfo, 0, "id");
	Operation operation;
	Webhook webhook;

	operation_begin(&operation);
	load_webhook(&operation, id, READ_SNAPSHOT, &webhook);
	return webhook_result(fcinfo, &operation, &webhook, false, NULL);
}

PG_FUNCTION_INFO_V1(propstreet_webhook_list);

/* webhook_list() json: all of the tenant, by id */
Datum
propstreet_webhook_list(PG_FUNCTION_ARGS)
{
	static Statement list = {
		.sql = "SELECT " WEBHOOK_SQL " FROM propstreet.webhook AS t "
			   "WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 ORDER BY t.id",
		.reads = true,
		.nargs = 1,
		.args = {T_INT8},
	};
	Operation operation;
	Datum values[1];
	StringInfoData out;
	uint64 count;

	(void) fcinfo;
	operation_begin(&operation);
	values[0] = Int64GetDatum(operation.tenant_id);
	count = run(&list, values, NULL);
	initStringInfo(&out);
	appendStringInfoString(&out, "{\"data\":[");
	for (uint64 i = 0; i < count; i++)
	{
		Webhook webhook;

		fetch_webhook(i, &webhook);
		if (i > 0)
			appendStringInfoChar(&out, ',');
		append_webhook(&out, &webhook, NULL);
	}
	appendStringInfoString(&out, "]}");
	return operation_result(&operation, &out);
}

/* ---- writing ---- */

/*
 * PT409 if the tenant has as many webhooks as it may; nobody else creates one of it before this
 * transaction has ended.
 */
static void
require_room(int64 tenant_id)
{
	static Statement count = {
		.sql = "SELECT FROM propstreet.webhook AS t WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 "
			   "LIMIT $2",
		.nargs = 2,
		.args = {T_INT8, T_INT8},
	};
	Datum values[] = {Int64GetDatum(tenant_id), Int64GetDatum(propstreet_max_webhooks)};
	Problem problem = {0};

	webhook_lock(tenant_id, ANY_WEBHOOK);
	if (run(&count, values, NULL) < (uint64) propstreet_max_webhooks)
		return;
	problem.detail = psprintf("A tenant has at most %d webhooks (propstreet.max_webhooks)", propstreet_max_webhooks);
	problem_raise(PT_CONFLICT, &problem);
}

/* Run a statement about secrets: whatever the owner has added to their table, an error of it shows none. */
static void
run_secretly(Statement *statement, const Datum *values)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		run(statement, values, NULL);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		error->detail = NULL;
		error->detail_log = NULL;
		ReThrowError(error);
	}
	PG_END_TRY();
}

/* Give a webhook a new secret; the one that was current signs along for a while. */
static char *
new_secret(const Webhook *webhook, TimestampTz now)
{
	static Statement retire = {
		.sql = "UPDATE propstreet.webhook_secret AS t SET until_utc = $3 "
			   "WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 AND t.webhook_id OPERATOR(pg_catalog.=) $2 "
			   "AND t.until_utc IS NULL",
		.nargs = 3,
		.args = {T_INT8, T_INT8, T_TIMESTAMPTZ},
	};
	static Statement insert = {
		.sql = "INSERT INTO propstreet.webhook_secret (tenant_id, webhook_id, secret) "
			   "VALUES ($1, $2, $3)",
		.nargs = 3,
		.args = {T_INT8, T_INT8, T_TEXT},
	};
	char *secret = secret_generate();
	Datum values[] = {webhook->values[W_TENANT_ID], webhook->values[W_ID],
					  TimestampTzGetDatum(now + OLD_SECRET_HOURS * USECS_PER_HOUR)};

	run_secretly(&retire, values);
	values[2] = CStringGetTextDatum(secret);
	run_secretly(&insert, values);
	return secret;
}

PG_FUNCTION_INFO_V1(propstreet_webhook_create);

/* webhook_create(body) json: the webhook, with its secret; PT400, PT409 for one too many */
Datum
propstreet_webhook_create(PG_FUNCTION_ARGS)
{
	static Statement insert = {
		.sql = "INSERT INTO propstreet.webhook AS t "
			   "(tenant_id, name, url, events, filter_namespace, exclude_origin, enabled, created_utc, updated_utc) "
			   "VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, true), $8, $8) RETURNING " WEBHOOK_SQL,
		.nargs = 2 + GIVEN,
		.args = {T_INT8, WRITTEN_ARGS, T_TIMESTAMPTZ},
	};
	Datum values[2 + GIVEN];
	bool nulls[2 + GIVEN] = {false};
	TimestampTz now = GetCurrentTimestamp();
	Operation operation;
	Webhook webhook;

	operation_begin(&operation);
	decode_webhook(fcinfo, 0, false, &webhook);
	require_room(operation.tenant_id);
	values[0] = Int64GetDatum(operation.tenant_id);
	memcpy(values + 1, webhook.values + FIRST_WRITTEN, GIVEN * sizeof(Datum));
	memcpy(nulls + 1, webhook.nulls + FIRST_WRITTEN, GIVEN * sizeof(bool));
	values[1 + GIVEN] = TimestampTzGetDatum(now);
	run(&insert, values, nulls);
	fetch_webhook(0, &webhook);
	return webhook_result(fcinfo, &operation, &webhook, true, new_secret(&webhook, now));
}

/* Carry a body out on a webhook; does that make a difference? */
static bool
apply(const Webhook *body, Webhook *webhook)
{
	bool changed = false;

	for (int i = FIRST_WRITTEN; i <= LAST_WRITTEN; i++)
	{
		if (!body->given[i])
			continue;
		if (body->nulls[i] || webhook->nulls[i])
			changed |= body->nulls[i] != webhook->nulls[i];
		else if (i == W_ENABLED)
			changed |= DatumGetBool(body->values[i]) != DatumGetBool(webhook->values[i]);
		else
			changed |= !datum_image_eq(body->values[i], webhook->values[i], false, -1);
		webhook->values[i] = body->values[i];
		webhook->nulls[i] = body->nulls[i];
	}
	return changed;
}

/* The moment of a change: later than the last. */
static Datum
moment_of_change(const Webhook *webhook)
{
	return TimestampTzGetDatum(Max(GetCurrentTimestamp(), DatumGetTimestampTz(webhook->values[W_UPDATED_UTC]) + 1));
}

PG_FUNCTION_INFO_V1(propstreet_webhook_update);

/*
 * webhook_update(id, patch, if_match) json: change the fields given.  Enabling one
 * forgets why it was disabled, and what it has collected goes out.  PT400, PT404,
 * PT412.
 */
Datum
propstreet_webhook_update(PG_FUNCTION_ARGS)
{
	static Statement update = {
		.sql =
			"UPDATE propstreet.webhook AS t SET name = $3, url = $4, events = $5, "
			"filter_namespace = $6, "
			"exclude_origin = $7, enabled = $8, disabled_reason = CASE WHEN $8 THEN NULL ELSE t.disabled_reason END, "
			"failed_in_row = CASE WHEN $8 AND NOT t.enabled THEN 0 ELSE t.failed_in_row END, "
			"hold_until_utc = CASE WHEN t.url OPERATOR(pg_catalog.=) $4 AND (t.enabled "
			"OR NOT $8) THEN t.hold_until_utc END, "
			"updated_utc = $9, revision = t.revision OPERATOR(pg_catalog.+) 1 " OF_WEBHOOK " RETURNING " WEBHOOK_SQL,
		.nargs = 3 + GIVEN,
		.args = {T_INT8, T_INT8, WRITTEN_ARGS, T_TIMESTAMPTZ},
	};
	int64 id = argument_id(fcinfo, 0, "id");
	Preconditions preconditions = argument_preconditions(fcinfo, 2, 0);
	Datum values[3 + GIVEN];
	bool nulls[3 + GIVEN] = {false};
	Operation operation;
	Webhook body;
	Webhook webhook;
	Version version;
	bool was_enabled;
	Datum url;

	operation_begin(&operation);
	decode_webhook(fcinfo, 1, true, &body);
	webhook_lock(operation.tenant_id, id);
	load_webhook(&operation, id, READ_LOCKED, &webhook);
	version = webhook_version(&webhook);
	check_version(&preconditions, &version);
	was_enabled = DatumGetBool(webhook.values[W_ENABLED]);
	url = webhook.values[W_URL];
	if (apply(&body, &webhook))
	{
		values[0] = Int64GetDatum(operation.tenant_id);
		values[1] = Int64GetDatum(id);
		memcpy(values + 2, webhook.values + FIRST_WRITTEN, GIVEN * sizeof(Datum));
		memcpy(nulls + 2, webhook.nulls + FIRST_WRITTEN, GIVEN * sizeof(bool));
		values[2 + GIVEN] = moment_of_change(&webhook);
		run(&update, values, nulls);
		fetch_webhook(0, &webhook);
		/* what was waited for is over: try what is there */
		if (DatumGetBool(webhook.values[W_ENABLED]) &&
			(!was_enabled ||
			 !DatumGetBool(DirectFunctionCall2Coll(texteq, C_COLLATION_OID, url, webhook.values[W_URL]))))
			queue_unpark(operation.tenant_id, id);
	}
	return webhook_result(fcinfo, &operation, &webhook, false, NULL);
}

PG_FUNCTION_INFO_V1(propstreet_webhook_delete);

/* webhook_delete(id, if_match): with everything it was sent, and its secrets; PT404, PT412 */
Datum
propstreet_webhook_delete(PG_FUNCTION_ARGS)
{
	static Statement webhook = {
		.sql = "DELETE FROM "
			   "propstreet.webhook AS t " OF_WEBHOOK,
		.nargs = 2,
		.args = {T_INT8, T_INT8},
	};
	static Statement secrets = {
		.sql = "DELETE FROM propstreet.webhook_secret AS t "
			   "WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 AND t.webhook_id OPERATOR(pg_catalog.=) $2",
		.nargs = 2,
		.args = {T_INT8, T_INT8},
	};
	static Statement deliveries = {
		.sql = "DELETE FROM propstreet.webhook_delivery AS t "
			   "WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 AND t.webhook_id OPERATOR(pg_catalog.=) $2",
		.nargs = 2,
		.args = {T_INT8, T_INT8},
	};
	int64 id = argument_id(fcinfo, 0, "id");
	Preconditions preconditions = argument_preconditions(fcinfo, 1, 0);
	Operation operation;
	Webhook before;
	Version version;
	Datum values[2];

	operation_begin(&operation);
	webhook_lock(operation.tenant_id, id);
	load_webhook(&operation, id, READ_LOCKED, &before);
	version = webhook_version(&before);
	check_version(&preconditions, &version);
	values[0] = Int64GetDatum(operation.tenant_id);
	values[1] = Int64GetDatum(id);
	run_secretly(&secrets, values);
	run(&webhook, values, NULL);
	run(&deliveries, values, NULL);
	operation_end(&operation);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(propstreet_webhook_rotate_secret);

/* webhook_rotate_secret(id) json: the webhook, with a new secret; those of the last 24 hours sign along.  PT404 */
Datum
propstreet_webhook_rotate_secret(PG_FUNCTION_ARGS)
{
	static Statement rotate = {
		.sql = "UPDATE propstreet.webhook AS t "
			   "SET updated_utc = $3, revision = t.revision OPERATOR(pg_catalog.+) 1 " OF_WEBHOOK
			   " RETURNING " WEBHOOK_SQL,
		.nargs = 3,
		.args = {T_INT8, T_INT8, T_TIMESTAMPTZ},
	};
	int64 id = argument_id(fcinfo, 0, "id");
	Operation operation;
	Webhook webhook;
	Datum values[3];

	operation_begin(&operation);
	webhook_lock(operation.tenant_id, id);
	load_webhook(&operation, id, READ_LOCKED, &webhook);
	values[0] = Int64GetDatum(operation.tenant_id);
	values[1] = Int64GetDatum(id);
	values[2] = moment_of_change(&webhook);
	run(&rotate, values, NULL);
	fetch_webhook(0, &webhook);
	return webhook_result(fcinfo, &operation, &webhook, false, new_secret(&webhook, GetCurrentTimestamp()));
}

/* ---- deliveries ---- */

/* The columns of a delivery in the log */
enum
{
	D_ID = 1,
	D_EVENT_ID,
	D_EVENT,
	D_RESOURCE_ID,
	D_STATUS,
	D_ATTEMPTS,
	D_NEXT_ATTEMPT_UTC,
	D_LAST_ATTEMPT_UTC,
	D_RESPONSE_STATUS,
	D_LATENCY_MS,
	D_ERROR,
	D_CREATED_UTC
};

static void
append_int_member(StringInfo out, const char *name, TupleTableSlot *slot, int column)
{
	Datum value;

	if (!slot_optional(slot, column, &value))
		return;
	append_member(out, name);
	appendStringInfo(out, "%d", DatumGetInt32(value));
}

static void
append_moment_member(StringInfo out, const char *name, TupleTableSlot *slot, int column)
{
	Datum value;

	if (!slot_optional(slot, column, &value))
		return;
	append_member(out, name);
	append_utc(out, DatumGetTimestampTz(value));
}

static void
append_delivery(StringInfo out, TupleTableSlot *slot, Position *position)
{
	Datum value;
	char *error = slot_optional(slot, D_ERROR, &value) ? TextDatumGetCString(value) : NULL;

	position->updated_utc = DatumGetTimestampTz(slot_value(slot, D_CREATED_UTC));
	position->id = DatumGetInt64(slot_value(slot, D_ID));
	appendStringInfoChar(out, '{');
	append_member(out, "id");
	append_id(out, position->id);
	append_member(out, "eventId");
	append_id(out, DatumGetInt64(slot_value(slot, D_EVENT_ID)));
	append_member(out, "event");
	appendStringInfo(out, "\"%s\"", TextDatumGetCString(slot_value(slot, D_EVENT)));
	append_member(out, "resourceId");
	append_id(out, DatumGetInt64(slot_value(slot, D_RESOURCE_ID)));
	append_member(out, "status");
	appendStringInfo(out, "\"%s\"", TextDatumGetCString(slot_value(slot, D_STATUS)));
	append_int_member(out, "attempts", slot, D_ATTEMPTS);
	append_moment_member(out, "nextAttemptUtc", slot, D_NEXT_ATTEMPT_UTC);
	append_moment_member(out, "lastAttemptUtc", slot, D_LAST_ATTEMPT_UTC);
	append_int_member(out, "responseStatus", slot, D_RESPONSE_STATUS);
	append_int_member(out, "latencyMs", slot, D_LATENCY_MS);
	if (error)
	{
		append_member(out, "error");
		append_json_string(out, error, strlen(error));
	}
	appendStringInfoChar(out, '}');
}

static Datum
argument_status(FunctionCallInfo fcinfo, int number, bool *isnull, Problems *problems)
{
	char *status = argument_text(fcinfo, number);

	*isnull = status == NULL;
	if (status && strcmp(status, "pending") != 0 && strcmp(status, "delivered") != 0 && strcmp(status, "failed") != 0)
		problem_parameter(problems, "status", "must be one of pending, delivered, failed, not %s", quoted(status));
	return status ? CStringGetTextDatum(status) : (Datum) 0;
}

PG_FUNCTION_INFO_V1(propstreet_webhook_deliveries);

/* webhook_deliveries(id, status, page_size, cursor) json: newest first; PT400, PT404 */
Datum
propstreet_webhook_deliveries(PG_FUNCTION_ARGS)
{
	static Statement list = {
		.sql = "SELECT t.id::pg_catalog.int8, t.event_id::pg_catalog.int8, "
			   "t.event::pg_catalog.text, t.resource_id::pg_catalog.int8, "
			   "t.status::pg_catalog.text, t.attempts::pg_catalog.int4, CASE "
			   "WHEN NOT t.leased THEN t.next_attempt_utc::pg_catalog.timestamptz END, "
			   "t.last_attempt_utc::pg_catalog.timestamptz, t.response_status::pg_catalog.int4, "
			   "t.latency_ms::pg_catalog.int4, t.error::pg_catalog.text, "
			   "t.created_utc::pg_catalog.timestamptz FROM propstreet.webhook_delivery AS t "
			   "WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 AND t.webhook_id OPERATOR(pg_catalog.=) $2 "
			   "AND t.id OPERATOR(pg_catalog.<) $3 "
			   "AND ($4 IS NULL OR t.status OPERATOR(pg_catalog.=) $4) ORDER BY t.id DESC LIMIT $5",
		.nargs = 5,
		.args = {T_INT8, T_INT8, T_INT8, T_TEXT, T_INT8},
	};
	int64 id = argument_id(fcinfo, 0, "id");
	Problems problems = {NIL};
	PageRequest page = argument_page(fcinfo, 2, DEFAULT_DELIVERIES, &problems);
	bool nulls[5] = {false};
	Datum values[5] = {0, Int64GetDatum(id), Int64GetDatum(page.cursor ? page.after.id : PG_INT64_MAX)};
	Operation operation;
	StringInfoData out;
	Webhook webhook;

	values[3] = argument_status(fcinfo, 1, &nulls[3], &problems);
	problems_check(&problems);
	values[4] = Int64GetDatum(page.size + 1);
	operation_begin(&operation);
	load_webhook(&operation, id, READ_NOW, &webhook);
	values[0] = Int64GetDatum(operation.tenant_id);
	init_large_result(&operation, &out);
	append_list(fcinfo, &out, &list, values, nulls, &page, append_delivery);
	return operation_large_result(&operation, &out);
}

/* PT409 for a webhook that is disabled: nothing would be sent. */
static void
require_enabled(const Webhook *webhook)
{
	Problem problem = {.detail = "The webhook is disabled; enable it first"};

	if (!DatumGetBool(webhook->values[W_ENABLED]))
		problem_raise(PT_CONFLICT, &problem);
}

/* The body of a test: what every event has, about the webhook itself. */
static Datum
test_payload(const Webhook *webhook, TimestampTz now)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoString(&out, "{\"event\":\"webhook.test\",\"timestamp\":");
	append_utc(&out, now);
	appendStringInfoString(&out, ",\"data\":");
	append_webhook(&out, webhook, NULL);
	appendStringInfoChar(&out, '}');
	return PointerGetDatum(cstring_to_text_with_len(out.data, out.len));
}

PG_FUNCTION_INFO_V1(propstreet_webhook_test);

/*
 * webhook_test(id) json: send the event webhook.test; {"deliveryId"}.  A test before
 * it that waits for a retry is given up.  PT404, PT409 if it is disabled
 */
Datum
propstreet_webhook_test(PG_FUNCTION_ARGS)
{
	static Statement event = {
		.sql = "INSERT INTO propstreet.event AS t "
			   "(tenant_id, event, resource_id, created_utc, payload) "
			   "VALUES ($1, 'webhook.test', $2, $3, $4) RETURNING t.id::pg_catalog.int8",
		.nargs = 4,
		.args = {T_INT8, T_INT8, T_TIMESTAMPTZ, T_JSON},
	};
	static Statement delivery = {
		.sql = "INSERT INTO propstreet.webhook_delivery AS t "
			   "(tenant_id, webhook_id, event, resource_id, created_utc, next_attempt_utc, event_id) "
			   "VALUES ($1, $2, 'webhook.test', $2, $3, $3, $4) RETURNING t.id::pg_catalog.int8",
		.nargs = 4,
		.args = {T_INT8, T_INT8, T_TIMESTAMPTZ, T_INT8},
	};
	static Statement give_up = {
		.sql = "UPDATE propstreet.webhook_delivery AS t SET status = 'failed', "
			   "next_attempt_utc = NULL, waiting = false "
			   "WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 AND t.webhook_id OPERATOR(pg_catalog.=) $2 "
			   "AND t.resource_id OPERATOR(pg_catalog.=) $2 "
			   "AND pg_catalog.split_part(t.event, '.', 1) OPERATOR(pg_catalog.=) 'webhook' "
			   "AND t.status OPERATOR(pg_catalog.=) 'pending' AND NOT t.leased",
		.nargs = 2,
		.args = {T_INT8, T_INT8},
	};
	int64 id = argument_id(fcinfo, 0, "id");
	TimestampTz now = GetCurrentTimestamp();
	Operation operation;
	Webhook webhook;
	Datum values[4] = {0, Int64GetDatum(id), TimestampTzGetDatum(now)};
	StringInfoData out;

	operation_begin(&operation);
	webhook_lock(operation.tenant_id, id);
	load_webhook(&operation, id, READ_NOW, &webhook);
	require_enabled(&webhook);
	values[0] = Int64GetDatum(operation.tenant_id);
	run(&give_up, values, NULL);
	values[3] = test_payload(&webhook, now);
	run(&event, values, NULL);
	values[3] = fetch(0, 1);
	run(&delivery, values, NULL);
	wake_worker_at_commit();
	initStringInfo(&out);
	appendStringInfoChar(&out, '{');
	append_member(&out, "deliveryId");
	append_id(&out, DatumGetInt64(fetch(0, 1)));
	appendStringInfoChar(&out, '}');
	return operation_result(&operation, &out);
}

/* ---- replay ---- */

typedef struct Replay
{
	TimestampTz since;
	bool failed_only;
} Replay;

/*
 * Queue again what a webhook was sent, or should have been; {"queued": n}.  What is
 * under way is sent once more, after what is replayed from before it: the outcome of
 * the attempt that goes on counts for nothing.
 */
static Datum
replay(int64 id, const Replay *what)
{
	static Statement again = {
		.sql = "UPDATE propstreet.webhook_delivery AS t SET status = 'pending', "
			   "attempts = CASE WHEN t.leased THEN t.attempts ELSE 0 END, leased = false, waiting = false, "
			   "next_attempt_utc = $4, "
			   "response_status = NULL, latency_ms = NULL, error = NULL "
			   "WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 AND t.webhook_id OPERATOR(pg_catalog.=) $2 "
			   "AND t.created_utc OPERATOR(pg_catalog.>=) $3 "
			   "AND (t.status OPERATOR(pg_catalog.=) 'failed' "
			   "OR (t.status OPERATOR(pg_catalog.=) 'delivered' OR t.leased) AND NOT $5)",
		.nargs = 5,
		.args = {T_INT8, T_INT8, T_TIMESTAMPTZ, T_TIMESTAMPTZ, T_BOOL},
	};
	Operation operation;
	Webhook webhook;
	Datum values[5];
	StringInfoData out;

	operation_begin(&operation);
	webhook_lock(operation.tenant_id, id);
	load_webhook(&operation, id, READ_NOW, &webhook);
	values[0] = Int64GetDatum(operation.tenant_id);
	values[1] = Int64GetDatum(id);
	values[2] = TimestampTzGetDatum(what->since);
	values[3] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[4] = BoolGetDatum(what->failed_only);
	initStringInfo(&out);
	appendStringInfo(&out, "{\"queued\":" UINT64_FORMAT "}", run(&again, values, NULL));
	wake_worker_at_commit();
	return operation_result(&operation, &out);
}

static void
set_since(json_object *value, const Path *path, void *target, Problems *problems)
{
	const char *string = json_string(value, path, problems);

	if (string && !utc_parse(string, &((Replay *) target)->since))
		problem_add(problems, path, "must be a time such as 2026-01-15T10:00:00Z, not %s", quoted(string));
}

static void
set_failed_only(json_object *value, const Path *path, void *target, Problems *problems)
{
	if (value && !json_object_is_type(value, json_type_boolean))
		problem_add(problems, path, "must be true or false");
	else
		((Replay *) target)->failed_only = value && json_object_get_boolean(value);
}

const Field webhook_replay_fields[] = {{"since", FIELD_REQUIRED, set_since, "Moment"},
									   {"failedOnly", FIELD_NULLABLE, set_failed_only, "Boolean"},
									   {NULL, 0, NULL, NULL}};

PG_FUNCTION_INFO_V1(propstreet_webhook_replay);

/*
 * webhook_replay(id, since, failed_only) json: of everything since a moment, or of
 * what failed; {"queued": n}.  PT400 for null, PT404.  handle() calls it with a body
 * in place of the latter two.
 */
Datum
propstreet_webhook_replay(PG_FUNCTION_ARGS)
{
	int64 id = argument_id(fcinfo, 0, "id");
	Replay what = {0};
	Problems problems = {NIL};

	if (PG_NARGS() == 2)
		decode_object(argument_body(fcinfo, 1, &problems), NULL, webhook_replay_fields, false, &what, &problems);
	else if (PG_ARGISNULL(1))
		problem_parameter(&problems, "since", "must not be null");
	problems_check(&problems);
	if (PG_NARGS() > 2)
	{
		what.since = PG_GETARG_TIMESTAMPTZ(1);
		what.failed_only = argument_bool(fcinfo, 2, false);
	}
	return replay(id, &what);
}
