/*
 * member.c
 *	  Members of a resource's JSON that are no column by themselves.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "resources/resources.h"

/* A text as a JSON string. */
void
append_text(StringInfo out, Datum value)
{
	text *string = DatumGetTextPP(value);

	append_json_string(out, VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string));
}

static void
append_time_member(StringInfo out, const char *name, const Row *row, int column)
{
	if (row->nulls[column])
		return;
	append_member(out, name);
	append_utc(out, DatumGetTimestampTz(row->values[column]));
}

static void
append_enum_member(StringInfo out, const char *name, const Row *row, int column)
{
	if (row->nulls[column])
		return;
	append_member(out, name);
	append_enum(out, row->values[column]);
}

/* The member etag of a version. */
void
append_version_etag(StringInfo out, const Version *version)
{
	char tag[ETAG_LEN + 1];

	etag_of(version, tag);
	append_member(out, "etag");
	appendBinaryStringInfo(out, "\"W/\\\"", strlen("\"W/\\\""));
	appendBinaryStringInfo(out, tag, ETAG_LEN);
	appendBinaryStringInfo(out, "\\\"\"", strlen("\\\"\""));
}

void
append_etag(StringInfo out, const Row *row, Kind kind)
{
	Version version = row_version(row, kind);

	append_version_etag(out, &version);
}

void
show_project_teaser(StringInfo out, const Row *row, const char *change_origin pg_attribute_unused())
{
	if (row->nulls[P_TEASER_STAGE])
		return;
	append_member(out, "teaser");
	appendStringInfoChar(out, '{');
	append_enum_member(out, "stage", row, P_TEASER_STAGE);
	append_time_member(out, "publishedUtc", row, P_PUBLISHED_UTC);
	append_time_member(out, "verifiedUtc", row, P_VERIFIED_UTC);
	append_time_member(out, "communicatedUtc", row, P_COMMUNICATED_UTC);
	appendStringInfoChar(out, '}');
}

void
show_asset(StringInfo out, const Row *row, const char *change_origin pg_attribute_unused())
{
	append_member(out, "asset");
	appendStringInfoChar(out, '{');
	append_enum_member(out, "type", row, P_ASSET_TYPE);
	if (!row->nulls[P_PROPERTY_COUNT])
	{
		char digits[MAXINT8LEN + 1];

		pg_ltoa(DatumGetInt32(row->values[P_PROPERTY_COUNT]), digits);
		append_member(out, "propertyCount");
		appendStringInfoString(out, digits);
	}
	appendStringInfoChar(out, '}');
}

/* transactions is there exactly when the project is closed (not for a deleted one). */
void
show_transactions(StringInfo out, const Row *row, const char *change_origin pg_attribute_unused())
{
	text *transactions;

	if (row->nulls[P_TRANSACTIONS] || !row->nulls[P_DELETED_UTC])
		return;
	transactions = DatumGetTextPP(row->values[P_TRANSACTIONS]);
	append_member(out, "transactions");
	appendBinaryStringInfo(out, VARDATA_ANY(transactions), VARSIZE_ANY_EXHDR(transactions));
}

/* Who changed a resource is only in the payloads of webhooks (specification, "Webhook Payload Example"). */
void
show_change_origin(StringInfo out, const Row *row pg_attribute_unused(), const char *change_origin)
{
	if (change_origin == NULL)
		return;
	append_member(out, "changeOrigin");
	append_json_string(out, change_origin, strlen(change_origin));
}

void
show_project_etag(StringInfo out, const Row *row, const char *change_origin pg_attribute_unused())
{
	append_etag(out, row, KIND_PROJECT);
}

void
show_capabilities(StringInfo out, const Row *row, const char *change_origin pg_attribute_unused())
{
	append_member(out, "capabilities");
	appendStringInfoString(out, row->nulls[R_ACCEPTED_UTC] ? "[]" : "[\"chat\"]");
}

void
show_prospect_teaser(StringInfo out, const Row *row, const char *change_origin pg_attribute_unused())
{
	if (row->nulls[R_DEADLINE_UTC])
		return;
	append_member(out, "teaser");
	appendStringInfoChar(out, '{');
	append_time_member(out, "acceptedUtc", row, R_ACCEPTED_UTC);
	append_time_member(out, "deadlineUtc", row, R_DEADLINE_UTC);
	appendStringInfoChar(out, '}');
}

void
show_prospect_etag(StringInfo out, const Row *row, const char *change_origin pg_attribute_unused())
{
	append_etag(out, row, KIND_PROSPECT);
}
