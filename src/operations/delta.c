/*
 * delta.c
 *	  Delta reads as sets of rows: what has changed since a moment, all of it, with
 *	  the moment to ask from next time (doc/design.md, "Time, versions and sync").
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "operations/operations.h"

/* Takes rows from the executor and stores what the caller gets of them */
typedef struct ChangesReceiver
{
	DestReceiver pub;
	Kind kind;
	TimestampTz barrier;
	ReturnSetInfo *result;
	MemoryContext context; /* reset with each row */
} ChangesReceiver;

static bool
receive_change(TupleTableSlot *slot, DestReceiver *self)
{
	ChangesReceiver *receiver = (ChangesReceiver *) self;
	MemoryContext before = MemoryContextSwitchTo(receiver->context);
	int deleted = resource_of(receiver->kind)->deleted_utc;
	char tag[ETAG_LEN + 1];
	StringInfoData resource;
	Datum values[6];
	bool nulls[6] = {false};
	Version version;
	Row row;

	row_of_slot(&row, slot, NULL, receiver->kind);
	version = row_version(&row, receiver->kind);
	etag_of(&version, tag);
	initStringInfo(&resource);
	append_resource(&resource, &row, receiver->kind);
	values[0] = Int64GetDatum(version.id);
	values[1] = CStringGetTextDatum(tag);
	values[2] = TimestampTzGetDatum(version.updated_utc);
	values[3] = row.values[deleted];
	nulls[3] = row.nulls[deleted];
	values[4] = PointerGetDatum(cstring_to_text_with_len(resource.data, resource.len));
	values[5] = TimestampTzGetDatum(receiver->barrier);
	tuplestore_putvalues(receiver->result->setResult, receiver->result->setDesc, values, nulls);
	MemoryContextSwitchTo(before);
	MemoryContextReset(receiver->context);
	return true;
}

#define CHANGES(columns, table) \
	"SELECT " columns " FROM propstreet." table " AS t WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 " \
	"AND t.updated_utc OPERATOR(pg_catalog.>=) $2 AND t.updated_utc OPERATOR(pg_catalog.<) $3 " \
	"ORDER BY t.updated_utc, t.id"

static Datum
changes(FunctionCallInfo fcinfo, Kind kind, Statement *statement)
{
	Operation operation;
	ChangesReceiver receiver = {.pub = row_receiver(receive_change), .kind = kind};
	const char *why;
	Datum values[3];

	InitMaterializedSRF(fcinfo, 0);
	receiver.result = (ReturnSetInfo *) fcinfo->resultinfo;
	operation_begin(&operation);
	receiver.context = AllocSetContextCreate(CurrentMemoryContext, "propstreet row", ALLOCSET_DEFAULT_SIZES);
	why = sync_barrier(operation.tenant_id, &receiver.barrier);
	if (why)
		sync_unavailable(why);
	values[0] = Int64GetDatum(operation.tenant_id);
	values[1] = PG_ARGISNULL(0) ? TimestampTzGetDatum(DT_NOBEGIN) : PG_GETARG_DATUM(0);
	values[2] = TimestampTzGetDatum(receiver.barrier);
	run_to(statement, values, NULL, &receiver.pub);
	operation_end(&operation);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(propstreet_project_changes);

/* project_changes(since): null is the beginning; PT503 where the read can't be exact */
Datum
propstreet_project_changes(PG_FUNCTION_ARGS)
{
	static Statement statement = {
		.sql = CHANGES(PROJECT_SQL, "project"),
		.nargs = 3,
		.args = {T_INT8, T_TIMESTAMPTZ, T_TIMESTAMPTZ},
	};

	return changes(fcinfo, KIND_PROJECT, &statement);
}

PG_FUNCTION_INFO_V1(propstreet_prospect_changes);

/* prospect_changes(since): the same for prospects */
Datum
propstreet_prospect_changes(PG_FUNCTION_ARGS)
{
	static Statement statement = {
		.sql = CHANGES(PROSPECT_SQL, "prospect"),
		.nargs = 3,
		.args = {T_INT8, T_TIMESTAMPTZ, T_TIMESTAMPTZ},
	};

	return changes(fcinfo, KIND_PROSPECT, &statement);
}
