/*
 * routes.c
 *	  The routes of the REST API, and how a request becomes the arguments of an
 *	  operation (specification; doc/decisions.md, "Queries" and "Errors").
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "rest/rest.h"

#define NAME_SHOWN_BYTES 60

/*
 * A line a route: method, path, operation, status, schemas of body and answer,
 * summary, and the arguments of the operation in order.  Of two patterns that fit a
 * path the first one counts.
 */
#define ROUTES(_) \
	_(GET, "/projects", project_list, 200, NULL, "ProjectPage", "List projects", UPDATED_SINCE, INCLUDE_DELETED, \
	  PROJECT_FILTERS(FILTER_ARGUMENT) PAGE_SIZE, CURSOR) \
	_(POST, "/projects", project_create, 201, "ProjectCreate", "Project", "Create a project", BODY, NO_KEY) \
	_(GET, "/projects/external/{namespace}/{external_id}", project_find, 200, NULL, "Project", \
	  "Find a project by an external reference", PATH_TEXT, PATH_TEXT) \
	_(PUT, "/projects/external/{namespace}/{external_id}", project_upsert, 200, "ProjectPatch", "ProjectUpserted", \
	  "Create or update the project that has an external reference", PATH_TEXT, PATH_TEXT, BODY, PRECONDITION, \
	  PRECONDITION) \
	_(GET, "/projects/{id}", project_get, 200, NULL, "Project", "Get a project", PATH_ID, INCLUDE_DELETED) \
	_(PATCH, "/projects/{id}", project_update, 200, "ProjectPatch", "Project", "Update a project", PATH_ID, BODY, \
	  PRECONDITION) \
	_(DELETE, "/projects/{id}", project_delete, 204, NULL, NULL, "Delete a project", PATH_ID, PRECONDITION) \
	_(GET, "/projects/{id}/properties", project_properties, 200, NULL, "Properties", \
	  "List the properties linked to a project", PATH_ID, INCLUDE_DELETED) \
	_(GET, "/prospects", prospect_list_all, 200, NULL, "ProspectPage", "List the prospects of all projects", \
	  UPDATED_SINCE, INCLUDE_DELETED, CAPABILITY, PROSPECT_FILTERS(FILTER_ARGUMENT) TAGS, PAGE_SIZE, CURSOR) \
	_(GET, "/projects/{project_id}/prospects", prospect_list, 200, NULL, "ProspectPage", \
	  "List the prospects of a project", PATH_ID, UPDATED_SINCE, INCLUDE_DELETED, CAPABILITY, \
	  PROSPECT_FILTERS(FILTER_ARGUMENT) TAGS, PAGE_SIZE, CURSOR) \
	_(POST, "/projects/{project_id}/prospects", prospect_add, 201, "ProspectAdd", "Prospect", "Add a prospect", \
	  PATH_ID, BODY, NO_KEY) \
	_(POST, "/projects/{project_id}/prospects:batch", prospect_add_batch, 200, "BatchAdd", "BatchAdded", \
	  "Add up to 100 prospects", PATH_ID, BODY, NO_KEY) \
	_(PATCH, "/projects/{project_id}/prospects:batch", prospect_update_batch, 200, "BatchUpdate", "BatchUpdated", \
	  "Update up to 100 prospects", PATH_ID, BODY) \
	_(GET, "/projects/{project_id}/prospects/external/{namespace}/{external_id}", prospect_find, 200, NULL, \
	  "Prospect", "Find a prospect by an external reference", PATH_ID, PATH_TEXT, PATH_TEXT, INCLUDE_DELETED) \
	_(PUT, "/projects/{project_id}/prospects/external/{namespace}/{external_id}", prospect_upsert, 200, \
	  "ProspectUpsert", "ProspectUpserted", "Create or update the prospect that has an external reference", PATH_ID, \
	  PATH_TEXT, PATH_TEXT, BODY, PRECONDITION, PRECONDITION) \
	_(GET, "/projects/{project_id}/prospects/{id}", prospect_get, 200, NULL, "Prospect", "Get a prospect", PATH_ID, \
	  PATH_ID, INCLUDE_DELETED) \
	_(PATCH, "/projects/{project_id}/prospects/{id}", prospect_update, 200, "ProspectPatch", "Prospect", \
	  "Update a prospect", PATH_ID, PATH_ID, BODY, PRECONDITION) \
	_(DELETE, "/projects/{project_id}/prospects/{id}", prospect_remove, 204, NULL, NULL, "Remove a prospect", PATH_ID, \
	  PATH_ID, PRECONDITION) \
	_(GET, "/network/contacts/{contact_id}/projects", contact_projects, 200, NULL, "AssociatedProjectPage", \
	  "List projects for a contact", PATH_ID, LIVE_STATUS, PROSPECT_CLASSIFICATION, PAGE_SIZE_100, CURSOR) \
	_(GET, "/network/companies/{company_id}/projects", company_projects, 200, NULL, "AssociatedProjectPage", \
	  "List projects for a company", PATH_ID, LIVE_STATUS, PROSPECT_CLASSIFICATION, PAGE_SIZE_100, CURSOR) \
	_(GET, "/webhooks", webhook_list, 200, NULL, "Webhooks", "List webhooks", NOTHING) \
	_(POST, "/webhooks", webhook_create, 201, "WebhookCreate", "Webhook", \
	  "Subscribe to events; the answer has the secret, this once", BODY) \
	_(GET, "/webhooks/{id}", webhook_get, 200, NULL, "Webhook", "Get a webhook", PATH_ID) \
	_(PATCH, "/webhooks/{id}", webhook_update, 200, "WebhookPatch", "Webhook", "Update a webhook", PATH_ID, BODY, \
	  PRECONDITION) \
	_(DELETE, "/webhooks/{id}", webhook_delete, 204, NULL, NULL, "Delete a webhook", PATH_ID, PRECONDITION) \
	_(POST, "/webhooks/{id}/rotate-secret", webhook_rotate_secret, 200, NULL, "Webhook", \
	  "Make a new secret, which the answer has; the old one signs along for 24 hours", PATH_ID) \
	_(POST, "/webhooks/{id}/test", webhook_test, 202, NULL, "WebhookTested", "Send the event webhook.test", PATH_ID) \
	_(POST, "/webhooks/{id}/replay", webhook_replay, 202, "WebhookReplay", "WebhookReplayed", \
	  "Send again what was sent since a moment", PATH_ID, BODY) \
	_(GET, "/webhooks/{id}/deliveries", webhook_deliveries, 200, NULL, "DeliveryPage", \
	  "List what was sent, newest first", PATH_ID, DELIVERY_STATUS, PAGE_SIZE_100, CURSOR)

#define DECLARED(method, pattern, operation, ...) extern Datum propstreet_##operation(PG_FUNCTION_ARGS);
#define LISTED_ROUTE(method, pattern, operation, status, request, response, summary, ...) \
	{#method, pattern, #operation, propstreet_##operation, status, request, response, summary, {__VA_ARGS__}},

ROUTES(DECLARED)

/* The description of the API is no operation: it reads this table */
const Route routes[] = {{"GET", "/openapi.json", "openapi", NULL, 200, NULL, NULL, "This description", {NOTHING}},
						ROUTES(LISTED_ROUTE)};
const int nroutes = lengthof(routes);

#define FILTER_PARAMETER(symbol, parameter, column, type, indexed, nullable, hidden, schema, description) \
	[symbol] = {parameter, PARAMETER_TEXT, schema, description},

const Parameter parameters[ARGUMENTS] = {
	[UPDATED_SINCE] = {"updated_since", PARAMETER_MOMENT, "Moment", "Changed at or after this moment"},
	[INCLUDE_DELETED] = {"include_deleted", PARAMETER_BOOLEAN, "Boolean", "Deleted ones too"},
	/* clang-format off */
	PROJECT_FILTERS(FILTER_PARAMETER)
	PROSPECT_FILTERS(FILTER_PARAMETER)
		/* clang-format on */
		[LIVE_STATUS] = {"status", PARAMETER_TEXT, "LiveStatus", "Of this status of the project, open or closed"},
	[DELIVERY_STATUS] = {"status", PARAMETER_TEXT, "DeliveryStatus", "Of this status"},
	[CAPABILITY] = {"capability", PARAMETER_TEXT, "Capability", "With this capability"},
	[TAGS] = {"tags", PARAMETER_TEXTS, "AnyOfTags", "With any of these tags; repeat the parameter, up to 50 times"},
	[PAGE_SIZE] = {"page_size", PARAMETER_INTEGER, "PageSize", "Results per page"},
	[PAGE_SIZE_100] = {"page_size", PARAMETER_INTEGER, "PageSize100", "Results per page"},
	[CURSOR] = {"cursor", PARAMETER_TEXT, "Cursor", "nextCursor of the page before"},
};

PG_FUNCTION_INFO_V1(propstreet_routed_operations);

/* routed_operations() setof name: the operations that have a route */
Datum
propstreet_routed_operations(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	for (int i = 0; i < nroutes; i++)
	{
		NameData name;
		Datum value;
		bool isnull = false;

		if (routes[i].function == NULL)
			continue;
		namestrcpy(&name, routes[i].operation);
		value = NameGetDatum(&name);
		tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
	}
	return (Datum) 0;
}

/* ---- the path ---- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Percent-decode part of a target (RFC 3986, section 2.1); NULL unless that gives a text. */
char *
decoded(const char *start, const char *end, bool plus_is_space)
{
	char *result = palloc(end - start + 1);
	char *out = result;

	for (const char *c = start; c < end; c++)
	{
		int high = *c == '%' && end - c > 2 ? hex_digit(c[1]) : -1;
		int low = high >= 0 ? hex_digit(c[2]) : -1;

		CHECK_FOR_INTERRUPTS();
		if (*c != '%')
			*out++ = plus_is_space && *c == '+' ? ' ' : *c;
		else if (low < 0)
			return NULL;
		else
		{
			*out++ = (char) (high * 16 + low);
			c += 2;
		}
	}
	*out = '\0';
	return pg_verify_mbstr(PG_UTF8, result, (int) (out - result), true) ? result : NULL;
}

/* Take the segments of a target's path, less the base path; -1 if it is not below that. */
static void
split_target(Request *request)
{
	const char *end = request->target + strcspn(request->target, "?");
	const char *base[] = {"api", "v1"};
	const char *next;
	int number = -(int) lengthof(base);

	request->query = *end ? end + 1 : NULL;
	request->nsegments = -1;
	for (const char *c = request->target; c < end; c = next, number++)
	{
		char *segment;

		if (*c != '/' || number == SEGMENTS_MAX)
			return;
		next = c + 1 + strcspn(c + 1, "/?");
		segment = decoded(c + 1, next, false);
		request->malformed |= segment == NULL;
		if (segment == NULL || *segment == '\0' || (number < 0 && strcmp(segment, base[number + lengthof(base)]) != 0))
			return;
		if (number >= 0)
			request->segments[number] = segment;
	}
	request->nsegments = Max(number, 0);
}

/* Does a pattern fit the path?  The variables are then what the path has in their place. */
static bool
fits(const char *pattern, Request *request)
{
	int variables = 0;

	for (int i = 0; i < request->nsegments; i++)
	{
		size_t len;

		if (*pattern++ != '/')
			return false;
		len = strcspn(pattern, "/");
		if (*pattern == '{')
		{
			request->names[variables] = pattern + 1;
			request->variables[variables++] = request->segments[i];
		}
		else if (strlen(request->segments[i]) != len || memcmp(pattern, request->segments[i], len) != 0)
			return false;
		pattern += len;
	}
	return *pattern == '\0' && request->nsegments > 0;
}

/* Find the routes of a request's path, and the one of its method; HEAD has that of GET. */
void
find_route(Request *request)
{
	const char *method = strcmp(request->method, "HEAD") == 0 ? "GET" : request->method;

	split_target(request);
	for (int i = 0; i < nroutes && request->path == NULL; i++)
		if (fits(routes[i].pattern, request))
			request->path = &routes[i];
	for (const Route *route = request->path; route && route < routes + nroutes; route++)
		if (strcmp(route->pattern, request->path->pattern) == 0 && strcmp(route->method, method) == 0)
			request->route = route;
}

/* The methods of a path, for Allow. */
char *
allowed_methods(const Route *path)
{
	StringInfoData methods;

	initStringInfo(&methods);
	for (const Route *route = path; route < routes + nroutes; route++)
		if (strcmp(route->pattern, path->pattern) == 0)
			appendStringInfo(&methods, strcmp(route->method, "GET") == 0 ? "%s, HEAD, " : "%s, ", route->method);
	appendStringInfoString(&methods, "OPTIONS");
	return methods.data;
}

bool
takes_body(const Route *route)
{
	for (int i = 0; i < ARGUMENTS_MAX; i++)
		if (route->arguments[i] == BODY)
			return true;
	return false;
}

/* ---- arguments ---- */

/* What the query gives for each parameter */
typedef struct QueryString
{
	bool given[ARGUMENTS];
	char *values[ARGUMENTS];
	List *tags; /* Datums of text */
} QueryString;

/* The name of a parameter that somebody made up, clipped. */
static char *
clipped(const char *name, int len)
{
	return pnstrdup(name, pg_mbcliplen(name, len, NAME_SHOWN_BYTES));
}

/* Parameters of a route, for messages. */
static char *
parameter_names(const Route *route)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < ARGUMENTS_MAX; i++)
		if (route->arguments[i] >= FIRST_OF_QUERY)
			appendStringInfo(&names, "%s%s", names.len ? ", " : "; the parameters are ",
							 parameters[route->arguments[i]].name);
	return names.data;
}

static void
take_parameter(const Route *route, const char *name, char *value, QueryString *query, Problems *problems)
{
	for (int i = 0; i < ARGUMENTS_MAX; i++)
	{
		Argument argument = route->arguments[i];

		if (argument < FIRST_OF_QUERY || strcmp(parameters[argument].name, name) != 0)
			continue;
		if (parameters[argument].type == PARAMETER_TEXTS)
			query->tags = lappend(query->tags, DatumGetPointer(CStringGetTextDatum(value)));
		else if (query->given[argument])
			problem_parameter(problems, name, "is given more than once");
		query->given[argument] = true;
		query->values[argument] = value;
		return;
	}
	problem_parameter(problems, clipped(name, strlen(name)), "is not a parameter here%s", parameter_names(route));
}

/* Take a query string apart (doc/decisions.md, "Queries"). */
static void
read_query(const Request *request, QueryString *query, Problems *problems)
{
	const char *next;

	memset(query, 0, sizeof(QueryString));
	for (const char *c = request->query; c && *c; c = *next ? next + 1 : next)
	{
		const char *equals = c + strcspn(c, "=&");
		char *name = decoded(c, equals, true);
		char *value;

		CHECK_FOR_INTERRUPTS();
		next = c + strcspn(c, "&");
		value = *equals == '=' ? decoded(equals + 1, next, true) : pstrdup("");
		if (next == c)
			continue;
		if (name == NULL)
			problem_parameter(problems, clipped(c, (int) (equals - c)), "is not percent-encoded UTF-8");
		else if (value == NULL)
			problem_parameter(problems, clipped(name, strlen(name)), "is not percent-encoded UTF-8");
		else
			take_parameter(request->route, name, value, query, problems);
	}
}

static Datum
boolean_of(const char *name, const char *text, Problems *problems)
{
	bool value = pg_strcasecmp(text, "true") == 0;

	if (!value && pg_strcasecmp(text, "false") != 0)
		problem_parameter(problems, name, "must be true or false, not %s", quoted(text));
	return BoolGetDatum(value);
}

static Datum
integer_of(const char *name, const char *text, Problems *problems)
{
	int len = strlen(text);

	if (len < 1 || len > 9 || strspn(text, "0123456789") != (size_t) len)
	{
		problem_parameter(problems, name, "must be a whole number from 1 to 500, not %s", quoted(text));
		return Int32GetDatum(1);
	}
	return Int32GetDatum(atoi(text));
}

static Datum
moment_of(const char *name, const char *text, Problems *problems)
{
	TimestampTz moment = 0;

	if (!utc_parse(text, &moment))
		problem_parameter(problems, name, "must be a time such as 2026-01-15T10:00:00Z, not %s", quoted(text));
	return TimestampTzGetDatum(moment);
}

static Datum
tags_of(const List *tags)
{
	Datum *values = palloc(sizeof(Datum) * list_length(tags));
	ListCell *cell;

	foreach(cell, tags)
		values[foreach_current_index(cell)] = PointerGetDatum(lfirst(cell));
	return PointerGetDatum(construct_array(values, list_length(tags), TEXTOID, -1, false, TYPALIGN_INT));
}

static Datum
query_argument(const QueryString *query, Argument argument, Problems *problems)
{
	const Parameter *parameter = &parameters[argument];
	char *value = query->values[argument];

	switch (parameter->type)
	{
		case PARAMETER_TEXT:
			return CStringGetTextDatum(value);
		case PARAMETER_TEXTS:
			return tags_of(query->tags);
		case PARAMETER_MOMENT:
			return moment_of(parameter->name, value, problems);
		case PARAMETER_BOOLEAN:
			return boolean_of(parameter->name, value, problems);
		case PARAMETER_INTEGER:
			return integer_of(parameter->name, value, problems);
	}
	elog(ERROR, "unknown type of parameter %d", parameter->type);
}

/* An id of the path, which has a problem of its own kind (doc/decisions.md, "Errors"). */
static Datum
id_argument(const Request *request, int variable, Problems *problems)
{
	const char *text = request->variables[variable];
	const char *name = request->names[variable];
	int64 id = 0;

	if (!id_parse(text, &id))
		problem_parameter(problems, pnstrdup(name, strcspn(name, "}")),
						  "must be an id, a positive decimal number, not %s", quoted(text));
	return Int64GetDatum(id);
}

/* The arguments that the path gives; PT400 for malformed ids. */
static void
path_arguments(Request *request, FunctionCallInfo fcinfo)
{
	Problems problems = {NIL};

	for (int i = 0, variable = 0; i < ARGUMENTS_MAX; i++)
	{
		if (request->route->arguments[i] == PATH_TEXT)
			fcinfo->args[i].value = CStringGetTextDatum(request->variables[variable++]);
		else if (request->route->arguments[i] == PATH_ID)
			fcinfo->args[i].value = id_argument(request, variable++, &problems);
		else
			continue;
		fcinfo->args[i].isnull = false;
		if (request->id == 0 && request->route->arguments[i] == PATH_ID)
			request->id = DatumGetInt64(fcinfo->args[i].value);
	}
	request->bad_id = problems.list != NIL;
	problems_check(&problems);
}

static void
query_arguments(const Request *request, FunctionCallInfo fcinfo)
{
	Problems problems = {NIL};
	QueryString query;

	read_query(request, &query, &problems);
	for (int i = 0; i < ARGUMENTS_MAX; i++)
	{
		Argument argument = request->route->arguments[i];

		if (argument < FIRST_OF_QUERY || !query.given[argument])
			continue;
		fcinfo->args[i].value = query_argument(&query, argument, &problems);
		fcinfo->args[i].isnull = false;
	}
	problems_check(&problems);
}

/* Find the arguments of a request's operation; PT400. */
void
route_arguments(Request *request, FunctionCallInfo fcinfo)
{
	fcinfo->nargs = 0;
	while (fcinfo->nargs < ARGUMENTS_MAX && request->route->arguments[fcinfo->nargs] != NOTHING)
		fcinfo->nargs++;
	for (int i = 0; i < fcinfo->nargs; i++)
	{
		fcinfo->args[i].isnull = request->route->arguments[i] != BODY || request->body == NULL;
		fcinfo->args[i].value = PointerGetDatum(request->body);
	}
	path_arguments(request, fcinfo);
	query_arguments(request, fcinfo);
}
