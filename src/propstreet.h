/*
 * propstreet.h
 *	  What the source files share: the types' layout, and what each file offers
 *	  the ones above it.  Dependencies point one way:
 *	  json <- types <- request, render <- operations <- http.
 */
#ifndef PROPSTREET_H
#define PROPSTREET_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "storage/lock.h"
#include "tcop/dest.h"

#include "base/compat.h"

struct json_object;

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

/* ---- json.c: problems of an input, and JSON text to a checked tree ---- */

/* A place in a JSON text, rendered as a JSON Pointer only when a problem needs it. */
typedef struct Path
{
	const struct Path *up;		/* NULL: the whole text */
	const char *name;			/* a member's name, or NULL for an array index */
	int			index;
} Path;

/* One thing wrong with an input. */
typedef struct Problem
{
	char	   *pointer;		/* "#/price/currency", or NULL */
	char	   *parameter;		/* "page_size", or NULL */
	char	   *detail;			/* what is wrong, without control characters */
	const char *member;			/* name of a further member, "projectId", or NULL */
	char	   *value;			/* its value as JSON */
} Problem;

typedef struct Problems
{
	List	   *list;			/* of Problem, in order of appearance */
} Problems;

/* What the setter of a field gets to see. */
#define FIELD_REQUIRED 0x01		/* must be there, unless the object is a patch */
#define FIELD_NULLABLE 0x02		/* null is passed on, as value NULL */
#define FIELD_READONLY 0x04		/* known, but not to be written */

typedef void (*FieldSetter) (struct json_object *value, const Path *path, void *target, Problems *problems);

typedef struct Field
{
	const char *name;			/* NULL ends a table */
	int			flags;
	FieldSetter set;
} Field;

extern void problem_add(Problems *problems, const Path *path, const char *format,...) pg_attribute_printf(3, 4);
extern void problem_parameter(Problems *problems, const char *parameter, const char *format,...) pg_attribute_printf(3, 4);
pg_noreturn extern void problem_raise(int sqlstate, const Problem *problem);
pg_noreturn extern void not_found(const char *kind, int64 id, const char *pointer);
extern void problems_check(const Problems *problems);
extern char *quoted(const char *text);
extern char *id_json(int64 id);

extern bool json_is_deep(const char *text);
extern bool json_tree(const char *text, int len, Problems *problems, struct json_object **tree);
extern void decode_object(struct json_object *object, const Path *path, const Field *fields, bool patch,
						  void *target, Problems *problems);
extern const char *json_string(struct json_object *value, const Path *path, Problems *problems);
extern const char *json_number(struct json_object *value, const Path *path, Problems *problems);
extern bool json_array(struct json_object *value, const Path *path, Problems *problems);

/* Writing JSON */
extern void append_json_string(StringInfo out, const char *text, int len);
extern void append_utc(StringInfo out, TimestampTz time);

/* ---- input.c: ids, moments, and what is wrong with the text of a type ---- */

extern bool id_parse(const char *text, int64 *id);
extern bool utc_parse(const char *text, TimestampTz *time);
extern bool utc_in_range(TimestampTz time);
extern void input_error(struct Node *escontext, bool out_of_range, const char *type, const char *text,
						const Problems *problems, const char *hint);

/* ---- money.c: what prices and price ranges are made of ---- */

typedef enum PriceScale
{
	SCALE_NONE,
	SCALE_THOUSANDS,
	SCALE_MILLIONS,
	SCALE_BILLIONS
} PriceScale;

#define DECIMAL_ONE UINT64CONST(10000)	/* four fractional digits */

typedef enum CurrencyStatus
{
	CURRENCY_UNKNOWN,
	CURRENCY_WITHDRAWN,
	CURRENCY_ACTIVE
} CurrencyStatus;

/* A unit of money as it is read */
typedef struct MoneyUnit
{
	bool		active_only;	/* refuse withdrawn currencies */
	bool		out_of_range;	/* a decimal was */
	char		currency[4];
	int			scale;			/* PriceScale */
} MoneyUnit;

extern CurrencyStatus currency_status(const char *code);
extern const char *scale_name(int scale);
extern uint128 money_amount(uint64 decimal, int scale);
extern bool money_decimal(uint128 amount, int scale, uint64 *decimal);

extern void decimal_read(const char *text, const Path *path, MoneyUnit *unit, uint64 *decimal, Problems *problems);
extern void decimal_set(struct json_object *value, const Path *path, MoneyUnit *unit, uint64 *decimal, Problems *problems);
extern void unit_read(char **words, int nwords, MoneyUnit *unit, Problems *problems);
extern void unit_set_currency(struct json_object *value, const Path *path, void *target, Problems *problems);
extern void unit_set_scale(struct json_object *value, const Path *path, void *target, Problems *problems);
extern int	split_words(char *text, char **words, int max);
extern bool is_object_text(const char *text);
extern bool flat_tree(const char *text, Problems *problems, struct json_object **tree);
extern const char *money_hint(const char *examples);

extern void append_decimal(StringInfo out, uint64 decimal);
extern void append_unit(StringInfo out, const char *currency, int scale);
extern void append_unit_members(StringInfo out, const char *currency, int scale);

extern uint64 decimal_recv(StringInfo message, const char *type);
extern void unit_recv(StringInfo message, const char *type, char currency[4], int *scale);
extern void unit_send(StringInfo message, const char *currency, int scale);
pg_noreturn extern void money_recv_error(const char *type, const char *detail);

/* ---- price.c: an amount of money with a scale ---- */

/* 16 bytes without padding, so that equal values have equal images */
typedef struct Price
{
	uint64		value;			/* in 1/10000 of the scale's unit */
	char		currency[4];	/* ISO 4217, NUL-terminated */
	int32		scale;			/* PriceScale */
} Price;

#define PG_GETARG_PRICE(n) ((Price *) PG_GETARG_POINTER(n))

/* ---- price_range.c: an interval of money with a scale ---- */

/* 24 bytes without padding */
typedef struct PriceRange
{
	uint64		min;			/* in 1/10000 of the scale's unit; 0 if absent */
	uint64		max;			/* likewise */
	char		currency[4];
	int16		scale;			/* PriceScale */
	uint8		has_min;
	uint8		has_max;
} PriceRange;

#define PG_GETARG_PRICE_RANGE(n) ((PriceRange *) PG_GETARG_POINTER(n))

/* Decode a request's object; new prices only take active currencies. */
extern bool price_decode(struct json_object *value, const Path *path, bool active_only, Price *price, Problems *problems);
extern bool price_range_decode(struct json_object *value, const Path *path, bool active_only, PriceRange *range, Problems *problems);
extern void append_price(StringInfo out, const Price *price);
extern void append_price_range(StringInfo out, const PriceRange *range);

/* ---- external_ref.c: namespace:id of a record in another system ---- */

/* A varlena that holds "namespace:id", the namespace in lower case. */
typedef struct varlena ExternalRef;

#define PG_GETARG_EXTERNAL_REF_PP(n) PG_GETARG_TEXT_PP(n)
#define EXTERNAL_REF_MAX 20		/* per resource */

extern ExternalRef *external_ref_make(const char *namespace, const char *id, const Path *path, Problems *problems);
extern bool external_ref_decode(struct json_object *value, const Path *path, ExternalRef **ref, Problems *problems);
extern int	namespace_len(const ExternalRef *ref);
extern void append_external_ref(StringInfo out, const ExternalRef *ref);

/* ---- etag.c: weak entity tags ---- */

/* A varlena that holds the opaque tag, without W/ and quotes. */
typedef struct varlena Etag;

#define ETAG_LEN 16				/* of the tags that we make */

typedef enum Kind
{
	KIND_PROJECT = 1,
	KIND_PROSPECT = 2,
	KIND_WEBHOOK = 3
} Kind;

/* What a version of a resource is told apart by. */
typedef struct Version
{
	Kind		kind;
	int64		tenant_id;
	int64		id;
	int64		revision;
	TimestampTz updated_utc;
} Version;

extern void etag_of(const Version *version, char tag[ETAG_LEN + 1]);
extern bool etag_matches(const char *name, const char *header, const Version *version, Problems *problems);

/* ---- cursor.c: a position in the order (updated_utc, id) ---- */

typedef struct Position
{
	TimestampTz updated_utc;
	int64		id;
} Position;

extern void append_cursor(StringInfo out, const Position *position);
extern bool cursor_parse(const char *text, Position *position);


/* ---- rows.c: rows of project and prospect, by column ---- */

/* Types of columns and parameters; ours are resolved by name. */
typedef enum ColumnType
{
	T_BOOL, T_INT4, T_INT8, T_INT8_ARRAY, T_JSON, T_TEXT, T_TEXT_ARRAY, T_TIMESTAMPTZ,
	T_PRICE, T_PRICE_RANGE, T_EXTERNAL_REF, T_EXTERNAL_REF_ARRAY, T_ASSET_TYPE, T_MANDATE,
	T_PROJECT_STATUS, T_PROJECT_CLASSIFICATION, T_TEASER_STAGE, T_PROSPECT_CLASSIFICATION,
	T_BYTEA, T_JSON_ARRAY, T_TIMESTAMPTZ_ARRAY, T_PROSPECT_ARRAY,
	COLUMN_TYPES
} ColumnType;

typedef struct Column
{
	const char *name;
	ColumnType	type;
	bool		not_null;
} Column;

/* The columns of propstreet.project: name, type, NOT NULL; the tenant stands first, before these. */
#define PROJECT_COLUMNS(_) \
	_(P_ID, "id", T_INT8, true) \
	_(P_NAME, "name", T_TEXT, true) \
	_(P_ASSET_TYPE, "asset_type", T_ASSET_TYPE, true) \
	_(P_PROPERTY_COUNT, "property_count", T_INT4, false) \
	_(P_STATUS, "status", T_PROJECT_STATUS, true) \
	_(P_CLASSIFICATION, "classification", T_PROJECT_CLASSIFICATION, true) \
	_(P_TEASER_STAGE, "teaser_stage", T_TEASER_STAGE, false) \
	_(P_PUBLISHED_UTC, "published_utc", T_TIMESTAMPTZ, false) \
	_(P_VERIFIED_UTC, "verified_utc", T_TIMESTAMPTZ, false) \
	_(P_COMMUNICATED_UTC, "communicated_utc", T_TIMESTAMPTZ, false) \
	_(P_MANDATE, "mandate", T_MANDATE, false) \
	_(P_PRICE, "price", T_PRICE, false) \
	_(P_PRICE_RANGE, "price_range", T_PRICE_RANGE, false) \
	_(P_TRANSACTIONS, "transactions", T_JSON, false) \
	_(P_EXTERNAL_REFS, "external_refs", T_EXTERNAL_REF_ARRAY, true) \
	_(P_CREATED_UTC, "created_utc", T_TIMESTAMPTZ, true) \
	_(P_UPDATED_UTC, "updated_utc", T_TIMESTAMPTZ, true) \
	_(P_DELETED_UTC, "deleted_utc", T_TIMESTAMPTZ, false) \
	_(P_REVISION, "revision", T_INT8, true)

/* The columns of propstreet.prospect, likewise. */
#define PROSPECT_COLUMNS(_) \
	_(R_ID, "id", T_INT8, true) \
	_(R_PROJECT_ID, "project_id", T_INT8, true) \
	_(R_CONTACT_ID, "contact_id", T_INT8, false) \
	_(R_COMPANY_ID, "company_id", T_INT8, false) \
	_(R_CLASSIFICATION, "classification", T_PROSPECT_CLASSIFICATION, true) \
	_(R_TAGS, "tags", T_TEXT_ARRAY, true) \
	_(R_ACCEPTED_UTC, "accepted_utc", T_TIMESTAMPTZ, false) \
	_(R_DEADLINE_UTC, "deadline_utc", T_TIMESTAMPTZ, false) \
	_(R_EXTERNAL_REFS, "external_refs", T_EXTERNAL_REF_ARRAY, true) \
	_(R_CREATED_UTC, "created_utc", T_TIMESTAMPTZ, true) \
	_(R_UPDATED_UTC, "updated_utc", T_TIMESTAMPTZ, true) \
	_(R_DELETED_UTC, "deleted_utc", T_TIMESTAMPTZ, false) \
	_(R_REVISION, "revision", T_INT8, true)

/* Columns are cast to the types we read them as: nothing happens, unless the owner has changed one. */
#define SQL_T_INT4 "pg_catalog.int4"
#define SQL_T_INT8 "pg_catalog.int8"
#define SQL_T_JSON "pg_catalog.json"
#define SQL_T_TEXT "pg_catalog.text"
#define SQL_T_TEXT_ARRAY "pg_catalog.text[]"
#define SQL_T_TIMESTAMPTZ "pg_catalog.timestamptz"
#define SQL_T_PRICE "propstreet.price"
#define SQL_T_PRICE_RANGE "propstreet.price_range"
#define SQL_T_EXTERNAL_REF_ARRAY "propstreet.external_ref[]"
#define SQL_T_ASSET_TYPE "propstreet.asset_type"
#define SQL_T_MANDATE "propstreet.mandate"
#define SQL_T_PROJECT_STATUS "propstreet.project_status"
#define SQL_T_PROJECT_CLASSIFICATION "propstreet.project_classification"
#define SQL_T_TEASER_STAGE "propstreet.teaser_stage"
#define SQL_T_PROSPECT_CLASSIFICATION "propstreet.prospect_classification"

#define COLUMN_SYMBOL(symbol, name, type, not_null) symbol,
#define COLUMN_SQL(symbol, name, type, not_null) ", t." name "::" SQL_##type

typedef enum ProjectColumn
{
	P_TENANT_ID, PROJECT_COLUMNS(COLUMN_SYMBOL) P_COLUMNS
} ProjectColumn;

typedef enum ProspectColumn
{
	R_TENANT_ID, PROSPECT_COLUMNS(COLUMN_SYMBOL) R_COLUMNS
} ProspectColumn;

/* In the order of the enums, for SELECT and RETURNING lists over an alias t */
#define PROJECT_SQL "t.tenant_id::pg_catalog.int8" PROJECT_COLUMNS(COLUMN_SQL)
#define PROSPECT_SQL "t.tenant_id::pg_catalog.int8" PROSPECT_COLUMNS(COLUMN_SQL)

extern const Column project_columns[P_COLUMNS];
extern const Column prospect_columns[R_COLUMNS];

#define ROW_COLUMNS P_COLUMNS	/* the larger of the two */

/* A row taken apart, in the order of its enum */
typedef struct Row
{
	Datum		values[ROW_COLUMNS];
	bool		nulls[ROW_COLUMNS];
} Row;

/* Where the columns stand in a row type */
typedef struct RowMap
{
	uint64		version;		/* of the row type that it was made for */
	AttrNumber	attributes[ROW_COLUMNS];
} RowMap;

extern uint64 enum_generation;	/* grows when labels may have been added */

extern void watch_types(void);
extern Oid	type_oid(ColumnType type);
extern AttrNumber find_column(TupleDesc desc, const Column *column, const char *table);
extern void row_map(RowMap *map, TupleDesc desc, Kind kind);
extern void row_deform(Row *row, const RowMap *map, HeapTuple tuple, TupleDesc desc, Kind kind);
extern void row_of_tuple(Row *row, HeapTuple tuple, TupleDesc desc, Kind kind);
extern void row_of_slot(Row *row, struct TupleTableSlot *slot, const RowMap *map, Kind kind);
extern void row_of_record(Row *row, RowMap *map, HeapTupleHeader header, Kind kind);
extern Datum tuple_value(HeapTuple tuple, TupleDesc desc, int column);
extern bool tuple_optional(HeapTuple tuple, TupleDesc desc, int column, Datum *value);
extern Datum slot_value(struct TupleTableSlot *slot, int column);
extern bool slot_optional(struct TupleTableSlot *slot, int column, Datum *value);
extern Datum *array_elements(Datum array, ColumnType element, int *count);
extern Version row_version(const Row *row, Kind kind);

/* ---- render.c: rows to the API's JSON ---- */

extern void append_project(StringInfo out, const Row *row);
extern void append_prospect(StringInfo out, const Row *row);
extern void append_project_of(StringInfo out, const Row *row, const char *change_origin);
extern void append_prospect_of(StringInfo out, const Row *row, const char *change_origin);
extern void append_enum(StringInfo out, Datum value);
extern void append_external_refs(StringInfo out, Datum array);
extern void append_version_etag(StringInfo out, const Version *version);
extern void append_etag(StringInfo out, const Row *row, Kind kind);
extern void append_member(StringInfo out, const char *name);
extern void append_id(StringInfo out, int64 id);

/* ---- request.c: request bodies to columns ---- */

/* What a body says of a row */
typedef struct Change
{
	Row			row;
	bool		given[ROW_COLUMNS];
} Change;

/* What an item of a batch says; setters of a Change find it at the start */
typedef struct ItemChange
{
	Change		base;
	int64		id;				/* update: of the prospect */
	const char *if_match;		/* update */
} ItemChange;

extern const Field project_fields[];
extern const Field prospect_add_fields[];
extern const Field prospect_patch_fields[];
extern const Field item_add_fields[];
extern const Field item_patch_fields[];
extern const Field webhook_fields[];
extern const Field webhook_replay_fields[];

extern void prospect_decode_item(struct json_object *item, const Path *path, bool patch, ItemChange *change, Problems *problems);
extern void project_decode(struct json_object *body, bool patch, Change *change, Problems *problems);
extern void prospect_decode_add(struct json_object *body, const Path *path, Change *change, Problems *problems);
extern void prospect_decode_patch(struct json_object *body, const Path *path, Change *change, Problems *problems);
extern void prospect_decode_upsert(struct json_object *body, Change *change, Problems *problems);
extern bool change_apply(const Change *change, Row *row, const Column *columns, int count);
extern void transactions_decode(const char *text, int len, Problems *problems);
extern void require_jsonb(const struct varlena *json);
extern char *decode_name(struct json_object *value, const Path *path, Problems *problems);
extern char *trimmed(const char *text, int len);
extern Oid	enum_value(ColumnType type, const char *label);
extern char *enum_choices(ColumnType type);
extern int	refs_deform(Datum array, ExternalRef ***refs);
extern Datum refs_append(Datum array, ExternalRef *ref);
extern bool same_namespace(const ExternalRef *a, const ExternalRef *b);
extern bool same_ref(const ExternalRef *a, const ExternalRef *b);
extern bool has_ref(Datum array, const ExternalRef *ref);

/*
 * Not deleted (or deleted), as the predicates of the lists' indexes say it; look-ups
 * by key say "IS NULL", for which those indexes are not taken (sql/50_tables.sql).
 */
#define LISTED(alias) "pg_catalog.num_nulls(" alias ".deleted_utc) OPERATOR(pg_catalog.=) 1"
#define NOT_LISTED(alias) "pg_catalog.num_nulls(" alias ".deleted_utc) OPERATOR(pg_catalog.=) 0"

/* ---- spi.c: plans that are kept, and acting as the tables' owner ---- */

#define STATEMENT_ARGS 16

/* A SQL text with its parameters, and the plan kept for it */
typedef struct Statement
{
	const char *sql;
	bool		reads;			/* runs in the snapshot of the calling query */
	bool		by_values;		/* is planned for the values of each call */
	int			nargs;
	ColumnType	args[STATEMENT_ARGS];
	struct _SPI_plan *plan;
	uint64		types;			/* what the plan was made for */
	uint64		runs;
	uint64		plan_again;		/* after so many runs */
	int			checked;		/* generation of the plan whose relations were checked, */
	Oid			checked_for;	/* to belong to this role */
	int			depth;			/* under way, one within the other: through a user's triggers */
} Statement;

/* Whom we act for */
typedef struct Identity
{
	Oid			user;
	int			security_context;
	int			settings;		/* nesting level of settings */
} Identity;

/* An operation under way: SPI is connected, the tables' owner is the current user */
typedef struct Operation
{
	int64		tenant_id;
	Identity	caller;
	MemoryContext context;		/* the caller's */
} Operation;

extern Oid	tables_owner(void);
extern bool check_relation_owner(Oid relation);
extern Identity act_as(Oid user);
extern void act_as_before(Identity identity);
extern void operation_begin(Operation *operation);
extern void operation_end(Operation *operation);
extern Datum operation_result(Operation *operation, StringInfo result);
extern void init_large_result(Operation *operation, StringInfo result);
extern Datum operation_large_result(Operation *operation, StringInfo result);
extern uint64 run(Statement *statement, const Datum *values, const bool *nulls);
extern uint64 run_latest(Statement *statement, const Datum *values);
extern Datum int64_array(Datum *values, int count);
extern DestReceiver row_receiver(bool (*receive) (struct TupleTableSlot *slot, DestReceiver *self));
extern void run_to(Statement *statement, const Datum *values, const bool *nulls, DestReceiver *receiver);
extern ErrorData *attempt(void (*work) (void *arg), void *arg);
extern ErrorData *attempt_expecting(void (*work) (void *arg), void *arg, int sqlstate);
extern void fetch_row(uint64 number, Row *row, Kind kind);
extern Datum fetch(uint64 number, int column);
extern bool fetch_optional(uint64 number, int column, Datum *value);

/* ---- operation.c: what operations share ---- */

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
	NodeTag		type;			/* T_ExtensibleNode */
	Preconditions preconditions;	/* told by handle() */
	Version		version;		/* of the resource that the answer shows; kind 0: of none */
	int64		project_id;		/* of a prospect */
	bool		created;		/* the resource is new */
	bool		has_more;		/* of a page: there is one after it */
	Position	next;			/* which begins after this */
	struct varlena *kept;		/* what to keep for retries instead of the answer, which has a secret; or NULL */
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

/* ---- page.c: lists ---- */

/* What a list is asked for, and what a barrier allows it to show */
typedef struct PageRequest
{
	int			size;
	bool		has_since;
	const char *cursor;			/* NULL: a first page */
	Position	after;			/* the rows after this one */
	bool		synced;
	TimestampTz barrier;		/* the rows stamped before this */
} PageRequest;

extern PageRequest argument_page(FunctionCallInfo fcinfo, int number, int default_size, Problems *problems);
extern void append_list(FunctionCallInfo fcinfo, StringInfo out, Statement *statement, const Datum *values, const bool *nulls,
						const PageRequest *page, void (*append) (StringInfo, struct TupleTableSlot *, Position *));

/* ---- project.c, prospect.c ---- */

#define UPSERT_TRIES 3			/* after others got in between */


/* What a look-up sees: as the calling query, or all that is committed by now, and locked */
typedef enum Reading
{
	READ_SNAPSHOT, READ_NOW, READ_LOCKED
} Reading;

extern void project_require(Operation *operation, int64 id, bool include_deleted, Reading reading);
extern void project_share(int64 tenant_id, int64 id);

/* ---- idempotency.c: retries that never do a thing twice ---- */

#define KEPT_HOURS 24			/* that an answer is kept */

/* A request that has an Idempotency-Key, or none; and the answer that it has got before */
typedef struct Idempotent
{
	const char *key;			/* NULL: none was given */
	struct varlena *request;	/* hash of operation, id and body */
	int			status;
	char	   *headers;		/* JSON: an array of objects */
	struct varlena *body;
} Idempotent;

extern bool idempotent_find(const Operation *operation, const char *key, const char *name, int64 id, const struct varlena *body,
							Idempotent *idempotent);
extern void idempotent_record(const Operation *operation, const Idempotent *idempotent);
extern bool idempotent_begin(Operation *operation, FunctionCallInfo fcinfo, int key_number, const char *name, int64 project_id,
							 int body_number, Idempotent *idempotent, StringInfo answer);
extern void idempotent_end(Operation *operation, Idempotent *idempotent, const Row *created, Kind kind, StringInfo answer);

/* ---- postgrest.c: behind PostgREST ---- */

extern int	busy_sqlstate(void);

/* ---- signature.c: secrets and signatures of webhooks ---- */

extern char *secret_generate(void);
extern bool append_signature(StringInfo out, const char *secret, const char *id, int64 timestamp, const char *body, int len);

/* ---- delivery.c: the queue of webhook deliveries ---- */

extern char *propstreet_webhook_retry;
extern bool propstreet_webhook_allow_http;
extern int	propstreet_max_webhooks;
extern bool check_webhook_retry(char **value, void **extra, GucSource source);
extern void queue_lock(void);
extern void webhook_lock(int64 tenant_id, int64 webhook_id);
extern bool webhook_try_lock(int64 tenant_id, int64 webhook_id, int *patience_ms);
extern void queue_unpark(int64 tenant_id, int64 webhook_id);
extern void watch_commits(void);
extern void wake_worker_at_commit(void);

/* ---- stamp.c: BEFORE triggers ---- */

struct TriggerData;

/* Instead of a revision: the writer has locked the investor and gives the copies. */
#define COPIES_GIVEN INT64CONST(-1)
#define COPIES_GIVEN_SQL "-1"

extern struct TriggerData *checked_trigger(FunctionCallInfo fcinfo, bool before_row);

/* ---- transition.c: the transition tables of AFTER statement triggers ---- */

#define CHUNK 1000				/* rows that a trigger writes with one statement */

/* The rows of a statement, old and new in step */
typedef struct Transition
{
	struct TriggerData *trigger;
	Identity	caller;
	AttrNumber	tenant_id;
	AttrNumber	id;
	struct TupleTableSlot *old; /* NULL for INSERT */
	struct TupleTableSlot *new;
} Transition;

extern AttrNumber transition_column(const Transition *transition, const char *name, ColumnType type);
extern bool transition_begin(Transition *transition, FunctionCallInfo fcinfo);
extern void transition_end(Transition *transition);
extern void transition_rewind(Transition *transition);
extern bool transition_next(Transition *transition);

/* ---- lock.c: advisory locks ---- */

/* Field 4 of the tag.  SQL's advisory locks have 1 and 2, Citus' 4 to 16. */
typedef enum LockClass
{
	LOCK_WRITER = 0x5052,		/* of a tenant */
	LOCK_IDEMPOTENCY_KEY,
	LOCK_QUEUE,					/* of webhook deliveries */
	LOCK_WEBHOOK
} LockClass;

extern LOCKTAG number_lock(LockClass class, int64 number);
extern LOCKTAG name_lock(LockClass class, int64 tenant_id, const void *name, size_t len);

/* ---- sync.c: what makes delta reads lossless ---- */

extern int	propstreet_sync_wait;
extern void writer_lock(int64 tenant_id);
extern const char *sync_barrier(int64 tenant_id, TimestampTz *barrier);
pg_noreturn extern void sync_unavailable(const char *why);

/* ---- events.c: what happened, for webhooks and listeners ---- */

/* What NOTIFY tells */
typedef enum Notify
{
	NOTIFY_OFF, NOTIFY_REFERENCE, NOTIFY_FULL
} Notify;

extern int	propstreet_notify;
extern double propstreet_notify_queue_limit;
extern bool propstreet_events;
#define CHANGE_ORIGIN_MAX 100	/* characters */

extern bool is_change_origin(const char *text);
extern char *propstreet_change_origin;
extern int	propstreet_keep_undelivered;	/* seconds */

/* ---- propstreet.c: settings and the tenant ---- */

extern bool propstreet_restore;
extern bool propstreet_require_if_match;
extern int64 current_tenant(void);

#endif							/* PROPSTREET_H */
