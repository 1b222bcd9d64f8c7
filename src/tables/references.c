/*
 * references.c
 *	  AFTER statement triggers of project and prospect: their references are unique.
 *	  They read the transition tables and write once per 1,000 rows; a statement that
 *	  changes no reference costs scans of those tables and no SQL.
 */
#include "postgres.h"

#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "tables/tables.h"

/* The columns that a trigger looks at */
typedef struct Attributes
{
	AttrNumber project_id;	  /* prospect */
	AttrNumber deleted_utc;	  /* project, prospect */
	AttrNumber external_refs; /* project, prospect */
} Attributes;

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
	const Attributes *at;
	bool of_prospects;
	RefPass pass;
	int count;
	Datum *tenants;
	Datum *projects;  /* scope of a prospect's reference, holder of a project's */
	Datum *prospects; /* holder of a prospect's reference */
	Datum *refs;
	MemoryContext context; /* reset with each flush */
	MemoryContext scratch; /* reset with each row */
} RefBatch;

#define PROJECT_REFS_FROM \
	"FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) AS u (tenant_id, " \
	"project_id, external_ref) "
#define PROJECT_REFS_MATCH \
	"r.tenant_id OPERATOR(pg_catalog.=) u.tenant_id AND r.external_ref OPERATOR(propstreet.=) u.external_ref "
#define PROSPECT_REFS_FROM \
	"FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), " \
	"pg_catalog.unnest($4)) AS u (tenant_id, project_id, external_ref, prospect_id) "
#define PROSPECT_REFS_MATCH \
	"r.tenant_id OPERATOR(pg_catalog.=) u.tenant_id AND r.project_id OPERATOR(pg_catalog.=) u.project_id " \
	"AND r.external_ref OPERATOR(propstreet.=) u.external_ref "

#define REF_ARGS .nargs = 3, .args = {T_INT8_ARRAY, T_INT8_ARRAY, T_EXTERNAL_REF_ARRAY, T_INT8_ARRAY}
#define PROSPECT_REF_ARGS .nargs = 4, .args = {T_INT8_ARRAY, T_INT8_ARRAY, T_EXTERNAL_REF_ARRAY, T_INT8_ARRAY}

typedef struct RefStatements
{
	Statement lock;
	Statement remove;
	Statement add;
	Statement missing; /* what could not be added, the taken ones first */
} RefStatements;

static RefStatements project_refs = {
	.lock = {.sql = "SELECT " PROJECT_REFS_FROM "JOIN propstreet.project_external_ref AS r ON " PROJECT_REFS_MATCH
					"ORDER BY r.tenant_id, r.external_ref FOR UPDATE OF r",
			 REF_ARGS},
	.remove = {.sql = "DELETE FROM propstreet.project_external_ref AS r USING (SELECT u.* " PROJECT_REFS_FROM ") AS u "
					  "WHERE " PROJECT_REFS_MATCH "AND r.project_id OPERATOR(pg_catalog.=) u.project_id",
			   REF_ARGS},
	.add = {.sql = "INSERT INTO propstreet.project_external_ref (tenant_id, project_id, external_ref) "
				   "SELECT u.tenant_id, u.project_id, u.external_ref " PROJECT_REFS_FROM
				   "ORDER BY u.tenant_id, u.external_ref ON CONFLICT DO NOTHING",
			REF_ARGS},
	.missing = {.sql = "SELECT u.external_ref, r.external_ref IS NULL, r.project_id::pg_catalog.int8 " PROJECT_REFS_FROM
					   "LEFT JOIN propstreet.project_external_ref AS r ON " PROJECT_REFS_MATCH
					   "WHERE r.project_id IS NULL OR r.project_id OPERATOR(pg_catalog.<>) u.project_id "
					   "ORDER BY r.external_ref IS NULL, u.external_ref LIMIT 1",
				REF_ARGS}};

static RefStatements prospect_refs = {
	.lock = {.sql = "SELECT " PROSPECT_REFS_FROM "JOIN propstreet.prospect_external_ref AS r ON " PROSPECT_REFS_MATCH
					"ORDER BY r.tenant_id, r.project_id, r.external_ref FOR UPDATE OF r",
			 PROSPECT_REF_ARGS},
	.remove = {.sql = "DELETE FROM propstreet.prospect_external_ref AS r "
					  "USING (SELECT u.* " PROSPECT_REFS_FROM ") AS u "
					  "WHERE " PROSPECT_REFS_MATCH "AND r.prospect_id OPERATOR(pg_catalog.=) u.prospect_id",
			   PROSPECT_REF_ARGS},
	.add = {.sql = "INSERT INTO propstreet.prospect_external_ref (tenant_id, project_id, external_ref, prospect_id) "
				   "SELECT u.tenant_id, u.project_id, u.external_ref, u.prospect_id " PROSPECT_REFS_FROM
				   "ORDER BY u.tenant_id, u.project_id, u.external_ref ON CONFLICT DO NOTHING",
			PROSPECT_REF_ARGS},
	.missing = {.sql = "SELECT u.external_ref, r.external_ref IS NULL, "
					   "r.prospect_id::pg_catalog.int8 " PROSPECT_REFS_FROM
					   "LEFT JOIN propstreet.prospect_external_ref AS r ON " PROSPECT_REFS_MATCH
					   "WHERE r.prospect_id IS NULL OR r.prospect_id OPERATOR(pg_catalog.<>) u.prospect_id "
					   "ORDER BY r.external_ref IS NULL, u.external_ref LIMIT 1",
				PROSPECT_REF_ARGS}};

/*
 * Is a reference still missing in the index that is free now?  PT409 if somebody
 * else holds one (specification, "External Ref Structure").
 */
static bool
missing_refs(RefBatch *batch, const Datum *values)
{
	Problem problem = {.member = batch->of_prospects ? "prospectId" : "projectId"};

	CHECK_FOR_INTERRUPTS();
	if (run(batch->of_prospects ? &prospect_refs.missing : &project_refs.missing, values, NULL) == 0)
		return false;
	if (DatumGetBool(fetch(0, 2)))
		return true;
	problem.value = id_json(DatumGetInt64(fetch(0, 3)));
	problem.detail = psprintf("External reference %s is already used in this %s", TextDatumGetCString(fetch(0, 1)),
							  batch->of_prospects ? "project" : "tenant");
	problem_raise(PT_CONFLICT, &problem);
}

static void
flush_refs(RefBatch *batch)
{
	RefStatements *statements = batch->of_prospects ? &prospect_refs : &project_refs;
	MemoryContext before;
	Datum values[4];

	if (batch->count == 0)
		return;
	before = MemoryContextSwitchTo(batch->context);
	values[0] = int64_array(batch->tenants, batch->count);
	values[1] = int64_array(batch->projects, batch->count);
	values[2] =
		PointerGetDatum(construct_array(batch->refs, batch->count, type_oid(T_EXTERNAL_REF), -1, false, TYPALIGN_INT));
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
	MemoryContext before = MemoryContextSwitchTo(batch->scratch);
	ExternalRef **refs;
	int count = refs_deform(slot_value(slot, batch->at->external_refs), &refs);

	MemoryContextSwitchTo(before);
	for (int i = 0; i < count; i++)
	{
		if (batch->count == CHUNK)
			flush_refs(batch);
		MemoryContextSwitchTo(batch->context);
		batch->tenants[batch->count] = slot_value(slot, transition->tenant_id);
		batch->projects[batch->count] = slot_value(slot, batch->of_prospects ? batch->at->project_id : transition->id);
		batch->prospects[batch->count] = slot_value(slot, transition->id);
		batch->refs[batch->count++] = datumCopy(PointerGetDatum(refs[i]), false, -1);
		MemoryContextSwitchTo(before);
	}
	MemoryContextReset(batch->scratch);
}

static bool
holds_refs(const Attributes *at, TupleTableSlot *slot)
{
	Datum refs;
	ArrayType *array;
	bool holds;

	if (!slot_attisnull(slot, at->deleted_utc))
		return false;
	refs = slot_value(slot, at->external_refs);
	array = DatumGetArrayTypeP(refs);
	holds = ARR_NDIM(array) > 0;
	if (array != (ArrayType *) DatumGetPointer(refs))
		pfree(array);
	return holds;
}

/* One pass over a statement; were there references to care for? */
static bool
index_refs(Transition *transition, const Attributes *at, bool of_prospects, RefPass pass)
{
	int size = CHUNK;
	RefBatch batch = {.at = at,
					  .of_prospects = of_prospects,
					  .pass = pass,
					  .tenants = palloc(size * sizeof(Datum)),
					  .projects = palloc(size * sizeof(Datum)),
					  .prospects = palloc(size * sizeof(Datum)),
					  .refs = palloc(size * sizeof(Datum)),
					  .context =
						  AllocSetContextCreate(CurrentMemoryContext, "propstreet references", ALLOCSET_DEFAULT_SIZES),
					  .scratch = AllocSetContextCreate(CurrentMemoryContext, "propstreet row", ALLOCSET_DEFAULT_SIZES)};
	bool any = false;

	transition_rewind(transition);
	while (transition_next(transition))
	{
		if (transition->old && same_value(transition, at->external_refs) &&
			slot_attisnull(transition->old, at->deleted_utc) == slot_attisnull(transition->new, at->deleted_utc))
			continue;
		any = true;
		if (pass != ADD_REFS && holds_refs(at, transition->old))
			collect_refs(&batch, transition, transition->old);
		if (pass != REMOVE_REFS && holds_refs(at, transition->new))
			collect_refs(&batch, transition, transition->new);
	}
	flush_refs(&batch);
	return any;
}

static Datum
resource_changed(FunctionCallInfo fcinfo, bool of_prospects)
{
	Transition transition;
	Attributes at = {0};

	if (!transition_begin(&transition, fcinfo))
		return PointerGetDatum(NULL);
	at.deleted_utc = transition_column(&transition, "deleted_utc", T_TIMESTAMPTZ);
	at.external_refs = transition_column(&transition, "external_refs", T_EXTERNAL_REF_ARRAY);
	if (of_prospects)
		at.project_id = transition_column(&transition, "project_id", T_INT8);
	if (transition.old == NULL)
		index_refs(&transition, &at, of_prospects, ADD_REFS);
	else if (index_refs(&transition, &at, of_prospects, LOCK_REFS))
	{
		index_refs(&transition, &at, of_prospects, REMOVE_REFS);
		index_refs(&transition, &at, of_prospects, ADD_REFS);
	}
	transition_end(&transition);
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
