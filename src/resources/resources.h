/*
 * resources.h
 *	  Projects and prospects: their columns, bodies and JSON.
 */
#ifndef PROPSTREET_RESOURCES_H
#define PROPSTREET_RESOURCES_H

#include "data/data.h"

/* ---- row.c: rows of project and prospect, by column ---- */

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

extern void row_map(RowMap *map, TupleDesc desc, Kind kind);
extern void row_deform(Row *row, const RowMap *map, HeapTuple tuple, TupleDesc desc, Kind kind);
extern void row_of_tuple(Row *row, HeapTuple tuple, TupleDesc desc, Kind kind);
extern void row_of_slot(Row *row, struct TupleTableSlot *slot, const RowMap *map, Kind kind);
extern void row_of_record(Row *row, RowMap *map, HeapTupleHeader header, Kind kind);
extern void fetch_row(uint64 number, Row *row, Kind kind);
extern Version row_version(const Row *row, Kind kind);

/*
 * Not deleted (or deleted), as the predicates of the lists' indexes say it; look-ups
 * by key say "IS NULL", for which those indexes are not taken (sql/50_tables.sql).
 */
#define LISTED(alias) "pg_catalog.num_nulls(" alias ".deleted_utc) OPERATOR(pg_catalog.=) 1"
#define NOT_LISTED(alias) "pg_catalog.num_nulls(" alias ".deleted_utc) OPERATOR(pg_catalog.=) 0"

/* ---- reference.c: external references ---- */

extern Datum refs_datum(ExternalRef **refs, int count);
extern int	refs_deform(Datum array, ExternalRef ***refs);
extern Datum refs_append(Datum array, ExternalRef *ref);
extern bool same_namespace(const ExternalRef *a, const ExternalRef *b);
extern bool same_ref(const ExternalRef *a, const ExternalRef *b);
extern bool has_ref(Datum array, const ExternalRef *ref);
extern void append_external_refs(StringInfo out, Datum array);

/* ---- render.c: rows to the API's JSON ---- */

extern void append_project(StringInfo out, const Row *row);
extern void append_prospect(StringInfo out, const Row *row);
extern void append_project_of(StringInfo out, const Row *row, const char *change_origin);
extern void append_prospect_of(StringInfo out, const Row *row, const char *change_origin);
extern void append_version_etag(StringInfo out, const Version *version);
extern void append_etag(StringInfo out, const Row *row, Kind kind);

/* ---- body.c: request bodies to columns ---- */

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

#endif							/* PROPSTREET_RESOURCES_H */
