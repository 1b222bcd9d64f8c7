/*
 * prospect.c
 *	  Operations on prospects (specification, "Prospects" and "External
 *	  References"; doc/decisions.md, "Writing" and "Teasers").
 */
#include "postgres.h"

#include "base/json_c.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "operations/operations.h"

#define INSERT_TRIES 20 /* after others got in between */
#define OF_PROSPECT \
	"WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 AND t.project_id OPERATOR(pg_catalog.=) $2 " \
	"AND t.id OPERATOR(pg_catalog.=) $3"

/* ---- reading ---- */

/* Get a prospect of a project, removed or not; false if there is none. */
static bool
load(Operation *operation, int64 project_id, int64 id, bool lock, Row *row)
{
	static Statement get = {
		.sql = "SELECT " PROSPECT_SQL " FROM propstreet.prospect AS t " OF_PROSPECT,
		.reads = true,
		.nargs = 3,
		.args = {T_INT8, T_INT8, T_INT8},
	};
	static Statement get_locked = {
		.sql = "SELECT " PROSPECT_SQL " FROM propstreet.prospect "
			   "AS t " OF_PROSPECT " FOR NO KEY UPDATE",
		.nargs = 3,
		.args = {T_INT8, T_INT8, T_INT8},
	};
	Datum values[] = {Int64GetDatum(operation->tenant_id), Int64GetDatum(project_id), Int64GetDatum(id)};

	if (run(lock ? &get_locked : &get, values, NULL) == 0)
		return false;
	fetch_row(0, row, KIND_PROSPECT);
	return true;
}

/* Lock a prospect that is not removed, of a project that is not deleted. */
static void
lock_prospect(Operation *operation, int64 project_id, int64 id, Row *row)
{
	writer_lock(operation->tenant_id);
	project_require(operation, project_id, false, READ_NOW);
	if (!load(operation, project_id, id, true, row) || !row->nulls[R_DELETED_UTC])
		not_found("Prospect", id, NULL);
}

static Datum
prospect_result(FunctionCallInfo fcinfo, Operation *operation, const Row *row)
{
	StringInfoData out;

	answer_row(fcinfo, row, KIND_PROSPECT, false);
	initStringInfo(&out);
	append_resource(&out, row, KIND_PROSPECT);
	return operation_result(operation, &out);
}

PG_FUNCTION_INFO_V1(propstreet_prospect_get);

/* prospect_get(project_id, id, include_deleted) json; PT404 for the project or the prospect */
Datum
propstreet_prospect_get(PG_FUNCTION_ARGS)
{
	int64 project_id = argument_id(fcinfo, 0, "project_id");
	int64 id = argument_id(fcinfo, 1, "id");
	bool include_deleted = argument_bool(fcinfo, 2, false);
	Operation operation;
	Row row;

	operation_begin(&operation);
	project_require(&operation, project_id, include_deleted, READ_SNAPSHOT);
	if (!load(&operation, project_id, id, false, &row) || (!include_deleted && !row.nulls[R_DELETED_UTC]))
		not_found("Prospect", id, NULL);
	return prospect_result(fcinfo, &operation, &row);
}

/* The live prospect that has a reference, as the calling query sees it, or as it is by now. */
static bool
find_by_ref(Operation *operation, int64 project_id, ExternalRef *ref, bool now, Row *row)
{
#define FIND \
	.sql = "SELECT " PROSPECT_SQL " FROM propstreet.prospect_external_ref AS r " \
		   "JOIN propstreet.prospect AS t ON t.tenant_id OPERATOR(pg_catalog.=) r.tenant_id " \
		   "AND t.id OPERATOR(pg_catalog.=) r.prospect_id " \
		   "WHERE r.tenant_id OPERATOR(pg_catalog.=) $1 AND r.project_id OPERATOR(pg_catalog.=) $2 " \
		   "AND r.external_ref OPERATOR(propstreet.=) $3 " \
		   "AND t.deleted_utc IS NULL", \
	.nargs = 3, .args = {T_INT8, T_INT8, T_EXTERNAL_REF}
	static Statement find = {FIND, .reads = true};
	static Statement find_now = {FIND};
	Datum values[] = {Int64GetDatum(operation->tenant_id), Int64GetDatum(project_id), PointerGetDatum(ref)};

	if (run(now ? &find_now : &find, values, NULL) == 0)
		return false;
	fetch_row(0, row, KIND_PROSPECT);
	return true;
}

PG_FUNCTION_INFO_V1(propstreet_prospect_find);

/*
 * prospect_find(project_id, namespace, external_id, include_deleted) json: also of a
 * deleted project if so wanted, but never a removed prospect (doc/decisions.md,
 * "Writing"). PT400 for what can't be a reference, PT404
 */
Datum
propstreet_prospect_find(PG_FUNCTION_ARGS)
{
	int64 project_id = argument_id(fcinfo, 0, "project_id");
	Problems problems = {NIL};
	ExternalRef *ref = argument_ref(fcinfo, 1, &problems);
	Problem problem = {.detail = "No prospect of this project has this external reference"};
	Operation operation;
	Row row;

	operation_begin(&operation);
	project_require(&operation, project_id, argument_bool(fcinfo, 3, false), READ_SNAPSHOT);
	if (!find_by_ref(&operation, project_id, ref, false, &row))
		problem_raise(PT_NOT_FOUND, &problem);
	return prospect_result(fcinfo, &operation, &row);
}

/* The live prospect that a contact, or a company without a contact, is in a project. */
static bool
find_by_investor(Operation *operation, int64 project_id, const Row *investor, Row *row)
{
#define BY(condition) \
	.sql = "SELECT " PROSPECT_SQL " FROM propstreet.prospect AS t " \
		   "WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 " \
		   "AND t.project_id OPERATOR(pg_catalog.=) $2 " \
		   "AND " condition " AND t.deleted_utc IS NULL", \
	.nargs = 3, .args = {T_INT8, T_INT8, T_INT8}
	static Statement by_contact = {BY("t.contact_id OPERATOR(pg_catalog.=) $3")};
	static Statement by_company = {BY("t.company_id OPERATOR(pg_catalog.=) $3 AND t.contact_id IS NULL")};
	bool company = investor->nulls[R_CONTACT_ID];
	Datum values[] = {Int64GetDatum(operation->tenant_id), Int64GetDatum(project_id),
					  investor->values[company ? R_COMPANY_ID : R_CONTACT_ID]};

	if (run(company ? &by_company : &by_contact, values, NULL) == 0)
		return false;
	fetch_row(0, row, KIND_PROSPECT);
	return true;
}

/* ---- writing ---- */

/* Add a prospect; false if the investor is one already. */
static bool
insert_prospect(Operation *operation, int64 project_id, const Change *change, Row *row)
{
	static const char *const conflicts[] = {
		"ON CONFLICT (tenant_id, contact_id, project_id) WHERE deleted_utc IS NULL AND contact_id IS NOT NULL "
		"DO NOTHING",
		"ON CONFLICT (tenant_id, company_id, project_id) WHERE deleted_utc IS NULL AND contact_id IS NULL DO NOTHING"};
	static Statement insert[lengthof(conflicts)];
	bool company = change->row.nulls[R_CONTACT_ID];

	*row = change->row;
	row->values[R_TENANT_ID] = Int64GetDatum(operation->tenant_id);
	row->values[R_PROJECT_ID] = Int64GetDatum(project_id);
	row->nulls[R_PROJECT_ID] = false;
	writer_lock(operation->tenant_id);
	return resource_insert(&insert[company], KIND_PROSPECT, conflicts[company], row);
}

/* Change a locked row as a body asks for; says whether that made a difference. */
static bool
patch_prospect(const Change *change, Row *row)
{
	if (!change_apply(change, row))
		return false;
	resource_update(row, KIND_PROSPECT);
	return true;
}

/* Races are over after a few tries; a user's trigger that leaves the row out is not. */
static void
check_tries(int tries)
{
	if (tries >= INSERT_TRIES)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE), errmsg("could not add the prospect"),
				 errdetail("Other transactions keep changing it, or a trigger prevents it."), errhint("Try again.")));
}

PG_FUNCTION_INFO_V1(propstreet_prospect_add);

/*
 * prospect_add(project_id, body, idempotency_key) json: specification, "Add a
 * Prospect".  PT400 with all problems of the body; PT404 for the project, contact
 * or company; PT409 for a blocked investor, one that is a prospect already, or a
 * reference that is taken; for a key PT409 and PT422.
 */
Datum
propstreet_prospect_add(PG_FUNCTION_ARGS)
{
	int64 project_id = argument_id(fcinfo, 0, "project_id");
	Problems problems = {NIL};
	Problem problem = {.member = "prospectId"};
	int tries = 0;
	Operation operation;
	Idempotent idempotent;
	StringInfoData out;
	Change change;
	Row row;

	operation_begin(&operation);
	initStringInfo(&out);
	if (idempotent_begin(&operation, fcinfo, 2, "prospect_add", project_id, 1, &idempotent, &out))
		return operation_result(&operation, &out);
	prospect_decode_add(argument_body(fcinfo, 1, &problems), NULL, &change, &problems);
	problems_check(&problems);
	while (!insert_prospect(&operation, project_id, &change, &row))
	{
		/* once more if it was removed meanwhile */
		if (!find_by_investor(&operation, project_id, &change.row, &row))
		{
			check_tries(++tries);
			continue;
		}
		problem.detail = psprintf("%s already exists as prospect in this project",
								  change.row.nulls[R_CONTACT_ID] ? "Company" : "Contact");
		problem.value = id_json(DatumGetInt64(row.values[R_ID]));
		problem_raise(PT_CONFLICT, &problem);
	}
	append_resource(&out, &row, KIND_PROSPECT);
	answer_row(fcinfo, &row, KIND_PROSPECT, true);
	idempotent_end(&operation, &idempotent, &row, KIND_PROSPECT, &out);
	return operation_result(&operation, &out);
}

PG_FUNCTION_INFO_V1(propstreet_prospect_update);

/*
 * prospect_update(project_id, id, patch, if_match) json: specification, "Update a
 * Prospect".  PT400, PT404, PT409 for a reference that is taken, PT412.
 */
Datum
propstreet_prospect_update(PG_FUNCTION_ARGS)
{
	int64 project_id = argument_id(fcinfo, 0, "project_id");
	int64 id = argument_id(fcinfo, 1, "id");
	Preconditions preconditions = argument_preconditions(fcinfo, 3, 0);
	Problems problems = {NIL};
	Operation operation;
	Change change;
	Row row;

	operation_begin(&operation);
	prospect_decode_patch(argument_body(fcinfo, 2, &problems), NULL, &change, &problems);
	problems_check(&problems);
	lock_prospect(&operation, project_id, id, &row);
	check_row(&preconditions, &row, KIND_PROSPECT);
	patch_prospect(&change, &row);
	return prospect_result(fcinfo, &operation, &row);
}

PG_FUNCTION_INFO_V1(propstreet_prospect_remove);

/* prospect_remove(project_id, id, if_match): soft deletion; PT404 (also if removed already), PT412 */
Datum
propstreet_prospect_remove(PG_FUNCTION_ARGS)
{
	static Statement remove = {
		.sql = "UPDATE propstreet.prospect AS t SET deleted_utc = $4 " OF_PROSPECT,
		.nargs = 4,
		.args = {T_INT8, T_INT8, T_INT8, T_TIMESTAMPTZ},
	};
	int64 project_id = argument_id(fcinfo, 0, "project_id");
	int64 id = argument_id(fcinfo, 1, "id");
	Preconditions preconditions = argument_preconditions(fcinfo, 2, 0);
	Operation operation;
	Datum values[4];
	Row row;

	operation_begin(&operation);
	lock_prospect(&operation, project_id, id, &row);
	check_row(&preconditions, &row, KIND_PROSPECT);
	values[0] = Int64GetDatum(operation.tenant_id);
	values[1] = Int64GetDatum(project_id);
	values[2] = Int64GetDatum(id);
	values[3] = TimestampTzGetDatum(GetCurrentTimestamp());
	run(&remove, values, NULL);
	operation_end(&operation);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(propstreet_teaser_accept);

/*
 * teaser_accept(project_id, prospect_id) json: the prospect, with the capability
 * chat.  PT404; PT409 if the teaser was not communicated to it, or its deadline
 * has passed.  Accepting again changes nothing.
 */
Datum
propstreet_teaser_accept(PG_FUNCTION_ARGS)
{
	static Statement accept = {
		.sql = "UPDATE propstreet.prospect AS t "
			   "SET accepted_utc = $4 " OF_PROSPECT " RETURNING " PROSPECT_SQL,
		.nargs = 4,
		.args = {T_INT8, T_INT8, T_INT8, T_TIMESTAMPTZ},
	};
	int64 project_id = argument_id(fcinfo, 0, "project_id");
	int64 id = argument_id(fcinfo, 1, "prospect_id");
	TimestampTz now;
	Problem problem = {.detail = "The teaser was not communicated to this prospect"};
	Operation operation;
	Row row;

	operation_begin(&operation);
	lock_prospect(&operation, project_id, id, &row);
	now = GetCurrentTimestamp();
	if (row.nulls[R_DEADLINE_UTC])
		problem_raise(PT_CONFLICT, &problem);
	if (row.nulls[R_ACCEPTED_UTC])
	{
		Datum values[] = {Int64GetDatum(operation.tenant_id), Int64GetDatum(project_id), Int64GetDatum(id),
						  TimestampTzGetDatum(now)};

		problem.detail = "The deadline to accept the teaser has passed";
		if (now > DatumGetTimestampTz(row.values[R_DEADLINE_UTC]))
			problem_raise(PT_CONFLICT, &problem);
		run(&accept, values, NULL);
		fetch_row(0, &row, KIND_PROSPECT);
	}
	return prospect_result(fcinfo, &operation, &row);
}

/* ---- upsert ---- */

typedef struct Upsert
{
	Operation *operation;
	int64 project_id;
	ExternalRef *ref;
	Preconditions preconditions;
	Change change;
	Row row;
	bool by_ref;		/* it has the reference */
	bool lost;			/* it was found, but not as such when it was locked */
	const char *result; /* NULL: not done */
} Upsert;

static bool
gives_investor(const Change *change)
{
	return change->given[R_CONTACT_ID] || change->given[R_COMPANY_ID];
}

static void
raise_conflict(const Row *row, const char *detail)
{
	Problem problem = {.detail = unconstify(char *, detail),
					   .member = "prospectId",
					   .value = id_json(DatumGetInt64(row->values[R_ID]))};

	problem_raise(PT_CONFLICT, &problem);
}

/* The body may name the investor again, but not another one. */
static void
check_same_investor(const Upsert *upsert)
{
	const Row *given = &upsert->change.row;
	const Row *row = &upsert->row;
	bool other = false;

	if (!given->nulls[R_CONTACT_ID])
		other = row->nulls[R_CONTACT_ID] || row->values[R_CONTACT_ID] != given->values[R_CONTACT_ID];
	else if (!given->nulls[R_COMPANY_ID])
		other = !row->nulls[R_CONTACT_ID] || row->values[R_COMPANY_ID] != given->values[R_COMPANY_ID];
	if (other)
		raise_conflict(row, "The prospect with this external reference is another investor");
}

static void
patch_upserted(Upsert *upsert, Change change)
{
	change.given[R_CONTACT_ID] = false;
	change.given[R_COMPANY_ID] = false;
	upsert->result = patch_prospect(&change, &upsert->row) ? "updated" : "unchanged";
}

/*
 * Lock the prospect that was found.  If another has changed it meanwhile, this try
 * is rolled back, with its lock: project and investor are locked before prospects.
 */
static void
lock_found(Upsert *upsert)
{
	Problem problem = {.detail = "the prospect was changed meanwhile"};
	Row *row = &upsert->row;

	upsert->lost = !load(upsert->operation, upsert->project_id, DatumGetInt64(row->values[R_ID]), true, row) ||
				   !row->nulls[R_DELETED_UTC] ||
				   (upsert->by_ref && !has_ref(row->values[R_EXTERNAL_REFS], upsert->ref));
	if (upsert->lost)
		problem_raise(PT_CONFLICT, &problem);
	check_row(&upsert->preconditions, row, KIND_PROSPECT);
}

/* The prospect that has the reference is changed. */
static bool
upsert_by_ref(Upsert *upsert)
{
	upsert->by_ref = find_by_ref(upsert->operation, upsert->project_id, upsert->ref, true, &upsert->row);
	if (!upsert->by_ref)
		return false;
	lock_found(upsert);
	check_same_investor(upsert);
	patch_upserted(upsert, upsert->change);
	return true;
}

/* The investor is a prospect, but without a reference in the namespace: it gets this one. */
static bool
upsert_by_investor(Upsert *upsert)
{
	Change change = upsert->change;
	ExternalRef **refs;
	int count;

	if (!find_by_investor(upsert->operation, upsert->project_id, &change.row, &upsert->row))
		return false;
	lock_found(upsert);
	count = refs_deform(upsert->row.values[R_EXTERNAL_REFS], &refs);
	for (int i = 0; i < count; i++)
		if (same_namespace(refs[i], upsert->ref))
			raise_conflict(&upsert->row,
						   "The investor is a prospect with another external reference in this namespace");
	if (!change.given[R_EXTERNAL_REFS])
	{
		if (count >= EXTERNAL_REF_MAX)
			raise_conflict(&upsert->row,
						   "The investor is a prospect that has as many external references as there can be");
		change.row.values[R_EXTERNAL_REFS] = refs_append(upsert->row.values[R_EXTERNAL_REFS], upsert->ref);
		change.row.nulls[R_EXTERNAL_REFS] = false;
		change.given[R_EXTERNAL_REFS] = true;
	}
	patch_upserted(upsert, change);
	return true;
}

/* One try: change the prospect that has the reference, give it to the one that the investor is, or add one. */
static void
upsert_once(void *arg)
{
	Upsert *upsert = arg;
	Change change = upsert->change;
	Problem problem = {.detail = "No prospect of this project has this external reference"};
	Problems problems = {NIL};

	if (upsert_by_ref(upsert))
		return;
	if (!gives_investor(&change))
		problem_add(&problems, NULL, "must have exactly one of contactId and companyId");
	problems_check(&problems);
	if (upsert_by_investor(upsert))
		return;
	if (upsert->preconditions.if_match)
		problem_raise(PT_PRECONDITION_FAILED, &problem);
	if (!change.given[R_EXTERNAL_REFS])
	{
		change.row.values[R_EXTERNAL_REFS] =
			refs_append(PointerGetDatum(construct_empty_array(type_oid(T_EXTERNAL_REF))), upsert->ref);
		change.row.nulls[R_EXTERNAL_REFS] = false;
	}
	if (insert_prospect(upsert->operation, upsert->project_id, &change, &upsert->row))
		upsert->result = "created";
}

PG_FUNCTION_INFO_V1(propstreet_prospect_upsert);

/*
 * prospect_upsert(project_id, namespace, external_id, body, if_match, if_none_match)
 * json: the resource with a last field result: created, updated or unchanged
 * (doc/decisions.md, "Writing").
 */
Datum
propstreet_prospect_upsert(PG_FUNCTION_ARGS)
{
	Problems problems = {NIL};
	ErrorData *conflict = NULL;
	int conflicts = 0;
	int tries = 0;
	Operation operation;
	Upsert upsert = {.operation = &operation};
	StringInfoData out;

	upsert.project_id = argument_id(fcinfo, 0, "project_id");
	upsert.ref = argument_ref(fcinfo, 1, &problems);
	operation_begin(&operation);
	upsert.preconditions = argument_preconditions(fcinfo, 4, 5);
	prospect_decode_upsert(argument_body(fcinfo, 3, &problems), &upsert.change, &problems);
	join_ref(&upsert.change, R_EXTERNAL_REFS, upsert.ref, &problems);
	problems_check(&problems);
	writer_lock(operation.tenant_id);
	project_require(&operation, upsert.project_id, false, READ_NOW);
	while (!upsert.result)
	{
		check_tries(tries++);
		conflict = attempt_expecting(upsert_once, &upsert, PT_CONFLICT);
		/* without the reference, another may just have taken what we want: it is found next time */
		if (conflict && !upsert.lost && (upsert.by_ref || ++conflicts == UPSERT_TRIES))
			ReThrowError(conflict);
	}
	initStringInfo(&out);
	append_resource(&out, &upsert.row, KIND_PROSPECT);
	append_result(&out, upsert.result);
	answer_row(fcinfo, &upsert.row, KIND_PROSPECT, strcmp(upsert.result, "created") == 0);
	return operation_result(&operation, &out);
}
