/*
 * json.c
 *	  Reading JSON: a text to a checked json-c tree, and objects to fields.
 *	  PostgreSQL's parser decides what is valid (json-c alone lets NaN, single
 *	  quotes, raw control characters and duplicate keys through); json-c only builds
 *	  the tree of what has passed.
 */
#include "postgres.h"

#include "base/json_c.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "base/base.h"

#define MAX_DEPTH 64			/* of nested arrays and objects */
#define CHUNK_BYTES (64 * 1024) /* parsed between two looks for interrupts */
#define MAX_DETAIL 200			/* bytes of what the parser says, which quotes the input */

/* ---- text to tree ---- */

/* Where the parser stands: frames of members and elements, and the objects' names. */
typedef struct Scan
{
	JsonLexContext *lex;
	Problems *problems;
	Path frames[MAX_DEPTH + 1];
	int nframes;
	List *names[MAX_DEPTH + 1]; /* of the open containers */
	int elements[MAX_DEPTH + 1];
	int depth;		   /* of open containers */
	List *repaired;	   /* ends of strings that were repaired */
	int next_repaired; /* the first that was not passed yet */
} Scan;

static const Path *
here(Scan *scan)
{
	return scan->nframes > 0 ? &scan->frames[scan->nframes - 1] : NULL;
}

static JSON_ACTION
container_start(void *state)
{
	Scan *scan = state;

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
	Scan *scan = state;
	List *names = scan->names[scan->depth--];
	ListCell *cell;
	const char *last = NULL;
	const char *reported = NULL;

	list_sort(names, compare_names);
	foreach(cell, names)
	{
		char *name = lfirst(cell);

		if (last && strcmp(last, name) == 0 && last != reported)
		{
			Path path = {here(scan), name, 0};

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
	Scan *scan = state;
	Path frame = {here(scan), NULL, scan->elements[scan->depth]++};

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
	bool passed = false;

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
	problem_add(scan->problems, here(scan),
				"has a \\u escape that no text can hold: \\u0000, or half of a surrogate pair");
}

static JSON_ACTION
field_start(void *state, char *name, bool isnull pg_attribute_unused())
{
	Scan *scan = state;
	Path frame = {here(scan), name, 0};

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
	Scan *scan = state;

	if (passed_repaired(scan))
		problem_escape(scan);
	JSON_ACTION_DONE;
}

/* The code unit of a \u escape at c, or -1. */
static int
escaped_unit(const char *c)
{
	char digits[5] = {0};

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
	List *repaired = NIL;

	for (; *c; c++)
	{
		bool bad = false;

		CHECK_FOR_INTERRUPTS();
		if (*c != '"')
			continue;
		for (c++; *c && *c != '"'; c++)
		{
			int unit = escaped_unit(c);
			int next = unit >= 0xD800 && unit <= 0xDBFF ? escaped_unit(c + 6) : -1;

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
							 .object_start = container_start,
							 .object_end = object_end,
							 .array_start = container_start,
							 .array_end = array_end,
							 .object_field_start = field_start,
							 .object_field_end = field_end,
							 .array_element_start = element_start,
							 .array_element_end = element_end,
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
	Scan *scan = palloc(sizeof(Scan));
	List *before = list_copy(problems->list);
	JsonParseErrorType error = scan_text(scan, text, len, NIL, problems);

	if (is_escape_error(error))
	{
		problems->list = before;
		error = scan_text(scan, text, len, repair_strings(text + (scan->lex->token_start - text)), problems);
	}
	if (error != JSON_SUCCESS)
	{
		const char *detail = json_errdetail(error, scan->lex);

		problem_add(problems, NULL, "is not valid JSON: %.*s", pg_mbcliplen(detail, strlen(detail), MAX_DETAIL),
					detail);
	}
	pfree(scan);
}

/* Is a text nested deeper than JSON may be here? */
bool
json_is_deep(const char *text)
{
	int depth = 0;
	bool string = false;

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
	json_tokener *tokener; /* NULL: it is made */
	json_object *tree;
} OwnedTree;

static void
free_tree(void *arg)
{
	OwnedTree *owned = arg;

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
	char *copy = pnstrdup(text, len);
	int before = list_length(problems->list);
	OwnedTree *owned;

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
		Path member = {path, lh_entry_k(entry), 0};

		CHECK_FOR_INTERRUPTS();
		decode_field(fields, &member, lh_entry_v(entry), target, problems);
	}
	for (const Field *field = fields; field->name && !patch; field++)
	{
		Path member = {path, field->name, 0};

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
