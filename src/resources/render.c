/*
 * render.c
 *	  Rows to the JSON of the API: the guide's fields in the guide's order, nulls
 *	  left out.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "resources/resources.h"

static void
append_text(StringInfo out, Datum value)
{
	text	   *string = DatumGetTextPP(value);

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
	char		tag[ETAG_LEN + 1];

	etag_of(version, tag);
	append_member(out, "etag");
	appendBinaryStringInfo(out, "\"W/\\\"", strlen("\"W/\\\""));
	appendBinaryStringInfo(out, tag, ETAG_LEN);
	appendBinaryStringInfo(out, "\\\"\"", strlen("\\\"\""));
}

void
append_etag(StringInfo out, const Row *row, Kind kind)
{
	Version		version = row_version(row, kind);

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
		char		digits[MAXINT8LEN + 1];

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
	text	   *transactions;

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

/* A value of a column as JSON, by its type */
static void
append_value(StringInfo out, ColumnType type, Datum value)
{
	switch (type)
	{
		case T_INT8:
			append_id(out, DatumGetInt64(value));
			break;
		case T_TEXT:
			append_text(out, value);
			break;
		case T_TIMESTAMPTZ:
			append_utc(out, DatumGetTimestampTz(value));
			break;
		case T_PRICE:
			append_price(out, (Price *) DatumGetPointer(value));
			break;
		case T_PRICE_RANGE:
			append_price_range(out, (PriceRange *) DatumGetPointer(value));
			break;
		case T_EXTERNAL_REF_ARRAY:
			append_external_refs(out, value);
			break;
		case T_TEXT_ARRAY:
			append_array(out, value, T_TEXT, append_text);
			break;
		default:
			append_enum(out, value);
			break;
	}
}

/*
 * A project or a prospect (specification, "Project Fields" and "Prospect Fields", in
 * the examples' order); change_origin is NULL but for payloads.
 */
void
append_resource_of(StringInfo out, const Row *row, Kind kind, const char *change_origin)
{
	const Column *columns = resource_of(kind)->columns;

	appendStringInfoChar(out, '{');
	for (const Member *member = members_of(kind); member->name; member++)
	{
		if (member->show)
			member->show(out, row, change_origin);
		else if (!row->nulls[member->column])
		{
			append_member(out, member->name);
			append_value(out, columns[member->column].type, row->values[member->column]);
		}
	}
	appendStringInfoChar(out, '}');
}

void
append_resource(StringInfo out, const Row *row, Kind kind)
{
	append_resource_of(out, row, kind, NULL);
}

/* A row of any type that has the kind's columns; the map is kept for the query. */
static Datum
record_json(FunctionCallInfo fcinfo, Kind kind)
{
	RowMap	   *map = fcinfo->flinfo->fn_extra;
	StringInfoData out;
	Row			row;

	if (map == NULL)
		map = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(RowMap));
	row_of_record(&row, map, PG_GETARG_HEAPTUPLEHEADER(0), kind);
	initStringInfo(&out);
	append_resource(&out, &row, kind);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}

PG_FUNCTION_INFO_V1(propstreet_project_json);

/*
 * project_json(record) json; 42703 if the row lacks a column of propstreet.project, 23502 a value,
 * 22000 if it is older than its type
 */
Datum
propstreet_project_json(PG_FUNCTION_ARGS)
{
	return record_json(fcinfo, KIND_PROJECT);
}

PG_FUNCTION_INFO_V1(propstreet_prospect_json);

/*
 * prospect_json(record) json; 42703 if the row lacks a column of propstreet.prospect, 23502 a
 * value, 22000 if it is older than its type
 */
Datum
propstreet_prospect_json(PG_FUNCTION_ARGS)
{
	return record_json(fcinfo, KIND_PROSPECT);
}
