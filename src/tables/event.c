/*
 * event.c
 *	  Events: AFTER statement triggers of project and prospect that record what
 *	  happened, queue it for webhooks and NOTIFY (specification, "Webhooks";
 *	  doc/decisions.md, "Webhooks"; doc/design.md, "Events").  All is part of the
 *	  writer's transaction; nothing is sent from here.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "commands/async.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "tables/tables.h"

#define NOTIFY_CHANNEL "propstreet"
#define NOTIFY_MAX_BYTES 7999		  /* of a payload, the server's limit */
#define NOTIFY_MAX_EVENTS 100		  /* of a statement; more get one summary */
#define CHUNK_BYTES (8 * 1024 * 1024) /* of payloads written with one statement, about */

int propstreet_notify = NOTIFY_REFERENCE;
double propstreet_notify_queue_limit = 0.5;
bool propstreet_events = true;
char *propstreet_change_origin = NULL;

#define EVENT_NAME(symbol, name) name,

const char *const event_names[EVENT_TYPES] = {EVENTS(EVENT_NAME)};

/* One event, with the values of its columns */
typedef struct Event
{
	const char *name;
	Datum tenant_id;
	Datum event; /* the name as text */
	Datum resource_id;
	Datum created_utc;
	Datum payload;
	Datum refs[2]; /* external references, as they are now and as they were */
	int states;	   /* how many of these there are */
	Datum id;	   /* once it is written */
} Event;

/* A webhook of a tenant that has events */
typedef struct Subscription
{
	int64 tenant_id;
	Datum id;
	Datum events;
	char *filter_namespace; /* or NULL */
} Subscription;

/* Events of a statement on their way to the table */
typedef struct Events
{
	const char *const *names; /* of its events: created, updated, deleted */
	const Resource *resource;
	Transition *transition;
	RowMap map;
	Row new;
	StringInfoData changed_fields; /* of the new row, as the elements of a JSON array */
	StringInfoData payload;		   /* of the new row, as it is written */
	const char *origin;			   /* or NULL */
	MemoryContext context;		   /* of what is in the list; reset with each flush */
	Event *list;
	int count;
	int room;
	Size bytes; /* of the payloads */
	int64 total;
	bool many_tenants;
	int64 tenant_id;
	int64 last_id;
	List *notices; /* payloads of NOTIFY, until there are too many */
} Events;

/* ---- a row's event ---- */

/* Take the new row apart; values live as long as the slot's row. */
static void
read_row(Events *events)
{
	row_of_slot(&events->new, events->transition->new, &events->map, events->resource->kind);
}

static Datum
old_value(const Events *events, int column, bool *isnull)
{
	Datum value;

	*isnull = !slot_optional(events->transition->old, events->map.attributes[column], &value);
	return value;
}

static bool
column_differs(const Events *events, int column)
{
	TupleDesc desc = RelationGetDescr(events->transition->trigger->tg_relation);
	Form_pg_attribute attribute = TupleDescAttr(desc, events->map.attributes[column] - 1);
	bool isnull;
	Datum old = old_value(events, column, &isnull);

	if (isnull || events->new.nulls[column])
		return isnull != events->new.nulls[column];
	return !datum_image_eq(old, events->new.values[column], attribute->attbyval, attribute->attlen);
}

/* Find out the names of the fields that differ. */
static void
read_changed_fields(Events *events)
{
	StringInfo out = &events->changed_fields;
	const char *last = NULL;

	resetStringInfo(out);
	for (int i = 0; i < events->resource->ncolumns; i++)
	{
		const Column *column = &events->resource->columns[i];

		/* columns of one member stand together */
		if (!(column->flags & REPORTED) || (last && strcmp(last, column->member) == 0) || !column_differs(events, i))
			continue;
		appendStringInfoString(out, last ? ",\"" : "\"");
		appendStringInfoString(out, column->member);
		appendStringInfoChar(out, '"');
		last = column->member;
	}
}

static Datum
copied(Datum value)
{
	return PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
}

/* The event that a row is, or NULL. */
static const char *
event_of(Events *events)
{
	const char *const *names = events->names;
	int deleted_utc = events->resource->deleted_utc;
	bool was_live;

	if (events->transition->old == NULL)
		return names[0];
	read_changed_fields(events);
	if (events->changed_fields.len == 0)
		return NULL;
	old_value(events, deleted_utc, &was_live);
	if (was_live && !events->new.nulls[deleted_utc])
		return names[2];
	return names[1];
}

/* The body that webhooks deliver (specification, "Subscription Payload Example"). */
static text *
payload_of(Events *events, const char *event)
{
	const Resource *resource = events->resource;
	StringInfo out = &events->payload;
	text *payload;

	resetStringInfo(out);
	appendStringInfoString(out, "{\"event\":\"");
	appendStringInfoString(out, event);
	appendStringInfoString(out, "\",\"timestamp\":");
	append_utc(out, DatumGetTimestampTz(events->new.values[resource->updated_utc]));
	appendStringInfoString(out, ",\"data\":");
	append_resource_of(out, &events->new, resource->kind, events->origin);
	if (event == events->names[1])
	{
		out->data[--out->len] = '\0';
		appendStringInfoString(out, ",\"changedFields\":[");
		appendBinaryStringInfo(out, events->changed_fields.data, events->changed_fields.len);
		appendStringInfoString(out, "]}");
	}
	appendStringInfoChar(out, '}');
	payload = palloc(VARHDRSZ + out->len);
	SET_VARSIZE(payload, VARHDRSZ + out->len);
	memcpy(VARDATA(payload), out->data, out->len);
	return payload;
}

/* ---- NOTIFY ---- */

/*
 * The payload of NOTIFY for an event.  It only wakes up, the table event is the
 * record; unless the DBA asks for it, it holds no business data, since any role
 * may LISTEN.
 */
static char *
notice_of(const Event *event)
{
	text *payload = (text *) DatumGetPointer(event->payload);
	char notice[200];
	char *end = notice;

	if (propstreet_notify == NOTIFY_FULL && VARSIZE_ANY_EXHDR(payload) <= NOTIFY_MAX_BYTES)
		return text_to_cstring(payload);
	end = stpcpy(stpcpy(stpcpy(end, "{\"event\":\""), event->name), "\",\"tenantId\":\"");
	end += pg_lltoa(DatumGetInt64(event->tenant_id), end);
	end = stpcpy(end, "\",\"id\":\"");
	end += pg_lltoa(DatumGetInt64(event->resource_id), end);
	end = stpcpy(end, "\",\"eventId\":\"");
	end += pg_lltoa(DatumGetInt64(event->id), end);
	strcpy(end, "\"}");
	return pstrdup(notice);
}

/* Remember what is to be notified of the events just written. */
static void
note_events(Events *events)
{
	if (propstreet_notify == NOTIFY_OFF)
		return;
	for (int i = 0; i < events->count; i++)
	{
		const Event *event = &events->list[i];

		if (events->total == 0)
			events->tenant_id = DatumGetInt64(event->tenant_id);
		else if (events->tenant_id != DatumGetInt64(event->tenant_id))
			events->many_tenants = true;
		events->last_id = DatumGetInt64(event->id);
		if (++events->total <= NOTIFY_MAX_EVENTS)
			events->notices = lappend(events->notices, notice_of(event));
	}
}

static int64 left_out = 0; /* notifications of this session */

/*
 * Is there room for notifications?  Where the queue is full no transaction that
 * notifies can commit, and one session that listens and idles in a transaction is
 * enough to fill it.
 */
static bool
queue_has_room(void)
{
	LOCAL_FCINFO(fcinfo, 0);

	InitFunctionCallInfoData(*fcinfo, NULL, 0, InvalidOid, NULL, NULL);
	return DatumGetFloat8(pg_notification_queue_usage(fcinfo)) <= propstreet_notify_queue_limit;
}

static void
leave_out(int64 count)
{
	bool first = left_out == 0;

	left_out += count;
	if (first && count > 0)
		ereport(WARNING, (errmsg("no notifications are sent while the notification queue is more than %g full",
								 propstreet_notify_queue_limit),
						  errdetail("The changes and their events are stored, and webhooks are delivered."),
						  errhint("A session that listens and stays in a transaction keeps the queue from being "
								  "emptied. Look for such a session in the server log or in pg_stat_activity.")));
}

PG_FUNCTION_INFO_V1(propstreet_notifications_left_out);

/* notifications_left_out() bigint: of this session, since the queue was too full */
Datum
propstreet_notifications_left_out(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	PG_RETURN_INT64(left_out);
}

/* One NOTIFY per event, or a summary of very many. */
static void
notify(const Events *events)
{
	ListCell *cell;
	StringInfoData summary;

	if (events->total == 0)
		return;
	if (!queue_has_room())
	{
		leave_out(events->total > NOTIFY_MAX_EVENTS ? 1 : events->total);
		return;
	}
	if (events->total <= NOTIFY_MAX_EVENTS)
	{
		foreach(cell, events->notices)
			Async_Notify(NOTIFY_CHANNEL, lfirst(cell));
		return;
	}
	initStringInfo(&summary);
	appendStringInfo(&summary, "{\"event\":\"%s.*\"", events->resource->kind == KIND_PROJECT ? "project" : "prospect");
	if (!events->many_tenants)
		appendStringInfo(&summary, ",\"tenantId\":\"" INT64_FORMAT "\"", events->tenant_id);
	appendStringInfo(&summary, ",\"count\":" INT64_FORMAT ",\"lastEventId\":\"" INT64_FORMAT "\"}", events->total,
					 events->last_id);
	Async_Notify(NOTIFY_CHANNEL, summary.data);
}

/* ---- writing ---- */

/* The values at an offset of some events as an array. */
static Datum
array_of(Event **list, int count, size_t offset, ColumnType type)
{
	bool fixed = type == T_INT8 || type == T_TIMESTAMPTZ;
	Datum *values = palloc(count * sizeof(Datum));

	for (int i = 0; i < count; i++)
		values[i] = *(Datum *) ((char *) list[i] + offset);
	return PointerGetDatum(construct_array(values, count, type_oid(type), fixed ? (int) sizeof(int64) : -1,
										   fixed && FLOAT8PASSBYVAL, fixed ? TYPALIGN_DOUBLE : TYPALIGN_INT));
}

/* The columns that events and deliveries have in common, as parameters $1 to $4 */
static void
common_columns(Datum *values, Event **list, int count)
{
	values[0] = array_of(list, count, offsetof(Event, tenant_id), T_INT8);
	values[1] = array_of(list, count, offsetof(Event, event), T_TEXT);
	values[2] = array_of(list, count, offsetof(Event, resource_id), T_INT8);
	values[3] = array_of(list, count, offsetof(Event, created_utc), T_TIMESTAMPTZ);
}

/* Write the events as anybody would, with whatever the owner has added to the table. */
static void
insert_by_sql(Events *events, Event **list)
{
	static Statement insert = {
		.sql = "INSERT INTO propstreet.event AS t (tenant_id, event, resource_id, created_utc, "
			   "payload, change_origin) "
			   "SELECT pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), "
			   "pg_catalog.unnest($5), $6 "
			   "RETURNING t.id::pg_catalog.int8",
		.nargs = 6,
		.args = {T_INT8_ARRAY, T_TEXT_ARRAY, T_INT8_ARRAY, T_TIMESTAMPTZ_ARRAY, T_JSON_ARRAY, T_TEXT},
	};
	Datum values[6];
	bool nulls[6] = {false};

	common_columns(values, list, events->count);
	values[4] = array_of(list, events->count, offsetof(Event, payload), T_JSON);
	values[5] = events->origin ? CStringGetTextDatum(events->origin) : (Datum) 0;
	nulls[5] = events->origin == NULL;
	run(&insert, values, nulls);
	for (int i = 0; i < events->count; i++)
		list[i]->id = fetch(i, 1);
	SPI_freetuptable(SPI_tuptable);
}

/* The columns of propstreet.event */
enum
{
	E_TENANT_ID,
	E_ID,
	E_EVENT,
	E_RESOURCE_ID,
	E_CREATED_UTC,
	E_PAYLOAD,
	E_CHANGE_ORIGIN,
	E_COLUMNS
};

static const Column event_columns[E_COLUMNS] = {
	PLAIN_COLUMN("tenant_id", T_INT8, true),
	PLAIN_COLUMN("id", T_INT8, true),
	PLAIN_COLUMN("event", T_TEXT, true),
	PLAIN_COLUMN("resource_id", T_INT8, true),
	PLAIN_COLUMN("created_utc", T_TIMESTAMPTZ, true),
	PLAIN_COLUMN("payload", T_JSON, true),
	PLAIN_COLUMN("change_origin", T_TEXT, false),
};

/* Have all indexes columns only? */
static bool
indexes_are_plain(Relation relation)
{
	List *indexes = RelationGetIndexList(relation);
	bool plain = true;
	ListCell *cell;

	foreach(cell, indexes)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		plain = plain && heap_attisnull(index->rd_indextuple, Anum_pg_index_indexprs, NULL) &&
				heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL);
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
	return plain;
}

/*
 * Is the table as install() has made it, so that there is nothing but to store rows
 * and index them?  With an index of expressions, functions of the owner's are called.
 */
static bool
is_plain(Relation relation)
{
	TupleDesc desc = RelationGetDescr(relation);

	if (relation->rd_rel->relkind != RELKIND_RELATION || relation->rd_rel->relispartition || relation->trigdesc ||
		relation->rd_rel->relhasrules || relation->rd_rel->relforcerowsecurity || desc->natts != E_COLUMNS ||
		(desc->constr && (desc->constr->num_check > 0 || desc->constr->has_generated_stored)))
		return false;
	for (int i = 0; i < E_COLUMNS; i++)
		if (TupleDescAttr(desc, i)->attisdropped ||
			TupleDescAttr(desc, i)->atttypid != type_oid(event_columns[i].type) ||
			strcmp(NameStr(TupleDescAttr(desc, i)->attname), event_columns[i].name) != 0)
			return false;
	return indexes_are_plain(relation);
}

static Oid event_table; /* whose sequence is known, until a relation changes */

static void
relation_changed(Datum arg, Oid relation)
{
	(void) arg;
	(void) relation;
	event_table = InvalidOid;
}

/* The sequence that the ids of events are from. */
static Oid
event_sequence(Relation relation)
{
	static Oid sequence;
	static bool watching;

	if (!watching)
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	watching = true;
	if (event_table != RelationGetRelid(relation))
	{
		sequence = identity_sequence(relation, E_ID + 1);
		event_table = RelationGetRelid(relation);
	}
	return sequence;
}

static void
fill_slot(TupleTableSlot *slot, const Event *event, Datum origin, bool no_origin)
{
	ExecClearTuple(slot);
	memset(slot->tts_isnull, false, E_COLUMNS * sizeof(bool));
	slot->tts_values[E_TENANT_ID] = event->tenant_id;
	slot->tts_values[E_ID] = event->id;
	slot->tts_values[E_EVENT] = event->event;
	slot->tts_values[E_RESOURCE_ID] = event->resource_id;
	slot->tts_values[E_CREATED_UTC] = event->created_utc;
	slot->tts_values[E_PAYLOAD] = event->payload;
	slot->tts_values[E_CHANGE_ORIGIN] = origin;
	slot->tts_isnull[E_CHANGE_ORIGIN] = no_origin;
	ExecStoreVirtualTuple(slot);
}

/*
 * Write the events into a table that is plain, as COPY does: without a plan, whose
 * execution would cost more than all else that is done for an event.
 */
static void
insert_directly(Events *events, Event **list, Relation relation)
{
	Datum origin = events->origin ? CStringGetTextDatum(events->origin) : (Datum) 0;
	Oid sequence = event_sequence(relation);
	EState *estate = CreateExecutorState();
	ResultRelInfo *result = makeNode(ResultRelInfo);
	TupleTableSlot **slots = palloc(events->count * sizeof(TupleTableSlot *));
	/* a copy is not counted as in use: the slots go with the memory they are in */
	TupleDesc desc = CreateTupleDescCopy(RelationGetDescr(relation));

	InitResultRelInfo(result, relation, 0, NULL, 0);
	ExecOpenIndices(result, false);
	for (int i = 0; i < events->count; i++)
	{
		list[i]->id = Int64GetDatum(nextval_internal(sequence, false));
		slots[i] = MakeTupleTableSlot(desc, table_slot_callbacks(relation));
		fill_slot(slots[i], list[i], origin, events->origin == NULL);
	}
	table_multi_insert(relation, slots, events->count, GetCurrentCommandId(true), 0, NULL);
	for (int i = 0; i < events->count; i++)
	{
		list_free(INSERT_INDEX_ENTRIES(result, slots[i], estate));
		ResetPerTupleExprContext(estate);
	}
	ExecCloseIndices(result);
	FreeExecutorState(estate);
}

static Relation
open_own(const char *table, LOCKMODE mode)
{
	Oid oid = get_relname_relid(table, get_namespace_oid("propstreet", false));
	Relation relation;

	if (!OidIsValid(oid))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("table propstreet.%s does not exist", table),
						errhint("Run SELECT propstreet.install().")));
	relation = table_open(oid, mode);
	(void) check_relation_owner(RelationGetRelid(relation));
	return relation;
}

/* Write the events, whose ids are then known. */
static void
insert_events(Events *events, Event **list)
{
	Relation relation = open_own("event", RowExclusiveLock);

	if (is_plain(relation))
		insert_directly(events, list, relation);
	else
		insert_by_sql(events, list);
	table_close(relation, NoLock);
}

/* Is the table without a page, so that a query could find nothing? */
static bool
no_webhooks(void)
{
	Relation relation = open_own("webhook", AccessShareLock);
	bool none = relation->rd_rel->relkind == RELKIND_RELATION && RelationGetNumberOfBlocks(relation) == 0;

	table_close(relation, NoLock);
	return none;
}

/* The webhooks of the events' tenants, but for those that exclude their origin. */
static int
read_webhooks(Events *events, Subscription **webhooks)
{
	static Statement select = {
		.sql = "SELECT w.tenant_id::pg_catalog.int8, w.id::pg_catalog.int8, "
			   "w.events::pg_catalog.text[], "
			   "w.filter_namespace::pg_catalog.text FROM propstreet.webhook AS w "
			   "WHERE w.tenant_id OPERATOR(pg_catalog.=) ANY ($1) "
			   "AND (w.exclude_origin IS NULL OR $2 IS NULL OR w.exclude_origin OPERATOR(pg_catalog.<>) $2) "
			   "ORDER BY w.tenant_id, w.id",
		.nargs = 2,
		.args = {T_INT8_ARRAY, T_TEXT},
	};
	Datum *tenants = palloc(events->count * sizeof(Datum));
	int ntenants = 0;
	Datum values[2];
	bool nulls[2] = {false, events->origin == NULL};
	int count;

	for (int i = 0; i < events->count; i++)
		if (ntenants == 0 || tenants[ntenants - 1] != events->list[i].tenant_id)
			tenants[ntenants++] = events->list[i].tenant_id;
	values[0] = int64_array(tenants, ntenants);
	values[1] = events->origin ? CStringGetTextDatum(events->origin) : (Datum) 0;
	count = run(&select, values, nulls);
	*webhooks = palloc(Max(count, 1) * sizeof(Subscription));
	for (int i = 0; i < count; i++)
	{
		Subscription *webhook = &(*webhooks)[i];
		Datum namespace;

		webhook->tenant_id = DatumGetInt64(fetch(i, 1));
		webhook->id = fetch(i, 2);
		webhook->events = PointerGetDatum(PG_DETOAST_DATUM_COPY(fetch(i, 3)));
		webhook->filter_namespace = fetch_optional(i, 4, &namespace) ? TextDatumGetCString(namespace) : NULL;
	}
	SPI_freetuptable(SPI_tuptable);
	return count;
}

/* Is a text among those of an array? */
static bool
has_text(Datum array, Datum wanted)
{
	int count;
	Datum *elements = array_elements(array, T_TEXT, &count);

	for (int i = 0; i < count; i++)
		if (datum_image_eq(elements[i], wanted, false, -1))
			return true;
	return false;
}

static bool
has_namespace(Datum array, const char *namespace)
{
	ExternalRef **refs;
	int count = refs_deform(array, &refs);

	for (int i = 0; i < count; i++)
		if (namespace_len(refs[i]) == (int) strlen(namespace) &&
			memcmp(VARDATA_ANY(refs[i]), namespace, strlen(namespace)) == 0)
			return true;
	return false;
}

/* A filter matches if the row before or after the change carries the namespace. */
static bool
wants(const Subscription *webhook, const Event *event)
{
	if (webhook->tenant_id != DatumGetInt64(event->tenant_id) || !has_text(webhook->events, event->event))
		return false;
	if (webhook->filter_namespace == NULL)
		return true;
	for (int i = 0; i < event->states; i++)
		if (has_namespace(event->refs[i], webhook->filter_namespace))
			return true;
	return false;
}

/* Deliveries to write: of an event to a webhook each */
typedef struct Deliveries
{
	int count;
	Event *events[CHUNK];
	Datum webhooks[CHUNK];
} Deliveries;

static void
insert_deliveries(Deliveries *deliveries)
{
	static Statement insert = {
		.sql = "INSERT INTO propstreet.webhook_delivery "
			   "(tenant_id, event, resource_id, created_utc, next_attempt_utc, event_id, webhook_id) "
			   "SELECT pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), "
			   "pg_catalog.unnest($4), "
			   "pg_catalog.unnest($5), pg_catalog.unnest($6)",
		.nargs = 6,
		.args = {T_INT8_ARRAY, T_TEXT_ARRAY, T_INT8_ARRAY, T_TIMESTAMPTZ_ARRAY, T_INT8_ARRAY, T_INT8_ARRAY},
	};
	Datum values[6];

	if (deliveries->count == 0)
		return;
	common_columns(values, deliveries->events, deliveries->count);
	values[4] = array_of(deliveries->events, deliveries->count, offsetof(Event, id), T_INT8);
	values[5] = int64_array(deliveries->webhooks, deliveries->count);
	run(&insert, values, NULL);
	wake_worker_at_commit();
	deliveries->count = 0;
}

/* Queue the events for the webhooks that want them. */
static void
deliver_events(Events *events, Event **list)
{
	Subscription *webhooks;
	int nwebhooks;
	Deliveries *deliveries;

	if (no_webhooks() || (nwebhooks = read_webhooks(events, &webhooks)) == 0)
		return;
	deliveries = palloc(sizeof(Deliveries));
	deliveries->count = 0;
	for (int i = 0; i < nwebhooks; i++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < events->count; j++)
		{
			if (!wants(&webhooks[i], list[j]))
				continue;
			if (deliveries->count == CHUNK)
				insert_deliveries(deliveries);
			deliveries->webhooks[deliveries->count] = webhooks[i].id;
			deliveries->events[deliveries->count++] = list[j];
		}
	}
	insert_deliveries(deliveries);
}

static void
flush_events(Events *events)
{
	MemoryContext before = MemoryContextSwitchTo(events->context);
	Event **list = palloc(Max(events->count, 1) * sizeof(Event *));

	for (int i = 0; i < events->count; i++)
		list[i] = &events->list[i];
	if (events->count > 0)
	{
		insert_events(events, list);
		deliver_events(events, list);
	}
	MemoryContextSwitchTo(before);
	note_events(events);
	MemoryContextReset(events->context);
	events->count = 0;
	events->bytes = 0;
}

/* Collect the event of the current row, if it is one. */
static void
collect_event(Events *events)
{
	MemoryContext before = MemoryContextSwitchTo(events->context);
	const char *name;

	read_row(events);
	name = event_of(events);
	if (name)
	{
		text *payload = payload_of(events, name);

		if (events->count == events->room)
			events->list = repalloc(events->list, (events->room *= 2) * sizeof(Event));
		events->bytes += VARSIZE(payload);
		events->list[events->count++] = (Event) {.name = name,
												 .tenant_id = events->new.values[0],
												 .event = CStringGetTextDatum(name),
												 .resource_id = events->new.values[events->resource->id],
												 .created_utc = events->new.values[events->resource->updated_utc],
												 .payload = PointerGetDatum(payload),
												 .refs = {copied(events->new.values[events->resource->external_refs])},
												 .states = 1};
		if (events->transition->old && column_differs(events, events->resource->external_refs))
		{
			Event *last = &events->list[events->count - 1];

			last->refs[last->states++] =
				copied(slot_value(events->transition->old, events->map.attributes[events->resource->external_refs]));
		}
	}
	MemoryContextSwitchTo(before);
	if (events->count == CHUNK || events->bytes > CHUNK_BYTES)
		flush_events(events);
}

/* ---- triggers ---- */

/* Say once a transaction that its changes are not recorded. */
static void
warn_of_no_events(void)
{
	static LocalTransactionId warned = InvalidLocalTransactionId;

	if (warned == MY_LXID)
		return;
	warned = MY_LXID;
	ereport(WARNING, (errmsg("changes of this transaction make no events"),
					  errdetail("As propstreet.events is off, webhooks and listeners are not told of these changes.")));
}

static Datum
record_events(FunctionCallInfo fcinfo, Kind kind, EventType first)
{
	Transition transition;
	Events *events;

	if (!propstreet_events && !propstreet_restore)
		warn_of_no_events();
	if (!propstreet_events || !transition_begin(&transition, fcinfo))
		return PointerGetDatum(NULL);
	events = palloc0(sizeof(Events));
	events->names = &event_names[first];
	events->resource = resource_of(kind);
	events->transition = &transition;
	events->origin = *propstreet_change_origin ? propstreet_change_origin : NULL;
	events->context = AllocSetContextCreate(CurrentMemoryContext, "propstreet events", ALLOCSET_DEFAULT_SIZES);
	events->room = 16;
	events->list = palloc(events->room * sizeof(Event));
	initStringInfo(&events->changed_fields);
	initStringInfo(&events->payload);
	row_map(&events->map, RelationGetDescr(transition.trigger->tg_relation), kind);
	transition_rewind(&transition);
	while (transition_next(&transition))
		collect_event(events);
	flush_events(events);
	notify(events);
	transition_end(&transition);
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(propstreet_project_event);

/* AFTER INSERT or UPDATE statement trigger of project */
Datum
propstreet_project_event(PG_FUNCTION_ARGS)
{
	return record_events(fcinfo, KIND_PROJECT, PROJECT_CREATED);
}

PG_FUNCTION_INFO_V1(propstreet_prospect_event);

/* AFTER INSERT or UPDATE statement trigger of prospect, whose copies of contact and company change with them */
Datum
propstreet_prospect_event(PG_FUNCTION_ARGS)
{
	return record_events(fcinfo, KIND_PROSPECT, PROSPECT_CREATED);
}

/* Can a text say who writes? It is told in payloads and headers: up to 100 characters of printable ASCII. */
bool
is_change_origin(const char *text)
{
	const char *c = text;

	while (*c >= ' ' && *c <= '~')
		c++;
	return *c == '\0' && c - text <= CHANGE_ORIGIN_MAX;
}

/* Is this an event that webhooks can ask for? */
bool
is_event_name(const char *name)
{
	for (int i = 0; i < EVENT_TYPES; i++)
		if (strcmp(event_names[i], name) == 0)
			return true;
	return false;
}

PG_FUNCTION_INFO_V1(propstreet_events_valid);

/* events_valid(text[]) boolean: are these events that a webhook can ask for, at least one? */
Datum
propstreet_events_valid(PG_FUNCTION_ARGS)
{
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(0);
	int count;
	Datum *names;

	if (array_contains_nulls(array))
		PG_RETURN_BOOL(false);
	names = array_elements(PointerGetDatum(array), T_TEXT, &count);
	for (int i = 0; i < count; i++)
		if (!is_event_name(TextDatumGetCString(names[i])))
			PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(count > 0);
}
