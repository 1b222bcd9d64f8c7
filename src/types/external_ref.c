/*
 * external_ref.c
 *	  References to records in other systems: namespace:id, the namespace folded to
 *	  lower case.  They are compared byte by byte, by the server's own functions.
 */
#include "postgres.h"

#include "base/json_c.h"

#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "types/types.h"

#define NAMESPACE_MAX 50
#define ID_MAX 255 /* characters */

static void
check_namespace(const char *namespace, const Path *path, Problems *problems)
{
	size_t len = strlen(namespace);

	if (len < 1 || len > NAMESPACE_MAX ||
		strspn(namespace, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != len)
		problem_add(problems, path, "must be 1 to %d ASCII letters, digits, '.', '_' or '-', not %s", NAMESPACE_MAX,
					quoted(namespace));
}

/* C0, DEL and C1, in UTF-8 */
static bool
has_control(const char *text)
{
	for (const unsigned char *c = (const unsigned char *) text; *c; c++)
		if (*c < 0x20 || *c == 0x7f || (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f))
			return true;
	return false;
}

static void
check_id(const char *id, const Path *path, Problems *problems)
{
	int len = pg_mbstrlen(id);

	if (len < 1 || len > ID_MAX)
		problem_add(problems, path, "must have 1 to %d characters, not %d", ID_MAX, len);
	if (has_control(id))
		problem_add(problems, path, "must not have control characters");
}

static ExternalRef *
build(const char *namespace, const char *id)
{
	StringInfoData ref;

	initStringInfo(&ref);
	for (const char *c = namespace; *c; c++)
		appendStringInfoChar(&ref, pg_ascii_tolower((unsigned char) *c));
	appendStringInfo(&ref, ":%s", id);
	return (ExternalRef *) cstring_to_text_with_len(ref.data, ref.len);
}

/*
 * The reference to an id of a namespace, or NULL with problems at path (doc/decisions.md,
 * "Values": External reference).
 */
ExternalRef *
external_ref_make(const char *namespace, const char *id, const Path *path, Problems *problems)
{
	int before = list_length(problems->list);
	Path namespace_path = {path, "namespace", 0};
	Path id_path = {path, "id", 0};

	check_namespace(namespace, &namespace_path, problems);
	check_id(id, &id_path, problems);
	return list_length(problems->list) == before ? build(namespace, id) : NULL;
}

/* ---- JSON ---- */

typedef struct RefInput
{
	const char *namespace;
	const char *id;
} RefInput;

static void
set_namespace(json_object *value, const Path *path, void *target, Problems *problems)
{
	const char *text = json_string(value, path, problems);

	if (text)
		check_namespace(text, path, problems);
	((RefInput *) target)->namespace = text;
}

static void
set_id(json_object *value, const Path *path, void *target, Problems *problems)
{
	const char *text = json_string(value, path, problems);

	if (text)
		check_id(text, path, problems);
	((RefInput *) target)->id = text;
}

static const Field ref_fields[] = {{"namespace", FIELD_REQUIRED, set_namespace, NULL},
								   {"id", FIELD_REQUIRED, set_id, NULL},
								   {NULL, 0, NULL, NULL}};

/* Decode an object of an externalRefs array; false with problems. */
bool
external_ref_decode(json_object *value, const Path *path, ExternalRef **ref, Problems *problems)
{
	int before = list_length(problems->list);
	RefInput input = {NULL, NULL};

	decode_object(value, path, ref_fields, false, &input, problems);
	if (list_length(problems->list) > before)
		return false;
	*ref = build(input.namespace, input.id);
	return true;
}

/* Bytes of the namespace of a reference, which comes first. */
int
namespace_len(const ExternalRef *ref)
{
	return (char *) memchr(VARDATA_ANY(ref), ':', VARSIZE_ANY_EXHDR(ref)) - VARDATA_ANY(ref);
}

/* Append a reference as a JSON object. */
void
append_external_ref(StringInfo out, const ExternalRef *ref)
{
	const char *data = VARDATA_ANY(ref);
	int len = namespace_len(ref);

	appendStringInfoString(out, "{\"namespace\":\"");
	appendBinaryStringInfo(out, data, len);
	appendStringInfoString(out, "\",\"id\":");
	append_json_string(out, data + len + 1, VARSIZE_ANY_EXHDR(ref) - len - 1);
	appendStringInfoChar(out, '}');
}

/* ---- SQL ---- */

static void
ref_error(Node *escontext, const char *text, const Problems *problems)
{
	input_error(escontext, false, "external_ref", text, problems,
				"Write hubspot:deal-123456, the namespace being case-insensitive; or, as json, {\"namespace\": "
				"\"hubspot\", \"id\": \"deal-123456\"}.");
}

/* The reference that a JSON object is, or NULL with problems. */
static ExternalRef *
ref_from_json(const char *text, Problems *problems)
{
	json_object *tree;
	ExternalRef *ref = NULL;

	if (json_tree(text, strlen(text), problems, &tree))
		(void) external_ref_decode(tree, NULL, &ref, problems);
	return ref;
}

/* The reference that a text is, or NULL with a soft or hard error 22P02.  No namespace begins like a JSON object. */
static ExternalRef *
ref_parse(const char *text, Node *escontext)
{
	const char *colon = strchr(text, ':');
	Problems problems = {NIL};
	ExternalRef *ref = NULL;

	if (text[0] == '{' && !json_is_deep(text))
		ref = ref_from_json(text, &problems);
	else if (colon)
		ref = external_ref_make(pnstrdup(text, colon - text), colon + 1, NULL, &problems);
	else
		problem_add(&problems, NULL, "must be a namespace, a colon and an id");
	if (ref == NULL)
		ref_error(escontext, text, &problems);
	return ref;
}

PG_FUNCTION_INFO_V1(external_ref_in);

/* external_ref_in(cstring) external_ref: hubspot:deal-123456, or a JSON object; soft 22P02 */
Datum
external_ref_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(ref_parse(PG_GETARG_CSTRING(0), INPUT_ESCONTEXT(fcinfo)));
}

PG_FUNCTION_INFO_V1(external_ref_recv);

/* external_ref_recv(internal) external_ref: the binary form is the text */
Datum
external_ref_recv(PG_FUNCTION_ARGS)
{
	StringInfo message = (StringInfo) PG_GETARG_POINTER(0);
	int len;
	char *text = pq_getmsgtext(message, message->len - message->cursor, &len);

	PG_RETURN_POINTER(ref_parse(text, NULL));
}

PG_FUNCTION_INFO_V1(external_ref_construct);

/* external_ref(namespace, id) external_ref; 22P02 */
Datum
external_ref_construct(PG_FUNCTION_ARGS)
{
	char *namespace = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *id = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Problems problems = {NIL};
	ExternalRef *ref = external_ref_make(namespace, id, NULL, &problems);

	if (ref == NULL)
		ref_error(NULL, psprintf("%s:%s", namespace, id), &problems);
	PG_RETURN_POINTER(ref);
}

PG_FUNCTION_INFO_V1(external_ref_namespace);

/* namespace(external_ref) text */
Datum
external_ref_namespace(PG_FUNCTION_ARGS)
{
	ExternalRef *ref = PG_GETARG_EXTERNAL_REF_PP(0);

	PG_RETURN_TEXT_P(cstring_to_text_with_len(VARDATA_ANY(ref), namespace_len(ref)));
}

PG_FUNCTION_INFO_V1(external_ref_id);

/* external_id(external_ref) text */
Datum
external_ref_id(PG_FUNCTION_ARGS)
{
	ExternalRef *ref = PG_GETARG_EXTERNAL_REF_PP(0);
	int start = namespace_len(ref) + 1;

	PG_RETURN_TEXT_P(cstring_to_text_with_len(VARDATA_ANY(ref) + start, VARSIZE_ANY_EXHDR(ref) - start));
}

PG_FUNCTION_INFO_V1(external_ref_to_json);

/* external_ref_to_json(external_ref) json: {"namespace":"hubspot","id":"deal-123456"} */
Datum
external_ref_to_json(PG_FUNCTION_ARGS)
{
	StringInfoData json;

	initStringInfo(&json);
	append_external_ref(&json, PG_GETARG_EXTERNAL_REF_PP(0));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(json.data, json.len));
}

PG_FUNCTION_INFO_V1(external_ref_from_json);

/* external_ref_from_json(json) external_ref, of an object; 22P02 for anything else */
Datum
external_ref_from_json(PG_FUNCTION_ARGS)
{
	char *json = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Problems problems = {NIL};
	ExternalRef *ref = ref_from_json(json, &problems);

	if (ref == NULL)
		ref_error(NULL, json, &problems);
	PG_RETURN_POINTER(ref);
}
