/*
 * statement.c
 *	  SQL from C: plans that are kept, and acting as the tables' owner.
 *
 *	  No search_path is trusted: statements qualify every table, function and
 *	  operator, because they run with the owner's rights.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "jit/jit.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "data/data.h"

/* of optimizer/cost.h, whose Path is another one than ours */
extern PGDLLIMPORT bool enable_seqscan;
extern PGDLLIMPORT bool enable_bitmapscan;

#define SAFE_PATH "pg_catalog, public, pg_temp"

/* The owner of the installed tables; 55000 if there are none. */
Oid
tables_owner(void)
{
	Oid project = get_relname_relid("project", get_namespace_oid("propstreet", false));
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(project));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("the tables of propstreet are not installed in this database"),
						errhint("Run SELECT propstreet.install().")));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * Become another user, as SECURITY DEFINER functions do; settings made meanwhile end
 * with that.  Errors need no counterpart: the abort of the (sub)transaction restores
 * user and settings.  Where a superuser has logged in, whatever role is set since, it
 * is a restricted operation: what the tables' owner has deferred to the end of the
 * transaction would run with the superuser's rights, and is an error instead.
 */
Identity
act_as(Oid user)
{
	Identity before;
	int context = SECURITY_LOCAL_USERID_CHANGE;

	GetUserIdAndSecContext(&before.user, &before.security_context);
	if ((superuser_arg(before.user) || superuser_arg(GetAuthenticatedUserId())) && !superuser_arg(user))
		context |= SECURITY_RESTRICTED_OPERATION;
	SetUserIdAndSecContext(user, before.security_context | context);
	before.settings = NewGUCNestLevel();
	return before;
}

void
act_as_before(Identity identity)
{
	AtEOXact_GUC(true, identity.settings);
	SetUserIdAndSecContext(identity.user, identity.security_context);
}

/* What a plan is made for: our types, and the row type of a table where a parameter has it. */
static uint64
types_of(const Statement *statement)
{
	bool rows = statement->args[0] == T_PROSPECT_ARRAY;

	return ((uint64) type_oid(T_PRICE) << 32) | (rows ? type_oid(T_PROSPECT_ARRAY) : InvalidOid);
}

/* Check the owner of a relation alone, and say whether it may have children. */
static bool
check_one_owner(Oid relation)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Form_pg_class form;
	bool children;

	if (!HeapTupleIsValid(tuple))
		return false; /* dropped: whoever opens it says so */
	form = (Form_pg_class) GETSTRUCT(tuple);
	if (form->relowner != GetUserId() && form->relnamespace != PG_CATALOG_NAMESPACE)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("the relations of propstreet belong to different owners"),
						errdetail("Relation \"%s.%s\" belongs to role \"%s\", and the tables belong to role \"%s\".",
								  get_namespace_name(form->relnamespace), NameStr(form->relname),
								  GetUserNameFromId(form->relowner, true), GetUserNameFromId(GetUserId(), true)),
						errhint("Use ALTER ... OWNER TO to give all of them to the owner of schema propstreet.")));
	children = form->relhassubclass;
	ReleaseSysCache(tuple);
	return children;
}

/*
 * A relation must belong to whom we act as: another's could have triggers, rules or
 * functions, which would then run with the rights of the one we act as.  So must its
 * partitions, which rows are stored in, and tables that inherit from it; they are
 * locked, so that they stay whose they are.  True if there may be some: a plan may not
 * know of them, and is as it was when they change.
 */
bool
check_relation_owner(Oid relation)
{
	ListCell *cell;

	if (!check_one_owner(relation))
		return false;
	foreach(cell, find_all_inheritors(relation, AccessShareLock, NULL))
	{
		CHECK_FOR_INTERRUPTS();
		check_one_owner(lfirst_oid(cell));
	}
	return true;
}

static bool
check_relation_owners(List *relations)
{
	bool children = false;
	ListCell *cell;

	foreach(cell, relations)
		children |= check_relation_owner(lfirst_oid(cell));
	return children;
}

/*
 * Check the relations of a plan, also those of views, and partitions: once for each
 * time it is made, or each time it is run where there are partitions.
 */
static void
check_plan(Statement *statement, CachedPlan *plan)
{
	CachedPlanSource *source = linitial(SPI_plan_get_plan_sources(statement->plan));
	bool children;
	ListCell *cell;

	if (statement->checked == source->generation && statement->checked_for == GetUserId())
		return;
	children = check_relation_owners(source->relationOids);
	foreach(cell, plan->stmt_list)
		children |= check_relation_owners(lfirst_node(PlannedStmt, cell)->relationOids);
	statement->checked = children ? 0 : source->generation;
	statement->checked_for = GetUserId();
}

/* Parse a statement, which runs nothing yet, and lock its relations until the transaction ends. */
static SPIPlanPtr
parse(const Statement *statement)
{
	Oid args[STATEMENT_ARGS];
	SPIPlanPtr plan;

	for (int i = 0; i < statement->nargs; i++)
		args[i] = type_oid(statement->args[i]);
	/* for keys, and arrays of keys, the values never change the best plan */
	plan = SPI_prepare_cursor(statement->sql, statement->nargs, args,
							  statement->by_values ? CURSOR_OPT_CUSTOM_PLAN : CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	return plan;
}

/*
 * Check the relations of a statement before it is planned: planning runs immutable
 * functions, also those in a view that stands in a table's place.  The relations are
 * locked first, so that they are the ones that the planner will find.
 */
static void
check_before_planning(const Statement *statement)
{
	CachedPlanSource *source = linitial(SPI_plan_get_plan_sources(statement->plan));
	ListCell *cell;
	SPIPlanPtr parsed;

	foreach(cell, source->relationOids)
		LockRelationOid(lfirst_oid(cell), AccessShareLock);
	if (source->is_valid)
	{
		if (statement->checked != source->generation || statement->checked_for != GetUserId())
			check_relation_owners(source->relationOids);
		return;
	}
	parsed = parse(statement);
	check_relation_owners(((CachedPlanSource *) linitial(SPI_plan_get_plan_sources(parsed)))->relationOids);
	SPI_freeplan(parsed);
}

/* Prepare a statement, and keep its plan in place of an older one. */
static void
prepare(Statement *statement, uint64 types)
{
	if (statement->plan)
		SPI_freeplan(statement->plan);
	statement->plan = NULL;
	statement->plan = parse(statement);
	SPI_keepplan(statement->plan);
	statement->types = types;
	statement->checked = 0;
	statement->plan_again = Max(4, statement->runs * 4);
}

static void
hint_at_older_tables(void *arg pg_attribute_unused())
{
	if (geterrcode() == ERRCODE_UNDEFINED_COLUMN || geterrcode() == ERRCODE_UNDEFINED_TABLE)
		errhint("If the tables have an older version, run SELECT propstreet.install().");
}

/*
 * Have the plan of a statement, made again when the extension was created anew.  All
 * statements look up keys or read an index in order; but a plan made while a table
 * is empty may do otherwise, and is kept until the table is analyzed.  So it must not
 * scan, and is made again after 4, 16, 64, ... runs.
 */
static void
have_plan(Statement *statement)
{
	uint64 types = types_of(statement);
	ErrorContextCallback context = {.callback = hint_at_older_tables, .previous = error_context_stack};

	error_context_stack = &context;
	if (statement->plan == NULL || statement->types != types ||
		(++statement->runs >= statement->plan_again && statement->depth == 0))
		prepare(statement, types);
	error_context_stack = context.previous;
}

/* How a statement is run */
typedef struct Run
{
	Statement *statement;
	const Datum *values;
	const bool *nulls;		/* NULL: no value is null */
	DestReceiver *receiver; /* NULL: rows are kept until the operation ends */
	Snapshot latest;		/* instead of a new one, where a transaction keeps to an old one */
} Run;

static ParamListInfo
param_list(const Run *run)
{
	ParamListInfo list = makeParamList(run->statement->nargs);

	for (int i = 0; i < run->statement->nargs; i++)
	{
		ParamExternData *param = &list->params[i];

		param->value = run->values[i];
		param->isnull = run->nulls && run->nulls[i];
		param->pflags = PARAM_FLAG_CONST;
		param->ptype = type_oid(run->statement->args[i]);
	}
	return list;
}

static int
execute(const Run *run)
{
	Statement *statement = run->statement;
	char flags[STATEMENT_ARGS];

	if (run->receiver)
	{
		SPIExecuteOptions options = {.params = param_list(run), .read_only = statement->reads, .dest = run->receiver};

		return SPI_execute_plan_extended(statement->plan, &options);
	}
	for (int i = 0; i < statement->nargs; i++)
		flags[i] = run->nulls && run->nulls[i] ? 'n' : ' ';
	if (run->latest)
		return SPI_execute_snapshot(statement->plan, unconstify(Datum *, run->values), flags, run->latest,
									GetTransactionSnapshot(), false, true, 0);
	return SPI_execute_plan(statement->plan, unconstify(Datum *, run->values), flags, statement->reads, 0);
}

/*
 * Make the plan of a statement again if it was invalidated, and check whose relations
 * it has.  The locks that this takes are kept, so that running the statement finds the
 * plan as it is left here, also after waiting for them.
 */
static int
renew_plan(const Run *run)
{
	CachedPlan *plan;

	check_before_planning(run->statement);
	plan = SPI_plan_get_cached_plan(run->statement->plan);
	if (plan == NULL)
		elog(ERROR, "\"%s\" is not one statement", run->statement->sql);
	check_plan(run->statement, plan);
	ReleaseCachedPlan(plan, CurrentResourceOwner);
	return 0;
}

/* Do work that may make a plan of ours, without scans of whole tables, and not compiled. */
static int
without_scans(int (*work)(const Run *run), const Run *run)
{
	ErrorContextCallback context = {.callback = hint_at_older_tables, .previous = error_context_stack};
	bool seqscan = enable_seqscan;
	bool bitmapscan = enable_bitmapscan;
	bool jit = jit_enabled;
	int result = 0;

	error_context_stack = &context;
	enable_seqscan = enable_bitmapscan = jit_enabled = false;
	PG_TRY();
	{
		result = work(run);
	}
	PG_FINALLY();
	{
		enable_seqscan = seqscan;
		enable_bitmapscan = bitmapscan;
		jit_enabled = jit;
	}
	PG_END_TRY();
	error_context_stack = context.previous;
	return result;
}

/*
 * Run a statement whose plan is there.  What only reads plans nothing but itself; what
 * writes may run triggers that the owner has added, and plan their statements.
 */
static int
run_planned(const Run *run)
{
	without_scans(renew_plan, run);
	if (run->statement->reads && !run->statement->by_values)
		return without_scans(execute, run);
	return execute(run);
}

static void
have_setting(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/*
 * The owner's triggers may not qualify every name, and the caller, with a temporary
 * table for one, must not decide what others mean.  What only reads runs none, and
 * setting the path costs as much as finding a row.
 *
 * No statement of ours is worth compiling, whatever the planner takes it to cost: that
 * would take longer than to run it.  Triggers may change that setting too, so what
 * runs some must not set the variable alone, as without_scans() does.
 */
static void
have_safe_settings(const Statement *statement)
{
	if (!statement->reads && strcmp(namespace_search_path, SAFE_PATH) != 0)
		have_setting("search_path", SAFE_PATH);
	if (jit_enabled && (!statement->reads || statement->by_values))
		have_setting("jit", "off");
}

/* Run a statement, and mark it as under way meanwhile: its plan must not be freed. */
static uint64
run_statement(const Run *run)
{
	Statement *statement = run->statement;
	MemoryContext context = CurrentMemoryContext;
	int result = 0;

	have_safe_settings(statement);
	have_plan(statement);
	statement->depth++;
	PG_TRY();
	{
		result = run_planned(run);
	}
	PG_FINALLY();
	{
		statement->depth--;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context); /* SPI has left it for its own */
	if (result < 0)
		elog(ERROR, "\"%s\" failed: %s", statement->sql, SPI_result_code_string(result));
	return SPI_processed;
}

/*
 * Run a statement (nulls NULL: no value is null) and say how many rows it touched
 * or returned.  Rows stay until the operation ends.
 */
uint64
run(Statement *statement, const Datum *values, const bool *nulls)
{
	Run run = {.statement = statement, .values = values, .nulls = nulls};

	return run_statement(&run);
}

static void
receiver_startup(DestReceiver *self, int operation, TupleDesc desc)
{
	(void) self;
	(void) operation;
	(void) desc;
}

static void
receiver_done(DestReceiver *self)
{
	(void) self;
}

/* Values of bigint as an array. */
Datum
int64_array(Datum *values, int count)
{
	return PointerGetDatum(construct_array(values, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* A receiver of rows that needs nothing but the rows. */
DestReceiver
row_receiver(bool (*receive)(TupleTableSlot *slot, DestReceiver *self))
{
	DestReceiver receiver = {receive, receiver_startup, receiver_done, receiver_done, DestNone};

	return receiver;
}

/* Run a statement and hand its rows to a receiver as they come. */
void
run_to(Statement *statement, const Datum *values, const bool *nulls, DestReceiver *receiver)
{
	Run run = {.statement = statement, .values = values, .nulls = nulls, .receiver = receiver};

	run_statement(&run);
}

/*
 * Run a statement that must see what has been committed, also where the
 * transaction keeps to an older snapshot: it then fails with a serialization
 * error instead of missing a row, as foreign-key triggers do.
 */
uint64
run_latest(Statement *statement, const Datum *values)
{
	Run run = {.statement = statement, .values = values};
	uint64 rows;

	if (IsolationUsesXactSnapshot())
		run.latest = RegisterSnapshot(GetLatestSnapshot());
	rows = run_statement(&run);
	if (run.latest)
		UnregisterSnapshot(run.latest);
	return rows;
}

/*
 * Do work in a subtransaction.  Returns NULL when it is done, else the error, with
 * the work rolled back: the caller rethrows what it did not expect.
 */
ErrorData *
attempt(void (*work)(void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		work(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}

/* The same, for an error that is expected: others pass through. */
ErrorData *
attempt_expecting(void (*work)(void *arg), void *arg, int sqlstate)
{
	ErrorData *error = attempt(work, arg);

	if (error && error->sqlerrcode != sqlstate)
		ReThrowError(error);
	return error;
}

/* 39P01 unless the last result has a row of this number. */
void
check_number(uint64 number)
{
	if (number >= SPI_processed)
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("a trigger prevented an operation from writing a row")));
}

/* A value of the last result; columns count from 1.  23502 if it is null. */
Datum
fetch(uint64 number, int column)
{
	check_number(number);
	return tuple_value(SPI_tuptable->vals[number], SPI_tuptable->tupdesc, column);
}

/* The same where null is allowed; false if it is null. */
bool
fetch_optional(uint64 number, int column, Datum *value)
{
	check_number(number);
	return tuple_optional(SPI_tuptable->vals[number], SPI_tuptable->tupdesc, column, value);
}
