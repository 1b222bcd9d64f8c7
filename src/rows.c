/*
 * rows.c
 *	  Rows of project and prospect: which columns they have, of which types, and
 *	  where a row type holds them.  Columns are found by name and exact type, so
 *	  that users may add their own.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "propstreet.h"

#define COLUMN_ROW(symbol, name, type) {name, type},

const Column project_columns[P_COLUMNS] = {{"tenant_id", T_INT8}, PROJECT_COLUMNS(COLUMN_ROW)};
const Column prospect_columns[R_COLUMNS] = {{"tenant_id", T_INT8}, PROSPECT_COLUMNS(COLUMN_ROW)};

StaticAssertDecl((int) R_COLUMNS <= (int) ROW_COLUMNS, "a Row holds a prospect");

uint64		enum_generation = 1;

static void
enums_changed(Datum arg, int cache, uint32 hash)
{
	(void) arg;
	(void) cache;
	(void) hash;
	enum_generation++;
}

static Oid	types[COLUMN_TYPES];	/* as looked up, until the catalog changes */

static void
types_changed(Datum arg, int cache, uint32 hash)
{
	(void) arg;
	(void) cache;
	(void) hash;
	memset(types, 0, sizeof(types));
}

/* To be called once, when the library is loaded. */
void
watch_types(void)
{
	CacheRegisterSyscacheCallback(ENUMOID, enums_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(TYPEOID, types_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, types_changed, (Datum) 0);
}

static Oid
own_type(const char *name)
{
	Oid			type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
									   ObjectIdGetDatum(get_namespace_oid("propstreet", false)));

	if (!OidIsValid(type))
		elog(ERROR, "type propstreet.%s does not exist", name);
	return type;
}

static Oid
look_up_type(ColumnType type)
{
	switch (type)
	{
		case T_BOOL:
			return BOOLOID;
		case T_INT4:
			return INT4OID;
		case T_INT8:
			return INT8OID;
		case T_INT8_ARRAY:
			return INT8ARRAYOID;
		case T_JSON:
			return JSONOID;
		case T_TEXT:
			return TEXTOID;
		case T_TEXT_ARRAY:
			return TEXTARRAYOID;
		case T_TIMESTAMPTZ:
			return TIMESTAMPTZOID;
		case T_PRICE:
			return own_type("price");
		case T_PRICE_RANGE:
			return own_type("price_range");
		case T_EXTERNAL_REF:
			return own_type("external_ref");
		case T_EXTERNAL_REF_ARRAY:
			return get_array_type(own_type("external_ref"));
		case T_ASSET_TYPE:
			return own_type("asset_type");
		case T_MANDATE:
			return own_type("mandate");
		case T_PROJECT_STATUS:
			return own_type("project_status");
		case T_PROJECT_CLASSIFICATION:
			return own_type("project_classification");
		case T_TEASER_STAGE:
			return own_type("teaser_stage");
		case T_PROSPECT_CLASSIFICATION:
			return own_type("prospect_classification");
		case T_BYTEA:
			return BYTEAOID;
		case T_JSON_ARRAY:
			return JSONARRAYOID;
		case T_TIMESTAMPTZ_ARRAY:
			return TIMESTAMPTZARRAYOID;
		case T_PROSPECT_ARRAY:
			return get_array_type(own_type("prospect"));	/* rows of the table */
		case COLUMN_TYPES:
			break;
	}
	elog(ERROR, "unknown column type %d", type);
}

/* The OID of a column's type. */
Oid
type_oid(ColumnType type)
{
	Oid			found = types[type];

	if (OidIsValid(found))
		return found;
	found = look_up_type(type);
	types[type] = found;
	return found;
}

/* The number of a column in a row type; 42703 if there is none of this name and type. */
AttrNumber
find_column(TupleDesc desc, const Column *column, const char *table)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), column->name) == 0 &&
			attribute->atttypid == type_oid(column->type))
			return attribute->attnum;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("row has no column \"%s\" of type %s", column->name, format_type_be(type_oid(column->type))),
			 errdetail("The columns of propstreet.%s are needed.", table),
			 errhint("If the tables are of an older version: SELECT propstreet.install();")));
}

/* Find a kind's columns in a row type; does nothing if the map is of that type. */
void
row_map(RowMap *map, TupleDesc desc, Kind kind)
{
	bool		project = kind == KIND_PROJECT;

	if (OidIsValid(map->type_id) && map->type_id == desc->tdtypeid && map->typmod == desc->tdtypmod)
		return;
	for (int i = 0; i < (project ? (int) P_COLUMNS : (int) R_COLUMNS); i++)
		map->attributes[i] = find_column(desc, project ? &project_columns[i] : &prospect_columns[i],
										 project ? "project" : "prospect");
	map->type_id = desc->tdtypeid;
	map->typmod = desc->tdtypmod;
}

/* Take a row apart. */
void
row_deform(Row *row, const RowMap *map, HeapTuple tuple, TupleDesc desc, Kind kind)
{
	Datum	   *values;
	bool	   *nulls;

	values = palloc(desc->natts * sizeof(Datum));
	nulls = palloc(desc->natts * sizeof(bool));
	heap_deform_tuple(tuple, desc, values, nulls);
	for (int i = 0; i < (kind == KIND_PROJECT ? (int) P_COLUMNS : (int) R_COLUMNS); i++)
	{
		row->values[i] = values[map->attributes[i] - 1];
		row->nulls[i] = nulls[map->attributes[i] - 1];
	}
	pfree(values);
	pfree(nulls);
}

/* What the ETag of a row is made from. */
Version
row_version(const Row *row, Kind kind)
{
	bool		project = kind == KIND_PROJECT;
	Version		version = {
		.kind = kind,
		.tenant_id = DatumGetInt64(row->values[project ? (int) P_TENANT_ID : (int) R_TENANT_ID]),
		.id = DatumGetInt64(row->values[project ? (int) P_ID : (int) R_ID]),
		.revision = DatumGetInt64(row->values[project ? (int) P_REVISION : (int) R_REVISION]),
		.updated_utc = DatumGetTimestampTz(row->values[project ? (int) P_UPDATED_UTC : (int) R_UPDATED_UTC])
	};

	return version;
}
