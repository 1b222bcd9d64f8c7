/*
 * spi.c
 *	  SQL from C: plans that are kept, and acting as the tables' owner.
 *
 *	  No search_path is trusted: statements qualify every table, function and
 *	  operator, because they run with the owner's rights under whatever path the
 *	  caller has set.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "propstreet.h"

/* The owner of the installed tables; 55000 if there are none. */
Oid
tables_owner(void)
{
	Oid			project = get_relname_relid("project", get_namespace_oid("propstreet", false));
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(project));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the tables of propstreet are not installed in this database"),
				 errhint("SELECT propstreet.install();")));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * Become another user, as SECURITY DEFINER functions do.  Errors need no
 * counterpart: the abort of the (sub)transaction restores the user.
 */
Identity
act_as(Oid user)
{
	Identity	before;

	GetUserIdAndSecContext(&before.user, &before.security_context);
	SetUserIdAndSecContext(user, before.security_context | SECURITY_LOCAL_USERID_CHANGE);
	return before;
}

void
act_as_before(Identity identity)
{
	SetUserIdAndSecContext(identity.user, identity.security_context);
}

/* Begin an operation for the session's tenant (PT401 without one). */
void
operation_begin(Operation *operation)
{
	operation->tenant_id = current_tenant();
	operation->context = CurrentMemoryContext;
	operation->caller = act_as(tables_owner());
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
operation_end(Operation *operation)
{
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	act_as_before(operation->caller);
}

/* End an operation whose result is a text (or json). */
Datum
operation_result(Operation *operation, StringInfo result)
{
	MemoryContext spi = MemoryContextSwitchTo(operation->context);
	text	   *value = cstring_to_text_with_len(result->data, result->len);

	MemoryContextSwitchTo(spi);
	operation_end(operation);
	return PointerGetDatum(value);
}

/* Prepare a statement, and keep its plan in place of an older one. */
static void
prepare(Statement *statement, Oid types)
{
	Oid			args[STATEMENT_ARGS];

	if (statement->plan)
		SPI_freeplan(statement->plan);
	statement->plan = NULL;
	for (int i = 0; i < statement->nargs; i++)
		args[i] = type_oid(statement->args[i]);
	/* for keys, and arrays of keys, the values never change the best plan */
	statement->plan = SPI_prepare_cursor(statement->sql, statement->nargs, args,
										 statement->by_values ? CURSOR_OPT_CUSTOM_PLAN : CURSOR_OPT_GENERIC_PLAN);
	if (statement->plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	SPI_keepplan(statement->plan);
	statement->types = types;
	statement->plan_again = Max(4, statement->runs * 4);
}

/*
 * The plan of a statement, made again when it was invalidated or the extension
 * created anew.  All statements look up keys or read an index in order; but a plan
 * made while a table is empty may do otherwise, and is kept until the table is
 * analyzed.  So it must not scan, and is made again after 4, 16, 64, ... runs.
 */
static SPIPlanPtr
plan_of(Statement *statement)
{
	Oid			types = type_oid(T_PRICE);
	bool		again = statement->plan == NULL || statement->types != types || ++statement->runs >= statement->plan_again;
	int			level;

	if (!again && SPI_plan_is_valid(statement->plan))
		return statement->plan;
	level = NewGUCNestLevel();
	(void) set_config_option("enable_seqscan", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("enable_bitmapscan", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (again)
		prepare(statement, types);
	if (!statement->by_values)
	{
		CachedPlan *plan = SPI_plan_get_cached_plan(statement->plan);

		if (plan)
			ReleaseCachedPlan(plan, CurrentResourceOwner);
	}
	AtEOXact_GUC(true, level);
	return statement->plan;
}

static uint64
processed(const Statement *statement, int result)
{
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
	char		flags[STATEMENT_ARGS];

	for (int i = 0; i < statement->nargs; i++)
		flags[i] = nulls && nulls[i] ? 'n' : ' ';
	return processed(statement, SPI_execute_plan(plan_of(statement), unconstify(Datum *, values), flags, statement->reads, 0));
}

/*
 * Run a statement that must see what has been committed, also where the
 * transaction keeps to an older snapshot: it then fails with a serialization
 * error instead of missing a row, as foreign-key triggers do.
 */
uint64
run_latest(Statement *statement, const Datum *values)
{
	bool		old = IsolationUsesXactSnapshot();
	Snapshot	latest = old ? RegisterSnapshot(GetLatestSnapshot()) : InvalidSnapshot;
	uint64		rows;

	rows = processed(statement,
					 SPI_execute_snapshot(plan_of(statement), unconstify(Datum *, values), NULL, latest,
										  old ? GetTransactionSnapshot() : InvalidSnapshot, false, true, 0));
	if (old)
		UnregisterSnapshot(latest);
	return rows;
}

/*
 * Do work in a subtransaction.  Returns NULL when it is done, else the error, with
 * the work rolled back: the caller rethrows what it did not expect.
 */
ErrorData *
attempt(void (*work) (void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

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
attempt_expecting(void (*work) (void *arg), void *arg, int sqlstate)
{
	ErrorData  *error = attempt(work, arg);

	if (error && error->sqlerrcode != sqlstate)
		ReThrowError(error);
	return error;
}

/*
 * Run a statement and hand its rows to a receiver as they come.  Outside of
 * statements that read in the calling query's snapshot, it takes a new one.
 */
void
run_to(Statement *statement, const Datum *values, const bool *nulls, DestReceiver *receiver)
{
	SPIExecuteOptions options = {.read_only = statement->reads,.dest = receiver};
	SPIPlanPtr	plan = plan_of(statement);

	options.params = makeParamList(statement->nargs);
	for (int i = 0; i < statement->nargs; i++)
	{
		ParamExternData *param = &options.params->params[i];

		param->value = values[i];
		param->isnull = nulls && nulls[i];
		param->pflags = PARAM_FLAG_CONST;
		param->ptype = type_oid(statement->args[i]);
	}
	processed(statement, SPI_execute_plan_extended(plan, &options));
}

/* A row of the last result, which lists the kind's columns in order. */
void
fetch_row(uint64 number, Row *row)
{
	heap_deform_tuple(SPI_tuptable->vals[number], SPI_tuptable->tupdesc, row->values, row->nulls);
}

/* A value of the last result; columns count from 1. */
Datum
fetch_value(uint64 number, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[number], SPI_tuptable->tupdesc, column, isnull);
}
