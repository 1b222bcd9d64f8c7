/*
 * problems.c
 *	  What is wrong with an input: problems are collected, and raised as SQLSTATE PT +
 *	  HTTP status, with the list as JSON in DETAIL (RFC 9457).
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/guc.h"

#include "base/base.h"

#define MAX_PROBLEMS 100 /* reported of one input */
#define MAX_QUOTED 60	 /* bytes of an input shown in a message */

/* Text of an input as it may stand in a message: in double quotes, and clipped. */
char *
quoted(const char *text)
{
	int len = strlen(text);
	int clipped = pg_mbcliplen(text, len, MAX_QUOTED);

	return psprintf("\"%.*s%s\"", clipped, text, clipped < len ? "..." : "");
}

/* An id as JSON: a string. */
char *
id_json(int64 id)
{
	return psprintf("\"" INT64_FORMAT "\"", id);
}

/* A JSON Pointer in its URI fragment form (RFC 6901, section 6); long names, which are none of ours, are clipped. */
static void
append_pointer(StringInfo out, const Path *path)
{
	int len;
	int clipped;

	if (path == NULL)
	{
		appendStringInfoChar(out, '#');
		return;
	}
	append_pointer(out, path->up);
	appendStringInfoChar(out, '/');
	if (path->name == NULL)
	{
		appendStringInfo(out, "%d", path->index);
		return;
	}
	len = strlen(path->name);
	clipped = pg_mbcliplen(path->name, len, MAX_QUOTED);
	for (const char *c = path->name; c < path->name + clipped; c++)
	{
		if (*c == '~')
			appendStringInfoString(out, "~0");
		else if (*c == '/')
			appendStringInfoString(out, "~1");
		else if (isalnum((unsigned char) *c) || strchr("-._!$&'()*+,;=:@?", *c))
			appendStringInfoChar(out, *c);
		else
			appendStringInfo(out, "%%%02X", (unsigned char) *c);
	}
	if (clipped < len)
		appendStringInfoString(out, "...");
}

static void
problem_append(Problems *problems, Problem *problem)
{
	if (list_length(problems->list) > MAX_PROBLEMS)
		return;
	if (list_length(problems->list) == MAX_PROBLEMS)
	{
		problem = palloc0(sizeof(Problem));
		problem->detail = psprintf("there are more than %d problems; the others are not shown", MAX_PROBLEMS);
	}
	problems->list = lappend(problems->list, problem);
}

/* Control characters are replaced: a message can end up in an HTTP status line. */
static char *format_detail(const char *format, va_list args) pg_attribute_printf(1, 0);

static char *
format_detail(const char *format, va_list args)
{
	StringInfoData detail;
	int save_errno = errno;

	initStringInfo(&detail);
	for (;;)
	{
		va_list again;
		int needed;

		errno = save_errno;
		va_copy(again, args);
		needed = appendStringInfoVA(&detail, format, again);
		va_end(again);
		if (needed == 0)
			break;
		enlargeStringInfo(&detail, needed);
	}
	for (char *c = detail.data; *c; c++)
		if ((unsigned char) *c < 0x20 || *c == 0x7f)
			*c = '?';
	return detail.data;
}

/* A problem at a place of a JSON text; texts of the input go through quoted(). */
void
problem_add(Problems *problems, const Path *path, const char *format, ...)
{
	Problem *problem;
	StringInfoData pointer;
	va_list args;

	if (list_length(problems->list) > MAX_PROBLEMS)
		return;
	problem = palloc0(sizeof(Problem));
	initStringInfo(&pointer);
	append_pointer(&pointer, path);
	problem->pointer = pointer.data;
	va_start(args, format);
	problem->detail = format_detail(format, args);
	va_end(args);
	problem_append(problems, problem);
}

/* A problem of a named parameter. */
void
problem_parameter(Problems *problems, const char *parameter, const char *format, ...)
{
	Problem *problem;
	va_list args;

	if (list_length(problems->list) > MAX_PROBLEMS)
		return;
	problem = palloc0(sizeof(Problem));
	problem->parameter = pstrdup(parameter);
	va_start(args, format);
	problem->detail = format_detail(format, args);
	va_end(args);
	problem_append(problems, problem);
}

static void
append_text_member(StringInfo out, const char *name, const char *value)
{
	if (value == NULL)
		return;
	if (out->data[out->len - 1] != '{')
		appendStringInfoChar(out, ',');
	appendStringInfo(out, "\"%s\":", name);
	append_json_string(out, value, strlen(value));
}

static void
append_raw_member(StringInfo out, const char *name, const char *value)
{
	appendStringInfo(out, "%s\"%s\":%s", out->data[out->len - 1] == '{' ? "" : ",", name, value);
}

/* Problems as the JSON array that errors carry in DETAIL. */
static void
append_problems(StringInfo out, const List *problems)
{
	ListCell *cell;

	appendStringInfoChar(out, '[');
	foreach(cell, problems)
	{
		Problem *problem = lfirst(cell);

		if (foreach_current_index(cell) > 0)
			appendStringInfoChar(out, ',');
		appendStringInfoChar(out, '{');
		append_text_member(out, "pointer", problem->pointer);
		append_text_member(out, "parameter", problem->parameter);
		append_text_member(out, "detail", problem->detail);
		if (problem->member)
			append_raw_member(out, problem->member, problem->value);
		appendStringInfoChar(out, '}');
	}
	appendStringInfoChar(out, ']');
}

pg_noreturn static void
problems_raise(int sqlstate, const List *problems)
{
	Problem *first = linitial(problems);
	const char *place = first->pointer ? first->pointer : first->parameter;
	int more = list_length(problems) - 1;
	StringInfoData message;
	StringInfoData detail;

	initStringInfo(&message);
	if (place)
		appendStringInfo(&message, "%s: ", place);
	appendStringInfoString(&message, first->detail);
	if (more > 0)
		appendStringInfo(&message, " (and %d more)", more);
	initStringInfo(&detail);
	append_problems(&detail, problems);
	ereport(ERROR, (errcode(sqlstate), errmsg_internal("%s", message.data), errdetail_internal("%s", detail.data)));
}

/* Raise one problem, as SQLSTATE PT + status with the problem as JSON in DETAIL. */
void
problem_raise(int sqlstate, const Problem *problem)
{
	problems_raise(sqlstate, list_make1((void *) problem));
}

/*
 * Raise PT404 for a resource; pointer says where a body names it, or is NULL.  Of
 * another tenant's resource it says the same as of one that does not exist.
 */
void
not_found(const char *kind, int64 id, const char *pointer)
{
	Problem problem = {.pointer = unconstify(char *, pointer),
					   .detail = psprintf("%s " INT64_FORMAT " was not found", kind, id)};

	problem_raise(PT_NOT_FOUND, &problem);
}

/* Raise PT400 if there are problems. */
void
problems_check(const Problems *problems)
{
	if (problems->list != NIL)
		problems_raise(PT_BAD_REQUEST, problems->list);
}

/* Is this a request that PostgREST passes on? */
static bool
behind_postgrest(void)
{
	const char *method = GetConfigOption("request.method", true, false);

	return method && *method;
}

/* PT503, but PT529 for what PostgREST calls. */
int
busy_sqlstate(void)
{
	return behind_postgrest() ? PT_BUSY_POSTGREST : PT_BUSY;
}
