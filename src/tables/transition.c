/*
 * transition.c
 *	  The transition tables of AFTER statement triggers, old and new rows in step,
 *	  read and acted on as the owner of the table.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "tables/tables.h"

/* The number of a column of the table; 42703 if there is none of this name and type. */
AttrNumber
transition_column(const Transition *transition, const char *name, ColumnType type)
{
	Relation relation = transition->trigger->tg_relation;
	Column wanted = PLAIN_COLUMN(name, type, false);

	return find_column(RelationGetDescr(relation), &wanted, RelationGetRelationName(relation));
}

/*
 * Begin the work of a trigger: as the table's owner, with SPI connected.  False if
 * there is none to be done, while data is restored.  39P01 for a trigger that is
 * not one of the installed ones.
 */
bool
transition_begin(Transition *transition, FunctionCallInfo fcinfo)
{
	TriggerData *trigger = checked_trigger(fcinfo, false);
	Relation relation = trigger->tg_relation;

	if (propstreet_restore)
		return false;
	memset(transition, 0, sizeof(Transition));
	transition->trigger = trigger;
	transition->caller = act_as(relation->rd_rel->relowner);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	transition->tenant_id = transition_column(transition, "tenant_id", T_INT8);
	transition->id = transition_column(transition, "id", T_INT8);
	transition->new = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsMinimalTuple);
	if (trigger->tg_oldtable)
		transition->old = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsMinimalTuple);
	return true;
}

void
transition_end(Transition *transition)
{
	ExecDropSingleTupleTableSlot(transition->new);
	if (transition->old)
		ExecDropSingleTupleTableSlot(transition->old);
	SPI_finish();
	act_as_before(transition->caller);
}

/* Start from the first row: another trigger may have read the tables before. */
void
transition_rewind(Transition *transition)
{
	tuplestore_rescan(transition->trigger->tg_newtable);
	if (transition->old)
		tuplestore_rescan(transition->trigger->tg_oldtable);
}

static bool
same_key(const Transition *transition, AttrNumber column)
{
	return DatumGetInt64(slot_value(transition->old, column)) == DatumGetInt64(slot_value(transition->new, column));
}

/* The next row, with the old one it replaces: both tables are filled row by row. */
bool
transition_next(Transition *transition)
{
	CHECK_FOR_INTERRUPTS();
	if (!tuplestore_gettupleslot(transition->trigger->tg_newtable, true, false, transition->new))
		return false;
	if (transition->old && (!tuplestore_gettupleslot(transition->trigger->tg_oldtable, true, false, transition->old) ||
							!same_key(transition, transition->id) || !same_key(transition, transition->tenant_id)))
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION), errmsg("the key of a row of \"%s\" cannot be changed",
														  RelationGetRelationName(transition->trigger->tg_relation))));
	return true;
}

/* Is a column of the row the same as before? */
bool
same_value(const Transition *transition, AttrNumber number)
{
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(transition->trigger->tg_relation), number - 1);
	Datum old;
	Datum new;
	bool was = slot_optional(transition->old, number, &old);
	bool is = slot_optional(transition->new, number, &new);

	if (!was || !is)
		return was == is;
	return datum_image_eq(old, new, attribute->attbyval, attribute->attlen);
}
