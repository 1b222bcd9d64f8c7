/*
 * base.h
 *	  What needs nothing of ours: problems, JSON, ids and moments, locks, the tenant.
 */
#ifndef PROPSTREET_BASE_H
#define PROPSTREET_BASE_H

#include "access/htup.h"
#include "datatype/timestamp.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "storage/lock.h"

#include "base/compat.h"

struct json_object;

/* ---- problems.c: what is wrong with an input ---- */

/* SQLSTATE "PT" + HTTP status, which PostgREST maps to that status. */
#define ERRCODE_PT(a, b, c) MAKE_SQLSTATE('P', 'T', (a), (b), (c))
#define PT_BAD_REQUEST ERRCODE_PT('4', '0', '0')
#define PT_UNAUTHORIZED ERRCODE_PT('4', '0', '1')
#define PT_NOT_FOUND ERRCODE_PT('4', '0', '4')
#define PT_METHOD_NOT_ALLOWED ERRCODE_PT('4', '0', '5')
#define PT_CONFLICT ERRCODE_PT('4', '0', '9')
#define PT_PRECONDITION_FAILED ERRCODE_PT('4', '1', '2')
#define PT_PAYLOAD_TOO_LARGE ERRCODE_PT('4', '1', '3')
#define PT_URI_TOO_LONG ERRCODE_PT('4', '1', '4')
#define PT_UNSUPPORTED_MEDIA_TYPE ERRCODE_PT('4', '1', '5')
#define PT_DATA_INTEGRITY ERRCODE_PT('4', '2', '2')
#define PT_PRECONDITION_REQUIRED ERRCODE_PT('4', '2', '8')
#define PT_HEADERS_TOO_LARGE ERRCODE_PT('4', '3', '1')
#define PT_BUSY ERRCODE_PT('5', '0', '3')
#define PT_BUSY_POSTGREST ERRCODE_PT('5', '2', '9')

/* A place in a JSON text, rendered as a JSON Pointer only when a problem needs it. */
typedef struct Path
{
	const struct Path *up; /* NULL: the whole text */
	const char *name;	   /* a member's name, or NULL for an array index */
	int index;
} Path;

/* One thing wrong with an input. */
typedef struct Problem
{
	char *pointer;		/* "#/price/currency", or NULL */
	char *parameter;	/* "page_size", or NULL */
	char *detail;		/* what is wrong, without control characters */
	const char *member; /* name of a further member, "projectId", or NULL */
	char *value;		/* its value as JSON */
} Problem;

typedef struct Problems
{
	List *list; /* of Problem, in order of appearance */
} Problems;

extern void problem_add(Problems *problems, const Path *path, const char *format, ...) pg_attribute_printf(3, 4);
extern void problem_parameter(Problems *problems, const char *parameter, const char *format, ...)
	pg_attribute_printf(3, 4);
pg_noreturn extern void problem_raise(int sqlstate, const Problem *problem);
pg_noreturn extern void not_found(const char *kind, int64 id, const char *pointer);
extern void problems_check(const Problems *problems);
extern char *quoted(const char *text);
extern char *id_json(int64 id);
extern int busy_sqlstate(void);

/* ---- json.c: a text to a checked tree, and objects to fields ---- */

/* What the setter of a field gets to see. */
#define FIELD_REQUIRED 0x01 /* must be there, unless the object is a patch */
#define FIELD_NULLABLE 0x02 /* null is passed on, as value NULL */
#define FIELD_READONLY 0x04 /* known, but not to be written */
#define FIELD_ALWAYS 0x08	/* every answer has it */

typedef void (*FieldSetter)(struct json_object *value, const Path *path, void *target, Problems *problems);

typedef struct Field
{
	const char *name; /* NULL ends a table */
	int flags;
	FieldSetter set;
	const char *schema; /* of openapi.json, where the field is described there */
} Field;

extern bool json_is_deep(const char *text);
extern bool json_tree(const char *text, int len, Problems *problems, struct json_object **tree);
extern void decode_object(struct json_object *object, const Path *path, const Field *fields, bool patch, void *target,
						  Problems *problems);
extern const char *json_string(struct json_object *value, const Path *path, Problems *problems);
extern const char *json_number(struct json_object *value, const Path *path, Problems *problems);
extern bool json_array(struct json_object *value, const Path *path, Problems *problems);

/* ---- json_out.c: writing ---- */

extern void append_member(StringInfo out, const char *name);
extern void append_json_string(StringInfo out, const char *text, int len);
extern void append_id(StringInfo out, int64 id);
extern void append_utc(StringInfo out, TimestampTz time);

/* ---- scalar.c: ids, moments, and what is wrong with the text of a type ---- */

extern bool id_parse(const char *text, int64 *id);
extern bool utc_parse(const char *text, TimestampTz *time);
extern bool utc_in_range(TimestampTz time);
extern void input_error(struct Node *escontext, bool out_of_range, const char *type, const char *text,
						const Problems *problems, const char *hint);

/* ---- lock.c: advisory locks ---- */

/* Field 4 of the tag.  SQL's advisory locks have 1 and 2, Citus' 4 to 16. */
typedef enum LockClass
{
	LOCK_WRITER = 0x5052, /* of a tenant */
	LOCK_IDEMPOTENCY_KEY,
	LOCK_QUEUE, /* of webhook deliveries */
	LOCK_WEBHOOK
} LockClass;

extern LOCKTAG number_lock(LockClass class, int64 number);
extern LOCKTAG name_lock(LockClass class, int64 tenant_id, const void *name, size_t len);

/* ---- tenant.c: whose tenant a session speaks for ---- */

extern void define_tenant_settings(void);
extern int64 current_tenant(void);

#endif /* PROPSTREET_BASE_H */
