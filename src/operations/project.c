/*
 * project.c
 *	  Operations on projects (specification, "Projects" and "External References";
 *	  doc/decisions.md, "Writing" and "Teasers").  Each acts as the tables' owner for
 *	  the session's tenant: the right to execute it is the permission.
 */
#include "postgres.h"

#include "base/json_c.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "operations/operations.h"

#define OF_PROJECT "WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 AND t.id OPERATOR(pg_catalog.=) $2"

/* ---- reading ---- */

/* Get a project of the operation's tenant, deleted or not; false if there is none. */
static bool
project_load(Operation *operation, int64 id, Reading reading, Row *row)
{
#define GET "SELECT " PROJECT_SQL " FROM propstreet.project AS t " OF_PROJECT
	static Statement get[] = {[READ_SNAPSHOT] = {.sql = GET, .reads = true, .nargs = 2, .args = {T_INT8, T_INT8}},
							  [READ_NOW] = {.sql = GET, .nargs = 2, .args = {T_INT8, T_INT8}},
							  [READ_LOCKED] = {.sql = GET " FOR NO KEY UPDATE", .nargs = 2, .args = {T_INT8, T_INT8}}};
	Datum values[] = {Int64GetDatum(operation->tenant_id), Int64GetDatum(id)};

	if (run(&get[reading], values, NULL) == 0)
		return false;
	fetch_row(0, row, KIND_PROJECT);
	return true;
}

static void
get_project(Operation *operation, int64 id, bool include_deleted, Reading reading, Row *row)
{
	if (!project_load(operation, id, reading, row) || (!include_deleted && !row->nulls[P_DELETED_UTC]))
		not_found("Project", id, NULL);
}

/* PT404 unless there is such a project, not deleted unless that is asked for. */
void
project_require(Operation *operation, int64 id, bool include_deleted, Reading reading)
{
	Row row;

	get_project(operation, id, include_deleted, reading, &row);
}

/* Lock a project that is not deleted, and check a precondition. */
static void
lock_project(Operation *operation, int64 id, Row *row)
{
	writer_lock(operation->tenant_id);
	if (!project_load(operation, id, READ_LOCKED, row) || !row->nulls[P_DELETED_UTC])
		not_found("Project", id, NULL);
}

static Datum
project_result(FunctionCallInfo fcinfo, Operation *operation, const Row *row)
{
	StringInfoData out;

	answer_row(fcinfo, row, KIND_PROJECT, false);
	initStringInfo(&out);
	append_resource(&out, row, KIND_PROJECT);
	return operation_result(operation, &out);
}

PG_FUNCTION_INFO_V1(propstreet_project_get);

/* project_get(id, include_deleted) json; PT404 */
Datum
propstreet_project_get(PG_FUNCTION_ARGS)
{
	int64 id = argument_id(fcinfo, 0, "id");
	Operation operation;
	Row row;

	operation_begin(&operation);
	get_project(&operation, id, argument_bool(fcinfo, 1, false), READ_SNAPSHOT, &row);
	return project_result(fcinfo, &operation, &row);
}

/* The project that has a reference: in the snapshot of the query, or by now. */
static bool
find_project(Operation *operation, ExternalRef *ref, bool now, Row *row)
{
#define FIND \
	"SELECT " PROJECT_SQL " FROM propstreet.project_external_ref AS r " \
	"JOIN propstreet.project AS t ON t.tenant_id OPERATOR(pg_catalog.=) r.tenant_id " \
	"AND t.id OPERATOR(pg_catalog.=) r.project_id " \
	"WHERE r.tenant_id OPERATOR(pg_catalog.=) $1 AND r.external_ref OPERATOR(propstreet.=) $2 " \
	"AND t.deleted_utc IS NULL"
	static Statement find = {.sql = FIND, .reads = true, .nargs = 2, .args = {T_INT8, T_EXTERNAL_REF}};
	static Statement find_now = {.sql = FIND, .nargs = 2, .args = {T_INT8, T_EXTERNAL_REF}};
	Datum values[] = {Int64GetDatum(operation->tenant_id), PointerGetDatum(ref)};

	if (run(now ? &find_now : &find, values, NULL) == 0)
		return false;
	fetch_row(0, row, KIND_PROJECT);
	return true;
}

PG_FUNCTION_INFO_V1(propstreet_project_find);

/* project_find(namespace, external_id) json; PT400 for what can't be a reference, PT404 */
Datum
propstreet_project_find(PG_FUNCTION_ARGS)
{
	Problems problems = {NIL};
	ExternalRef *ref = argument_ref(fcinfo, 0, &problems);
	Problem problem = {.detail = "No project has this external reference"};
	Operation operation;
	Row row;

	operation_begin(&operation);
	if (!find_project(&operation, ref, false, &row))
		problem_raise(PT_NOT_FOUND, &problem);
	return project_result(fcinfo, &operation, &row);
}

PG_FUNCTION_INFO_V1(propstreet_project_properties);

/* project_properties(id, include_deleted) json: linked properties by id (doc/decisions.md, "Answers"); PT404 */
Datum
propstreet_project_properties(PG_FUNCTION_ARGS)
{
	static Statement get = {
		.sql = "SELECT p.id::pg_catalog.int8, "
			   "(p.profile OPERATOR(pg_catalog.-) 'id'::pg_catalog.text)::pg_catalog.text "
			   "FROM propstreet.project_property AS t JOIN propstreet.property AS p "
			   "ON p.tenant_id OPERATOR(pg_catalog.=) t.tenant_id AND p.id OPERATOR(pg_catalog.=) t.property_id "
			   "WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 AND t.project_id OPERATOR(pg_catalog.=) $2 ORDER BY p.id",
		.reads = true,
		.nargs = 2,
		.args = {T_INT8, T_INT8},
	};
	int64 id = argument_id(fcinfo, 0, "id");
	Datum values[2];
	Operation operation;
	StringInfoData out;
	uint64 count;

	operation_begin(&operation);
	project_require(&operation, id, argument_bool(fcinfo, 1, false), READ_SNAPSHOT);
	values[0] = Int64GetDatum(operation.tenant_id);
	values[1] = Int64GetDatum(id);
	count = run(&get, values, NULL);
	initStringInfo(&out);
	appendStringInfoString(&out, "{\"data\":[");
	for (uint64 i = 0; i < count; i++)
	{
		char *profile = TextDatumGetCString(fetch(i, 2));

		appendStringInfoString(&out, i > 0 ? ",{" : "{");
		append_member(&out, "id");
		append_id(&out, DatumGetInt64(fetch(i, 1)));
		appendStringInfo(&out, "%s%s", profile[1] == '}' ? "" : ",", profile + 1);
	}
	appendStringInfoString(&out, "]}");
	return operation_result(&operation, &out);
}

/* ---- writing ---- */

static void
insert_project(Operation *operation, const Change *change, Row *row)
{
	static Statement insert;

	*row = change->row;
	row->values[P_TENANT_ID] = Int64GetDatum(operation->tenant_id);
	writer_lock(operation->tenant_id);
	resource_insert(&insert, KIND_PROJECT, "", row);
}

/* Change a locked row as a body asks for; says whether that made a difference. */
static bool
patch_project(const Change *change, Row *row)
{
	if (!change_apply(change, row))
		return false;
	resource_update(row, KIND_PROJECT);
	return true;
}

PG_FUNCTION_INFO_V1(propstreet_project_create);

/*
 * project_create(body, idempotency_key) json: specification, "Create a Project".
 * PT400 with all problems of the body, PT409 for a reference that another project
 * has; for a key PT409 and PT422 (doc/decisions.md, "Idempotency-Key").
 */
Datum
propstreet_project_create(PG_FUNCTION_ARGS)
{
	Problems problems = {NIL};
	Operation operation;
	Idempotent idempotent;
	StringInfoData out;
	Change change;
	Row row;

	operation_begin(&operation);
	initStringInfo(&out);
	if (idempotent_begin(&operation, fcinfo, 1, "project_create", 0, 0, &idempotent, &out))
		return operation_result(&operation, &out);
	project_decode(argument_body(fcinfo, 0, &problems), false, &change, &problems);
	problems_check(&problems);
	insert_project(&operation, &change, &row);
	append_resource(&out, &row, KIND_PROJECT);
	answer_row(fcinfo, &row, KIND_PROJECT, true);
	idempotent_end(&operation, &idempotent, &row, KIND_PROJECT, &out);
	return operation_result(&operation, &out);
}

PG_FUNCTION_INFO_V1(propstreet_project_update);

/*
 * project_update(id, patch, if_match) json: specification, "Update a Project".
 * PT400, PT404, PT409 for a reference that is taken, PT412.
 */
Datum
propstreet_project_update(PG_FUNCTION_ARGS)
{
	int64 id = argument_id(fcinfo, 0, "id");
	Preconditions preconditions = argument_preconditions(fcinfo, 2, 0);
	Problems problems = {NIL};
	Operation operation;
	Change change;
	Row row;

	operation_begin(&operation);
	project_decode(argument_body(fcinfo, 1, &problems), true, &change, &problems);
	problems_check(&problems);
	lock_project(&operation, id, &row);
	check_row(&preconditions, &row, KIND_PROJECT);
	patch_project(&change, &row);
	return project_result(fcinfo, &operation, &row);
}

PG_FUNCTION_INFO_V1(propstreet_project_delete);

/* project_delete(id, if_match): soft deletion; PT404 (also if deleted already), PT412 */
Datum
propstreet_project_delete(PG_FUNCTION_ARGS)
{
	static Statement delete = {
		.sql = "UPDATE propstreet.project AS t SET status = 'deleted' " OF_PROJECT,
		.nargs = 2,
		.args = {T_INT8, T_INT8},
	};
	int64 id = argument_id(fcinfo, 0, "id");
	Preconditions preconditions = argument_preconditions(fcinfo, 1, 0);
	Operation operation;
	Datum values[2];
	Row row;

	operation_begin(&operation);
	lock_project(&operation, id, &row);
	check_row(&preconditions, &row, KIND_PROJECT);
	values[0] = Int64GetDatum(operation.tenant_id);
	values[1] = Int64GetDatum(id);
	run(&delete, values, NULL);
	operation_end(&operation);
	PG_RETURN_VOID();
}

/* ---- upsert ---- */

typedef struct Upsert
{
	Operation *operation;
	ExternalRef *ref;
	json_object *body;
	Preconditions preconditions;
	Change change;
	Row row;
	const char *result;
} Upsert;

static void
decode_upsert(Upsert *upsert, bool patch)
{
	Problems problems = {NIL};

	project_decode(upsert->body, patch, &upsert->change, &problems);
	join_ref(&upsert->change, P_EXTERNAL_REFS, upsert->ref, &problems);
	problems_check(&problems);
}

static void
upsert_new(void *arg)
{
	Upsert *upsert = arg;
	Problem problem = {.detail = "No project has this external reference"};
	Change *change = &upsert->change;

	decode_upsert(upsert, false);
	if (upsert->preconditions.if_match)
		problem_raise(PT_PRECONDITION_FAILED, &problem);
	if (!change->given[P_EXTERNAL_REFS])
	{
		change->row.values[P_EXTERNAL_REFS] =
			refs_append(PointerGetDatum(construct_empty_array(type_oid(T_EXTERNAL_REF))), upsert->ref);
		change->row.nulls[P_EXTERNAL_REFS] = false;
	}
	insert_project(upsert->operation, change, &upsert->row);
	upsert->result = "created";
}

/* Change the project that has the reference; false if there is none. */
static bool
upsert_existing(Upsert *upsert)
{
	Operation *operation = upsert->operation;
	int64 id;

	if (!find_project(operation, upsert->ref, true, &upsert->row))
		return false;
	decode_upsert(upsert, true);
	id = DatumGetInt64(upsert->row.values[P_ID]);
	writer_lock(operation->tenant_id);
	/* it may have lost the reference before we had the lock */
	if (!project_load(operation, id, READ_LOCKED, &upsert->row) || !upsert->row.nulls[P_DELETED_UTC] ||
		!has_ref(upsert->row.values[P_EXTERNAL_REFS], upsert->ref))
		return false;
	check_row(&upsert->preconditions, &upsert->row, KIND_PROJECT);
	upsert->result = patch_project(&upsert->change, &upsert->row) ? "updated" : "unchanged";
	return true;
}

PG_FUNCTION_INFO_V1(propstreet_project_upsert);

/*
 * project_upsert(namespace, external_id, body, if_match, if_none_match) json: the
 * resource with a last field result: created, updated or unchanged (doc/decisions.md,
 * "Writing"); PT412 for if_none_match * if it would change one.  Of concurrent calls
 * for one reference one creates, the others change.
 */
Datum
propstreet_project_upsert(PG_FUNCTION_ARGS)
{
	Problems problems = {NIL};
	ErrorData *conflict = NULL;
	int conflicts = 0;
	Operation operation;
	Upsert upsert = {.operation = &operation};
	StringInfoData out;

	upsert.ref = argument_ref(fcinfo, 0, &problems);
	operation_begin(&operation);
	upsert.body = argument_body(fcinfo, 2, &problems);
	upsert.preconditions = argument_preconditions(fcinfo, 3, 4);
	while (!upsert_existing(&upsert))
	{
		/* conflicts, although nobody has the reference by now: they are about another one */
		if (conflict && ++conflicts == UPSERT_TRIES)
			ReThrowError(conflict);
		conflict = attempt_expecting(upsert_new, &upsert, PT_CONFLICT);
		if (conflict == NULL)
			break;
	}
	initStringInfo(&out);
	append_resource(&out, &upsert.row, KIND_PROJECT);
	append_result(&out, upsert.result);
	answer_row(fcinfo, &upsert.row, KIND_PROJECT, strcmp(upsert.result, "created") == 0);
	return operation_result(&operation, &out);
}

/* ---- lifecycle ---- */

static void
require_readable(void *transactions)
{
	require_jsonb(transactions);
}

PG_FUNCTION_INFO_V1(propstreet_project_close);

/*
 * project_close(id, transactions) json: status closed; closing again replaces the
 * transactions.  PT400 unless they are an array of at most 100 objects, 64 kB in
 * all; PT404.
 */
Datum
propstreet_project_close(PG_FUNCTION_ARGS)
{
	static Statement close = {
		.sql = "UPDATE propstreet.project AS t SET status = 'closed', "
			   "transactions = $3 " OF_PROJECT " RETURNING " PROJECT_SQL,
		.nargs = 3,
		.args = {T_INT8, T_INT8, T_JSON},
	};
	int64 id = argument_id(fcinfo, 0, "id");
	text *transactions = PG_ARGISNULL(1) ? cstring_to_text("[]") : PG_GETARG_TEXT_PP(1);
	Problems problems = {NIL};
	Operation operation;
	Datum values[3];
	Row row;

	operation_begin(&operation);
	transactions_decode(VARDATA_ANY(transactions), VARSIZE_ANY_EXHDR(transactions), &problems);
	problems_check(&problems);
	if (attempt_expecting(require_readable, transactions, ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE))
		problem_add(&problems, NULL, "has a number that is too large for numeric");
	problems_check(&problems);
	lock_project(&operation, id, &row);
	values[0] = Int64GetDatum(operation.tenant_id);
	values[1] = Int64GetDatum(id);
	values[2] = PointerGetDatum(transactions);
	run(&close, values, NULL);
	fetch_row(0, &row, KIND_PROJECT);
	return project_result(fcinfo, &operation, &row);
}

PG_FUNCTION_INFO_V1(propstreet_project_reopen);

/* project_reopen(id) json: status open, without transactions; PT404 */
Datum
propstreet_project_reopen(PG_FUNCTION_ARGS)
{
	static Statement reopen = {
		.sql = "UPDATE propstreet.project AS t "
			   "SET status = 'open', transactions = NULL " OF_PROJECT " RETURNING " PROJECT_SQL,
		.nargs = 2,
		.args = {T_INT8, T_INT8},
	};
	int64 id = argument_id(fcinfo, 0, "id");
	Operation operation;
	Datum values[2];
	Row row;

	operation_begin(&operation);
	lock_project(&operation, id, &row);
	values[0] = Int64GetDatum(operation.tenant_id);
	values[1] = Int64GetDatum(id);
	run(&reopen, values, NULL);
	fetch_row(0, &row, KIND_PROJECT);
	return project_result(fcinfo, &operation, &row);
}

/* ---- teaser ---- */

/* Set the stage of a locked project; the trigger sets the times of the stages passed. */
static void
set_stage(Operation *operation, Datum stage, Row *row)
{
	static Statement advance = {
		.sql = "UPDATE propstreet.project AS t SET teaser_stage = $3 " OF_PROJECT " RETURNING " PROJECT_SQL,
		.nargs = 3,
		.args = {T_INT8, T_INT8, T_TEASER_STAGE},
	};
	Datum values[] = {Int64GetDatum(operation->tenant_id), row->values[P_ID], stage};

	if (!row->nulls[P_TEASER_STAGE] && row->values[P_TEASER_STAGE] == stage)
		return;
	run(&advance, values, NULL);
	fetch_row(0, row, KIND_PROJECT);
}

PG_FUNCTION_INFO_V1(propstreet_teaser_advance);

/*
 * teaser_advance(project_id, stage) json: the project.  Stages may be skipped;
 * PT400 for an unknown one, PT404, PT409 for one that lies behind.
 */
Datum
propstreet_teaser_advance(PG_FUNCTION_ARGS)
{
	int64 id = argument_id(fcinfo, 0, "project_id");
	char *label = argument_text(fcinfo, 1);
	Oid stage = label ? enum_value(T_TEASER_STAGE, label) : InvalidOid;
	Problems problems = {NIL};
	Operation operation;
	Row row;

	if (!OidIsValid(stage))
		problem_parameter(&problems, "stage", "must be one of %s", enum_choices(T_TEASER_STAGE));
	problems_check(&problems);
	operation_begin(&operation);
	lock_project(&operation, id, &row);
	set_stage(&operation, ObjectIdGetDatum(stage), &row);
	return project_result(fcinfo, &operation, &row);
}

/* A contact or company with an active strategy that fits a project, and is not blocked */
#define MATCHING(table, column) \
	"SELECT c.id::pg_catalog.int8 FROM propstreet." table " AS c " \
	"WHERE c.tenant_id OPERATOR(pg_catalog.=) $1 AND NOT c.blocked AND EXISTS (" \
	"SELECT FROM propstreet.investment_strategy AS s " \
	"WHERE s.tenant_id OPERATOR(pg_catalog.=) c.tenant_id AND s." column " OPERATOR(pg_catalog.=) c.id AND s.active " \
	"AND (s.asset_types IS NULL OR $2 OPERATOR(pg_catalog.=) ANY (s.asset_types)) " \
	"AND (s.budget IS NULL OR CASE WHEN $3 IS NOT NULL THEN s.budget OPERATOR(propstreet.&&) $3 " \
	"ELSE coalesce(s.budget OPERATOR(propstreet.@>) $4, true) END)) ORDER BY c.id FOR SHARE OF c"

#define MATCHING_ARGS .nargs = 4, .args = {T_INT8, T_ASSET_TYPE, T_PRICE_RANGE, T_PRICE}

/* Lock the investors that fit a project, in the order of their ids. */
static Datum
lock_matching(Statement *statement, const Row *project)
{
	const int columns[] = {P_TENANT_ID, P_ASSET_TYPE, P_PRICE_RANGE, P_PRICE};
	Datum values[lengthof(columns)];
	bool nulls[lengthof(columns)];
	uint64 count;
	Datum *ids;

	for (int i = 0; i < (int) lengthof(columns); i++)
	{
		values[i] = project->values[columns[i]];
		nulls[i] = project->nulls[columns[i]];
	}
	count = run(statement, values, nulls);
	ids = palloc(sizeof(Datum) * (count + 1));
	for (uint64 i = 0; i < count; i++)
		ids[i] = fetch(i, 1);
	return int64_array(ids, (int) count);
}

/* Is, or was, the investor a prospect of the project?  Ends before its closing bracket. */
#define PROSPECT_OF(column) \
	"EXISTS (SELECT FROM propstreet.prospect AS p WHERE p.tenant_id OPERATOR(pg_catalog.=) $1 " \
	"AND p.project_id OPERATOR(pg_catalog.=) $2 AND " column " OPERATOR(pg_catalog.=) c.id"

/* Prospects of the project that are among the investors and have no deadline yet */
/* clang-format off */
#define UNMARKED "t.tenant_id OPERATOR(pg_catalog.=) $1 AND t.project_id OPERATOR(pg_catalog.=) $2 AND " LISTED("t") \
	" AND t.deadline_utc IS NULL AND (t.contact_id OPERATOR(pg_catalog.=) ANY ($3) " \
	"OR (t.contact_id IS NULL AND t.company_id OPERATOR(pg_catalog.=) ANY ($4)))"
/* clang-format on */

/*
 * Make prospects of the investors that fit: those that are prospects already get
 * the deadline, unless they have one; removed ones stay removed.
 */
static void
communicate(Operation *operation, const Row *project, TimestampTz deadline)
{
	static Statement contacts = {.sql = MATCHING("contact", "contact_id"), MATCHING_ARGS};
	static Statement companies = {.sql = MATCHING("company", "company_id"), MATCHING_ARGS};
	static Statement lock = {
		.sql = "SELECT pg_catalog.count(*) FROM (SELECT FROM propstreet.prospect AS t "
			   "WHERE " UNMARKED " ORDER BY t.id FOR NO KEY UPDATE) AS locked",
		.nargs = 4,
		.args = {T_INT8, T_INT8, T_INT8_ARRAY, T_INT8_ARRAY},
	};
	static Statement mark = {
		.sql = "UPDATE propstreet.prospect AS t SET deadline_utc = $5 WHERE " UNMARKED,
		.nargs = 5,
		.args = {T_INT8, T_INT8, T_INT8_ARRAY, T_INT8_ARRAY, T_TIMESTAMPTZ},
	};
	/* clang-format off */
	static Statement add = {.sql = "INSERT INTO propstreet.prospect (tenant_id, project_id, contact_id, company_id, "
		"tags, deadline_utc, revision) "
		"SELECT $1, $2, i.contact_id, i.company_id, i.tags, $5, " COPIES_GIVEN_SQL " FROM ("
		"SELECT c.id AS contact_id, c.company_id, c.tags FROM propstreet.contact AS c "
		"WHERE c.tenant_id OPERATOR(pg_catalog.=) $1 AND c.id OPERATOR(pg_catalog.=) ANY ($3) "
		"AND NOT " PROSPECT_OF("p.contact_id") ") "
		"UNION ALL SELECT NULL, c.id, c.tags FROM propstreet.company AS c "
		"WHERE c.tenant_id OPERATOR(pg_catalog.=) $1 AND c.id OPERATOR(pg_catalog.=) ANY ($4) "
		"AND NOT " PROSPECT_OF("p.company_id")
		" AND p.contact_id IS NULL)) AS i ORDER BY i.contact_id, i.company_id ON CONFLICT DO NOTHING",
		.nargs = 5, .args = {T_INT8, T_INT8, T_INT8_ARRAY, T_INT8_ARRAY, T_TIMESTAMPTZ},};
	/* clang-format on */
	Datum values[5] = {Int64GetDatum(operation->tenant_id), project->values[P_ID]};

	values[2] = lock_matching(&contacts, project);
	values[3] = lock_matching(&companies, project);
	values[4] = TimestampTzGetDatum(deadline);
	run(&lock, values, NULL);
	run(&mark, values, NULL);
	run(&add, values, NULL);
}

PG_FUNCTION_INFO_V1(propstreet_teaser_communicate);

/*
 * teaser_communicate(project_id, deadline) json: the project, its teaser in the last
 * stage, matching investors made prospects (doc/decisions.md, "Teasers").  PT400 for a
 * deadline that is no moment or has passed, PT404.
 */
Datum
propstreet_teaser_communicate(PG_FUNCTION_ARGS)
{
	int64 id = argument_id(fcinfo, 0, "project_id");
	TimestampTz deadline = PG_ARGISNULL(1) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(1);
	Problems problems = {NIL};
	Operation operation;
	Row row;

	if (TIMESTAMP_NOT_FINITE(deadline) || !utc_in_range(deadline))
		problem_parameter(&problems, "deadline", "must be a time in the years 1 to 9999");
	else if (deadline <= GetCurrentTimestamp())
		problem_parameter(&problems, "deadline", "must not have passed");
	problems_check(&problems);
	operation_begin(&operation);
	lock_project(&operation, id, &row);
	set_stage(&operation, ObjectIdGetDatum(enum_value(T_TEASER_STAGE, "communicated")), &row);
	communicate(&operation, &row, deadline);
	return project_result(fcinfo, &operation, &row);
}
