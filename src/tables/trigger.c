/*
 * trigger.c
 *	  What triggers share: how they are called, and what holds while data is restored.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "tables/tables.h"

bool propstreet_restore = false;

/*
 * Check how a trigger function is called: by which kind of trigger, and on one of
 * the installed tables.  It is going to act as that table's owner.
 */
TriggerData *
checked_trigger(FunctionCallInfo fcinfo, bool before_row)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	bool fits =
		CALLED_AS_TRIGGER(fcinfo) &&
		(before_row ? TRIGGER_FIRED_BEFORE(trigger->tg_event) && TRIGGER_FIRED_FOR_ROW(trigger->tg_event) :
					  TRIGGER_FIRED_AFTER(trigger->tg_event) && TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event)) &&
		(TRIGGER_FIRED_BY_INSERT(trigger->tg_event) || TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)) &&
		(before_row || (trigger->tg_newtable && (trigger->tg_oldtable || TRIGGER_FIRED_BY_INSERT(trigger->tg_event))));

	if (!fits)
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("function \"%s\" was not called by a trigger of the right kind",
							   get_func_name(fcinfo->flinfo->fn_oid)),
						errhint("Only the triggers that propstreet.install() creates can call it.")));
	if (RelationGetNamespace(trigger->tg_relation) != get_namespace_oid("propstreet", false) ||
		trigger->tg_relation->rd_rel->relowner != tables_owner())
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("function \"%s\" can only be used on the tables of propstreet, not on \"%s\"",
							   get_func_name(fcinfo->flinfo->fn_oid), RelationGetRelationName(trigger->tg_relation))));
	return trigger;
}
