/*
 * tables.h
 *	  What holds at the tables, whichever door a row came through: triggers, events, and
 *	  what makes delta reads lossless.
 */
#ifndef PROPSTREET_TABLES_H
#define PROPSTREET_TABLES_H

#include "resources/resources.h"

struct TriggerData;

/* ---- trigger.c: what triggers share ---- */

extern bool propstreet_restore;
extern struct TriggerData *checked_trigger(FunctionCallInfo fcinfo, bool before_row);

/* ---- before_row.c ---- */

/* Instead of a revision: the writer has locked the investor and gives the copies. */
#define COPIES_GIVEN INT64CONST(-1)
#define COPIES_GIVEN_SQL "-1"

/* ---- project_lock.c ---- */

extern void project_share(int64 tenant_id, int64 id);

/* ---- transition.c: the transition tables of AFTER statement triggers ---- */

#define CHUNK 1000 /* rows that a trigger writes with one statement */

/* The rows of a statement, old and new in step */
typedef struct Transition
{
	struct TriggerData *trigger;
	Identity caller;
	AttrNumber tenant_id;
	AttrNumber id;
	struct TupleTableSlot *old; /* NULL for INSERT */
	struct TupleTableSlot *new;
} Transition;

extern AttrNumber transition_column(const Transition *transition, const char *name, ColumnType type);
extern bool transition_begin(Transition *transition, FunctionCallInfo fcinfo);
extern void transition_end(Transition *transition);
extern void transition_rewind(Transition *transition);
extern bool transition_next(Transition *transition);
extern bool same_value(const Transition *transition, AttrNumber number);

/* ---- sync.c: what makes delta reads lossless ---- */

extern int propstreet_sync_wait;
extern void writer_lock(int64 tenant_id);
extern const char *sync_barrier(int64 tenant_id, TimestampTz *barrier);
pg_noreturn extern void sync_unavailable(const char *why);

/* ---- event.c: what happened, for webhooks and listeners ---- */

/* The events that webhooks can ask for; three of each kind of resource, in this order */
#define EVENTS(_) \
	_(PROJECT_CREATED, "project.created") \
	_(PROJECT_UPDATED, "project.updated") \
	_(PROJECT_DELETED, "project.deleted") \
	_(PROSPECT_CREATED, "prospect.created") \
	_(PROSPECT_UPDATED, "prospect.updated") \
	_(PROSPECT_DELETED, "prospect.deleted")

#define EVENT_SYMBOL(symbol, name) symbol,

typedef enum EventType
{
	EVENTS(EVENT_SYMBOL) EVENT_TYPES
} EventType;

extern const char *const event_names[EVENT_TYPES];
extern bool is_event_name(const char *name);

/* What NOTIFY tells */
typedef enum Notify
{
	NOTIFY_OFF,
	NOTIFY_REFERENCE,
	NOTIFY_FULL
} Notify;

extern int propstreet_notify;
extern double propstreet_notify_queue_limit;
extern bool propstreet_events;
#define CHANGE_ORIGIN_MAX 100 /* characters */

extern bool is_change_origin(const char *text);
extern char *propstreet_change_origin;

/* ---- wake.c: waking the webhook worker ---- */

extern void watch_commits(void);
extern void wake_worker_at_commit(void);

#endif /* PROPSTREET_TABLES_H */
