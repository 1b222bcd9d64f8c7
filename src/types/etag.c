/*
 * etag.c
 *	  Entity tags (RFC 9110, section 8.8.3): the type etag, the tags of versions,
 *	  and If-Match.  All comparison is weak: W/"x" and "x" are the same value.
 */
#include "postgres.h"

#include "base/json_c.h"

#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"

#include "types/types.h"

static bool
is_etagc(unsigned char c)
{
	return c == 0x21 || (c >= 0x23 && c <= 0x7e) || c >= 0x80;
}

/* Pass an entity tag at *c, and say where its opaque tag is. */
static bool
scan_tag(const char **c, const char **tag, size_t *len)
{
	const char *end;

	*tag = strncmp(*c, "W/", 2) == 0 ? *c + 2 : *c;
	if (*(*tag)++ != '"')
		return false;
	for (end = *tag; is_etagc(*end); end++)
		;
	if (*end != '"')
		return false;
	*len = end - *tag;
	*c = end + 1;
	return true;
}

/* The entity tag that a text is, or NULL with a soft or hard error 22P02. */
static Etag *
etag_parse(const char *text, Node *escontext)
{
	const char *c = text;
	const char *tag;
	size_t len;
	Problems problems = {NIL};

	if (scan_tag(&c, &tag, &len) && *c == '\0')
		return (Etag *) cstring_to_text_with_len(tag, len);
	problem_add(&problems, NULL,
				"must be an entity tag: double quotes around characters other than space, control and double quote");
	input_error(escontext, false, "etag", text, &problems, "Write W/\"abc123\" or \"abc123\".");
	return NULL;
}

static char *
etag_text(const Etag *etag)
{
	return psprintf("W/\"%.*s\"", (int) VARSIZE_ANY_EXHDR(etag), VARDATA_ANY(etag));
}

/* ---- tags of versions ---- */

static void
put_int64(uint32 words[2], int64 value)
{
	words[0] = (uint64) value >> 32;
	words[1] = (uint32) value;
}

/*
 * The tag of a version: a 64-bit hash of it, in hexadecimal (doc/design.md, "Time,
 * versions and sync").  Hashed as words, so that byte order doesn't matter.
 */
void
etag_of(const Version *version, char tag[ETAG_LEN + 1])
{
	uint32 words[9] = {version->kind};
	uint64 hash;

	put_int64(words + 1, version->tenant_id);
	put_int64(words + 3, version->id);
	put_int64(words + 5, version->revision);
	put_int64(words + 7, version->updated_utc);
	hash = hash_bytes_extended((unsigned char *) words, sizeof(words), 0);
	for (int i = ETAG_LEN - 1; i >= 0; i--)
	{
		tag[i] = "0123456789abcdef"[hash & 0xf];
		hash >>= 4;
	}
	tag[ETAG_LEN] = '\0';
}

static const char *
skip_blanks(const char *c)
{
	return c + strspn(c, " \t");
}

/*
 * Is a tag in a list of entity tags?  False for *valid if the text is no such list;
 * elements may be empty (RFC 9110, section 5.6.1).
 */
static bool
find_tag(const char *list, const char *wanted, bool *valid)
{
	const char *tag;
	size_t len;
	bool found = false;
	bool separated = true;

	*valid = false;
	for (const char *c = skip_blanks(list); *c; c = skip_blanks(c))
	{
		if (*c == ',')
		{
			separated = true;
			c++;
			continue;
		}
		if (!separated || !scan_tag(&c, &tag, &len))
		{
			*valid = false;
			return false;
		}
		separated = false;
		*valid = true;
		found |= len == strlen(wanted) && memcmp(tag, wanted, len) == 0;
	}
	return found;
}

/*
 * Does an If-Match or If-None-Match, "*" or a list of entity tags, match a version (RFC
 * 9110, section 13.1, but comparing weakly: doc/decisions.md, "Conditional requests")?
 * A malformed one is a problem of the parameter of its name, and doesn't.
 */
bool
etag_matches(const char *name, const char *header, const Version *version, Problems *problems)
{
	char tag[ETAG_LEN + 1];
	const char *start = skip_blanks(header);
	bool valid;
	bool found;

	if (*start == '*' && *skip_blanks(start + 1) == '\0')
		return true;
	etag_of(version, tag);
	found = find_tag(header, tag, &valid);
	if (!valid)
		problem_parameter(problems, name, "must be * or a list of entity tags such as W/\"abc123\", not %s",
						  quoted(header));
	return found;
}

/* ---- SQL ---- */

PG_FUNCTION_INFO_V1(etag_in);

/* etag_in(cstring) etag: W/"abc123" or "abc123"; soft 22P02 */
Datum
etag_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(etag_parse(PG_GETARG_CSTRING(0), INPUT_ESCONTEXT(fcinfo)));
}

PG_FUNCTION_INFO_V1(etag_out);

/* etag_out(etag) cstring: W/"abc123" */
Datum
etag_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(etag_text((Etag *) PG_GETARG_TEXT_PP(0)));
}

PG_FUNCTION_INFO_V1(etag_recv);

/* etag_recv(internal) etag: the binary form is the text */
Datum
etag_recv(PG_FUNCTION_ARGS)
{
	StringInfo message = (StringInfo) PG_GETARG_POINTER(0);
	int len;
	char *text = pq_getmsgtext(message, message->len - message->cursor, &len);

	PG_RETURN_POINTER(etag_parse(text, NULL));
}

PG_FUNCTION_INFO_V1(etag_send);

/* etag_send(etag) bytea: the text */
Datum
etag_send(PG_FUNCTION_ARGS)
{
	char *tag = etag_text((Etag *) PG_GETARG_TEXT_PP(0));
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendtext(&message, tag, strlen(tag));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

PG_FUNCTION_INFO_V1(etag_to_json);

/* etag_to_json(etag) json: a string */
Datum
etag_to_json(PG_FUNCTION_ARGS)
{
	char *tag = etag_text((Etag *) PG_GETARG_TEXT_PP(0));
	StringInfoData json;

	initStringInfo(&json);
	append_json_string(&json, tag, strlen(tag));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(json.data, json.len));
}

PG_FUNCTION_INFO_V1(etag_from_json);

/* etag_from_json(json) etag, of a string; 22P02 for anything else */
Datum
etag_from_json(PG_FUNCTION_ARGS)
{
	char *json = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Problems problems = {NIL};
	json_object *tree;
	const char *string;

	if (json_tree(json, strlen(json), &problems, &tree) && (string = json_string(tree, NULL, &problems)) != NULL)
		PG_RETURN_POINTER(etag_parse(string, NULL));
	input_error(NULL, false, "etag", json, &problems, "Write \"W/\\\"abc123\\\"\".");
	PG_RETURN_NULL();
}

static Kind
kind_of(const char *name)
{
	if (strcmp(name, "project") == 0)
		return KIND_PROJECT;
	if (strcmp(name, "prospect") == 0)
		return KIND_PROSPECT;
	if (strcmp(name, "webhook") == 0)
		return KIND_WEBHOOK;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown kind of resource: %s", quoted(name)),
					errhint("The kinds are project, prospect and webhook.")));
}

PG_FUNCTION_INFO_V1(etag_make);

/* etag(kind, tenant_id, id, revision, updated_utc) etag; 22023 for an unknown kind */
Datum
etag_make(PG_FUNCTION_ARGS)
{
	Version version = {.kind = kind_of(text_to_cstring(PG_GETARG_TEXT_PP(0))),
					   .tenant_id = PG_GETARG_INT64(1),
					   .id = PG_GETARG_INT64(2),
					   .revision = PG_GETARG_INT64(3),
					   .updated_utc = PG_GETARG_TIMESTAMPTZ(4)};
	char tag[ETAG_LEN + 1];

	etag_of(&version, tag);
	PG_RETURN_TEXT_P(cstring_to_text(tag));
}
