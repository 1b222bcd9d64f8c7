/*
 * json.c
 *	  JSON text to a checked json-c tree, objects to fields, and what is wrong
 *	  with them as a list of problems; and the two scalars that JSON is written
 *	  with.  PostgreSQL's parser decides what is valid (json-c alone lets NaN,
 *	  single quotes, raw control characters and duplicate keys through); json-c
 *	  only builds the tree of what has passed.
 */
#include "postgres.h"

#include "base/json_c.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/datetime.h"
#include "utils/memutils.h"

#include "propstreet.h"

#define MAX_DEPTH 64			/* of nested arrays and objects */
#define MAX_PROBLEMS 100		/* reported of one input */
#define MAX_QUOTED 60			/* bytes of an input shown in a message */
#define CHUNK_BYTES (64 * 1024)	/* parsed between two looks for interrupts */
#define MAX_DETAIL 200			/* bytes of what the parser says, which quotes the input */

/* ---- problems ---- */

/* Text of an input as it may stand in a message: in double quotes, and clipped. */
char *
quoted(const char *text)
{
	int			len = strlen(text);
	int			clipped = pg_mbcliplen(text, len, MAX_QUOTED);

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
	int			len;
	int			clipped;

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
	int			save_errno = errno;

	initStringInfo(&detail);
	for (;;)
	{
		va_list		again;
		int			needed;

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
problem_add(Problems *problems, const Path *path, const char *format,...)
{
	Problem    *problem;
	StringInfoData pointer;
	va_list		args;

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
problem_parameter(Problems *problems, const char *parameter, const char *format,...)
{
	Problem    *problem;
	va_list		args;

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
	ListCell   *cell;

	appendStringInfoChar(out, '[');
	foreach(cell, problems)
	{
		Problem    *problem = lfirst(cell);

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
	Problem    *first = linitial(problems);
	const char *place = first->pointer ? first->pointer : first->parameter;
	int			more = list_length(problems) - 1;
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
	ereport(ERROR,
			(errcode(sqlstate), errmsg_internal("%s", message.data), errdetail_internal("%s", detail.data)));
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
	Problem		problem = {.pointer = unconstify(char *, pointer),
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

/* ---- text to tree ---- */

/* Where the parser stands: frames of members and elements, and the objects' names. */
typedef struct Scan
{
	JsonLexContext *lex;
	Problems   *problems;
	Path		frames[MAX_DEPTH + 1];
	int			nframes;
	List	   *names[MAX_DEPTH + 1];	/* of the open containers */
	int			elements[MAX_DEPTH + 1];
	int			depth;			/* of open containers */
	List	   *repaired;		/* ends of strings that were repaired */
	int			next_repaired;	/* the first that was not passed yet */
} Scan;

static const Path *
here(Scan *scan)
{
	return scan->nframes > 0 ? &scan->frames[scan->nframes - 1] : NULL;
}

static JSON_ACTION
container_start(void *state)
{
	Scan	   *scan = state;

	if (++scan->depth > MAX_DEPTH)
	{
		problem_add(scan->problems, here(scan), "is nested deeper than %d levels", MAX_DEPTH);
		problems_check(scan->problems);
	}
	scan->names[scan->depth] = NIL;
	scan->elements[scan->depth] = 0;
	JSON_ACTION_DONE;
}

static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

static JSON_ACTION
object_end(void *state)
{
	Scan	   *scan = state;
	List	   *names = scan->names[scan->depth--];
	ListCell   *cell;
	const char *last = NULL;
	const char *reported = NULL;

	list_sort(names, compare_names);
	foreach(cell, names)
	{
		char	   *name = lfirst(cell);

		if (last && strcmp(last, name) == 0 && last != reported)
		{
			Path		path = {here(scan), name, 0};

			problem_add(scan->problems, &path, "appears more than once");
			name = unconstify(char *, last);
			reported = last;
		}
		else if (reported && strcmp(reported, name) == 0)
			name = unconstify(char *, reported);
		last = name;
	}
	list_free(names);
	JSON_ACTION_DONE;
}

static JSON_ACTION
array_end(void *state)
{
	((Scan *) state)->depth--;
	JSON_ACTION_DONE;
}

static JSON_ACTION
field_end(void *state, char *name pg_attribute_unused(), bool isnull pg_attribute_unused())
{
	((Scan *) state)->nframes--;
	JSON_ACTION_DONE;
}

static JSON_ACTION
element_start(void *state, bool isnull pg_attribute_unused())
{
	Scan	   *scan = state;
	Path		frame = {here(scan), NULL, scan->elements[scan->depth]++};

	CHECK_FOR_INTERRUPTS();
	scan->frames[scan->nframes++] = frame;
	JSON_ACTION_DONE;
}

static JSON_ACTION
element_end(void *state, bool isnull pg_attribute_unused())
{
	((Scan *) state)->nframes--;
	JSON_ACTION_DONE;
}

/* Has the parser got past a string that was repaired? */
static bool
passed_repaired(Scan *scan)
{
	bool		passed = false;

	while (scan->next_repaired < list_length(scan->repaired) &&
		   (char *) list_nth(scan->repaired, scan->next_repaired) < scan->lex->prev_token_terminator)
	{
		scan->next_repaired++;
		passed = true;
	}
	return passed;
}

static void
problem_escape(Scan *scan)
{
	problem_add(scan->problems, here(scan), "has a \\u escape that no text can hold: \\u0000, or half of a surrogate pair");
}

static JSON_ACTION
field_start(void *state, char *name, bool isnull pg_attribute_unused())
{
	Scan	   *scan = state;
	Path		frame = {here(scan), name, 0};

	CHECK_FOR_INTERRUPTS();
	if (passed_repaired(scan))
		problem_escape(scan);
	scan->names[scan->depth] = lappend(scan->names[scan->depth], name);
	scan->frames[scan->nframes++] = frame;
	JSON_ACTION_DONE;
}

static JSON_ACTION
scalar(void *state, char *token pg_attribute_unused(), JsonTokenType type pg_attribute_unused())
{
	Scan	   *scan = state;

	if (passed_repaired(scan))
		problem_escape(scan);
	JSON_ACTION_DONE;
}

/* The code unit of a \u escape at c, or -1. */
static int
escaped_unit(const char *c)
{
	char		digits[5] = {0};

	if (c[0] != '\\' || c[1] != 'u' || strspn(c + 2, "0123456789abcdefABCDEF") < 4)
		return -1;
	memcpy(digits, c + 2, 4);
	return (int) strtol(digits, NULL, 16);
}

/*
 * The lexer stops at a string with an escape it can't decode, before the parser
 * could say where in the text that is.  Make such escapes of all strings from c
 * on harmless, in place, so that a second run gets past them.  Returns the ends
 * of the strings concerned.
 */
static List *
repair_strings(char *c)
{
	List	   *repaired = NIL;

	for (; *c; c++)
	{
		bool		bad = false;

		CHECK_FOR_INTERRUPTS();
		if (*c != '"')
			continue;
		for (c++; *c && *c != '"'; c++)
		{
			int			unit = escaped_unit(c);
			int			next = unit >= 0xD800 && unit <= 0xDBFF ? escaped_unit(c + 6) : -1;

			if (next >= 0xDC00 && next <= 0xDFFF)
				c += 11;
			else if (unit == 0 || (unit >= 0xD800 && unit <= 0xDFFF))
			{
				memcpy(c + 2, "0020", 4);
				bad = true;
			}
			else if (*c == '\\' && c[1])
				c++;
		}
		if (bad)
			repaired = lappend(repaired, c);
		if (*c == '\0')
			break;
	}
	return repaired;
}

static bool
is_escape_error(JsonParseErrorType error)
{
	return error == JSON_UNICODE_CODE_POINT_ZERO || error == JSON_UNICODE_HIGH_SURROGATE ||
		error == JSON_UNICODE_LOW_SURROGATE;
}

/* Run the server's parser over a text. */
static JsonParseErrorType
scan_text(Scan *scan, char *text, int len, List *repaired, Problems *problems)
{
	JsonSemAction actions = {.semstate = scan,
		.object_start = container_start,.object_end = object_end,
		.array_start = container_start,.array_end = array_end,
		.object_field_start = field_start,.object_field_end = field_end,
		.array_element_start = element_start,.array_element_end = element_end,
	.scalar = scalar};

	scan->problems = problems;
	scan->lex = json_lexer(text, len);
	scan->nframes = 0;
	scan->depth = 0;
	scan->repaired = repaired;
	scan->next_repaired = 0;
	return pg_parse_json(scan->lex, &actions);
}

/* Add what is wrong with a text: syntax, depth, duplicate names, impossible strings. */
static void
check_text(char *text, int len, Problems *problems)
{
	Scan	   *scan = palloc(sizeof(Scan));
	List	   *before = list_copy(problems->list);
	JsonParseErrorType error = scan_text(scan, text, len, NIL, problems);

	if (is_escape_error(error))
	{
		problems->list = before;
		error = scan_text(scan, text, len, repair_strings(text + (scan->lex->token_start - text)), problems);
	}
	if (error != JSON_SUCCESS)
	{
		const char *detail = json_errdetail(error, scan->lex);

		problem_add(problems, NULL, "is not valid JSON: %.*s", pg_mbcliplen(detail, strlen(detail), MAX_DETAIL), detail);
	}
	pfree(scan);
}

/* Is a text nested deeper than JSON may be here? */
bool
json_is_deep(const char *text)
{
	int			depth = 0;
	bool		string = false;

	for (const char *c = text; *c && depth <= MAX_DEPTH; c++)
	{
		if (string && *c == '\\' && c[1])
			c++;
		else if (*c == '"')
			string = !string;
		else if (!string && strchr("[{", *c))
			depth++;
		else if (!string && strchr("]}", *c))
			depth--;
	}
	return depth > MAX_DEPTH;
}

/* A tree that is freed with the memory context it was made in, and what makes it. */
typedef struct OwnedTree
{
	MemoryContextCallback callback;
	json_tokener *tokener;		/* NULL: it is made */
	json_object *tree;
} OwnedTree;

static void
free_tree(void *arg)
{
	OwnedTree  *owned = arg;

	json_object_put(owned->tree);
	if (owned->tokener)
		json_tokener_free(owned->tokener);
}

/* Make the tree of a text that was checked; its final NUL is the end. */
static void
make_tree(OwnedTree *owned, const char *text, int len)
{
	enum json_tokener_error error = json_tokener_continue;

	owned->tokener = json_tokener_new_ex(MAX_DEPTH + 1);
	if (owned->tokener == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	for (int done = 0; error == json_tokener_continue && done <= len; done += CHUNK_BYTES)
	{
		CHECK_FOR_INTERRUPTS();
		owned->tree = json_tokener_parse_ex(owned->tokener, text + done, Min(CHUNK_BYTES, len + 1 - done));
		error = json_tokener_get_error(owned->tokener);
	}
	json_tokener_free(owned->tokener);
	owned->tokener = NULL;
	if (error != json_tokener_success)
		elog(ERROR, "json-c does not accept what the server does: %s", json_tokener_error_desc(error));
}

/*
 * Build the tree of a JSON text, or add what is wrong with the text and return
 * false.  The tree lives as long as the current memory context.  A JSON null is
 * the tree NULL.
 */
bool
json_tree(const char *text, int len, Problems *problems, json_object **tree)
{
	char	   *copy = pnstrdup(text, len);
	int			before = list_length(problems->list);
	OwnedTree  *owned;

	*tree = NULL;
	check_text(copy, len, problems);
	if (list_length(problems->list) > before)
		return false;

	owned = palloc0(sizeof(OwnedTree));
	owned->callback.func = free_tree;
	owned->callback.arg = owned;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &owned->callback);

	make_tree(owned, copy, len);
	pfree(copy);
	*tree = owned->tree;
	return true;
}

/* ---- tree to fields ---- */

/* The names a client may write, for messages. */
static char *
writable_names(const Field *fields)
{
	StringInfoData names;

	initStringInfo(&names);
	for (const Field *field = fields; field->name; field++)
		if (!(field->flags & FIELD_READONLY))
			appendStringInfo(&names, "%s%s", names.len ? ", " : "", field->name);
	return names.data;
}

static void
decode_field(const Field *fields, const Path *path, json_object *value, void *target, Problems *problems)
{
	const Field *field = fields;

	while (field->name && strcmp(field->name, path->name) != 0)
		field++;
	if (field->name == NULL)
		problem_add(problems, path, "is not a field; the fields are %s", writable_names(fields));
	else if (field->flags & FIELD_READONLY)
		problem_add(problems, path, "is read-only; the fields that can be written are %s", writable_names(fields));
	else if (value == NULL && !(field->flags & FIELD_NULLABLE))
		problem_add(problems, path, "must not be null");
	else
		field->set(value, path, target, problems);
}

/*
 * Hand each member of an object to its field's setter; add a problem for each
 * that is unknown, read-only, null where it may not be, or missing (unless the
 * object is a patch).
 */
void
decode_object(json_object *object, const Path *path, const Field *fields, bool patch, void *target, Problems *problems)
{
	if (!json_object_is_type(object, json_type_object))
	{
		problem_add(problems, path, "must be an object with the fields %s", writable_names(fields));
		return;
	}
	for (struct lh_entry *entry = json_object_get_object(object)->head; entry; entry = entry->next)
	{
		Path		member = {path, lh_entry_k(entry), 0};

		CHECK_FOR_INTERRUPTS();
		decode_field(fields, &member, lh_entry_v(entry), target, problems);
	}
	for (const Field *field = fields; field->name && !patch; field++)
	{
		Path		member = {path, field->name, 0};

		if ((field->flags & FIELD_REQUIRED) && !json_object_object_get_ex(object, field->name, NULL))
			problem_add(problems, &member, "is required");
	}
}

/* The text of a JSON string, or NULL with a problem. */
const char *
json_string(json_object *value, const Path *path, Problems *problems)
{
	if (json_object_is_type(value, json_type_string))
		return json_object_get_string(value);
	problem_add(problems, path, "must be a string");
	return NULL;
}

/* The source text of a JSON number, or NULL with a problem; never through a double. */
const char *
json_number(json_object *value, const Path *path, Problems *problems)
{
	if (json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double))
		return json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
	problem_add(problems, path, "must be a number");
	return NULL;
}

/* Is it a JSON array?  Else a problem. */
bool
json_array(json_object *value, const Path *path, Problems *problems)
{
	if (json_object_is_type(value, json_type_array))
		return true;
	problem_add(problems, path, "must be an array");
	return false;
}

/* ---- writing ---- */

/* A text as a JSON string. */
void
append_json_string(StringInfo out, const char *text, int len)
{
	char		buffer[256];
	char	   *copy = (size_t) len < sizeof(buffer) ? buffer : palloc(len + 1);

	memcpy(copy, text, len);
	copy[len] = '\0';
	escape_json(out, copy);
	if (copy != buffer)
		pfree(copy);
}

/* A moment as it is written */
typedef struct UtcText
{
	TimestampTz time;
	int			len;			/* 0: none yet */
	char		text[MAXDATELEN + 3];
} UtcText;

/* A moment as RFC 3339 in UTC, with as many fractional digits as it needs. */
void
append_utc(StringInfo out, TimestampTz time)
{
	static const int utc = 0;
	static UtcText last[2];		/* a resource has few moments, and some of them twice */
	UtcText    *text = &last[0];

	if (text->len == 0 || text->time != time)
	{
		UtcText		before = last[0];

		last[0] = last[1];
		last[1] = before;
	}
	if (text->len == 0 || text->time != time)
	{
		JsonEncodeDateTime(text->text + 1, TimestampTzGetDatum(time), TIMESTAMPTZOID, &utc);
		text->text[0] = '"';
		text->len = strlen(text->text) - strlen("+00:00");
		memcpy(text->text + text->len, "Z\"", strlen("Z\""));
		text->len += strlen("Z\"");
		text->time = time;
	}
	appendBinaryStringInfo(out, text->text, text->len);
}
