/*
 * check.c
 *	  check(), as the tables' owner: types, casts and functions that the owner has put
 *	  into the tables' place are not to run with the rights of a superuser who calls it.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "utils/tuplestore.h"

#include "maintenance/maintenance.h"

#define CHECK_COLUMNS 4

PG_FUNCTION_INFO_V1(propstreet_check);

/* check() setof (tenant_id, resource, id, problem): what check_rows() finds; 55000 without tables */
Datum
propstreet_check(PG_FUNCTION_ARGS)
{
	static Statement check = {
		.sql = "SELECT c.tenant_id::pg_catalog.int8, c.resource::pg_catalog.text, "
			   "c.id::pg_catalog.int8, "
			   "c.problem::pg_catalog.text FROM propstreet.check_rows() AS c",
		.reads = true,
	};
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Identity caller;
	uint64 count;

	InitMaterializedSRF(fcinfo, 0);
	caller = act_as(tables_owner());
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	count = run(&check, NULL, NULL);
	for (uint64 i = 0; i < count; i++)
	{
		Datum values[CHECK_COLUMNS];
		bool nulls[CHECK_COLUMNS];

		for (int j = 0; j < CHECK_COLUMNS; j++)
			nulls[j] = !fetch_optional(i, j + 1, &values[j]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	SPI_finish();
	act_as_before(caller);
	return (Datum) 0;
}
