/*
 * value.c
 *	  Reading values of tuples and arrays: nothing else does, but for whole rows
 *	  (test/value-check).  Columns may have lost their NOT NULL, and arrays may be of
 *	  another type.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "executor/tuptable.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "data/data.h"

/* 23502 for a null where the tables have none, unless their owner has changed them. */
void
null_error(const char *column)
{
	ereport(ERROR, (errcode(ERRCODE_NOT_NULL_VIOLATION), errmsg("null value in column \"%s\" is not allowed", column),
					errdetail("The column is declared NOT NULL by propstreet.install().")));
}

/* A value of a row that a query has returned; columns count from 1.  23502 if it is null. */
Datum
tuple_value(HeapTuple tuple, TupleDesc desc, int column)
{
	Datum value;

	if (!tuple_optional(tuple, desc, column, &value))
		null_error(NameStr(TupleDescAttr(desc, column - 1)->attname));
	return value;
}

/* The same where null is allowed; false if it is null. */
bool
tuple_optional(HeapTuple tuple, TupleDesc desc, int column, Datum *value)
{
	bool isnull;

	*value = heap_getattr(tuple, column, desc, &isnull);
	return !isnull;
}

/* A value of a row in a slot, likewise */
Datum
slot_value(TupleTableSlot *slot, int column)
{
	Datum value;

	if (!slot_optional(slot, column, &value))
		null_error(NameStr(TupleDescAttr(slot->tts_tupleDescriptor, column - 1)->attname));
	return value;
}

bool
slot_optional(TupleTableSlot *slot, int column, Datum *value)
{
	bool isnull;

	*value = slot_getattr(slot, column, &isnull);
	return !isnull;
}

/* Is an array's header within its bytes? */
static bool
array_is_sound(const ArrayType *array)
{
	Size size = VARSIZE(array);

	if (size < sizeof(ArrayType) || ARR_NDIM(array) < 0 || ARR_NDIM(array) > MAXDIM ||
		size < (Size) ARR_OVERHEAD_NONULLS(ARR_NDIM(array)))
		return false;
	if (!ARR_HASNULL(array))
		return true;
	return array->dataoffset > 0 && (Size) array->dataoffset <= size &&
		   array->dataoffset >=
			   (int32) ARR_OVERHEAD_WITHNULLS(ARR_NDIM(array), ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)));
}

/*
 * The elements of an array of texts or references, in place.  42804 for an array of
 * another type, 22004 for a null among them.
 */
Datum *
array_elements(Datum value, ColumnType element, int *count)
{
	ArrayType *array = DatumGetArrayTypeP(value);
	char *next;
	char *end = (char *) array + VARSIZE(array);
	Datum *elements;

	if (!array_is_sound(array) || ARR_ELEMTYPE(array) != type_oid(element))
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("array is not of type %s[]", format_type_be(type_oid(element)))));
	*count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (*count == 0)
		return NULL;
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("null array element not allowed in this context")));
	if (*count > end - ARR_DATA_PTR(array))
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("array data ends before the last element")));
	elements = palloc(*count * sizeof(Datum));
	next = ARR_DATA_PTR(array);
	for (int i = 0; i < *count; i++)
	{
		if (next >= end || VARATT_IS_EXTERNAL(next) || (!VARATT_IS_SHORT(next) && end - next < VARHDRSZ) ||
			VARSIZE_ANY(next) > (Size) (end - next) || VARSIZE_ANY(next) == 0)
			ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("array data ends before the last element")));
		elements[i] = PointerGetDatum(next);
		next = (char *) att_align_nominal(next + VARSIZE_ANY(next), TYPALIGN_INT);
	}
	return elements;
}

/* An array as JSON. */
void
append_array(StringInfo out, Datum value, ColumnType element, void (*append_element)(StringInfo out, Datum element))
{
	int count;
	Datum *elements = array_elements(value, element, &count);

	appendStringInfoChar(out, '[');
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			appendStringInfoChar(out, ',');
		append_element(out, elements[i]);
	}
	appendStringInfoChar(out, ']');
}
