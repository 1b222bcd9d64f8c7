/*
 * render.c
 *	  Rows to the JSON of the API: the guide's fields in the guide's order, nulls
 *	  left out.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "resources/resources.h"

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
	RowMap *map = fcinfo->flinfo->fn_extra;
	StringInfoData out;
	Row row;

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
