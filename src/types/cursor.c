/*
 * cursor.c
 *	  Cursors of pages: a position in the order (updated_utc, id), as the base64 of
 *	  {"u":"2026-01-15T10:00:00Z","i":123}.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "common/base64.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "types/types.h"

#define CURSOR_MAX 128 /* characters; ours have at most 91 */

/*
 * Append the cursor of a position, whose time lies in the years 1 to 9999: standard
 * alphabet, no padding (doc/decisions.md, "Values").
 */
void
append_cursor(StringInfo out, const Position *position)
{
	StringInfoData json;
	int len;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"u\":");
	append_utc(&json, position->updated_utc);
	appendStringInfo(&json, ",\"i\":" INT64_FORMAT "}", position->id);

	len = pg_b64_enc_len(json.len);
	enlargeStringInfo(out, len);
	len = pg_b64_encode(B64_CONST_BYTES(json.data), json.len, out->data + out->len, len);
	if (len < 0)
		elog(ERROR, "could not encode a cursor");
	while (out->data[out->len + len - 1] == '=')
		len--;
	out->len += len;
	out->data[out->len] = '\0';
	pfree(json.data);
}

/*
 * Decode base64, padded or not.  The standard and the URL-safe alphabet differ in
 * two digits that no cursor has.
 */
static bool
decode_base64(const char *text, char json[CURSOR_MAX])
{
	char padded[CURSOR_MAX + 4];
	size_t len = strnlen(text, CURSOR_MAX + 1);
	size_t digits = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
	int decoded;

	if (len > CURSOR_MAX)
		return false;
	if (len != digits && (len % 4 != 0 || len - digits > 2 || strspn(text + digits, "=") != len - digits))
		return false;
	memcpy(padded, text, digits);
	for (len = digits; len % 4 != 0; len++)
		padded[len] = '=';
	decoded = pg_b64_decode(padded, len, B64_BYTES(json), CURSOR_MAX - 1);
	if (decoded < 0)
		return false;
	json[decoded] = '\0';
	return strlen(json) == (size_t) decoded;
}

/* Read the JSON, which has no other form than the one we write. */
static bool
read_position(char *json, Position *position)
{
	static const char before_time[] = "{\"u\":\"";
	static const char before_id[] = "\",\"i\":";
	char *time = json + strlen(before_time);
	char *time_end;
	char *id;
	char *id_end;

	if (strncmp(json, before_time, strlen(before_time)) != 0 || (time_end = strstr(time, before_id)) == NULL)
		return false;
	id = time_end + strlen(before_id);
	id_end = id + strspn(id, "0123456789");
	if (strcmp(id_end, "}") != 0)
		return false;
	*time_end = *id_end = '\0';
	return strlen(time) > strlen("2026-01-15T") && time[strlen("2026-01-15")] == 'T' && time_end[-1] == 'Z' &&
		   utc_parse(time, &position->updated_utc) && id_parse(id, &position->id);
}

/* The position of a cursor of ours, or of the vendor's; false for anything else. */
bool
cursor_parse(const char *text, Position *position)
{
	char json[CURSOR_MAX];
	Position parsed;

	if (!decode_base64(text, json) || !read_position(json, &parsed))
		return false;
	*position = parsed;
	return true;
}

PG_FUNCTION_INFO_V1(cursor_encode);

/* cursor_encode(updated_utc, id) text; 22008 or 22023 for what no resource has */
Datum
cursor_encode(PG_FUNCTION_ARGS)
{
	Position position = {PG_GETARG_TIMESTAMPTZ(0), PG_GETARG_INT64(1)};
	StringInfoData cursor;

	if (!utc_in_range(position.updated_utc))
		ereport(ERROR, (errcode(ERRCODE_DATETIME_FIELD_OVERFLOW), errmsg("time of a cursor out of range"),
						errdetail("The time of a cursor must be in the years 1 to 9999.")));
	if (position.id <= 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("id of a cursor out of range"),
						errdetail("The id of a cursor must be positive.")));
	initStringInfo(&cursor);
	append_cursor(&cursor, &position);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(cursor.data, cursor.len));
}

PG_FUNCTION_INFO_V1(cursor_decode);

/* cursor_decode(cursor) record (updated_utc, id); PT400 for what is no cursor */
Datum
cursor_decode(PG_FUNCTION_ARGS)
{
	char *cursor = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Position position;
	Problems problems = {NIL};
	TupleDesc desc;
	Datum values[2];
	bool nulls[2] = {false, false};

	if (!cursor_parse(cursor, &position))
		problem_parameter(&problems, "cursor", "must be the nextCursor of a page, not %s", quoted(cursor));
	problems_check(&problems);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "cursor_decode returns a row");
	values[0] = TimestampTzGetDatum(position.updated_utc);
	values[1] = Int64GetDatum(position.id);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
