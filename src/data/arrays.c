/*
 * arrays.c
 *	  Rows as arrays, for statements that write many.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/lsyscache.h"

#include "data/data.h"

/* Make room for so many rows. */
void
arrays_init(Arrays *arrays, int columns, int rows)
{
	arrays->columns = columns;
	arrays->count = 0;
	for (int i = 0; i < columns; i++)
	{
		arrays->values[i] = palloc(sizeof(Datum) * Max(rows, 1));
		arrays->nulls[i] = palloc(sizeof(bool) * Max(rows, 1));
	}
}

/* Add a row; nulls NULL: none is. */
void
arrays_add(Arrays *arrays, const Datum *row, const bool *nulls)
{
	for (int i = 0; i < arrays->columns; i++)
	{
		arrays->values[i][arrays->count] = row[i];
		arrays->nulls[i][arrays->count] = nulls && nulls[i];
	}
	arrays->count++;
}

/* Run a statement whose first parameters are the arrays, and the others those given. */
uint64
run_arrays(Statement *statement, const Arrays *arrays, const Datum *others)
{
	Datum values[STATEMENT_ARGS];
	int lower = 1;

	for (int i = 0; i < statement->nargs; i++)
	{
		Oid element = get_element_type(type_oid(statement->args[i]));
		int count = arrays->count;
		int16 len;
		bool by_value;
		char align;

		if (i >= arrays->columns)
		{
			values[i] = others[i - arrays->columns];
			continue;
		}
		get_typlenbyvalalign(element, &len, &by_value, &align);
		values[i] = PointerGetDatum(construct_md_array(arrays->values[i], arrays->nulls[i], 1, &count, &lower, element,
													   len, by_value, align));
	}
	return run(statement, values, NULL);
}
