/*
 * problem.c
 *	  Errors as answers: application/problem+json (RFC 9457; doc/decisions.md, "Errors").
 */
#include "postgres.h"

#include "base/json_c.h"

#include "utils/builtins.h"
#include "utils/elog.h"

#include "rest/rest.h"

/* What an error becomes */
typedef struct ProblemType
{
	int sqlstate;
	int status;
	const char *slug;
	const char *title;
	const char *detail; /* instead of the error's message, which is not for clients; or NULL */
} ProblemType;

#define TRY_AGAIN "The request could not be carried out now; try again"
#define CONTRADICTION "The request contradicts the stored data"

static const ProblemType types[] = {
	{PT_BAD_REQUEST, 400, "validation-failed", "Validation failed", NULL},
	{PT_UNAUTHORIZED, 401, "unauthorized", "Unauthorized", "The request names no tenant that can be trusted"},
	{ERRCODE_INSUFFICIENT_PRIVILEGE, 403, "forbidden", "Forbidden", "This is not allowed"},
	{ERRCODE_READ_ONLY_SQL_TRANSACTION, 403, "forbidden", "Forbidden",
	 "Nothing can be written in a READ ONLY transaction, nor on a standby"},
	{PT_NOT_FOUND, 404, "not-found", "Not found", NULL},
	{PT_METHOD_NOT_ALLOWED, 405, "method-not-allowed", "Method not allowed", NULL},
	{PT_CONFLICT, 409, "conflict", "Conflict", NULL},
	{PT_PRECONDITION_FAILED, 412, "precondition-failed", "Precondition failed", NULL},
	{PT_PAYLOAD_TOO_LARGE, 413, "payload-too-large", "Payload too large", NULL},
	{PT_URI_TOO_LONG, 414, "uri-too-long", "URI too long", NULL},
	{PT_UNSUPPORTED_MEDIA_TYPE, 415, "unsupported-media-type", "Unsupported media type", NULL},
	{PT_DATA_INTEGRITY, 422, "data-integrity", "Data integrity", NULL},
	{PT_PRECONDITION_REQUIRED, 428, "precondition-required", "Precondition required", NULL},
	{PT_HEADERS_TOO_LARGE, 431, "headers-too-large", "Headers too large", NULL},
	{PT_BUSY, 503, "busy", "Busy", NULL},
	{PT_BUSY_POSTGREST, 503, "busy", "Busy", NULL},
	{ERRCODE_T_R_SERIALIZATION_FAILURE, 503, "busy", "Busy", TRY_AGAIN},
	{ERRCODE_T_R_DEADLOCK_DETECTED, 503, "busy", "Busy", TRY_AGAIN},
	{ERRCODE_LOCK_NOT_AVAILABLE, 503, "busy", "Busy", TRY_AGAIN},
	{ERRCODE_QUERY_CANCELED, 503, "busy", "Busy", TRY_AGAIN},
};
static const ProblemType invalid_id = {PT_BAD_REQUEST, 400, "invalid-id", "Invalid id", NULL};
static const ProblemType integrity = {0, 422, "data-integrity", "Data integrity", CONTRADICTION};
static const ProblemType resources = {0, 503, "busy", "Busy", TRY_AGAIN};
static const ProblemType internal = {0, 500, "internal", "Internal error",
									 "The request failed; the server's log has the details"};

/* What an error becomes; those that are not about the request go on as errors. */
static const ProblemType *
problem_type(const Request *request, ErrorData *error)
{
	int category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	if ((error->sqlerrcode == ERRCODE_QUERY_CANCELED && !request->answers_cancel) ||
		error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN || error->sqlerrcode == ERRCODE_CRASH_SHUTDOWN ||
		error->elevel >= FATAL)
		ReThrowError(error);
	if (request->bad_id)
		return &invalid_id;
	for (int i = 0; i < (int) lengthof(types); i++)
		if (types[i].sqlstate == error->sqlerrcode)
			return &types[i];
	if (category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION)
		return &integrity;
	if (category == ERRCODE_INSUFFICIENT_RESOURCES)
		return &resources;
	return &internal;
}

/* The problems that an error of ours has as its DETAIL; NULL for an error of somebody else. */
static json_object *
problems_of(const ErrorData *error)
{
	Problems problems = {NIL};
	json_object *tree = NULL;

	if (error->detail == NULL || json_is_deep(error->detail) ||
		!json_tree(error->detail, strlen(error->detail), &problems, &tree) ||
		!json_object_is_type(tree, json_type_array))
		return NULL;
	for (size_t i = 0; i < json_object_array_length(tree); i++)
		if (!json_object_is_type(json_object_array_get_idx(tree, i), json_type_object))
			return NULL;
	return tree;
}

static const char *
json_text(json_object *value)
{
	return json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

/* Do the problems name places, of the body or among the parameters? */
static bool
have_places(json_object *problems)
{
	for (size_t i = 0; i < json_object_array_length(problems); i++)
	{
		json_object *problem = json_object_array_get_idx(problems, i);

		if (json_object_object_get_ex(problem, "pointer", NULL) ||
			json_object_object_get_ex(problem, "parameter", NULL))
			return true;
	}
	return false;
}

/* The problems as errors; and as members what the first one says of the resource that stands in the way. */
static void
append_errors(StringInfo out, json_object *problems)
{
	json_object *first = json_object_array_get_idx(problems, 0);

	if (have_places(problems))
	{
		append_member(out, "errors");
		appendStringInfoString(out, json_text(problems));
	}
	for (struct lh_entry *entry = first ? json_object_get_object(first)->head : NULL; entry; entry = entry->next)
	{
		const char *name = lh_entry_k(entry);

		if (strcmp(name, "pointer") == 0 || strcmp(name, "parameter") == 0 || strcmp(name, "detail") == 0)
			continue;
		append_member(out, name);
		appendStringInfoString(out, json_text(lh_entry_v(entry)));
	}
}

static struct varlena *
problem_json(const ProblemType *type, const ErrorData *error)
{
	const char *detail = type->detail ? type->detail : error->message;
	json_object *problems = type->detail ? NULL : problems_of(error);
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out,
					 "{\"type\":\"urn:propstreet:error:%s\",\"title\":\"%s\",\"status\":%d,\"detail\":", type->slug,
					 type->title, type->status);
	append_json_string(&out, detail, strlen(detail));
	if (problems)
		append_errors(&out, problems);
	appendStringInfoChar(&out, '}');
	return cstring_to_text_with_len(out.data, out.len);
}

static const char *
problem_headers(const Request *request, int status)
{
	switch (status)
	{
		case 401:
			return header_array("WWW-Authenticate", "Bearer");
		case 405:
			return header_array("Allow", allowed_methods(request->path));
		case 409:
			return request->locking_key ? header_array("Retry-After", "1") : "[]";
		case 503:
			return header_array("Retry-After", "1");
		default:
			return "[]";
	}
}

int
problem_status(const Request *request, ErrorData *error)
{
	return problem_type(request, error)->status;
}

/*
 * Answer a request with the error that it ended with, or let the error go on.  What
 * was not foreseen goes to the server's log, and nothing of it into the answer.
 */
void
answer_problem(Request *request, ErrorData *error)
{
	const ProblemType *type = problem_type(request, error);

	if (type == &internal || type == &integrity)
	{
		ErrorData report = *error;

		report.elevel = LOG;
		ThrowErrorData(&report);
	}
	request->status = type->status;
	request->headers_out = problem_headers(request, type->status);
	request->answer = problem_json(type, error);
}
