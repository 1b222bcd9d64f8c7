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
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "resources/resources.h"

#define COLUMN_ROW(symbol, name, type, not_null, flags, member, schema, initial) \
	{name, type, not_null, flags, member, initial},

static const Column project_columns[] = {PLAIN_COLUMN("tenant_id", T_INT8, true),
										 PROJECT_FIELDS(COLUMN_ROW, NO_MEMBER)};
static const Column prospect_columns[] = {PLAIN_COLUMN("tenant_id", T_INT8, true),
										  PROSPECT_FIELDS(COLUMN_ROW, NO_MEMBER)};

StaticAssertDecl((int) R_COLUMNS <= (int) ROW_COLUMNS, "a Row holds a prospect");

/* What a kind of resource is made of */
const Resource *
resource_of(Kind kind)
{
	static const Resource project = {KIND_PROJECT,	  "project",	 project_columns, P_COLUMNS, P_ID,
									 P_EXTERNAL_REFS, P_UPDATED_UTC, P_DELETED_UTC,	  P_REVISION};
	static const Resource prospect = {KIND_PROSPECT,   "prospect",	  prospect_columns, R_COLUMNS, R_ID,
									  R_EXTERNAL_REFS, R_UPDATED_UTC, R_DELETED_UTC,	R_REVISION};

	return kind == KIND_PROJECT ? &project : &prospect;
}

static int
columns_of(Kind kind, const Column **columns)
{
	*columns = resource_of(kind)->columns;
	return resource_of(kind)->ncolumns;
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
	uint64 version = assign_record_type_identifier(desc->tdtypeid, desc->tdtypmod);
	const Column *columns;
	int count = columns_of(kind, &columns);

	if (map->version == version && map_fits(map, desc, columns, count))
		return;
	for (int i = 0; i < count; i++)
		map->attributes[i] = find_column(desc, &columns[i], resource_of(kind)->table);
	map->version = version;
}

/* A Row has no null where the table has none: whoever gets one need not look. */
static void
check_not_null(const Row *row, Kind kind)
{
	const Column *columns;
	int count = columns_of(kind, &columns);

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
	int count = columns_of(kind, &columns);

	slot_getallattrs(slot);
	if (map == NULL && slot->tts_nvalid != count)
		elog(ERROR, "a query returns %d columns of a row", slot->tts_nvalid);
	for (int i = 0; i < count; i++)
	{
		int number = map ? map->attributes[i] - 1 : i;

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
	int count = columns_of(kind, &columns);
	Datum *values = palloc(desc->natts * sizeof(Datum));
	bool *nulls = palloc(desc->natts * sizeof(bool));

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
	Size len = attribute->attlen;

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
	Size size = tuple->t_len - header->t_hoff;
	Size end = 0;
	int count = HeapTupleHeaderGetNatts(header);

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
	TupleDesc desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple = {.t_data = header, .t_len = HeapTupleHeaderGetDatumLength(header)};

	row_map(map, desc, kind);
	if (!is_sound(&tuple, desc))
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("row does not have the columns that its type has"),
						errdetail("The type was altered after the row was made.")));
	row_deform(row, map, &tuple, desc, kind);
	ReleaseTupleDesc(desc);
	check_not_null(row, kind);
}

/* What the ETag of a row is made from. */
Version
row_version(const Row *row, Kind kind)
{
	const Resource *resource = resource_of(kind);
	Version version = {.kind = kind,
					   .tenant_id = DatumGetInt64(row->values[0]),
					   .id = DatumGetInt64(row->values[resource->id]),
					   .revision = DatumGetInt64(row->values[resource->revision]),
					   .updated_utc = DatumGetTimestampTz(row->values[resource->updated_utc])};

	return version;
}

/* A row of the last result, which lists the kind's columns in order. */
void
fetch_row(uint64 number, Row *row, Kind kind)
{
	check_number(number);
	row_of_tuple(row, SPI_tuptable->vals[number], SPI_tuptable->tupdesc, kind);
}
