/*
 * json_out.c
 *	  Writing JSON: names, texts, ids and moments.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datetime.h"

#include "base/base.h"

/* The name of an object's next member. */
void
append_member(StringInfo out, const char *name)
{
	int len = strlen(name);
	char *end;

	enlargeStringInfo(out, len + strlen(",\"\":"));
	end = out->data + out->len;
	if (end[-1] != '{')
		*end++ = ',';
	*end++ = '"';
	memcpy(end, name, len);
	memcpy(end + len, "\":", sizeof("\":"));
	out->len = end + len + strlen("\":") - out->data;
}

/* Ids are JSON strings. */
void
append_id(StringInfo out, int64 id)
{
	char digits[MAXINT8LEN + 1];

	pg_lltoa(id, digits);
	appendStringInfoChar(out, '"');
	appendStringInfoString(out, digits);
	appendStringInfoChar(out, '"');
}

/* A text as a JSON string. */
void
append_json_string(StringInfo out, const char *text, int len)
{
	char buffer[256];
	char *copy = (size_t) len < sizeof(buffer) ? buffer : palloc(len + 1);

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
	int len; /* 0: none yet */
	char text[MAXDATELEN + 3];
} UtcText;

/* A moment as RFC 3339 in UTC, with as many fractional digits as it needs. */
void
append_utc(StringInfo out, TimestampTz time)
{
	static const int utc = 0;
	static UtcText last[2]; /* a resource has few moments, and some of them twice */
	UtcText *text = &last[0];

	if (text->len == 0 || text->time != time)
	{
		UtcText before = last[0];

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
