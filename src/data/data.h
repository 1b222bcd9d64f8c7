/*
 * data.h
 *	  Reading and writing tables: types of columns, values, statements.
 */
#ifndef PROPSTREET_DATA_H
#define PROPSTREET_DATA_H

#include "access/tupdesc.h"
#include "tcop/dest.h"

#include "types/types.h"

struct TupleTableSlot;

/* ---- column_type.c: types of columns and parameters, enums ---- */

/*
 * Types of columns and parameters, a line each: its name in SQL, and what it has to look like:
 * nothing is read as something else.  Rows of a table, which is its owner's, are formed by what
 * the catalog says of it.
 */
#define IS_T_BOOL "pg_catalog.bool", SERVER_TYPE(BOOLOID, sizeof(bool), true)
#define IS_T_INT4 "pg_catalog.int4", SERVER_TYPE(INT4OID, sizeof(int32), true)
#define IS_T_INT8 "pg_catalog.int8", SERVER_TYPE(INT8OID, sizeof(int64), FLOAT8PASSBYVAL)
#define IS_T_INT8_ARRAY "pg_catalog.int8[]", SERVER_TYPE(INT8ARRAYOID, -1, false)
#define IS_T_JSON "pg_catalog.json", SERVER_TYPE(JSONOID, -1, false)
#define IS_T_TEXT "pg_catalog.text", SERVER_TYPE(TEXTOID, -1, false)
#define IS_T_TEXT_ARRAY "pg_catalog.text[]", SERVER_TYPE(TEXTARRAYOID, -1, false)
#define IS_T_TIMESTAMPTZ "pg_catalog.timestamptz", SERVER_TYPE(TIMESTAMPTZOID, sizeof(TimestampTz), FLOAT8PASSBYVAL)
#define IS_T_PRICE "propstreet.price", OWN_BASE("price", sizeof(Price))
#define IS_T_PRICE_RANGE "propstreet.price_range", OWN_BASE("price_range", sizeof(PriceRange))
#define IS_T_EXTERNAL_REF "propstreet.external_ref", OWN_BASE("external_ref", -1)
#define IS_T_EXTERNAL_REF_ARRAY "propstreet.external_ref[]", OWN_ARRAY("external_ref", TYPTYPE_BASE)
#define IS_T_ASSET_TYPE "propstreet.asset_type", OWN_ENUM("asset_type")
#define IS_T_MANDATE "propstreet.mandate", OWN_ENUM("mandate")
#define IS_T_PROJECT_STATUS "propstreet.project_status", OWN_ENUM("project_status")
#define IS_T_PROJECT_CLASSIFICATION "propstreet.project_classification", OWN_ENUM("project_classification")
#define IS_T_TEASER_STAGE "propstreet.teaser_stage", OWN_ENUM("teaser_stage")
#define IS_T_PROSPECT_CLASSIFICATION "propstreet.prospect_classification", OWN_ENUM("prospect_classification")
#define IS_T_BYTEA "pg_catalog.bytea", SERVER_TYPE(BYTEAOID, -1, false)
#define IS_T_JSON_ARRAY "pg_catalog.json[]", SERVER_TYPE(JSONARRAYOID, -1, false)
#define IS_T_TIMESTAMPTZ_ARRAY "pg_catalog.timestamptz[]", SERVER_TYPE(TIMESTAMPTZARRAYOID, -1, false)
#define IS_T_PROSPECT_ARRAY "propstreet.prospect[]", OWN_ARRAY("prospect", TYPTYPE_COMPOSITE)

/* clang-format off */
#define ALL_TYPES(_) \
	_(T_BOOL) _(T_INT4) _(T_INT8) _(T_INT8_ARRAY) _(T_JSON) \
	_(T_TEXT) _(T_TEXT_ARRAY) _(T_TIMESTAMPTZ) _(T_PRICE) _(T_PRICE_RANGE) \
	_(T_EXTERNAL_REF) _(T_EXTERNAL_REF_ARRAY) _(T_ASSET_TYPE) _(T_MANDATE) _(T_PROJECT_STATUS) \
	_(T_PROJECT_CLASSIFICATION) _(T_TEASER_STAGE) _(T_PROSPECT_CLASSIFICATION) _(T_BYTEA) _(T_JSON_ARRAY) \
	_(T_TIMESTAMPTZ_ARRAY) _(T_PROSPECT_ARRAY)
/* clang-format on */

#define TYPE_SYMBOL(type) type,

typedef enum ColumnType
{
	ALL_TYPES(TYPE_SYMBOL) COLUMN_TYPES
} ColumnType;

/* The name of a type in SQL */
#define TYPE_SQL(type) FIRST_OF(IS_##type)
#define FIRST_OF(...) FIRST_OF_LIST(__VA_ARGS__)
#define FIRST_OF_LIST(first, ...) first

typedef struct Column
{
	const char *name;
	ColumnType type;
	bool not_null;
	int flags;			 /* of resources.h */
	const char *member;	 /* of the API's JSON that the column is, or is part of; or NULL */
	const char *initial; /* as text: what a new row has where a body leaves it out; NULL: null */
} Column;

/* A column that is only read */
#define PLAIN_COLUMN(column, column_type, is_not_null) {.name = column, .type = column_type, .not_null = is_not_null}

extern uint64 enum_generation; /* grows when labels may have been added */

extern void watch_types(void);
extern Oid type_oid(ColumnType type);
extern bool attribute_fits(TupleDesc desc, AttrNumber number, ColumnType type);
extern AttrNumber find_column(TupleDesc desc, const Column *column, const char *table);
extern Oid enum_value(ColumnType type, const char *label);
extern char *enum_choices(ColumnType type);
extern void append_enum(StringInfo out, Datum value);

/* ---- value.c: reading values ---- */

pg_noreturn extern void null_error(const char *column);
extern Datum tuple_value(HeapTuple tuple, TupleDesc desc, int column);
extern bool tuple_optional(HeapTuple tuple, TupleDesc desc, int column, Datum *value);
extern Datum slot_value(struct TupleTableSlot *slot, int column);
extern bool slot_optional(struct TupleTableSlot *slot, int column, Datum *value);
extern Datum *array_elements(Datum array, ColumnType element, int *count);
extern void append_array(StringInfo out, Datum value, ColumnType element,
						 void (*append_element)(StringInfo out, Datum element));

/* ---- statement.c: plans that are kept, and acting as the tables' owner ---- */

#define STATEMENT_ARGS 16

/* A SQL text with its parameters, and the plan kept for it */
typedef struct Statement
{
	const char *sql;
	bool reads;		/* runs in the snapshot of the calling query */
	bool by_values; /* is planned for the values of each call */
	int nargs;
	ColumnType args[STATEMENT_ARGS];
	struct _SPI_plan *plan;
	uint64 types; /* what the plan was made for */
	uint64 runs;
	uint64 plan_again; /* after so many runs */
	int checked;	   /* generation of the plan whose relations were checked, */
	Oid checked_for;   /* to belong to this role */
	int depth;		   /* under way, one within the other: through a user's triggers */
} Statement;

/* Whom we act for */
typedef struct Identity
{
	Oid user;
	int security_context;
	int settings; /* nesting level of settings */
} Identity;

extern Oid tables_owner(void);
extern bool check_relation_owner(Oid relation);
extern Identity act_as(Oid user);
extern void act_as_before(Identity identity);
extern uint64 run(Statement *statement, const Datum *values, const bool *nulls);
extern uint64 run_latest(Statement *statement, const Datum *values);
extern Datum int64_array(Datum *values, int count);
extern DestReceiver row_receiver(bool (*receive)(struct TupleTableSlot *slot, DestReceiver *self));
extern void run_to(Statement *statement, const Datum *values, const bool *nulls, DestReceiver *receiver);
extern ErrorData *attempt(void (*work)(void *arg), void *arg);
extern ErrorData *attempt_expecting(void (*work)(void *arg), void *arg, int sqlstate);
extern void check_number(uint64 number);
extern Datum fetch(uint64 number, int column);
extern bool fetch_optional(uint64 number, int column, Datum *value);

/* ---- arrays.c: rows as arrays, for statements that write many ---- */

#define ARRAYS_MAX 9

typedef struct Arrays
{
	int columns;
	int count; /* of rows */
	Datum *values[ARRAYS_MAX];
	bool *nulls[ARRAYS_MAX];
} Arrays;

extern void arrays_init(Arrays *arrays, int columns, int rows);
extern void arrays_add(Arrays *arrays, const Datum *row, const bool *nulls);
extern uint64 run_arrays(Statement *statement, const Arrays *arrays, const Datum *others);

#endif /* PROPSTREET_DATA_H */
