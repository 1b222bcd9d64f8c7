/*
 * project_lock.c
 *	  The lock on a project that a new prospect hangs on, for triggers and operations.
 */
#include "postgres.h"

#include "tables/tables.h"

/* Lock a project that is not deleted against deletion, or PT404: what a new prospect hangs on. */
void
project_share(int64 tenant_id, int64 id)
{
	static Statement share = {
		.sql = "SELECT t.deleted_utc IS NULL FROM propstreet.project AS t "
			   "WHERE t.tenant_id "
			   "OPERATOR(pg_catalog.=) $1 AND t.id OPERATOR(pg_catalog.=) $2 FOR SHARE",
		.nargs = 2,
		.args = {T_INT8, T_INT8},
	};
	Datum values[] = {Int64GetDatum(tenant_id), Int64GetDatum(id)};

	if (run(&share, values, NULL) == 0 || !DatumGetBool(fetch(0, 1)))
		not_found("Project", id, NULL);
}
