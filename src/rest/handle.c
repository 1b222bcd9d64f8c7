/*
 * handle.c
 *	  The REST API as a function: a request in, status, headers and body out
 *	  (doc/design.md, "REST"; doc/decisions.md, "Answers", "Errors" and "Conditional
 *	  requests").  The work is done in a subtransaction, so that an error is an answer
 *	  too, which can be committed.
 */
#include "postgres.h"

#include "base/json_c.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "rest/rest.h"

pg_noreturn static void
refuse(int sqlstate, const char *detail)
{
	Problem problem = {.detail = unconstify(char *, detail)};

	problem_raise(sqlstate, &problem);
}

/* ---- sizes ---- */

/* 414, wherever the target comes from. */
static void
check_target(const Request *request)
{
	if (strlen(request->target) > TARGET_MAX_BYTES)
		refuse(PT_URI_TOO_LONG, "Path and query must have at most 16 kB");
}

/* 414 and 431, before anything looks into what came. */
static void
check_sizes(const Request *request)
{
	check_target(request);
	if (request->headers_in && VARSIZE_ANY_EXHDR(request->headers_in) > HEADERS_MAX_BYTES)
		refuse(PT_HEADERS_TOO_LARGE, "The headers must have at most 64 kB in all");
}

/* ---- headers ---- */

/* The value of the client's Content-Type: nginx sends another one to PostgREST. */
static const char *
content_type(const Request *request)
{
	return request_header(request, request->behind_nginx ? "X-Original-Content-Type" : "Content-Type");
}

/* What a request was before nginx made a POST to PostgREST of it. */
static void
read_original(Request *request)
{
	const char *method = request_header(request, "X-Original-Method");
	const char *target = request_header(request, "X-Original-URI");

	request->behind_nginx = method && target;
	if (!request->behind_nginx)
		return;
	request->method = method;
	request->target = target;
	check_target(request);
}

static void
read_headers(Request *request)
{
	const text *headers = request->headers_in;
	Problems problems = {NIL};

	if (headers == NULL || (VARSIZE_ANY_EXHDR(headers) == 2 && memcmp(VARDATA_ANY(headers), "{}", 2) == 0))
		return;
	/* what is wrong with them is no problem of the body */
	if (!json_tree(VARDATA_ANY(headers), VARSIZE_ANY_EXHDR(headers), &problems, &request->headers) ||
		!json_object_is_type(request->headers, json_type_object))
	{
		request->headers = NULL;
		problems.list = NIL;
		problem_parameter(&problems, "headers", "must be a JSON object of strings");
	}
	problems_check(&problems);
}

/* ---- what is asked of a request before its operation ---- */

/* 404 for the route, 405 for the method. */
static void
check_route(const Request *request)
{
	if (request->malformed)
		refuse(PT_BAD_REQUEST, "The path is not percent-encoded UTF-8");
	if (request->path == NULL)
		refuse(PT_NOT_FOUND, "There is nothing at this path");
	if (request->route == NULL)
		refuse(PT_METHOD_NOT_ALLOWED, psprintf("The methods of this path are %s", allowed_methods(request->path)));
}

/* The next semicolon of a media type that is in no quotes, or its end */
static const char *
next_parameter(const char *c)
{
	for (bool quotes = false; *c && (quotes || *c != ';'); c++)
	{
		if (*c == '"')
			quotes = !quotes;
		else if (quotes && *c == '\\' && c[1])
			c++;
	}
	return c;
}

/* The value of a parameter of a media type, without quotes; NULL: it has none. */
static char *
media_parameter(const char *media_type, const char *name)
{
	for (const char *c = next_parameter(media_type); *c; c = next_parameter(c))
	{
		size_t len;

		c += 1 + strspn(c + 1, " \t");
		if (pg_strncasecmp(c, name, strlen(name)) != 0 || c[strlen(name)] != '=')
			continue;
		c += strlen(name) + 1;
		c += *c == '"';
		len = strcspn(c, "\"; \t");
		return pnstrdup(c, len);
	}
	return NULL;
}

static bool
is_media_type(const char *value, const char *media_type)
{
	size_t len = strlen(media_type);

	value += strspn(value, " \t");
	return pg_strncasecmp(value, media_type, len) == 0 && strchr("; \t", value[len]) != NULL;
}

/* 415 unless a body is JSON; one that does not say what it is, is JSON too. */
static void
check_media_type(const Request *request)
{
	const char *value = content_type(request);
	bool patch = strcmp(request->method, "PATCH") == 0;
	char *charset;

	if (value == NULL || *value == '\0')
		return;
	if (!is_media_type(value, "application/json") && !(patch && is_media_type(value, "application/merge-patch+json")))
		refuse(PT_UNSUPPORTED_MEDIA_TYPE,
			   patch ? "The Content-Type must be application/json or application/merge-patch+json" :
					   "The Content-Type must be application/json");
	charset = media_parameter(value, "charset");
	if (charset && pg_strcasecmp(charset, "utf-8") != 0 && pg_strcasecmp(charset, "utf8") != 0)
		refuse(PT_UNSUPPORTED_MEDIA_TYPE, "The charset must be utf-8, as JSON is");
}

/* 415, 413, then 400 for a body that is no text. */
static void
check_body(Request *request)
{
	Problems problems = {NIL};
	int len = request->body ? VARSIZE_ANY_EXHDR(request->body) : 0;

	if (takes_body(request->route))
		check_media_type(request);
	if (len > BODY_MAX_BYTES)
		refuse(PT_PAYLOAD_TOO_LARGE, "The body must have at most 1 MB");
	if (!takes_body(request->route))
		return;
	if (len > 0 && !pg_verify_mbstr(PG_UTF8, VARDATA_ANY(request->body), len, true))
		problem_add(&problems, NULL, "is not UTF-8");
	problems_check(&problems);
}

/* ---- settings for the time of a request ---- */

static void
set(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

static void
set_tenant(const Request *request)
{
	if (request->for_tenant)
		set("propstreet.tenant_id", psprintf(INT64_FORMAT, Max(request->tenant_id, 0)));
}

/* Change-Origin: who writes, for subscriptions that don't want to hear of their own changes. */
static void
set_change_origin(const Request *request)
{
	const char *origin = request_header(request, "Change-Origin");
	Problems problems = {NIL};

	if (origin == NULL || strcmp(request->route->method, "GET") == 0)
		return;
	if (*origin == '\0' || !is_change_origin(origin))
		problem_parameter(&problems, "Change-Origin", "must have 1 to %d printable ASCII characters",
						  CHANGE_ORIGIN_MAX);
	problems_check(&problems);
	set("propstreet.change_origin", origin);
}

/* ---- answers ---- */

/* The target of the page after this one: the same, with another cursor. */
static char *
next_target(const Request *request, const Position *next)
{
	StringInfoData target;
	const char *end;

	initStringInfo(&target);
	appendBinaryStringInfo(&target, request->target, strcspn(request->target, "?"));
	appendStringInfoChar(&target, '?');
	for (const char *c = request->query; c && *c; c = *end ? end + 1 : end)
	{
		CHECK_FOR_INTERRUPTS();
		end = c + strcspn(c, "&");
		if (end == c || strcmp(decoded(c, c + strcspn(c, "=&"), true), "cursor") == 0)
			continue;
		appendBinaryStringInfo(&target, c, end - c);
		appendStringInfoChar(&target, '&');
	}
	appendStringInfoString(&target, "cursor=");
	append_cursor(&target, next);
	return target.data;
}

/* A Link (RFC 8288); bytes that an URI can't have are percent-encoded. */
static char *
link_to_next(const Request *request, const Position *next)
{
	StringInfoData link;

	initStringInfo(&link);
	appendStringInfoChar(&link, '<');
	for (const char *c = next_target(request, next); *c; c++)
	{
		if (*c <= 0x20 || *c >= 0x7f || strchr("<>\"\\^`{|}", *c))
			appendStringInfo(&link, "%%%02X", (unsigned char) *c);
		else
			appendStringInfoChar(&link, *c);
	}
	appendStringInfoString(&link, ">; rel=\"next\"");
	return link.data;
}

/*
 * GET and HEAD of a version that the client has already: 304; a malformed If-None-Match
 * is as none there.  PT412 for one that If-Match does not match.
 */
static bool
has_version(const Preconditions *given, const Version *version)
{
	Problem failed = {.detail = "ETag mismatch - resource was modified"};
	Problems problems = {NIL};

	if (given->if_match && !precondition_matches("If-Match", given->if_match, version))
		problem_raise(PT_PRECONDITION_FAILED, &failed);
	return given->if_none_match && etag_matches("If-None-Match", given->if_none_match, version, &problems);
}

static void
answer_success(Request *request, const Answer *answer, Datum result)
{
	bool reads = strcmp(request->route->method, "GET") == 0 && answer->version.kind != 0;

	request->status = answer->created ? 201 : request->route->status;
	request->headers_out =
		answer->has_more ? header_array("Link", link_to_next(request, &answer->next)) : answer_headers(answer);
	request->answer = request->status == 204 ? NULL : (struct varlena *) DatumGetPointer(result);
	if (reads && has_version(&answer->preconditions, &answer->version))
	{
		request->status = 304;
		request->answer = NULL;
	}
}

/* ---- the operation ---- */

/* An operation about to be called */
typedef struct Call
{
	Request *request;
	FunctionCallInfo fcinfo;
	Answer answer;
} Call;

static void
call(void *arg)
{
	Call *call = arg;
	PGFunction function = call->request->route->function;
	Datum result = function ? function(call->fcinfo) : openapi();

	answer_success(call->request, &call->answer, result);
}

static void
answer_again(Request *request, const Idempotent *idempotent)
{
	request->status = idempotent->status;
	request->headers_out = pstrdup(idempotent->headers);
	request->answer =
		VARSIZE_ANY_EXHDR(idempotent->body) > 0 ? DatumGetTextPCopy(PointerGetDatum(idempotent->body)) : NULL;
}

/*
 * A request with an Idempotency-Key: the answer of before, or one that is recorded
 * with the work, a failure too, unless that is the server's.
 */
static void
call_with_key(Call *once, const char *key)
{
	Request *request = once->request;
	struct varlena *body = request->body ? request->body : cstring_to_text("");
	Idempotent idempotent;
	Operation operation;
	ErrorData *error;
	bool found;

	operation_begin(&operation);
	request->locking_key = true;
	found = idempotent_find(&operation, key, request->route->operation, request->id, body, &idempotent);
	request->locking_key = false;
	/* what is made from here on outlives the operation */
	MemoryContextSwitchTo(operation.context);
	if (found)
	{
		answer_again(request, &idempotent);
		operation_end(&operation);
		return;
	}
	error = attempt(call, once);
	if (error && problem_status(request, error) >= 500)
		ReThrowError(error);
	if (error)
		answer_problem(request, error);
	idempotent.status = request->status;
	idempotent.headers = unconstify(char *, request->headers_out);
	idempotent.body = once->answer.kept ? once->answer.kept : request->answer ? request->answer : cstring_to_text("");
	idempotent_record(&operation, &idempotent);
	operation_end(&operation);
}

/* Answer a request whose route is found. */
static void
serve(Request *request)
{
	LOCAL_FCINFO(fcinfo, ARGUMENTS_MAX);
	Call call_info = {.request = request, .fcinfo = fcinfo, .answer = {.type = T_ExtensibleNode}};
	const char *key = strcmp(request->method, "POST") == 0 ? request_header(request, "Idempotency-Key") : NULL;

	check_body(request);
	call_info.answer.preconditions.if_match = request_header(request, "If-Match");
	call_info.answer.preconditions.if_none_match = request_header(request, "If-None-Match");
	InitFunctionCallInfoData(*fcinfo, NULL, ARGUMENTS_MAX, InvalidOid, (Node *) &call_info.answer, NULL);
	route_arguments(request, fcinfo);
	set_change_origin(request);
	if (key)
		call_with_key(&call_info, key);
	else
		call(&call_info);
}

/* ---- requests ---- */

/* Answer a request, or raise what is wrong with it. */
static void
process(void *arg)
{
	Request *request = arg;
	int settings = NewGUCNestLevel();

	check_sizes(request);
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	set_tenant(request);
	read_headers(request);
	if (request->behind_nginx)
		read_original(request);
	find_route(request);
	if (request->path == NULL || request->path->function != NULL)
		(void) current_tenant();
	if (request->path && strcmp(request->method, "OPTIONS") == 0)
	{
		request->status = 204;
		request->headers_out = header_array("Allow", allowed_methods(request->path));
	}
	else
	{
		check_route(request);
		serve(request);
	}
	PopActiveSnapshot();
	AtEOXact_GUC(true, settings);
}

/*
 * Answer a request, whatever happens, but for what is not about it: a query that is
 * canceled, a server that shuts down.
 */
void
handle(Request *request)
{
	ErrorData *error;

	if (request->body && VARSIZE_ANY_EXHDR(request->body) == 0)
		request->body = NULL;
	error = attempt(process, request);
	if (error)
		answer_problem(request, error);
}

/* A row of propstreet.response. */
static Datum
response(const Request *request)
{
	Oid type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("response"),
							   ObjectIdGetDatum(get_namespace_oid("propstreet", false)));
	TupleDesc desc = lookup_rowtype_tupdesc(type, -1);
	Datum values[3] = {Int32GetDatum(request->status), CStringGetTextDatum(response_headers(request)),
					   PointerGetDatum(request->answer)};
	bool nulls[3] = {false, false, request->answer == NULL};
	HeapTuple tuple = heap_form_tuple(desc, values, nulls);

	ReleaseTupleDesc(desc);
	if (request->answer)
		pfree(request->answer); /* for the caller's copy to use the memory */
	return HeapTupleGetDatum(tuple);
}

/* The arguments of handle() and handle_for() from a number on, which may be null. */
static Datum
handle_arguments(FunctionCallInfo fcinfo, int number, Request *request)
{
	request->method = PG_ARGISNULL(number) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(number));
	request->target = PG_ARGISNULL(number + 1) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(number + 1));
	request->body = PG_ARGISNULL(number + 3) ? NULL : PG_GETARG_BYTEA_PP(number + 3);
	request->headers_in = PG_ARGISNULL(number + 2) ? NULL : PG_GETARG_TEXT_PP(number + 2);
	handle(request);
	if (strcmp(request->method, "HEAD") == 0)
		request->answer = NULL;
	return response(request);
}

PG_FUNCTION_INFO_V1(propstreet_handle);

/* handle(method, target, headers, body) propstreet.response: the whole REST API */
Datum
propstreet_handle(PG_FUNCTION_ARGS)
{
	Request request = {.for_tenant = false};

	return handle_arguments(fcinfo, 0, &request);
}

PG_FUNCTION_INFO_V1(propstreet_handle_for);

/* handle_for(tenant_id, method, target, headers, body): the same for a tenant that the caller vouches for */
Datum
propstreet_handle_for(PG_FUNCTION_ARGS)
{
	Request request = {.for_tenant = true, .tenant_id = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0)};

	return handle_arguments(fcinfo, 1, &request);
}
