/*
 * changed.c
 *	  AFTER statement triggers: unique references of project and prospect, and the
 *	  copies that prospects hold of contacts and companies.  They read the
 *	  transition tables and write once per 1,000 rows; a statement that changes
 *	  nothing they care for costs scans of those tables and no SQL.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "propstreet.h"

#define CHUNK 1000				/* rows written with one statement */

/* The columns that a trigger looks at */
typedef struct Attributes
{
	AttrNumber	tenant_id;
	AttrNumber	id;
	AttrNumber	project_id;		/* prospect */
	AttrNumber	deleted_utc;	/* project, prospect */
	AttrNumber	external_refs;	/* project, prospect */
	AttrNumber	tags;			/* contact, company */
	AttrNumber	company_id;		/* contact */
} Attributes;

/* The rows of a statement, old and new in step */
typedef struct Transition
{
	TriggerData *trigger;
	Attributes	at;
	TupleTableSlot *old;		/* NULL for INSERT */
	TupleTableSlot *new;
} Transition;

static AttrNumber
column(const Transition *transition, const char *name, ColumnType type)
{
	Relation	relation = transition->trigger->tg_relation;
	Column		wanted = {name, type};

	return find_column(RelationGetDescr(relation), &wanted, RelationGetRelationName(relation));
}

static void
begin_transition(Transition *transition, TriggerData *trigger)
{
	Relation	relation = trigger->tg_relation;

	memset(transition, 0, sizeof(Transition));
	transition->trigger = trigger;
	transition->at.tenant_id = column(transition, "tenant_id", T_INT8);
	transition->at.id = column(transition, "id", T_INT8);
	transition->new = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsMinimalTuple);
	transition->old = trigger->tg_oldtable ? MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsMinimalTuple) : NULL;
}

/* Another trigger may have read the transition tables before. */
static void
rewind_transition(Transition *transition)
{
	tuplestore_rescan(transition->trigger->tg_newtable);
	if (transition->old)
		tuplestore_rescan(transition->trigger->tg_oldtable);
}

static int64
get_int64(TupleTableSlot *slot, AttrNumber number)
{
	bool		isnull;

	return DatumGetInt64(slot_getattr(slot, number, &isnull));
}

/* The next row, with the old one it replaces: both tables are filled row by row. */
static bool
next_row(Transition *transition)
{
	CHECK_FOR_INTERRUPTS();
	if (!tuplestore_gettupleslot(transition->trigger->tg_newtable, true, false, transition->new))
		return false;
	if (transition->old &&
		(!tuplestore_gettupleslot(transition->trigger->tg_oldtable, true, false, transition->old) ||
		 get_int64(transition->old, transition->at.id) != get_int64(transition->new, transition->at.id) ||
		 get_int64(transition->old, transition->at.tenant_id) != get_int64(transition->new, transition->at.tenant_id)))
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("the key of a row of \"%s\" can't be changed", RelationGetRelationName(transition->trigger->tg_relation))));
	return true;
}

static void
end_transition(Transition *transition)
{
	ExecDropSingleTupleTableSlot(transition->new);
	if (transition->old)
		ExecDropSingleTupleTableSlot(transition->old);
}

static bool
same_value(Transition *transition, AttrNumber number)
{
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(transition->trigger->tg_relation), number - 1);
	bool		nulls[2];
	Datum		old = slot_getattr(transition->old, number, &nulls[0]);
	Datum		new = slot_getattr(transition->new, number, &nulls[1]);

	if (nulls[0] || nulls[1])
		return nulls[0] == nulls[1];
	return datum_image_eq(old, new, attribute->attbyval, attribute->attlen);
}

/* ---- references ---- */

/*
 * What is done with the references of a statement, in this order.  They are locked
 * first, old and new ones together by (namespace, id), so that two statements that
 * exchange references wait for each other one way only.  Old ones go before new
 * ones come, as a statement may hand them from row to row.
 */
typedef enum RefPass
{
	LOCK_REFS,
	REMOVE_REFS,
	ADD_REFS
} RefPass;

/* References to lock in, take out of, or add to an index, collected until there are enough */
typedef struct RefBatch
{
	bool		of_prospects;
	RefPass		pass;
	int			count;
	Datum	   *tenants;
	Datum	   *projects;		/* scope of a prospect's reference, holder of a project's */
	Datum	   *prospects;		/* holder of a prospect's reference */
	Datum	   *refs;
	MemoryContext context;		/* reset with each flush */
	MemoryContext scratch;		/* reset with each row */
} RefBatch;

#define PROJECT_REFS_FROM \
	"FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) AS u (tenant_id, project_id, external_ref) "
#define PROJECT_REFS_MATCH \
	"r.tenant_id OPERATOR(pg_catalog.=) u.tenant_id AND r.external_ref OPERATOR(propstreet.=) u.external_ref "
#define PROSPECT_REFS_FROM \
	"FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4)) AS u (tenant_id, project_id, external_ref, prospect_id) "
#define PROSPECT_REFS_MATCH \
	"r.tenant_id OPERATOR(pg_catalog.=) u.tenant_id AND r.project_id OPERATOR(pg_catalog.=) u.project_id " \
	"AND r.external_ref OPERATOR(propstreet.=) u.external_ref "

#define REF_ARGS .nargs = 3,.args = {T_INT8_ARRAY, T_INT8_ARRAY, T_EXTERNAL_REF_ARRAY, T_INT8_ARRAY}
#define PROSPECT_REF_ARGS .nargs = 4,.args = {T_INT8_ARRAY, T_INT8_ARRAY, T_EXTERNAL_REF_ARRAY, T_INT8_ARRAY}

typedef struct RefStatements
{
	Statement	lock;
	Statement	remove;
	Statement	add;
	Statement	missing;		/* what could not be added, the taken ones first */
} RefStatements;

static RefStatements project_refs = {
	.lock = {.sql = "SELECT " PROJECT_REFS_FROM "JOIN propstreet.project_external_ref AS r ON " PROJECT_REFS_MATCH
	"ORDER BY r.tenant_id, r.external_ref FOR UPDATE OF r", REF_ARGS},
	.remove = {.sql = "DELETE FROM propstreet.project_external_ref AS r USING (SELECT u.* " PROJECT_REFS_FROM ") AS u "
		"WHERE " PROJECT_REFS_MATCH "AND r.project_id OPERATOR(pg_catalog.=) u.project_id", REF_ARGS},
	.add = {.sql = "INSERT INTO propstreet.project_external_ref (tenant_id, project_id, external_ref) "
		"SELECT u.tenant_id, u.project_id, u.external_ref " PROJECT_REFS_FROM
		"ORDER BY u.tenant_id, u.external_ref ON CONFLICT DO NOTHING", REF_ARGS},
	.missing = {.sql = "SELECT u.external_ref, r.project_id::pg_catalog.int8 " PROJECT_REFS_FROM
		"LEFT JOIN propstreet.project_external_ref AS r ON " PROJECT_REFS_MATCH
		"WHERE r.project_id IS NULL OR r.project_id OPERATOR(pg_catalog.<>) u.project_id "
	"ORDER BY r.project_id IS NULL, u.external_ref LIMIT 1", REF_ARGS}
};

static RefStatements prospect_refs = {
	.lock = {.sql = "SELECT " PROSPECT_REFS_FROM "JOIN propstreet.prospect_external_ref AS r ON " PROSPECT_REFS_MATCH
	"ORDER BY r.tenant_id, r.project_id, r.external_ref FOR UPDATE OF r", PROSPECT_REF_ARGS},
	.remove = {.sql = "DELETE FROM propstreet.prospect_external_ref AS r USING (SELECT u.* " PROSPECT_REFS_FROM ") AS u "
		"WHERE " PROSPECT_REFS_MATCH "AND r.prospect_id OPERATOR(pg_catalog.=) u.prospect_id", PROSPECT_REF_ARGS},
	.add = {.sql = "INSERT INTO propstreet.prospect_external_ref (tenant_id, project_id, external_ref, prospect_id) "
		"SELECT u.tenant_id, u.project_id, u.external_ref, u.prospect_id " PROSPECT_REFS_FROM
		"ORDER BY u.tenant_id, u.project_id, u.external_ref ON CONFLICT DO NOTHING", PROSPECT_REF_ARGS},
	.missing = {.sql = "SELECT u.external_ref, r.prospect_id::pg_catalog.int8 " PROSPECT_REFS_FROM
		"LEFT JOIN propstreet.prospect_external_ref AS r ON " PROSPECT_REFS_MATCH
		"WHERE r.prospect_id IS NULL OR r.prospect_id OPERATOR(pg_catalog.<>) u.prospect_id "
	"ORDER BY r.prospect_id IS NULL, u.external_ref LIMIT 1", PROSPECT_REF_ARGS}
};

/*
 * Is a reference still missing in the index that is free now?  PT409 if somebody
 * else holds one (specification, "External Ref Structure").
 */
static bool
missing_refs(RefBatch *batch, const Datum *values)
{
	Problem		problem = {.member = batch->of_prospects ? "prospectId" : "projectId"};
	bool		isnull;
	Datum		holder;
	char	   *ref;

	if (run(batch->of_prospects ? &prospect_refs.missing : &project_refs.missing, values, NULL) == 0)
		return false;
	holder = fetch_value(0, 2, &isnull);
	if (isnull)
		return true;
	problem.value = id_json(DatumGetInt64(holder));
	ref = TextDatumGetCString(fetch_value(0, 1, &isnull));
	problem.detail = psprintf("External reference %s is already used in this %s", ref,
							  batch->of_prospects ? "project" : "tenant");
	problem_raise(PT_CONFLICT, &problem);
}

static void
flush_refs(RefBatch *batch)
{
	RefStatements *statements = batch->of_prospects ? &prospect_refs : &project_refs;
	MemoryContext before;
	Datum		values[4];

	if (batch->count == 0)
		return;
	before = MemoryContextSwitchTo(batch->context);
	values[0] = int64_array(batch->tenants, batch->count);
	values[1] = int64_array(batch->projects, batch->count);
	values[2] = PointerGetDatum(construct_array(batch->refs, batch->count, type_oid(T_EXTERNAL_REF), -1, false, TYPALIGN_INT));
	values[3] = int64_array(batch->prospects, batch->count);
	MemoryContextSwitchTo(before);
	if (batch->pass == LOCK_REFS)
		run(&statements->lock, values, NULL);
	else if (batch->pass == REMOVE_REFS)
		run(&statements->remove, values, NULL);
	else
	{
		/* a reference that is taken is skipped; once more if it became free meanwhile */
		while (run(&statements->add, values, NULL) < (uint64) batch->count && missing_refs(batch, values))
			;
	}
	batch->count = 0;
	MemoryContextReset(batch->context);
}

static void
collect_refs(RefBatch *batch, const Transition *transition, TupleTableSlot *slot)
{
	bool		isnull;
	MemoryContext before = MemoryContextSwitchTo(batch->scratch);
	ExternalRef **refs;
	int			count = refs_deform(slot_getattr(slot, transition->at.external_refs, &isnull), &refs);

	MemoryContextSwitchTo(before);
	for (int i = 0; i < count; i++)
	{
		if (batch->count == CHUNK)
			flush_refs(batch);
		MemoryContextSwitchTo(batch->context);
		batch->tenants[batch->count] = slot_getattr(slot, transition->at.tenant_id, &isnull);
		batch->projects[batch->count] = slot_getattr(slot, batch->of_prospects ? transition->at.project_id : transition->at.id, &isnull);
		batch->prospects[batch->count] = slot_getattr(slot, transition->at.id, &isnull);
		batch->refs[batch->count++] = datumCopy(PointerGetDatum(refs[i]), false, -1);
		MemoryContextSwitchTo(before);
	}
	MemoryContextReset(batch->scratch);
}

static bool
holds_refs(const Transition *transition, TupleTableSlot *slot)
{
	bool		isnull;
	Datum		refs;
	ArrayType  *array;
	bool		holds;

	if (!slot_attisnull(slot, transition->at.deleted_utc))
		return false;
	refs = slot_getattr(slot, transition->at.external_refs, &isnull);
	array = DatumGetArrayTypeP(refs);
	holds = ARR_NDIM(array) > 0;
	if (array != (ArrayType *) DatumGetPointer(refs))
		pfree(array);
	return holds;
}

/* One pass over a statement */
static void
index_refs(Transition *transition, bool of_prospects, RefPass pass)
{
	int			size = CHUNK;
	RefBatch	batch = {.of_prospects = of_prospects,.pass = pass,
		.tenants = palloc(size * sizeof(Datum)),.projects = palloc(size * sizeof(Datum)),
		.prospects = palloc(size * sizeof(Datum)),.refs = palloc(size * sizeof(Datum)),
		.context = AllocSetContextCreate(CurrentMemoryContext, "propstreet references", ALLOCSET_DEFAULT_SIZES),
		.scratch = AllocSetContextCreate(CurrentMemoryContext, "propstreet row", ALLOCSET_DEFAULT_SIZES)
	};

	rewind_transition(transition);
	while (next_row(transition))
	{
		if (transition->old && same_value(transition, transition->at.external_refs) &&
			slot_attisnull(transition->old, transition->at.deleted_utc) == slot_attisnull(transition->new, transition->at.deleted_utc))
			continue;
		if (pass != ADD_REFS && holds_refs(transition, transition->old))
			collect_refs(&batch, transition, transition->old);
		if (pass != REMOVE_REFS && holds_refs(transition, transition->new))
			collect_refs(&batch, transition, transition->new);
	}
	flush_refs(&batch);
}

static Datum
resource_changed(FunctionCallInfo fcinfo, bool of_prospects)
{
	TriggerData *trigger = checked_trigger(fcinfo, false);
	Identity	caller = act_as(trigger->tg_relation->rd_rel->relowner);
	Transition	transition;

	if (propstreet_restore)
	{
		act_as_before(caller);
		return PointerGetDatum(NULL);
	}
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	begin_transition(&transition, trigger);
	transition.at.deleted_utc = column(&transition, "deleted_utc", T_TIMESTAMPTZ);
	transition.at.external_refs = column(&transition, "external_refs", T_EXTERNAL_REF_ARRAY);
	if (of_prospects)
		transition.at.project_id = column(&transition, "project_id", T_INT8);
	if (transition.old)
	{
		index_refs(&transition, of_prospects, LOCK_REFS);
		index_refs(&transition, of_prospects, REMOVE_REFS);
	}
	index_refs(&transition, of_prospects, ADD_REFS);
	end_transition(&transition);
	SPI_finish();
	act_as_before(caller);
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(propstreet_project_changed);

/* AFTER INSERT or UPDATE statement trigger of project; PT409 for a reference that is taken. */
Datum
propstreet_project_changed(PG_FUNCTION_ARGS)
{
	return resource_changed(fcinfo, false);
}

PG_FUNCTION_INFO_V1(propstreet_prospect_changed);

/* AFTER INSERT or UPDATE statement trigger of prospect; PT409 for a reference that is taken. */
Datum
propstreet_prospect_changed(PG_FUNCTION_ARGS)
{
	return resource_changed(fcinfo, true);
}

/* ---- copies ---- */

/*
 * Prospects are locked in the order of their ids, then changed: one statement for
 * both would join them with themselves, for which the planner finds bad ways.
 * Removed ones keep what they had.
 */
typedef struct CopyStatements
{
	Statement	lock;
	Statement	copy;
} CopyStatements;

#define COPY_FROM "ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS u (tenant_id, id) "
#define COPY_LOCK(match) \
	"SELECT pg_catalog.count(*) FROM (SELECT FROM " COPY_FROM \
	"JOIN propstreet.prospect AS t ON t.tenant_id OPERATOR(pg_catalog.=) u.tenant_id AND " match \
	" WHERE t.tenant_id OPERATOR(pg_catalog.=) ANY ($1) AND t.deleted_utc IS NULL ORDER BY t.tenant_id, t.id FOR NO KEY UPDATE OF t) AS locked"
#define COPY_COPY(table, company, match) \
	"UPDATE propstreet.prospect AS t SET tags = c.tags, company_id = " company ", revision = " COPIES_GIVEN_SQL " FROM " COPY_FROM \
	"JOIN propstreet." table " AS c ON c.tenant_id OPERATOR(pg_catalog.=) u.tenant_id AND c.id OPERATOR(pg_catalog.=) u.id " \
	"WHERE t.tenant_id OPERATOR(pg_catalog.=) u.tenant_id AND " match " AND t.tenant_id OPERATOR(pg_catalog.=) ANY ($1) AND t.deleted_utc IS NULL"
#define COPY_ARGS .nargs = 2,.args = {T_INT8_ARRAY, T_INT8_ARRAY}
/* said twice, so that an index is used whichever way they are joined */
#define OF_CONTACT "t.contact_id OPERATOR(pg_catalog.=) u.id AND t.contact_id OPERATOR(pg_catalog.=) ANY ($2)"
#define OF_COMPANY "t.company_id OPERATOR(pg_catalog.=) u.id AND t.company_id OPERATOR(pg_catalog.=) ANY ($2) AND t.contact_id IS NULL"

static CopyStatements copy_contacts = {
	.lock = {.sql = COPY_LOCK(OF_CONTACT), COPY_ARGS},
	.copy = {.sql = COPY_COPY("contact", "c.company_id", OF_CONTACT), COPY_ARGS}
};

static CopyStatements copy_companies = {
	.lock = {.sql = COPY_LOCK(OF_COMPANY), COPY_ARGS},
	.copy = {.sql = COPY_COPY("company", "c.id", OF_COMPANY), COPY_ARGS}
};

static void
copy_investors(CopyStatements *statements, Datum *tenants, Datum *ids, int count)
{
	Datum		values[2];

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
	TriggerData *trigger = checked_trigger(fcinfo, false);
	Identity	caller;
	Transition	transition;
	Datum		tenants[CHUNK];
	Datum		ids[CHUNK];
	int			count = 0;

	if (trigger->tg_oldtable == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" is called in a way it is not made for", get_func_name(fcinfo->flinfo->fn_oid)),
				 errhint("propstreet.install() creates its triggers.")));
	if (propstreet_restore)
		return PointerGetDatum(NULL);
	caller = act_as(trigger->tg_relation->rd_rel->relowner);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	begin_transition(&transition, trigger);
	transition.at.tags = column(&transition, "tags", T_TEXT_ARRAY);
	if (statements == &copy_contacts)
		transition.at.company_id = column(&transition, "company_id", T_INT8);
	rewind_transition(&transition);
	while (next_row(&transition))
	{
		if (same_value(&transition, transition.at.tags) &&
			(transition.at.company_id == InvalidAttrNumber || same_value(&transition, transition.at.company_id)))
			continue;
		tenants[count] = Int64GetDatum(get_int64(transition.new, transition.at.tenant_id));
		ids[count++] = Int64GetDatum(get_int64(transition.new, transition.at.id));
		if (count == CHUNK)
		{
			copy_investors(statements, tenants, ids, count);
			count = 0;
		}
	}
	copy_investors(statements, tenants, ids, count);
	end_transition(&transition);
	SPI_finish();
	act_as_before(caller);
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
