/*
 * before_row.c
 *	  BEFORE triggers: the rules that hold for a row whichever door it came through.
 *	  Those of project and prospect check the tenant, take the writer lock, then set
 *	  version, stamps, states and copies.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "tables/tables.h"

/* What the rows of a statement have in common */
typedef struct Common
{
	RowMap map;
	int64 tenant_id;  /* of the project */
	int64 project_id; /* locked for the last prospect; 0: none */
} Common;

/* A row under way to the table, with what it replaces */
typedef struct Stamping
{
	TriggerData *trigger;
	Kind kind;
	Common *common;
	const RowMap *map; /* its map */
	bool insert;
	bool copies_given;
	Row old; /* not for insert */
	Row row; /* becomes the new row */
	TimestampTz now;
} Stamping;

static void
deform(Stamping *stamping, HeapTuple tuple, Row *row)
{
	row_deform(row, stamping->map, tuple, RelationGetDescr(stamping->trigger->tg_relation), stamping->kind);
}

/* The tenant before any lock or look-up: row-level security's check comes after this trigger. */
static void
check_tenant(const Stamping *stamping)
{
	Relation relation = stamping->trigger->tg_relation;

	if (check_enable_rls(RelationGetRelid(relation), InvalidOid, true) == RLS_ENABLED &&
		DatumGetInt64(stamping->row.values[0]) != current_tenant())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("a row of \"%s\" must have the tenant of this session", RelationGetRelationName(relation))));
}

static bool
same(const Stamping *stamping, int column)
{
	Form_pg_attribute attribute =
		TupleDescAttr(RelationGetDescr(stamping->trigger->tg_relation), stamping->map->attributes[column] - 1);

	if (stamping->old.nulls[column] || stamping->row.nulls[column])
		return stamping->old.nulls[column] == stamping->row.nulls[column];
	return datum_image_eq(stamping->old.values[column], stamping->row.values[column], attribute->attbyval,
						  attribute->attlen);
}

static bool
changed(const Stamping *stamping, int column)
{
	return stamping->insert || !same(stamping, column);
}

/* Keys never change. */
static void
check_key(const Stamping *stamping, int column, const char *name)
{
	if (!same(stamping, column))
		ereport(ERROR, (errcode(ERRCODE_CHECK_VIOLATION),
						errmsg("column \"%s\" of a %s cannot be changed", name,
							   stamping->kind == KIND_PROJECT ? "project" : "prospect"),
						errtable(stamping->trigger->tg_relation)));
}

static void
set(Stamping *stamping, int column, Datum value)
{
	stamping->row.values[column] = value;
	stamping->row.nulls[column] = false;
}

static void
set_null(Stamping *stamping, int column)
{
	stamping->row.values[column] = (Datum) 0;
	stamping->row.nulls[column] = true;
}

static void
keep(Stamping *stamping, int column)
{
	stamping->row.values[column] = stamping->old.values[column];
	stamping->row.nulls[column] = stamping->old.nulls[column];
}

/*
 * Do two versions of a row differ, the stamps aside?  Compared by their stored
 * image, over all columns, those that users have added too.
 */
static bool
differs(const Stamping *stamping, HeapTuple old, HeapTuple new, const int stamps[3])
{
	TupleDesc desc = RelationGetDescr(stamping->trigger->tg_relation);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		AttrNumber number = attribute->attnum;
		Datum values[2];
		bool there[2];

		if (attribute->attisdropped || attribute->attgenerated || number == stamping->map->attributes[stamps[0]] ||
			number == stamping->map->attributes[stamps[1]] || number == stamping->map->attributes[stamps[2]])
			continue;
		there[0] = tuple_optional(old, desc, number, &values[0]);
		there[1] = tuple_optional(new, desc, number, &values[1]);
		if (there[0] != there[1] ||
			(there[0] && !datum_image_eq(values[0], values[1], attribute->attbyval, attribute->attlen)))
			return true;
	}
	return false;
}

/* The new tuple, with every column of the kind as it is in the row. */
static HeapTuple
form(Stamping *stamping, HeapTuple tuple)
{
	int columns = stamping->kind == KIND_PROJECT ? (int) P_COLUMNS : (int) R_COLUMNS;
	int attributes[ROW_COLUMNS];

	for (int i = 0; i < columns; i++)
		attributes[i] = stamping->map->attributes[i];
	return heap_modify_tuple_by_cols(tuple, RelationGetDescr(stamping->trigger->tg_relation), columns, attributes,
									 stamping->row.values, stamping->row.nulls);
}

/* Set created_utc, updated_utc and revision; needs the writer lock. */
static void
stamp(Stamping *stamping, const int stamps[3])
{
	stamping->now = GetCurrentTimestamp();
	if (stamping->insert)
	{
		set(stamping, stamps[0], TimestampTzGetDatum(stamping->now));
		set(stamping, stamps[2], Int64GetDatum(1));
	}
	else
	{
		stamping->now = Max(stamping->now, DatumGetTimestampTz(stamping->old.values[stamps[1]]) + 1);
		keep(stamping, stamps[0]);
		set(stamping, stamps[2], Int64GetDatum(DatumGetInt64(stamping->old.values[stamps[2]]) + 1));
	}
	set(stamping, stamps[1], TimestampTzGetDatum(stamping->now));
}

/* deleted_utc is the moment of the change that sets it. */
static void
stamp_deletion(Stamping *stamping, int column)
{
	bool was = !stamping->insert && !stamping->old.nulls[column];

	if (stamping->row.nulls[column])
		return;
	if (was)
		keep(stamping, column);
	else
		set(stamping, column, TimestampTzGetDatum(stamping->now));
}

/*
 * Arrays are stored with lower bound 1 and without a bitmap of nulls that they don't
 * have: equal elements have equal images.  False if this one is so already.
 */
static bool
normalize(Datum *value, ColumnType element)
{
	ArrayType *array = DatumGetArrayTypeP(*value);
	Datum *elements;
	int count;

	if (ARR_NDIM(array) != 1 || (ARR_LBOUND(array)[0] == 1 && !ARR_HASNULL(array)) || array_contains_nulls(array))
		return false;
	elements = array_elements(PointerGetDatum(array), element, &count);
	*value = PointerGetDatum(construct_array(elements, count, type_oid(element), -1, false, TYPALIGN_INT));
	return true;
}

static void
normalize_array(Stamping *stamping, int column, ColumnType element)
{
	if (!stamping->row.nulls[column])
		normalize(&stamping->row.values[column], element);
}

/* ---- project ---- */

static bool
label_is(const Stamping *stamping, int column, ColumnType type, const char *label)
{
	return !stamping->row.nulls[column] && DatumGetObjectId(stamping->row.values[column]) == enum_value(type, label);
}

/* status and deleted_utc say the same: whichever of them was written decides. */
static void
stamp_status(Stamping *stamping)
{
	bool is = label_is(stamping, P_STATUS, T_PROJECT_STATUS, "deleted");

	if (changed(stamping, P_STATUS))
	{
		if (is && stamping->row.nulls[P_DELETED_UTC])
			set(stamping, P_DELETED_UTC, TimestampTzGetDatum(stamping->now));
		else if (!is && !stamping->row.nulls[P_DELETED_UTC] && !changed(stamping, P_DELETED_UTC))
			set_null(stamping, P_DELETED_UTC);
	}
	if (!is && !stamping->row.nulls[P_DELETED_UTC])
		set(stamping, P_STATUS, ObjectIdGetDatum(enum_value(T_PROJECT_STATUS, "deleted")));
	else if (is && stamping->row.nulls[P_DELETED_UTC])
		set(stamping, P_STATUS,
			ObjectIdGetDatum(enum_value(T_PROJECT_STATUS, stamping->row.nulls[P_TRANSACTIONS] ? "open" : "closed")));
	stamp_deletion(stamping, P_DELETED_UTC);
}

static float4
enum_position(Datum value)
{
	HeapTuple tuple = SearchSysCache1(ENUMOID, value);
	float4 position;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "enum value %u does not exist", DatumGetObjectId(value));
	position = ((Form_pg_enum) GETSTRUCT(tuple))->enumsortorder;
	ReleaseSysCache(tuple);
	return position;
}

/*
 * The stages passed get the moment of passing, so that publishedUtc <= verifiedUtc
 * <= communicatedUtc always holds; backwards is a conflict (doc/decisions.md, "Teasers").
 */
static void
stamp_teaser(Stamping *stamping)
{
	static const struct
	{
		const char *stage;
		int column;
	} times[] = {{"published", P_PUBLISHED_UTC}, {"verified", P_VERIFIED_UTC}, {"communicated", P_COMMUNICATED_UTC}};
	float4 reached;

	if (stamping->row.nulls[P_TEASER_STAGE])
		reached = -1;
	else
		reached = enum_position(stamping->row.values[P_TEASER_STAGE]);
	if (!stamping->insert && !stamping->old.nulls[P_TEASER_STAGE] &&
		reached < enum_position(stamping->old.values[P_TEASER_STAGE]))
	{
		Problem problem = {.parameter = "stage", .detail = "the stage of a teaser cannot go backwards"};

		problem_raise(PT_CONFLICT, &problem);
	}
	for (int i = 0; i < (int) lengthof(times); i++)
		if (reached >= enum_position(ObjectIdGetDatum(enum_value(T_TEASER_STAGE, times[i].stage))) &&
			stamping->row.nulls[times[i].column])
			set(stamping, times[i].column, TimestampTzGetDatum(stamping->now));
}

/* Rows keep a currency that was withdrawn since, but new ones don't get it. */
static void
check_currency(const char *currency, const char *column)
{
	Problem problem = {.parameter = unconstify(char *, column)};

	if (currency_status(currency) == CURRENCY_ACTIVE)
		return;
	problem.detail = psprintf("%s is not an active currency of ISO 4217", quoted(currency));
	problem_raise(PT_BAD_REQUEST, &problem);
}

static void
normalize_project(Stamping *stamping)
{
	text *name;

	normalize_array(stamping, P_EXTERNAL_REFS, T_EXTERNAL_REF);
	if (!changed(stamping, P_NAME) || stamping->row.nulls[P_NAME])
		return;
	name = DatumGetTextPP(stamping->row.values[P_NAME]);
	set(stamping, P_NAME, CStringGetTextDatum(trimmed(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name))));
}

static void
stamp_project(Stamping *stamping)
{
	if (changed(stamping, P_PRICE) && !stamping->row.nulls[P_PRICE])
		check_currency(((Price *) DatumGetPointer(stamping->row.values[P_PRICE]))->currency, "price");
	if (changed(stamping, P_PRICE_RANGE) && !stamping->row.nulls[P_PRICE_RANGE])
		check_currency(((PriceRange *) DatumGetPointer(stamping->row.values[P_PRICE_RANGE]))->currency, "price_range");
	stamp_status(stamping);
	if (changed(stamping, P_TEASER_STAGE))
		stamp_teaser(stamping);
}

/* ---- prospect ---- */

static void
conflict_blocked(const char *kind, const char *pointer)
{
	Problem problem = {.pointer = unconstify(char *, pointer), .detail = psprintf("%s is blocked", kind)};

	problem_raise(PT_CONFLICT, &problem);
}

/*
 * Copy tags, and for a contact the company, from the investor.  The row is locked
 * FOR SHARE first: a change of tags that commits while we add would otherwise leave
 * a stale copy for good.
 */
static void
copy_investor(Stamping *stamping)
{
	static Statement contact = {
		.sql = "SELECT t.tags::pg_catalog.text[], t.blocked::pg_catalog.bool, t.company_id::pg_catalog.int8 "
			   "FROM propstreet.contact AS t "
			   "WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 AND t.id OPERATOR(pg_catalog.=) $2 FOR SHARE",
		.nargs = 2,
		.args = {T_INT8, T_INT8},
	};
	static Statement company = {
		.sql = "SELECT t.tags::pg_catalog.text[], t.blocked::pg_catalog.bool, t.id::pg_catalog.int8 "
			   "FROM propstreet.company AS t "
			   "WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 AND t.id OPERATOR(pg_catalog.=) $2 FOR SHARE",
		.nargs = 2,
		.args = {T_INT8, T_INT8},
	};
	bool is_contact = !stamping->row.nulls[R_CONTACT_ID];
	const char *kind = is_contact ? "Contact" : "Company";
	const char *pointer = is_contact ? "#/contactId" : "#/companyId";
	Datum values[] = {stamping->row.values[R_TENANT_ID],
					  stamping->row.values[is_contact ? R_CONTACT_ID : R_COMPANY_ID]};

	if (run(is_contact ? &contact : &company, values, NULL) == 0)
		not_found(kind, DatumGetInt64(values[1]), pointer);
	if (stamping->insert && DatumGetBool(fetch(0, 2)))
		conflict_blocked(kind, pointer);
	set(stamping, R_TAGS, SPI_datumTransfer(fetch(0, 1), false, -1));
	normalize_array(stamping, R_TAGS, T_TEXT);
	stamping->row.nulls[R_COMPANY_ID] = !fetch_optional(0, 3, &stamping->row.values[R_COMPANY_ID]);
}

/* Lock the project, once for the rows of a statement that follow each other. */
static void
share_project(const Stamping *stamping)
{
	Common *common = stamping->common;
	int64 tenant_id = DatumGetInt64(stamping->row.values[R_TENANT_ID]);
	int64 project_id = DatumGetInt64(stamping->row.values[R_PROJECT_ID]);

	if (common->project_id != 0 && common->project_id == project_id && common->tenant_id == tenant_id)
		return;
	project_share(tenant_id, project_id);
	common->tenant_id = tenant_id;
	common->project_id = project_id;
}

/* Look up the copies as the table's owner: the writer may not be allowed to read all of it. */
static void
resolve_investor(Stamping *stamping)
{
	Identity caller = act_as(stamping->trigger->tg_relation->rd_rel->relowner);

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (stamping->insert)
		share_project(stamping);
	copy_investor(stamping);
	SPI_finish();
	act_as_before(caller);
}

/* Who is the investor: exactly one of the two, when it is added. */
static void
check_investor(const Stamping *stamping)
{
	Problem problem = {.pointer = "#", .detail = "must have exactly one of contactId and companyId"};

	if (stamping->row.nulls[R_CONTACT_ID] == stamping->row.nulls[R_COMPANY_ID])
		problem_raise(PT_BAD_REQUEST, &problem);
}

/* Copies are only written by those who have locked what they copy. */
static void
normalize_prospect(Stamping *stamping)
{
	normalize_array(stamping, R_EXTERNAL_REFS, T_EXTERNAL_REF);
	normalize_array(stamping, R_TAGS, T_TEXT);
	if (stamping->insert || stamping->copies_given)
		return;
	keep(stamping, R_TAGS);
	if (!stamping->old.nulls[R_CONTACT_ID])
		keep(stamping, R_COMPANY_ID);
}

static void
lock_investor(Stamping *stamping)
{
	bool back = !stamping->insert && !stamping->old.nulls[R_DELETED_UTC] && stamping->row.nulls[R_DELETED_UTC];

	if (stamping->copies_given)
		return;
	if (stamping->insert)
		check_investor(stamping);
	if (stamping->insert || back)
		resolve_investor(stamping);
}

/* ---- both ---- */

static void
check_keys(const Stamping *stamping)
{
	check_key(stamping, 0, "tenant_id");
	check_key(stamping, 1, "id");
	if (stamping->kind == KIND_PROJECT)
		return;
	check_key(stamping, R_PROJECT_ID, "project_id");
	check_key(stamping, R_CONTACT_ID, "contact_id");
	if (stamping->old.nulls[R_CONTACT_ID])
		check_key(stamping, R_COMPANY_ID, "company_id");
}

static void
begin_stamping(Stamping *stamping, FunctionCallInfo fcinfo)
{
	TriggerData *trigger = stamping->trigger;
	Common *common = fcinfo->flinfo->fn_extra;

	if (common == NULL)
		common = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Common));
	row_map(&common->map, RelationGetDescr(trigger->tg_relation), stamping->kind);
	stamping->common = common;
	stamping->map = &common->map;
	stamping->insert = TRIGGER_FIRED_BY_INSERT(trigger->tg_event);
	if (stamping->insert)
		deform(stamping, trigger->tg_trigtuple, &stamping->row);
	else
	{
		deform(stamping, trigger->tg_newtuple, &stamping->row);
		deform(stamping, trigger->tg_trigtuple, &stamping->old);
	}
}

/*
 * Insert: check the tenant, lock, stamp.  Update: the same, unless nothing but
 * stamps would change; then all stays as it was.
 */
static Datum
stamp_row(FunctionCallInfo fcinfo, Kind kind, const int stamps[3])
{
	Stamping stamping = {.trigger = checked_trigger(fcinfo, true), .kind = kind};
	TriggerData *trigger = stamping.trigger;
	HeapTuple tuple = TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ? trigger->tg_trigtuple : trigger->tg_newtuple;

	if (propstreet_restore)
		return PointerGetDatum(tuple);
	begin_stamping(&stamping, fcinfo);
	check_tenant(&stamping);
	if (!stamping.insert)
		check_keys(&stamping);
	stamping.copies_given =
		!stamping.row.nulls[stamps[2]] && DatumGetInt64(stamping.row.values[stamps[2]]) == COPIES_GIVEN;
	(kind == KIND_PROJECT ? normalize_project : normalize_prospect)(&stamping);
	if (!stamping.insert && !differs(&stamping, trigger->tg_trigtuple, form(&stamping, tuple), stamps))
	{
		for (int i = 0; i < 3; i++)
			keep(&stamping, stamps[i]);
		return PointerGetDatum(form(&stamping, tuple));
	}

	writer_lock(DatumGetInt64(stamping.row.values[0]));
	if (kind == KIND_PROSPECT)
		lock_investor(&stamping);
	stamp(&stamping, stamps);
	if (kind == KIND_PROJECT)
		stamp_project(&stamping);
	else
		stamp_deletion(&stamping, R_DELETED_UTC);
	return PointerGetDatum(form(&stamping, tuple));
}

PG_FUNCTION_INFO_V1(propstreet_project_stamp);

/*
 * BEFORE INSERT OR UPDATE trigger of project.  42501 for another tenant's row,
 * 23514 for a changed key, PT400 for a withdrawn currency, PT409 for a teaser's
 * stage that goes backwards.
 */
Datum
propstreet_project_stamp(PG_FUNCTION_ARGS)
{
	static const int stamps[3] = {P_CREATED_UTC, P_UPDATED_UTC, P_REVISION};

	return stamp_row(fcinfo, KIND_PROJECT, stamps);
}

PG_FUNCTION_INFO_V1(propstreet_prospect_stamp);

/*
 * BEFORE INSERT OR UPDATE trigger of prospect.  42501 and 23514 as for project;
 * PT400 unless exactly one of contact and company is given, PT404 for an unknown
 * project, contact or company, PT409 for a blocked one.
 */
Datum
propstreet_prospect_stamp(PG_FUNCTION_ARGS)
{
	static const int stamps[3] = {R_CREATED_UTC, R_UPDATED_UTC, R_REVISION};

	return stamp_row(fcinfo, KIND_PROSPECT, stamps);
}

PG_FUNCTION_INFO_V1(propstreet_tags_stamp);

/* BEFORE INSERT OR UPDATE trigger of contact and company: tags are stored with lower bound 1. */
Datum
propstreet_tags_stamp(PG_FUNCTION_ARGS)
{
	static const Column tags = PLAIN_COLUMN("tags", T_TEXT_ARRAY, true);
	TriggerData *trigger = checked_trigger(fcinfo, true);
	HeapTuple tuple = TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ? trigger->tg_trigtuple : trigger->tg_newtuple;
	TupleDesc desc = RelationGetDescr(trigger->tg_relation);
	int column = find_column(desc, &tags, RelationGetRelationName(trigger->tg_relation));
	bool isnull = false;
	Datum value;

	if (tuple_optional(tuple, desc, column, &value) && normalize(&value, T_TEXT))
		tuple = heap_modify_tuple_by_cols(tuple, desc, 1, &column, &value, &isnull);
	return PointerGetDatum(tuple);
}
