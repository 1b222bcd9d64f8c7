/*
 * operations.h
 *	  Operations on projects and prospects, and what all operations share.
 */
#ifndef PROPSTREET_OPERATIONS_H
#define PROPSTREET_OPERATIONS_H

#include "tables/tables.h"

/* ---- operation.c: what operations share ---- */

extern bool propstreet_require_if_match;

/* An operation under way: SPI is connected, the tables' owner is the current user */
typedef struct Operation
{
	int64 tenant_id;
	Identity caller;
	MemoryContext context; /* the caller's */
} Operation;

extern void operation_begin(Operation *operation);
extern void operation_end(Operation *operation);
extern Datum operation_result(Operation *operation, StringInfo result);
extern void init_large_result(Operation *operation, StringInfo result);
extern Datum operation_large_result(Operation *operation, StringInfo result);

/* Headers, or arguments of these names; NULL: not given */
typedef struct Preconditions
{
	const char *if_match;
	const char *if_none_match;
} Preconditions;

/*
 * What handle(), which calls operations directly, learns of their results besides
 * the JSON, and tells them.  It travels as the context of the call.
 */
typedef struct Answer
{
	NodeTag type;				 /* T_ExtensibleNode */
	Preconditions preconditions; /* told by handle() */
	Version version;			 /* of the resource that the answer shows; kind 0: of none */
	int64 project_id;			 /* of a prospect */
	bool created;				 /* the resource is new */
	bool has_more;				 /* of a page: there is one after it */
	Position next;				 /* which begins after this */
	struct varlena *kept;		 /* what to keep for retries instead of the answer, which has a secret; or NULL */
} Answer;

extern Answer *answer_of(FunctionCallInfo fcinfo);
extern void answer_set(Answer *answer, const Row *row, Kind kind, bool created);
extern void answer_row(FunctionCallInfo fcinfo, const Row *row, Kind kind, bool created);
extern char *answer_headers(const Answer *answer);

extern int64 argument_id(FunctionCallInfo fcinfo, int number, const char *name);
extern bool argument_bool(FunctionCallInfo fcinfo, int number, bool default_value);
extern char *argument_text(FunctionCallInfo fcinfo, int number);
extern struct json_object *argument_body(FunctionCallInfo fcinfo, int number, Problems *problems);
extern ExternalRef *argument_ref(FunctionCallInfo fcinfo, int number, Problems *problems);
extern Preconditions argument_preconditions(FunctionCallInfo fcinfo, int if_match, int if_none_match);
extern bool precondition_matches(const char *name, const char *header, const Version *version);
extern void check_version(const Preconditions *preconditions, const Version *version);
extern void check_row(const Preconditions *preconditions, const Row *row, Kind kind);
extern void join_ref(Change *change, int column, ExternalRef *ref, Problems *problems);
extern void append_result(StringInfo out, const char *result);

/* ---- page.c: a page of a list ---- */

/* What a list is asked for, and what a barrier allows it to show */
typedef struct PageRequest
{
	int size;
	bool has_since;
	const char *cursor; /* NULL: a first page */
	Position after;		/* the rows after this one */
	bool synced;
	TimestampTz barrier; /* the rows stamped before this */
} PageRequest;

extern PageRequest argument_page(FunctionCallInfo fcinfo, int number, int default_size, Problems *problems);
extern void append_list(FunctionCallInfo fcinfo, StringInfo out, Statement *statement, const Datum *values,
						const bool *nulls, const PageRequest *page,
						void (*append)(StringInfo, struct TupleTableSlot *, Position *));

/* ---- list.c: the filters of lists by enums ---- */

/*
 * A line a filter: symbol, parameter, column, type; is it a column of the index by filters
 * (else it is checked row by row); may the column be null; the value that only a list with
 * deleted ones has; schema and description for openapi.json.  Arguments of the list's
 * function, in this order; parsing, SQL and openapi.json come from it.
 */
#define PROJECT_FILTERS(_) \
	_(PROJECT_STATUS, "status", "status", T_PROJECT_STATUS, true, false, "deleted", "ProjectStatus", \
	  "Of this status; deleted implies include_deleted") \
	_(PROJECT_CLASSIFICATION, "classification", "classification", T_PROJECT_CLASSIFICATION, true, false, NULL, \
	  "ProjectClassification", "Of this work stage") \
	_(TEASER_STAGE, "teaser_stage", "teaser_stage", T_TEASER_STAGE, true, true, NULL, "TeaserStage", \
	  "With the teaser in this stage")

#define PROSPECT_FILTERS(_) \
	_(PROSPECT_CLASSIFICATION, "classification", "classification", T_PROSPECT_CLASSIFICATION, true, false, NULL, \
	  "ProspectClassification", "Of this pipeline stage of the prospect")

/* ---- project.c ---- */

#define UPSERT_TRIES 3 /* after others got in between */

/* What a look-up sees: as the calling query, or all that is committed by now, and locked */
typedef enum Reading
{
	READ_SNAPSHOT,
	READ_NOW,
	READ_LOCKED
} Reading;

extern void project_require(Operation *operation, int64 id, bool include_deleted, Reading reading);

/* ---- idempotency.c: retries that never do a thing twice ---- */

#define KEPT_HOURS 24 /* that an answer is kept */

/* A request that has an Idempotency-Key, or none; and the answer that it has got before */
typedef struct Idempotent
{
	const char *key;		 /* NULL: none was given */
	struct varlena *request; /* hash of operation, id and body */
	int status;
	char *headers; /* JSON: an array of objects */
	struct varlena *body;
} Idempotent;

extern bool idempotent_find(const Operation *operation, const char *key, const char *name, int64 id,
							const struct varlena *body, Idempotent *idempotent);
extern void idempotent_record(const Operation *operation, const Idempotent *idempotent);
extern bool idempotent_begin(Operation *operation, FunctionCallInfo fcinfo, int key_number, const char *name,
							 int64 project_id, int body_number, Idempotent *idempotent, StringInfo answer);
extern void idempotent_end(Operation *operation, Idempotent *idempotent, const Row *created, Kind kind,
						   StringInfo answer);

#endif /* PROPSTREET_OPERATIONS_H */
