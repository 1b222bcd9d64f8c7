/*
 * resources.h
 *	  Projects and prospects: their columns, bodies and JSON.
 */
#ifndef PROPSTREET_RESOURCES_H
#define PROPSTREET_RESOURCES_H

#include "data/data.h"

/* ---- row.c: rows of project and prospect, by column ---- */

/* What a column is for */
#define INSERTED 0x01  /* given when a resource is created, */
#define UPDATED 0x02   /* and when it is changed; */
#define FROM_BODY 0x04 /* by a body, */
#define REQUIRED 0x08  /* which must have it */
#define SHOWN 0x10	   /* is a member of the answers by itself */
#define REPORTED 0x20  /* is named in changedFields (doc/decisions.md, "Webhooks") */
#define WRITTEN (INSERTED | UPDATED | FROM_BODY)

/*
 * A line a column: name, type, NOT NULL, what it is for, the member of the API's JSON, its schema
 * in openapi.json, what it has at first; and a line a member that is no column by itself: name,
 * flags of a Field, schema, how it is read and written.  Members are answered in this order.  The
 * tenant stands first, before these.  SQL, bodies, answers, events and openapi.json come from it.
 */
#define PROJECT_FIELDS(COLUMN, MEMBER) \
	COLUMN(P_ID, "id", T_INT8, true, SHOWN, "id", "Id", NULL) \
	COLUMN(P_NAME, "name", T_TEXT, true, WRITTEN | REQUIRED | SHOWN | REPORTED, "name", "Name", NULL) \
	MEMBER("asset", FIELD_NULLABLE | FIELD_ALWAYS, "Asset", set_asset, show_asset) \
	COLUMN(P_ASSET_TYPE, "asset_type", T_ASSET_TYPE, true, INSERTED | UPDATED | REPORTED, "asset", NULL, "single") \
	COLUMN(P_PROPERTY_COUNT, "property_count", T_INT4, false, INSERTED | UPDATED | REPORTED, "asset", NULL, NULL) \
	COLUMN(P_STATUS, "status", T_PROJECT_STATUS, true, SHOWN | REPORTED, "status", "ProjectStatus", NULL) \
	COLUMN(P_CLASSIFICATION, "classification", T_PROJECT_CLASSIFICATION, true, WRITTEN | SHOWN | REPORTED, \
		   "classification", "ProjectClassification", "draft") \
	MEMBER("teaser", FIELD_READONLY, "ProjectTeaser", NULL, show_project_teaser) \
	COLUMN(P_TEASER_STAGE, "teaser_stage", T_TEASER_STAGE, false, REPORTED, "teaser.stage", NULL, NULL) \
	COLUMN(P_PUBLISHED_UTC, "published_utc", T_TIMESTAMPTZ, false, 0, NULL, NULL, NULL) \
	COLUMN(P_VERIFIED_UTC, "verified_utc", T_TIMESTAMPTZ, false, 0, NULL, NULL, NULL) \
	COLUMN(P_COMMUNICATED_UTC, "communicated_utc", T_TIMESTAMPTZ, false, 0, NULL, NULL, NULL) \
	COLUMN(P_MANDATE, "mandate", T_MANDATE, false, WRITTEN | SHOWN | REPORTED, "mandate", "Mandate", NULL) \
	COLUMN(P_PRICE, "price", T_PRICE, false, WRITTEN | SHOWN | REPORTED, "price", "Price", NULL) \
	COLUMN(P_PRICE_RANGE, "price_range", T_PRICE_RANGE, false, WRITTEN | SHOWN | REPORTED, "priceRange", "PriceRange", \
		   NULL) \
	MEMBER("transactions", FIELD_READONLY, "Transactions", NULL, show_transactions) \
	COLUMN(P_TRANSACTIONS, "transactions", T_JSON, false, REPORTED, "transactions", NULL, NULL) \
	MEMBER("changeOrigin", 0, NULL, NULL, show_change_origin) \
	COLUMN(P_EXTERNAL_REFS, "external_refs", T_EXTERNAL_REF_ARRAY, true, WRITTEN | SHOWN | REPORTED, "externalRefs", \
		   "ExternalRefs", "{}") \
	COLUMN(P_CREATED_UTC, "created_utc", T_TIMESTAMPTZ, true, SHOWN, "createdUtc", "Moment", NULL) \
	COLUMN(P_UPDATED_UTC, "updated_utc", T_TIMESTAMPTZ, true, SHOWN, "updatedUtc", "Moment", NULL) \
	COLUMN(P_DELETED_UTC, "deleted_utc", T_TIMESTAMPTZ, false, SHOWN | REPORTED, "deletedUtc", "Moment", NULL) \
	COLUMN(P_REVISION, "revision", T_INT8, true, 0, NULL, NULL, NULL) \
	MEMBER("etag", FIELD_READONLY | FIELD_ALWAYS, "ETag", NULL, show_project_etag)

/* The same of propstreet.prospect.  A body names the investor when one is added, and never again. */
#define PROSPECT_FIELDS(COLUMN, MEMBER) \
	COLUMN(R_ID, "id", T_INT8, true, SHOWN, "id", "Id", NULL) \
	COLUMN(R_PROJECT_ID, "project_id", T_INT8, true, INSERTED | SHOWN, "projectId", "Id", NULL) \
	COLUMN(R_CONTACT_ID, "contact_id", T_INT8, false, INSERTED | FROM_BODY | SHOWN, "contactId", "Id", NULL) \
	COLUMN(R_COMPANY_ID, "company_id", T_INT8, false, INSERTED | FROM_BODY | SHOWN | REPORTED, "companyId", "Id", \
		   NULL) \
	COLUMN(R_CLASSIFICATION, "classification", T_PROSPECT_CLASSIFICATION, true, WRITTEN | SHOWN | REPORTED, \
		   "classification", "ProspectClassification", "not_contacted") \
	MEMBER("capabilities", FIELD_READONLY | FIELD_ALWAYS, "Capabilities", NULL, show_capabilities) \
	COLUMN(R_TAGS, "tags", T_TEXT_ARRAY, true, SHOWN | REPORTED, "tags", "Tags", NULL) \
	MEMBER("changeOrigin", 0, NULL, NULL, show_change_origin) \
	COLUMN(R_EXTERNAL_REFS, "external_refs", T_EXTERNAL_REF_ARRAY, true, WRITTEN | SHOWN | REPORTED, "externalRefs", \
		   "ExternalRefs", "{}") \
	MEMBER("teaser", FIELD_READONLY, "ProspectTeaser", NULL, show_prospect_teaser) \
	COLUMN(R_ACCEPTED_UTC, "accepted_utc", T_TIMESTAMPTZ, false, REPORTED, "teaser.acceptedUtc", NULL, NULL) \
	COLUMN(R_DEADLINE_UTC, "deadline_utc", T_TIMESTAMPTZ, false, REPORTED, "teaser.deadlineUtc", NULL, NULL) \
	COLUMN(R_CREATED_UTC, "created_utc", T_TIMESTAMPTZ, true, SHOWN, "createdUtc", "Moment", NULL) \
	COLUMN(R_UPDATED_UTC, "updated_utc", T_TIMESTAMPTZ, true, SHOWN, "updatedUtc", "Moment", NULL) \
	COLUMN(R_DELETED_UTC, "deleted_utc", T_TIMESTAMPTZ, false, SHOWN | REPORTED, "deletedUtc", "Moment", NULL) \
	COLUMN(R_REVISION, "revision", T_INT8, true, 0, NULL, NULL, NULL) \
	MEMBER("etag", FIELD_READONLY | FIELD_ALWAYS, "ETag", NULL, show_prospect_etag)

#define COLUMN_SYMBOL(symbol, ...) symbol,
#define COLUMN_SQL(symbol, name, type, ...) ", t." name "::" TYPE_SQL(type)
#define NO_MEMBER(...)

typedef enum ProjectColumn
{
	P_TENANT_ID,
	PROJECT_FIELDS(COLUMN_SYMBOL, NO_MEMBER) P_COLUMNS
} ProjectColumn;

typedef enum ProspectColumn
{
	R_TENANT_ID,
	PROSPECT_FIELDS(COLUMN_SYMBOL, NO_MEMBER) R_COLUMNS
} ProspectColumn;

/*
 * In the order of the enums, cast to the types we read them as (nothing happens, unless the owner
 * has changed one), for SELECT and RETURNING lists over an alias t
 */
#define PROJECT_SQL "t.tenant_id::pg_catalog.int8" PROJECT_FIELDS(COLUMN_SQL, NO_MEMBER)
#define PROSPECT_SQL "t.tenant_id::pg_catalog.int8" PROSPECT_FIELDS(COLUMN_SQL, NO_MEMBER)

/* The columns of a kind of resource */
typedef struct Resource
{
	Kind kind;
	const char *table;
	const Column *columns;
	int ncolumns;
	int id; /* which of them is which */
	int external_refs;
	int updated_utc;
	int deleted_utc;
	int revision;
} Resource;

extern const Resource *resource_of(Kind kind);

#define ROW_COLUMNS P_COLUMNS /* the larger of the two */

/* A row taken apart, in the order of its enum */
typedef struct Row
{
	Datum values[ROW_COLUMNS];
	bool nulls[ROW_COLUMNS];
} Row;

/* Where the columns stand in a row type */
typedef struct RowMap
{
	uint64 version; /* of the row type that it was made for */
	AttrNumber attributes[ROW_COLUMNS];
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
extern int refs_deform(Datum array, ExternalRef ***refs);
extern Datum refs_append(Datum array, ExternalRef *ref);
extern bool same_namespace(const ExternalRef *a, const ExternalRef *b);
extern bool same_ref(const ExternalRef *a, const ExternalRef *b);
extern bool has_ref(Datum array, const ExternalRef *ref);
extern void append_external_refs(StringInfo out, Datum array);

/* ---- render.c: rows to the API's JSON ---- */

extern void append_resource(StringInfo out, const Row *row, Kind kind);
extern void append_resource_of(StringInfo out, const Row *row, Kind kind, const char *change_origin);
extern void append_text(StringInfo out, Datum value);
extern void append_version_etag(StringInfo out, const Version *version);
extern void append_etag(StringInfo out, const Row *row, Kind kind);
extern void show_asset(StringInfo out, const Row *row, const char *change_origin);
extern void show_project_teaser(StringInfo out, const Row *row, const char *change_origin);
extern void show_transactions(StringInfo out, const Row *row, const char *change_origin);
extern void show_change_origin(StringInfo out, const Row *row, const char *change_origin);
extern void show_project_etag(StringInfo out, const Row *row, const char *change_origin);
extern void show_capabilities(StringInfo out, const Row *row, const char *change_origin);
extern void show_prospect_teaser(StringInfo out, const Row *row, const char *change_origin);
extern void show_prospect_etag(StringInfo out, const Row *row, const char *change_origin);

/* ---- field.c: the members of a resource's JSON ---- */

/* A member: a column by itself, or how it is read and written */
typedef struct Member
{
	const char *name;	/* NULL ends a table */
	int flags;			/* of a Field */
	const char *schema; /* NULL: it is not described */
	FieldSetter set;
	void (*show)(StringInfo out, const Row *row, const char *change_origin);
	int column; /* if show is NULL */
} Member;

extern const Member *members_of(Kind kind);
extern const Field *body_fields(Kind kind, bool adding, bool item);

/* ---- write.c: the SQL that writes a resource ---- */

extern void append_inserted(StringInfo out, Kind kind);
extern void append_inserted_values(StringInfo out, Kind kind, const char *alias);
extern void append_updates(StringInfo out, Kind kind, const char *alias);
extern bool resource_insert(Statement *statement, Kind kind, const char *conflict, Row *row);
extern void resource_update(Row *row, Kind kind);

/* ---- body.c: request bodies to columns ---- */

/* What a body says of a row */
typedef struct Change
{
	Kind kind;
	Row row;
	bool given[ROW_COLUMNS];
} Change;

/* What an item of a batch says; setters of a Change find it at the start */
typedef struct ItemChange
{
	Change base;
	int64 id;			  /* update: of the prospect */
	const char *if_match; /* update */
} ItemChange;

extern void prospect_decode_item(struct json_object *item, const Path *path, bool patch, ItemChange *change,
								 Problems *problems);
extern void project_decode(struct json_object *body, bool patch, Change *change, Problems *problems);
extern void prospect_decode_add(struct json_object *body, const Path *path, Change *change, Problems *problems);
extern void prospect_decode_patch(struct json_object *body, const Path *path, Change *change, Problems *problems);
extern void prospect_decode_upsert(struct json_object *body, Change *change, Problems *problems);
extern bool change_apply(const Change *change, Row *row);
extern void set_column(struct json_object *value, const Path *path, void *target, Problems *problems);
extern void set_asset(struct json_object *value, const Path *path, void *target, Problems *problems);
extern const Field item_fields_first[];
extern const Field item_fields_last[];
extern void transactions_decode(const char *text, int len, Problems *problems);
extern void require_jsonb(const struct varlena *json);
extern char *decode_name(struct json_object *value, const Path *path, Problems *problems);
extern char *trimmed(const char *text, int len);

#endif /* PROPSTREET_RESOURCES_H */
