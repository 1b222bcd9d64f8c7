/*
 * row.c
 *	  Rows of project and prospect: which columns they have, of which types, and
 *	  where a row type holds them.  Columns are found by name and exact type, so
 *	  that users may add their own.
 *
 *	  Nothing is believed that a role can change: types are the extension's, row
 *	  types may be altered between two calls, columns may lose their NOT NULL.  All
 *	  values of rows are read here, and nowhere else (test/value-check).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/tuptable.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "propstreet.h"

#define COLUMN_ROW(symbol, name, type, not_null) {name, type, not_null},

const Column project_columns[P_COLUMNS] = {{"tenant_id", T_INT8, true}, PROJECT_COLUMNS(COLUMN_ROW)};
const Column prospect_columns[R_COLUMNS] = {{"tenant_id", T_INT8, true}, PROSPECT_COLUMNS(COLUMN_ROW)};

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

/* What a type of ours, or of the server's, has to look like: nothing is read as something else */
typedef struct TypeShape
{
	Oid			oid;			/* of the server's; else */
	const char *own;			/* name of a type of the extension, or of a table's rows */
	char		kind;			/* pg_type.typtype */
	int16		len;
	bool		byval;
	bool		array;			/* an array of it: len and byval are the array's */
} TypeShape;

#define SERVER_TYPE(type, length, by_value) {.oid = type,.len = length,.byval = by_value}
#define OWN_ENUM(name) {.own = name,.kind = TYPTYPE_ENUM,.len = sizeof(Oid),.byval = true}
#define OWN_BASE(name, length) {.own = name,.kind = TYPTYPE_BASE,.len = length}

static const TypeShape shapes[COLUMN_TYPES] = {
	[T_BOOL] = SERVER_TYPE(BOOLOID, sizeof(bool), true),
	[T_INT4] = SERVER_TYPE(INT4OID, sizeof(int32), true),
	[T_INT8] = SERVER_TYPE(INT8OID, sizeof(int64), FLOAT8PASSBYVAL),
	[T_INT8_ARRAY] = SERVER_TYPE(INT8ARRAYOID, -1, false),
	[T_JSON] = SERVER_TYPE(JSONOID, -1, false),
	[T_TEXT] = SERVER_TYPE(TEXTOID, -1, false),
	[T_TEXT_ARRAY] = SERVER_TYPE(TEXTARRAYOID, -1, false),
	[T_TIMESTAMPTZ] = SERVER_TYPE(TIMESTAMPTZOID, sizeof(TimestampTz), FLOAT8PASSBYVAL),
	[T_BYTEA] = SERVER_TYPE(BYTEAOID, -1, false),
	[T_JSON_ARRAY] = SERVER_TYPE(JSONARRAYOID, -1, false),
	[T_TIMESTAMPTZ_ARRAY] = SERVER_TYPE(TIMESTAMPTZARRAYOID, -1, false),
	[T_PRICE] = OWN_BASE("price", sizeof(Price)),
	[T_PRICE_RANGE] = OWN_BASE("price_range", sizeof(PriceRange)),
	[T_EXTERNAL_REF] = OWN_BASE("external_ref", -1),
	[T_EXTERNAL_REF_ARRAY] = {.own = "external_ref",.kind = TYPTYPE_BASE,.len = -1,.array = true},
	[T_ASSET_TYPE] = OWN_ENUM("asset_type"),
	[T_MANDATE] = OWN_ENUM("mandate"),
	[T_PROJECT_STATUS] = OWN_ENUM("project_status"),
	[T_PROJECT_CLASSIFICATION] = OWN_ENUM("project_classification"),
	[T_TEASER_STAGE] = OWN_ENUM("teaser_stage"),
	[T_PROSPECT_CLASSIFICATION] = OWN_ENUM("prospect_classification"),
	/* rows of the table, which is its owner's; they are formed by what the catalog says of it */
	[T_PROSPECT_ARRAY] = {.own = "prospect",.kind = TYPTYPE_COMPOSITE,.len = -1,.array = true}
};

/* What was looked up, until the catalog changes */
static struct
{
	Oid			oid;
	uint32		hash;			/* of the element's entry in the catalog cache */
}			found_types[COLUMN_TYPES];

static void
types_changed(Datum arg, int cache, uint32 hash)
{
	(void) arg;
	for (int i = 0; i < COLUMN_TYPES; i++)
		if (cache != TYPEOID || hash == 0 || found_types[i].hash == hash)
			found_types[i].oid = InvalidOid;
}

/* To be called once, when the library is loaded. */
void
watch_types(void)
{
	CacheRegisterSyscacheCallback(ENUMOID, enums_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(TYPEOID, types_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, types_changed, (Datum) 0);
}

/* Is a type what it has to be: a member of the extension, unless it is of a table's rows, and of the expected shape? */
static bool
is_own(Oid type, const TypeShape *shape)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Form_pg_type form;
	bool		own;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_type) GETSTRUCT(tuple);
	own = form->typtype == shape->kind &&
		(shape->array ? form->typlen == -1 : form->typlen == shape->len && form->typbyval == shape->byval) &&
		(shape->kind == TYPTYPE_COMPOSITE || getExtensionOfObject(TypeRelationId, type) == get_extension_oid("propstreet", false));
	ReleaseSysCache(tuple);
	return own;
}

/*
 * The type of this name in schema propstreet, which is not always the schema that
 * CREATE EXTENSION made: schemas can be renamed, and others take their name.
 */
static Oid
own_type(const TypeShape *shape)
{
	Oid			type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(shape->own),
									   ObjectIdGetDatum(get_namespace_oid("propstreet", false)));

	if (!OidIsValid(type) || !is_own(type, shape))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("schema \"propstreet\" has no type \"%s\" of extension \"propstreet\"", shape->own),
				 errhint("Was the schema of the extension renamed? Give it its name back.")));
	return type;
}

/* The OID of a column's type; 42704 where the extension's own type is not there. */
Oid
type_oid(ColumnType type)
{
	const TypeShape *shape = &shapes[type];
	Oid			oid;

	if (OidIsValid(shape->oid))
		return shape->oid;
	if (OidIsValid(found_types[type].oid))
		return found_types[type].oid;
	oid = own_type(shape);
	found_types[type].hash = GetSysCacheHashValue1(TYPEOID, ObjectIdGetDatum(oid));
	return found_types[type].oid = shape->array ? get_array_type(oid) : oid;
}

/* Are values of an attribute stored as those of a column are? */
static bool
attribute_fits(TupleDesc desc, AttrNumber number, ColumnType type)
{
	Form_pg_attribute attribute;

	if (number < 1 || number > desc->natts)
		return false;
	attribute = TupleDescAttr(desc, number - 1);
	return !attribute->attisdropped && attribute->atttypid == type_oid(type) &&
		attribute->attlen == shapes[type].len && attribute->attbyval == shapes[type].byval;
}

/* The number of a column in a row type; 42703 if there is none of this name and type. */
AttrNumber
find_column(TupleDesc desc, const Column *column, const char *table)
{
	for (AttrNumber number = 1; number <= desc->natts; number++)
		if (strcmp(NameStr(TupleDescAttr(desc, number - 1)->attname), column->name) == 0 &&
			attribute_fits(desc, number, column->type))
			return number;
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("row has no column \"%s\" of type %s", column->name, format_type_be(type_oid(column->type))),
			 errdetail("The columns of propstreet.%s are needed.", table),
			 errhint("If the tables are of an older version: SELECT propstreet.install();")));
}

static int
columns_of(Kind kind, const Column **columns)
{
	*columns = kind == KIND_PROJECT ? project_columns : prospect_columns;
	return kind == KIND_PROJECT ? (int) P_COLUMNS : (int) R_COLUMNS;
}

/* Do the attributes of a map still stand in a row type?  One that is altered keeps its OID. */
static bool
map_fits(const RowMap *map, TupleDesc desc, const Column *columns, int count)
{
	for (int i = 0; i < count; i++)
		if (!attribute_fits(desc, map->attributes[i], columns[i].type))
			return false;
	return true;
}

/* Find a kind's columns in a row type; does nothing if the map is of that very version of it. */
void
row_map(RowMap *map, TupleDesc desc, Kind kind)
{
	uint64		version = assign_record_type_identifier(desc->tdtypeid, desc->tdtypmod);
	const Column *columns;
	int			count = columns_of(kind, &columns);

	if (map->version == version && map_fits(map, desc, columns, count))
		return;
	for (int i = 0; i < count; i++)
		map->attributes[i] = find_column(desc, &columns[i], kind == KIND_PROJECT ? "project" : "prospect");
	map->version = version;
}

/* ---- values: nothing else reads one from a tuple ---- */

/* 23502 for a null where the tables have none, unless their owner has changed them. */
static void
null_error(const char *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_NOT_NULL_VIOLATION),
			 errmsg("null value in column \"%s\", which must not be null", column),
			 errdetail("The column is declared NOT NULL by propstreet.install().")));
}

/* A value of a row that a query has returned; columns count from 1.  23502 if it is null. */
Datum
tuple_value(HeapTuple tuple, TupleDesc desc, int column)
{
	Datum		value;

	if (!tuple_optional(tuple, desc, column, &value))
		null_error(NameStr(TupleDescAttr(desc, column - 1)->attname));
	return value;
}

/* The same where null is allowed; false if it is null. */
bool
tuple_optional(HeapTuple tuple, TupleDesc desc, int column, Datum *value)
{
	bool		isnull;

	*value = heap_getattr(tuple, column, desc, &isnull);
	return !isnull;
}

/* A value of a row in a slot, likewise */
Datum
slot_value(TupleTableSlot *slot, int column)
{
	Datum		value;

	if (!slot_optional(slot, column, &value))
		null_error(NameStr(TupleDescAttr(slot->tts_tupleDescriptor, column - 1)->attname));
	return value;
}

bool
slot_optional(TupleTableSlot *slot, int column, Datum *value)
{
	bool		isnull;

	*value = slot_getattr(slot, column, &isnull);
	return !isnull;
}

/* A Row has no null where the table has none: whoever gets one need not look. */
static void
check_not_null(const Row *row, Kind kind)
{
	const Column *columns;
	int			count = columns_of(kind, &columns);

	for (int i = 0; i < count; i++)
		if (row->nulls[i] && columns[i].not_null)
			null_error(columns[i].name);
}

/* A row of a query that lists the kind's columns in order */
void
row_of_tuple(Row *row, HeapTuple tuple, TupleDesc desc, Kind kind)
{
	const Column *columns;

	if (desc->natts != columns_of(kind, &columns))
		elog(ERROR, "a query returns %d columns of a row", desc->natts);
	heap_deform_tuple(tuple, desc, row->values, row->nulls);
	check_not_null(row, kind);
}

/* The same of a slot, or of one with a map; values live as long as the slot's row. */
void
row_of_slot(Row *row, TupleTableSlot *slot, const RowMap *map, Kind kind)
{
	const Column *columns;
	int			count = columns_of(kind, &columns);

	slot_getallattrs(slot);
	if (map == NULL && slot->tts_nvalid != count)
		elog(ERROR, "a query returns %d columns of a row", slot->tts_nvalid);
	for (int i = 0; i < count; i++)
	{
		int			number = map ? map->attributes[i] - 1 : i;

		row->values[i] = slot->tts_values[number];
		row->nulls[i] = slot->tts_isnull[number];
	}
	check_not_null(row, kind);
}

/* Take a row of a table apart, also one that is on its way there and may have any nulls. */
void
row_deform(Row *row, const RowMap *map, HeapTuple tuple, TupleDesc desc, Kind kind)
{
	const Column *columns;
	int			count = columns_of(kind, &columns);
	Datum	   *values = palloc(desc->natts * sizeof(Datum));
	bool	   *nulls = palloc(desc->natts * sizeof(bool));

	heap_deform_tuple(tuple, desc, values, nulls);
	for (int i = 0; i < count; i++)
	{
		row->values[i] = values[map->attributes[i] - 1];
		row->nulls[i] = nulls[map->attributes[i] - 1];
	}
	pfree(values);
	pfree(nulls);
}

/* Where an attribute ends that begins at an offset or after it, or 0 if that is not within a tuple's data. */
static Size
attribute_end(Form_pg_attribute attribute, const char *data, Size offset, Size size)
{
	Size		len = attribute->attlen;

	if (attribute->attlen == -1)
	{
		if (offset >= size)
			return 0;
		offset = att_align_pointer(offset, attribute->attalign, -1, data + offset);
		if (offset >= size || VARATT_IS_EXTERNAL(data + offset) ||
			(!VARATT_IS_SHORT(data + offset) && size - offset < VARHDRSZ))
			return 0;
		len = VARSIZE_ANY(data + offset);
		if (len < (Size) (VARATT_IS_SHORT(data + offset) ? VARHDRSZ_SHORT : VARHDRSZ))
			return 0;
	}
	else if (attribute->attlen > 0)
		offset = att_align_nominal(offset, attribute->attalign);
	else
		return 0;
	return offset <= size && len <= size - offset ? offset + len : 0;
}

/*
 * Does a composite value hold what its type says?  It may be older than a change of
 * that type, and be read beyond its end.
 */
static bool
is_sound(HeapTuple tuple, TupleDesc desc)
{
	HeapTupleHeader header = tuple->t_data;
	const char *data = (char *) header + header->t_hoff;
	Size		size = tuple->t_len - header->t_hoff;
	Size		end = 0;
	int			count = HeapTupleHeaderGetNatts(header);

	if (count > desc->natts)
		return false;
	for (int i = 0; i < count; i++)
	{
		if (HeapTupleHasNulls(tuple) && att_isnull(i, header->t_bits))
			continue;
		end = attribute_end(TupleDescAttr(desc, i), data, end, size);
		if (end == 0)
			return false;
	}
	return true;
}

/*
 * A row of any type that has the kind's columns; the map is kept for the query.
 * 42703 if a column is missing, 22000 if the value is older than its type, 23502 for
 * a null where the table has none.
 */
void
row_of_record(Row *row, RowMap *map, HeapTupleHeader header, Kind kind)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple = {.t_data = header,.t_len = HeapTupleHeaderGetDatumLength(header)};

	row_map(map, desc, kind);
	if (!is_sound(&tuple, desc))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION), errmsg("row does not have the columns that its type has"),
				 errdetail("The type was altered after the row was made.")));
	row_deform(row, map, &tuple, desc, kind);
	ReleaseTupleDesc(desc);
	check_not_null(row, kind);
}

/* Is an array's header within its bytes? */
static bool
array_is_sound(const ArrayType *array)
{
	Size		size = VARSIZE(array);

	if (size < sizeof(ArrayType) || ARR_NDIM(array) < 0 || ARR_NDIM(array) > MAXDIM ||
		size < (Size) ARR_OVERHEAD_NONULLS(ARR_NDIM(array)))
		return false;
	if (!ARR_HASNULL(array))
		return true;
	return array->dataoffset > 0 && (Size) array->dataoffset <= size &&
		array->dataoffset >= (int32) ARR_OVERHEAD_WITHNULLS(ARR_NDIM(array), ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)));
}

/*
 * The elements of an array of texts or references, in place.  42804 for an array of
 * another type, 22004 for a null among them.
 */
Datum *
array_elements(Datum value, ColumnType element, int *count)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	char	   *next;
	char	   *end = (char *) array + VARSIZE(array);
	Datum	   *elements;

	if (!array_is_sound(array) || ARR_ELEMTYPE(array) != type_oid(element))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("array is not of type %s[]", format_type_be(type_oid(element)))));
	*count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (*count == 0)
		return NULL;
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("null array element not allowed in this context")));
	if (*count > end - ARR_DATA_PTR(array))
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("array ends before its elements")));
	elements = palloc(*count * sizeof(Datum));
	next = ARR_DATA_PTR(array);
	for (int i = 0; i < *count; i++)
	{
		if (next >= end || VARATT_IS_EXTERNAL(next) || (!VARATT_IS_SHORT(next) && end - next < VARHDRSZ) ||
			VARSIZE_ANY(next) > (Size) (end - next) || VARSIZE_ANY(next) == 0)
			ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("array ends before its elements")));
		elements[i] = PointerGetDatum(next);
		next = (char *) att_align_nominal(next + VARSIZE_ANY(next), TYPALIGN_INT);
	}
	return elements;
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
