/*
 * copies.c
 *	  AFTER statement triggers of contact and company: the copies that prospects hold
 *	  of them.  A statement that changes nothing which is copied costs a scan of its
 *	  transition tables and no SQL.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "utils/lsyscache.h"

#include "tables/tables.h"

/*
 * Prospects are locked in the order of their ids, then changed: one statement for
 * both would join them with themselves, for which the planner finds bad ways.
 * Removed ones keep what they had.
 */
typedef struct CopyStatements
{
	Statement lock;
	Statement copy;
} CopyStatements;

#define COPY_FROM "ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS u (tenant_id, id) "
#define COPY_LOCK(match) \
	"SELECT pg_catalog.count(*) FROM (SELECT FROM " COPY_FROM \
	"JOIN propstreet.prospect AS t ON t.tenant_id OPERATOR(pg_catalog.=) u.tenant_id AND " match \
	" WHERE t.tenant_id OPERATOR(pg_catalog.=) ANY ($1) AND t.deleted_utc IS NULL ORDER BY t.tenant_id, " \
	"t.id FOR NO KEY UPDATE OF t) AS locked"
#define COPY_COPY(table, company, match) \
	"UPDATE propstreet.prospect AS t SET tags = c.tags, company_id = " company ", revision = " COPIES_GIVEN_SQL \
	" FROM " COPY_FROM "JOIN propstreet." table " AS c ON c.tenant_id OPERATOR(pg_catalog.=) u.tenant_id " \
	"AND c.id OPERATOR(pg_catalog.=) u.id " \
	"WHERE t.tenant_id OPERATOR(pg_catalog.=) u.tenant_id " \
	"AND " match " AND t.tenant_id OPERATOR(pg_catalog.=) ANY ($1) AND t.deleted_utc IS NULL"
#define COPY_ARGS .nargs = 2, .args = {T_INT8_ARRAY, T_INT8_ARRAY}
/* said twice, so that an index is used whichever way they are joined */
#define OF_CONTACT "t.contact_id OPERATOR(pg_catalog.=) u.id AND t.contact_id OPERATOR(pg_catalog.=) ANY ($2)"
#define OF_COMPANY \
	"t.company_id OPERATOR(pg_catalog.=) u.id AND t.company_id OPERATOR(pg_catalog.=) ANY ($2) " \
	"AND t.contact_id IS NULL"

static CopyStatements copy_contacts = {.lock = {.sql = COPY_LOCK(OF_CONTACT), COPY_ARGS},
									   .copy = {.sql = COPY_COPY("contact", "c.company_id", OF_CONTACT), COPY_ARGS}};

static CopyStatements copy_companies = {.lock = {.sql = COPY_LOCK(OF_COMPANY), COPY_ARGS},
										.copy = {.sql = COPY_COPY("company", "c.id", OF_COMPANY), COPY_ARGS}};

static void
copy_investors(CopyStatements *statements, Datum *tenants, Datum *ids, int count)
{
	Datum values[2];

	if (count == 0)
		return;
	values[0] = int64_array(tenants, count);
	values[1] = int64_array(ids, count);
	run_latest(&statements->lock, values);
	run_latest(&statements->copy, values);
	pfree(DatumGetPointer(values[0]));
	pfree(DatumGetPointer(values[1]));
}

/* What prospects copy of a contact or company has changed: carry it over. */
static Datum
investor_changed(FunctionCallInfo fcinfo, CopyStatements *statements)
{
	Transition transition;
	AttrNumber tags;
	AttrNumber company_id = InvalidAttrNumber;
	Datum tenants[CHUNK];
	Datum ids[CHUNK];
	int count = 0;

	if (!transition_begin(&transition, fcinfo))
		return PointerGetDatum(NULL);
	if (transition.old == NULL)
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("function \"%s\" was not called by a trigger of the right kind",
							   get_func_name(fcinfo->flinfo->fn_oid)),
						errhint("Only the triggers that propstreet.install() creates can call it.")));
	tags = transition_column(&transition, "tags", T_TEXT_ARRAY);
	if (statements == &copy_contacts)
		company_id = transition_column(&transition, "company_id", T_INT8);
	transition_rewind(&transition);
	while (transition_next(&transition))
	{
		if (same_value(&transition, tags) && (company_id == InvalidAttrNumber || same_value(&transition, company_id)))
			continue;
		tenants[count] = slot_value(transition.new, transition.tenant_id);
		ids[count++] = slot_value(transition.new, transition.id);
		if (count == CHUNK)
		{
			copy_investors(statements, tenants, ids, count);
			count = 0;
		}
	}
	copy_investors(statements, tenants, ids, count);
	transition_end(&transition);
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(propstreet_contact_changed);

/* AFTER UPDATE statement trigger of contact */
Datum
propstreet_contact_changed(PG_FUNCTION_ARGS)
{
	return investor_changed(fcinfo, &copy_contacts);
}

PG_FUNCTION_INFO_V1(propstreet_company_changed);

/* AFTER UPDATE statement trigger of company */
Datum
propstreet_company_changed(PG_FUNCTION_ARGS)
{
	return investor_changed(fcinfo, &copy_companies);
}
