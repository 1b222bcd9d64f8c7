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
append_id_member(StringInfo out, const char *name, const Row *row, int column)
{
	if (row->nulls[column])
		return;
	append_member(out, name);
	append_id(out, DatumGetInt64(row->values[column]));
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

static void
append_project_teaser(StringInfo out, const Row *row)
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

static void
append_asset(StringInfo out, const Row *row)
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
static void
append_transactions(StringInfo out, const Row *row)
{
	text	   *transactions;

	if (row->nulls[P_TRANSACTIONS] || !row->nulls[P_DELETED_UTC])
		return;
	transactions = DatumGetTextPP(row->values[P_TRANSACTIONS]);
	append_member(out, "transactions");
	appendBinaryStringInfo(out, VARDATA_ANY(transactions), VARSIZE_ANY_EXHDR(transactions));
}

static void
append_origin(StringInfo out, const char *change_origin)
{
	if (change_origin == NULL)
		return;
	append_member(out, "changeOrigin");
	append_json_string(out, change_origin, strlen(change_origin));
}

/*
 * A project (specification, "Project Fields", in the example's order).  Who changed
 * it is only in the payloads of webhooks, or NULL ("Webhook Payload Example").
 */
void
append_project_of(StringInfo out, const Row *row, const char *change_origin)
{
	appendStringInfoChar(out, '{');
	append_id_member(out, "id", row, P_ID);
	append_member(out, "name");
	append_text(out, row->values[P_NAME]);
	append_asset(out, row);
	append_enum_member(out, "status", row, P_STATUS);
	append_enum_member(out, "classification", row, P_CLASSIFICATION);
	append_project_teaser(out, row);
	append_enum_member(out, "mandate", row, P_MANDATE);
	if (!row->nulls[P_PRICE])
	{
		append_member(out, "price");
		append_price(out, (Price *) DatumGetPointer(row->values[P_PRICE]));
	}
	if (!row->nulls[P_PRICE_RANGE])
	{
		append_member(out, "priceRange");
		append_price_range(out, (PriceRange *) DatumGetPointer(row->values[P_PRICE_RANGE]));
	}
	append_transactions(out, row);
	append_origin(out, change_origin);
	append_member(out, "externalRefs");
	append_external_refs(out, row->values[P_EXTERNAL_REFS]);
	append_time_member(out, "createdUtc", row, P_CREATED_UTC);
	append_time_member(out, "updatedUtc", row, P_UPDATED_UTC);
	append_time_member(out, "deletedUtc", row, P_DELETED_UTC);
	append_etag(out, row, KIND_PROJECT);
	appendStringInfoChar(out, '}');
}

void
append_project(StringInfo out, const Row *row)
{
	append_project_of(out, row, NULL);
}

static void
append_prospect_teaser(StringInfo out, const Row *row)
{
	if (row->nulls[R_DEADLINE_UTC])
		return;
	append_member(out, "teaser");
	appendStringInfoChar(out, '{');
	append_time_member(out, "acceptedUtc", row, R_ACCEPTED_UTC);
	append_time_member(out, "deadlineUtc", row, R_DEADLINE_UTC);
	appendStringInfoChar(out, '}');
}

/* A prospect (specification, "Prospect Fields", in the example's order), likewise */
void
append_prospect_of(StringInfo out, const Row *row, const char *change_origin)
{
	appendStringInfoChar(out, '{');
	append_id_member(out, "id", row, R_ID);
	append_id_member(out, "projectId", row, R_PROJECT_ID);
	append_id_member(out, "contactId", row, R_CONTACT_ID);
	append_id_member(out, "companyId", row, R_COMPANY_ID);
	append_enum_member(out, "classification", row, R_CLASSIFICATION);
	append_member(out, "capabilities");
	appendStringInfoString(out, row->nulls[R_ACCEPTED_UTC] ? "[]" : "[\"chat\"]");
	append_member(out, "tags");
	append_array(out, row->values[R_TAGS], T_TEXT, append_text);
	append_origin(out, change_origin);
	append_member(out, "externalRefs");
	append_external_refs(out, row->values[R_EXTERNAL_REFS]);
	append_prospect_teaser(out, row);
	append_time_member(out, "createdUtc", row, R_CREATED_UTC);
	append_time_member(out, "updatedUtc", row, R_UPDATED_UTC);
	append_time_member(out, "deletedUtc", row, R_DELETED_UTC);
	append_etag(out, row, KIND_PROSPECT);
	appendStringInfoChar(out, '}');
}

void
append_prospect(StringInfo out, const Row *row)
{
	append_prospect_of(out, row, NULL);
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
	(kind == KIND_PROJECT ? append_project : append_prospect) (&out, &row);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}

PG_FUNCTION_INFO_V1(propstreet_project_json);

/* project_json(record) json; 42703 if the row lacks a column of propstreet.project, 23502 a value, 22000 if it is older than its type */
Datum
propstreet_project_json(PG_FUNCTION_ARGS)
{
	return record_json(fcinfo, KIND_PROJECT);
}

PG_FUNCTION_INFO_V1(propstreet_prospect_json);

/* prospect_json(record) json; 42703 if the row lacks a column of propstreet.prospect, 23502 a value, 22000 if it is older than its type */
Datum
propstreet_prospect_json(PG_FUNCTION_ARGS)
{
	return record_json(fcinfo, KIND_PROSPECT);
}
