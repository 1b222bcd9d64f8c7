/*
 * operation.c
 *	  What operations share: their arguments, preconditions, and references named by
 *	  a path.
 */
#include "postgres.h"

#include "base/json_c.h"

#include "executor/spi.h"
#include "utils/builtins.h"

#include "operations/operations.h"

bool propstreet_require_if_match = false;

/* Begin an operation for the session's tenant (PT401 without one). */
void
operation_begin(Operation *operation)
{
	operation->tenant_id = current_tenant();
	operation->context = CurrentMemoryContext;
	operation->caller = act_as(tables_owner());
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
operation_end(Operation *operation)
{
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	act_as_before(operation->caller);
}

/* End an operation whose result is a text (or json). */
Datum
operation_result(Operation *operation, StringInfo result)
{
	MemoryContext spi = MemoryContextSwitchTo(operation->context);
	text *value = cstring_to_text_with_len(result->data, result->len);

	MemoryContextSwitchTo(spi);
	operation_end(operation);
	return PointerGetDatum(value);
}

/* The same for a large text, which is built where the caller wants it, and never copied. */
void
init_large_result(Operation *operation, StringInfo result)
{
	MemoryContext spi = MemoryContextSwitchTo(operation->context);

	initStringInfo(result);
	appendStringInfoSpaces(result, VARHDRSZ);
	MemoryContextSwitchTo(spi);
}

Datum
operation_large_result(Operation *operation, StringInfo result)
{
	SET_VARSIZE(result->data, result->len);
	operation_end(operation);
	return PointerGetDatum(result->data);
}

/* ---- arguments ---- */

/* An id; PT400 if it is null. */
int64
argument_id(FunctionCallInfo fcinfo, int number, const char *name)
{
	Problems problems = {NIL};

	if (PG_ARGISNULL(number))
		problem_parameter(&problems, name, "must not be null");
	problems_check(&problems);
	return PG_GETARG_INT64(number);
}

bool
argument_bool(FunctionCallInfo fcinfo, int number, bool default_value)
{
	return PG_ARGISNULL(number) ? default_value : PG_GETARG_BOOL(number);
}

/* A text, or NULL. */
char *
argument_text(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/* A body as a tree; PT400 if it is null or not JSON that we take. */
json_object *
argument_body(FunctionCallInfo fcinfo, int number, Problems *problems)
{
	json_object *tree = NULL;
	text *body;

	if (PG_ARGISNULL(number))
		problem_add(problems, NULL, "a JSON object is required");
	else
	{
		body = PG_GETARG_TEXT_PP(number);
		json_tree(VARDATA_ANY(body), VARSIZE_ANY_EXHDR(body), problems, &tree);
	}
	problems_check(problems);
	return tree;
}

/* A reference given as two arguments, namespace and id; PT400 if it can't be one. */
ExternalRef *
argument_ref(FunctionCallInfo fcinfo, int number, Problems *problems)
{
	ExternalRef *ref = NULL;
	char *namespace = argument_text(fcinfo, number);
	char *id = argument_text(fcinfo, number + 1);
	ListCell *cell;

	if (namespace == NULL)
		problem_parameter(problems, "namespace", "must not be null");
	if (id == NULL)
		problem_parameter(problems, "external_id", "must not be null");
	if (namespace && id)
		ref = external_ref_make(namespace, id, NULL, problems);
	foreach(cell, problems->list)
	{
		Problem *problem = lfirst(cell);

		/* it is not in a JSON text here */
		if (problem->pointer)
			problem->parameter = strcmp(problem->pointer, "#/id") == 0 ? "external_id" : "namespace";
		problem->pointer = NULL;
	}
	problems_check(problems);
	return ref;
}

/* Does a precondition match a version?  PT400 if it is malformed. */
bool
precondition_matches(const char *name, const char *header, const Version *version)
{
	Problems problems = {NIL};
	bool match = etag_matches(name, header, version, &problems);

	problems_check(&problems);
	return match;
}

/*
 * The preconditions of a call: those of handle(), or the arguments of these numbers
 * (0: there is none).  PT400 if one is malformed, whatever there is to compare it with.
 */
Preconditions
argument_preconditions(FunctionCallInfo fcinfo, int if_match, int if_none_match)
{
	const Answer *answer = answer_of(fcinfo);
	Preconditions given = {if_match ? argument_text(fcinfo, if_match) : NULL,
						   if_none_match ? argument_text(fcinfo, if_none_match) : NULL};
	Version none = {0};

	if (answer)
		given = answer->preconditions;
	if (given.if_match)
		precondition_matches("If-Match", given.if_match, &none);
	if (given.if_none_match)
		precondition_matches("If-None-Match", given.if_none_match, &none);
	return given;
}

/*
 * PT412 if a precondition does not hold for a version that is there, PT428 if If-Match
 * is missing where it has to be there (RFC 9110, section 13.2.2).
 */
void
check_version(const Preconditions *preconditions, const Version *version)
{
	Problem failed = {.detail = "ETag mismatch - resource was modified"};
	Problem exists = {.detail = "If-None-Match matches the resource that is there"};
	Problem missing = {.parameter = "If-Match", .detail = "is required: the resource's ETag, or *"};

	if (preconditions->if_match && !precondition_matches("If-Match", preconditions->if_match, version))
		problem_raise(PT_PRECONDITION_FAILED, &failed);
	if (preconditions->if_none_match && precondition_matches("If-None-Match", preconditions->if_none_match, version))
		problem_raise(PT_PRECONDITION_FAILED, &exists);
	if (preconditions->if_match == NULL && propstreet_require_if_match)
		problem_raise(PT_PRECONDITION_REQUIRED, &missing);
}

void
check_row(const Preconditions *preconditions, const Row *row, Kind kind)
{
	Version version = row_version(row, kind);

	check_version(preconditions, &version);
}

/*
 * The reference that an upsert names joins those of its body; another id for the
 * namespace in the body is a problem (doc/decisions.md, "Writing").
 */
void
join_ref(Change *change, int column, ExternalRef *ref, Problems *problems)
{
	Path array = {NULL, "externalRefs", 0};
	ExternalRef **refs;
	int count;

	if (!change->given[column])
		return;
	count = refs_deform(change->row.values[column], &refs);
	for (int i = 0; i < count; i++)
	{
		Path element = {&array, NULL, i};
		Path member = {&element, "id", 0};

		if (!same_namespace(refs[i], ref))
			continue;
		if (!same_ref(refs[i], ref))
			problem_add(problems, &member, "differs from the id that the path has for this namespace");
		return;
	}
	if (count >= EXTERNAL_REF_MAX)
		problem_add(problems, &array, "must have at most %d references, including the one in the path",
					EXTERNAL_REF_MAX);
	change->row.values[column] = refs_append(change->row.values[column], ref);
}

/* Where an operation that handle() has called tells of its result; NULL for calls from SQL, which have no context. */
Answer *
answer_of(FunctionCallInfo fcinfo)
{
	return fcinfo->context && IsA(fcinfo->context, ExtensibleNode) ? (Answer *) fcinfo->context : NULL;
}

/* Answer for a row. */
void
answer_set(Answer *answer, const Row *row, Kind kind, bool created)
{
	answer->version = row_version(row, kind);
	answer->project_id = kind == KIND_PROSPECT ? DatumGetInt64(row->values[R_PROJECT_ID]) : 0;
	answer->created = created;
}

/* The result is a row. */
void
answer_row(FunctionCallInfo fcinfo, const Row *row, Kind kind, bool created)
{
	Answer *answer = answer_of(fcinfo);

	if (answer)
		answer_set(answer, row, kind, created);
}

/* Where a resource is found. */
static char *
location(const Answer *answer)
{
	int64 id = answer->version.id;

	switch (answer->version.kind)
	{
		case KIND_PROJECT:
			return psprintf("/api/v1/projects/" INT64_FORMAT, id);
		case KIND_PROSPECT:
			return psprintf("/api/v1/projects/" INT64_FORMAT "/prospects/" INT64_FORMAT, answer->project_id, id);
		case KIND_WEBHOOK:
			return psprintf("/api/v1/webhooks/" INT64_FORMAT, id);
	}
	elog(ERROR, "unknown kind of resource %d", answer->version.kind);
}

/* The headers that an answer about a resource has, as JSON: where a new one is, and its ETag. */
char *
answer_headers(const Answer *answer)
{
	char tag[ETAG_LEN + 1];

	if (answer->version.kind == 0)
		return "[]";
	etag_of(&answer->version, tag);
	if (!answer->created)
		return psprintf("[{\"ETag\":\"W/\\\"%s\\\"\"}]", tag);
	return psprintf("[{\"Location\":\"%s\"},{\"ETag\":\"W/\\\"%s\\\"\"}]", location(answer), tag);
}

/* What an upsert did, as the last field of its answer. */
void
append_result(StringInfo out, const char *result)
{
	out->data[--out->len] = '\0';
	append_member(out, "result");
	appendStringInfo(out, "\"%s\"}", result);
}
