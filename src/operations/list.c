/*
 * list.c
 *	  Lists, a page at a time, in the order (updated_utc, id) and never by OFFSET
 *	  (specification, "List Projects", "List Prospects" and "Associated Projects";
 *	  doc/decisions.md, "Answers" and "Queries").
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "operations/operations.h"

#define PAGE_SIZE_MAX 500
#define TAGS_MAX 50 /* in a filter */

/* ---- parameters ---- */

/* updated_since: at or after; together with a cursor the later of the two counts. */
static void
argument_since(FunctionCallInfo fcinfo, int number, PageRequest *page)
{
	page->has_since = !PG_ARGISNULL(number);
	if (page->has_since && PG_GETARG_TIMESTAMPTZ(number) > page->after.updated_utc)
	{
		page->after.updated_utc = PG_GETARG_TIMESTAMPTZ(number);
		page->after.id = 0;
	}
}

/*
 * Get the barrier of a page.  A page that goes on from an earlier one can't do
 * without: it fails.  A first page is then answered from its snapshot.
 */
static void
get_barrier(const Operation *operation, PageRequest *page)
{
	const char *why = sync_barrier(operation->tenant_id, &page->barrier);

	page->synced = why == NULL;
	if (why && (page->has_since || page->cursor))
		sync_unavailable(why);
}

/* The labels of an enum, except one (NULL: none). */
static List *
labels_except(ColumnType type, const char *except)
{
	List *labels = NIL;

	for (char *label = strtok(enum_choices(type), ", "); label; label = strtok(NULL, ", "))
		if (except == NULL || strcmp(label, except) != 0)
			labels = lappend(labels, label);
	return labels;
}

/* An enum given as text, one of its labels except one (NULL: none); null is any. */
static Datum
argument_enum(FunctionCallInfo fcinfo, int number, const char *name, ColumnType type, const char *except, bool *isnull,
			  Problems *problems)
{
	char *given = argument_text(fcinfo, number);
	StringInfoData choices;
	ListCell *label;

	*isnull = given == NULL;
	if (given == NULL)
		return (Datum) 0;
	initStringInfo(&choices);
	foreach(label, labels_except(type, except))
	{
		if (strcmp(lfirst(label), given) == 0)
			return ObjectIdGetDatum(enum_value(type, given));
		appendStringInfo(&choices, "%s%s", choices.len > 0 ? ", " : "", (char *) lfirst(label));
	}
	problem_parameter(problems, name, "must be one of %s, not %s", choices.data, quoted(given));
	return (Datum) 0;
}

/* ---- the SQL of lists ---- */

/* The parameters that all lists share, in this order */
#define LIST_ARGS 5
#define LIST_TYPES T_INT8, T_TIMESTAMPTZ, T_INT8, T_TIMESTAMPTZ, T_INT8
#define LIST_WHERE \
	"t.tenant_id OPERATOR(pg_catalog.=) $1 " \
	"AND ROW(t.updated_utc, t.id) OPERATOR(pg_catalog.>) ROW($2, $3) AND t.updated_utc OPERATOR(pg_catalog.<) $4"
#define LIST_ORDER " ORDER BY t.updated_utc, t.id LIMIT $5"

static void
list_values(const Operation *operation, const PageRequest *page, Datum *values)
{
	values[0] = Int64GetDatum(operation->tenant_id);
	values[1] = TimestampTzGetDatum(page->after.updated_utc);
	values[2] = Int64GetDatum(page->after.id);
	values[3] = TimestampTzGetDatum(page->barrier);
	values[4] = Int64GetDatum(page->size + 1);
}

/* The SQL lives as long as its Statement. */
static void
keep_sql(Statement *statement, const StringInfoData *sql)
{
	statement->sql = MemoryContextStrdup(TopMemoryContext, sql->data);
}

/* Forget the SQL of statements that names all labels of an enum, if there may be new ones. */
static void
forget_sql(Statement *statements, int count, uint64 *generation)
{
	if (*generation == enum_generation)
		return;
	*generation = enum_generation;
	for (int i = 0; i < count; i++)
	{
		if (statements[i].sql)
			pfree(unconstify(char *, statements[i].sql));
		statements[i].sql = NULL;
	}
}

/*
 * Conditions that multiply: each column that a filter leaves open is written out
 * for every value it can have, so that each branch is one range of an index in
 * the list's order, and the list a merge of these ranges.
 */
static List *
multiply(List *branches, const List *conditions)
{
	List *result = NIL;
	ListCell *branch;
	ListCell *condition;

	foreach(branch, branches)
		foreach(condition, conditions)
			result = lappend(result, psprintf("%s AND %s", (char *) lfirst(branch), (char *) lfirst(condition)));
	return result;
}

static List *
each_label(const char *column, ColumnType type, const char *except)
{
	List *conditions = NIL;
	ListCell *label;

	foreach(label, labels_except(type, except))
		conditions =
			lappend(conditions, psprintf("t.%s OPERATOR(pg_catalog.=) %s", column, quote_literal_cstr(lfirst(label))));
	return conditions;
}

/* ---- filters by enums ---- */

typedef struct Filter
{
	const char *parameter;
	const char *column;
	ColumnType type;
	bool indexed;
	bool nullable;
	const char *hidden;
} Filter;

#define FILTER_ROW(symbol, parameter, column, type, indexed, nullable, hidden, ...) \
	{parameter, column, type, indexed, nullable, hidden},

static const Filter project_filters[] = {PROJECT_FILTERS(FILTER_ROW)};
static const Filter prospect_filters[] = {PROSPECT_FILTERS(FILTER_ROW)};

#define FORMS(filters) (1 << lengthof(filters)) /* of a list: which of its filters are asked for */

/* Read the filters of a list, arguments and values from some number on; which of them are asked for, a bit each. */
static int
argument_filters(FunctionCallInfo fcinfo, int argument, const Filter *filters, int count, Datum *values, bool *nulls,
				 Problems *problems)
{
	int asked = 0;

	for (int i = 0; i < count; i++)
	{
		values[i] =
			argument_enum(fcinfo, argument + i, filters[i].parameter, filters[i].type, NULL, &nulls[i], problems);
		asked |= nulls[i] ? 0 : 1 << i;
	}
	return asked;
}

/* Parameters for the values of filters */
static void
add_filter_types(Statement *statement, const Filter *filters, int count)
{
	for (int i = 0; i < count; i++)
		statement->args[statement->nargs++] = filters[i].type;
}

/* Is any of the filters asked for that the index has? */
static bool
asks_index(int asked, const Filter *filters, int count)
{
	for (int i = 0; i < count; i++)
		if (filters[i].indexed && (asked & 1 << i))
			return true;
	return false;
}

static char *
filter_condition(const Filter *filter, int parameter)
{
	return psprintf("t.%s OPERATOR(pg_catalog.=) $%d", filter->column, parameter);
}

/*
 * The conditions of filters that are asked for, all of them or those that the index does not have;
 * parameters from a number on.
 */
static void
append_filters(StringInfo sql, int asked, const Filter *filters, int count, int parameter, bool indexed)
{
	for (int i = 0; i < count; i++)
		if ((asked & 1 << i) && (indexed || !filters[i].indexed))
			appendStringInfo(sql, " AND %s", filter_condition(&filters[i], parameter + i));
}

/* The ranges of the index by filters */
static List *
filter_ranges(List *branches, int asked, const Filter *filters, int count, int parameter, bool deleted)
{
	for (int i = 0; i < count; i++)
	{
		const Filter *filter = &filters[i];
		List *conditions;

		if (!filter->indexed)
			continue;
		if (asked & 1 << i)
			conditions = list_make1(filter_condition(filter, parameter + i));
		else
			conditions = each_label(filter->column, filter->type, deleted ? NULL : filter->hidden);
		if (filter->nullable && !(asked & 1 << i))
			conditions = lappend(conditions, psprintf("t.%s IS NULL", filter->column));
		branches = multiply(branches, conditions);
	}
	return branches;
}

/* Each branch is ordered and limited: only so does the planner see that it is one range in order. */
static void
append_branches(StringInfo sql, const char *columns, const char *table, const List *branches)
{
	ListCell *branch;

	foreach(branch, branches)
		appendStringInfo(sql, "%s(SELECT %s FROM propstreet.%s AS t WHERE %s" LIST_ORDER ")",
						 foreach_current_index(branch) > 0 ? " UNION ALL " : "", columns, table,
						 (char *) lfirst(branch));
}

static void
append_row(StringInfo out, TupleTableSlot *slot, Position *position, Kind kind)
{
	const Resource *resource = resource_of(kind);
	Row row;

	row_of_slot(&row, slot, NULL, kind);
	append_resource(out, &row, kind);
	position->updated_utc = DatumGetTimestampTz(row.values[resource->updated_utc]);
	position->id = DatumGetInt64(row.values[resource->id]);
}

/* ---- projects ---- */

#define PROJECT_FILTER 6 /* the parameter of the first filter */

static void
make_project_list(Statement *statement, bool deleted, int asked)
{
	StringInfoData where;
	StringInfoData sql;

	initStringInfo(&sql);
	initStringInfo(&where);
	appendStringInfoString(&where, LIST_WHERE);
	append_filters(&where, asked, project_filters, lengthof(project_filters), PROJECT_FILTER, false);
	if (!asks_index(asked, project_filters, lengthof(project_filters)))
		appendStringInfo(&sql, "SELECT " PROJECT_SQL " FROM propstreet.project AS t WHERE %s%s" LIST_ORDER, where.data,
						 deleted ? "" : " AND " LISTED("t"));
	else
	{
		appendStringInfoString(&sql, "SELECT " PROJECT_SQL " FROM (");
		append_branches(&sql, PROJECT_SQL, "project",
						filter_ranges(list_make1(where.data), asked, project_filters, lengthof(project_filters),
									  PROJECT_FILTER, deleted));
		appendStringInfoString(&sql, ") AS t" LIST_ORDER);
	}
	keep_sql(statement, &sql);
}

static Statement *
project_list(bool deleted, int asked)
{
	static Statement statements[2][FORMS(project_filters)];
	static uint64 generation = 0;
	Statement *statement = &statements[deleted][asked];
	Statement form = {.nargs = LIST_ARGS, .args = {LIST_TYPES}};

	forget_sql(&statements[0][0], 2 * FORMS(project_filters), &generation);
	if (statement->sql == NULL)
	{
		form.plan = statement->plan;
		add_filter_types(&form, project_filters, lengthof(project_filters));
		make_project_list(&form, deleted, asked);
		*statement = form;
	}
	return statement;
}

static void
append_project_row(StringInfo out, TupleTableSlot *slot, Position *position)
{
	append_row(out, slot, position, KIND_PROJECT);
}

PG_FUNCTION_INFO_V1(propstreet_project_list);

/*
 * project_list(updated_since, include_deleted, status, classification,
 * teaser_stage, page_size, cursor) json: specification, "List Projects".  PT400;
 * PT503 where a page that goes on can't be exact.
 */
Datum
propstreet_project_list(PG_FUNCTION_ARGS)
{
	Problems problems = {NIL};
	PageRequest page = argument_page(fcinfo, 2 + lengthof(project_filters), PAGE_SIZE_MAX, &problems);
	bool deleted = argument_bool(fcinfo, 1, false);
	Datum values[LIST_ARGS + lengthof(project_filters)];
	bool nulls[LIST_ARGS + lengthof(project_filters)] = {false};
	int asked;
	Operation operation;
	StringInfoData out;

	operation_begin(&operation);
	asked = argument_filters(fcinfo, 2, project_filters, lengthof(project_filters), values + LIST_ARGS,
							 nulls + LIST_ARGS, &problems);
	problems_check(&problems);
	argument_since(fcinfo, 0, &page);
	get_barrier(&operation, &page);
	list_values(&operation, &page, values);
	init_large_result(&operation, &out);
	append_list(fcinfo, &out, project_list(deleted, asked), values, nulls, &page, append_project_row);
	return operation_large_result(&operation, &out);
}

/* ---- prospects ---- */

/* Which filters a list of prospects has */
typedef struct ProspectFilters
{
	bool project; /* else those of the whole tenant */
	bool deleted;
	bool chat;
	bool tags;
	int asked; /* by enums */
} ProspectFilters;

#define PROSPECT_FILTER 8 /* the parameter of the first filter by an enum, after project and tags */

/* Not a join: it must be looked up for the rows of the page only. */
#define PROJECT_IS_LIVE \
	"(SELECT p.deleted_utc IS NULL FROM propstreet.project AS p " \
	"WHERE p.tenant_id OPERATOR(pg_catalog.=) t.tenant_id AND p.id OPERATOR(pg_catalog.=) t.project_id)"

/* Not IS NOT NULL, which would let the planner read all of the tenant that have accepted, and sort them. */
#define CHAT_OF_PROJECT " AND CASE WHEN t.accepted_utc IS NULL THEN false ELSE true END"

/* One scan in the list's order, whose other conditions are checked row by row */
static void
make_prospect_scan(StringInfo sql, const ProspectFilters *filters)
{
	appendStringInfoString(sql, "SELECT " PROSPECT_SQL " FROM propstreet.prospect AS t WHERE " LIST_WHERE);
	if (filters->project)
		appendStringInfoString(sql, " AND t.project_id OPERATOR(pg_catalog.=) $6");
	if (!filters->deleted)
		appendStringInfoString(sql, " AND " LISTED("t"));
	if (!filters->deleted && !filters->project)
		appendStringInfoString(sql, " AND " PROJECT_IS_LIVE);
	append_filters(sql, filters->asked, prospect_filters, lengthof(prospect_filters), PROSPECT_FILTER, true);
	if (filters->chat)
		appendStringInfoString(sql, filters->project ? CHAT_OF_PROJECT : " AND t.accepted_utc IS NOT NULL");
	if (filters->tags)
		appendStringInfo(sql, " AND %s OPERATOR(pg_catalog.&&) $7",
						 filters->project ? "t.tags" : "propstreet.tag_keys(t.tenant_id, t.tags)");
	appendStringInfoString(sql, LIST_ORDER);
}

/* A merge of ranges, over a whole tenant */
static void
make_prospect_merge(StringInfo sql, const ProspectFilters *filters)
{
	List *branches;
	List *deleted = list_make1(LISTED("t"));
	List *chat = list_make1("t.accepted_utc IS NOT NULL");
	StringInfoData where;

	if (filters->deleted)
		deleted = lappend(deleted, NOT_LISTED("t"));
	if (!filters->chat)
		chat = lappend(chat, "t.accepted_utc IS NULL");
	initStringInfo(&where);
	appendStringInfoString(&where, LIST_WHERE);
	append_filters(&where, filters->asked, prospect_filters, lengthof(prospect_filters), PROSPECT_FILTER, false);
	branches = filter_ranges(list_make1(where.data), filters->asked, prospect_filters, lengthof(prospect_filters),
							 PROSPECT_FILTER, filters->deleted);
	branches = multiply(multiply(branches, deleted), chat);
	if (!filters->deleted)
		branches = multiply(branches, list_make1(PROJECT_IS_LIVE));
	appendStringInfoString(sql, "SELECT " PROSPECT_SQL " FROM (");
	append_branches(sql, PROSPECT_SQL, "prospect", branches);
	appendStringInfoString(sql, ") AS t" LIST_ORDER);
}

static Statement *
prospect_list(const ProspectFilters *filters)
{
	static Statement statements[2][2][2][2][FORMS(prospect_filters)];
	static uint64 generation = 0;
	Statement *statement =
		&statements[filters->project][filters->deleted][filters->chat][filters->tags][filters->asked];
	Statement form = {.nargs = LIST_ARGS + 2,
					  .args = {LIST_TYPES, T_INT8, T_TEXT_ARRAY},
					  .by_values = filters->tags && !filters->project};
	StringInfoData sql;

	forget_sql(&statements[0][0][0][0][0], 16 * FORMS(prospect_filters), &generation);
	if (statement->sql != NULL)
		return statement;
	form.plan = statement->plan;
	add_filter_types(&form, prospect_filters, lengthof(prospect_filters));
	initStringInfo(&sql);
	if (filters->project || filters->tags ||
		(!asks_index(filters->asked, prospect_filters, lengthof(prospect_filters)) && !filters->chat))
		make_prospect_scan(&sql, filters);
	else
		make_prospect_merge(&sql, filters);
	keep_sql(&form, &sql);
	*statement = form;
	return statement;
}

static void
append_prospect_row(StringInfo out, TupleTableSlot *slot, Position *position)
{
	append_row(out, slot, position, KIND_PROSPECT);
}

/* The index of tags is over all tenants: its keys have the tenant in front. */
static ArrayType *
make_tag_keys(int64 tenant_id, ArrayType *tags)
{
	Datum *elements;
	bool *nulls;
	int count;

	deconstruct_array(tags, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
		elements[i] =
			nulls[i] ? CStringGetTextDatum("") :
					   CStringGetTextDatum(psprintf(INT64_FORMAT ":%s", tenant_id, TextDatumGetCString(elements[i])));
	return construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT);
}

PG_FUNCTION_INFO_V1(propstreet_tag_keys);

/* tag_keys(tenant_id, tags) text[]: keys of the index prospect_tags */
Datum
propstreet_tag_keys(PG_FUNCTION_ARGS)
{
	PG_RETURN_ARRAYTYPE_P(make_tag_keys(PG_GETARG_INT64(0), PG_GETARG_ARRAYTYPE_P(1)));
}

/* tags: any of up to 50; an empty array is no filter. */
static ArrayType *
argument_tags(FunctionCallInfo fcinfo, int number, Problems *problems)
{
	ArrayType *tags = PG_ARGISNULL(number) ? NULL : PG_GETARG_ARRAYTYPE_P(number);
	int count = tags ? ArrayGetNItems(ARR_NDIM(tags), ARR_DIMS(tags)) : 0;

	if (count > TAGS_MAX)
		problem_parameter(problems, "tags", "must be at most %d tags, not %d", TAGS_MAX, count);
	return count > 0 ? tags : NULL;
}

/* Both lists of prospects have these parameters, from a number on. */
static Datum
list_prospects(FunctionCallInfo fcinfo, bool of_project, int number)
{
	Problems problems = {NIL};
	PageRequest page = argument_page(fcinfo, number + 4 + lengthof(prospect_filters), PAGE_SIZE_MAX, &problems);
	ProspectFilters filters = {.project = of_project,
							   .deleted = argument_bool(fcinfo, number + 1, !PG_ARGISNULL(number))};
	char *capability = argument_text(fcinfo, number + 2);
	ArrayType *tags = argument_tags(fcinfo, number + 3 + lengthof(prospect_filters), &problems);
	int64 project_id = of_project ? argument_id(fcinfo, 0, "project_id") : 0;
	Datum values[LIST_ARGS + 2 + lengthof(prospect_filters)];
	bool nulls[LIST_ARGS + 2 + lengthof(prospect_filters)] = {false};
	Operation operation;
	StringInfoData out;

	operation_begin(&operation);
	if (capability && strcmp(capability, "chat") != 0)
		problem_parameter(&problems, "capability", "must be chat, not %s", quoted(capability));
	filters.asked = argument_filters(fcinfo, number + 3, prospect_filters, lengthof(prospect_filters),
									 values + LIST_ARGS + 2, nulls + LIST_ARGS + 2, &problems);
	problems_check(&problems);
	if (of_project)
		project_require(&operation, project_id, filters.deleted, READ_NOW);
	filters.chat = capability != NULL;
	filters.tags = tags != NULL;
	values[LIST_ARGS] = Int64GetDatum(project_id);
	values[LIST_ARGS + 1] = PointerGetDatum(tags && !of_project ? make_tag_keys(operation.tenant_id, tags) : tags);
	nulls[LIST_ARGS + 1] = tags == NULL;
	argument_since(fcinfo, number, &page);
	get_barrier(&operation, &page);
	list_values(&operation, &page, values);
	init_large_result(&operation, &out);
	append_list(fcinfo, &out, prospect_list(&filters), values, nulls, &page, append_prospect_row);
	return operation_large_result(&operation, &out);
}

PG_FUNCTION_INFO_V1(propstreet_prospect_list);

/*
 * prospect_list(project_id, updated_since, include_deleted, capability,
 * classification, tags, page_size, cursor) json: specification, "List Prospects".
 * PT400; PT404 for the project; PT503 where a page that goes on can't be exact.
 */
Datum
propstreet_prospect_list(PG_FUNCTION_ARGS)
{
	return list_prospects(fcinfo, true, 1);
}

PG_FUNCTION_INFO_V1(propstreet_prospect_list_all);

/* prospect_list_all(...) json: the same over all projects of the tenant (ours) */
Datum
propstreet_prospect_list_all(PG_FUNCTION_ARGS)
{
	return list_prospects(fcinfo, false, 0);
}

/* ---- associated projects ---- */

/* The columns of the statements below */
enum
{
	A_TENANT_ID = 1,
	A_ID,
	A_PROSPECT_ID,
	A_NAME,
	A_STATUS,
	A_CLASSIFICATION,
	A_PROSPECT_CLASSIFICATION,
	A_CREATED_UTC,
	A_UPDATED_UTC,
	A_REVISION,
	A_PROSPECT_COUNT
};

/* The prospects of a contact; the filters come first, then one is chosen per project. */
#define CONTACT_PROSPECTS \
	"SELECT r.tenant_id, r.project_id, r.id, r.classification FROM propstreet.prospect AS r " \
	"WHERE r.tenant_id OPERATOR(pg_catalog.=) $1 AND r.contact_id OPERATOR(pg_catalog.=) $6 " \
	"AND r.deleted_utc IS NULL " \
	"AND ($8 IS NULL OR r.classification OPERATOR(pg_catalog.=) $8)"

/* Those of a company and its contacts: the company's own first, else the lowest id. */
#define COMPANY_PROSPECTS \
	"SELECT DISTINCT ON (r.tenant_id, r.project_id) r.tenant_id, r.project_id, r.id, r.classification " \
	"FROM propstreet.prospect AS r " \
	"WHERE r.tenant_id OPERATOR(pg_catalog.=) $1 AND r.company_id OPERATOR(pg_catalog.=) $6 " \
	"AND r.deleted_utc IS NULL " \
	"AND ($8 IS NULL OR r.classification OPERATOR(pg_catalog.=) $8) " \
	"ORDER BY r.tenant_id, r.project_id, r.contact_id IS NOT NULL, r.id"

/* clang-format off */
#define ASSOCIATED(prospects) \
	"SELECT s.*, (SELECT pg_catalog.count(*) FROM propstreet.prospect AS c " \
	"WHERE c.tenant_id OPERATOR(pg_catalog.=) $1 " \
	"AND c.project_id OPERATOR(pg_catalog.=) s.id AND " LISTED("c") ") FROM (" \
	"SELECT t.tenant_id::" TYPE_SQL(T_INT8) ", t.id::" TYPE_SQL(T_INT8) ", r.id::" TYPE_SQL(T_INT8) \
	" AS prospect_id, t.name::" TYPE_SQL(T_TEXT) ", " \
	"t.status::" TYPE_SQL(T_PROJECT_STATUS) ", t.classification::" TYPE_SQL(T_PROJECT_CLASSIFICATION) ", " \
	"r.classification::" TYPE_SQL(T_PROSPECT_CLASSIFICATION) " AS prospect_classification, " \
	"t.created_utc::" TYPE_SQL(T_TIMESTAMPTZ) ", " \
	"t.updated_utc::" TYPE_SQL(T_TIMESTAMPTZ) ", t.revision::" TYPE_SQL(T_INT8) " " \
	"FROM (" prospects ") AS r JOIN propstreet.project AS t " \
	"ON t.tenant_id OPERATOR(pg_catalog.=) r.tenant_id AND t.id OPERATOR(pg_catalog.=) r.project_id " \
	"WHERE " LIST_WHERE " AND t.deleted_utc IS NULL AND ($7 IS NULL OR t.status OPERATOR(pg_catalog.=) $7) " \
	LIST_ORDER ") AS s ORDER BY s.updated_utc, s.id"
/* clang-format on */

#define ASSOCIATED_ARGS .nargs = 8, .args = {LIST_TYPES, T_INT8, T_PROJECT_STATUS, T_PROSPECT_CLASSIFICATION}

static void
append_associated(StringInfo out, TupleTableSlot *slot, Position *position)
{
	text *name = DatumGetTextPP(slot_value(slot, A_NAME));
	char tag[ETAG_LEN + 1];
	Version version = {.kind = KIND_PROJECT,
					   .tenant_id = DatumGetInt64(slot_value(slot, A_TENANT_ID)),
					   .id = DatumGetInt64(slot_value(slot, A_ID)),
					   .revision = DatumGetInt64(slot_value(slot, A_REVISION)),
					   .updated_utc = DatumGetTimestampTz(slot_value(slot, A_UPDATED_UTC))};

	position->id = version.id;
	position->updated_utc = version.updated_utc;
	etag_of(&version, tag);

	appendStringInfoChar(out, '{');
	append_member(out, "id");
	append_id(out, version.id);
	append_member(out, "prospectId");
	append_id(out, DatumGetInt64(slot_value(slot, A_PROSPECT_ID)));
	append_member(out, "name");
	append_json_string(out, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	append_member(out, "status");
	append_enum(out, slot_value(slot, A_STATUS));
	append_member(out, "classification");
	append_enum(out, slot_value(slot, A_CLASSIFICATION));
	append_member(out, "prospectClassification");
	append_enum(out, slot_value(slot, A_PROSPECT_CLASSIFICATION));
	append_member(out, "prospectCount");
	appendStringInfo(out, INT64_FORMAT, DatumGetInt64(slot_value(slot, A_PROSPECT_COUNT)));
	append_member(out, "createdUtc");
	append_utc(out, DatumGetTimestampTz(slot_value(slot, A_CREATED_UTC)));
	append_member(out, "updatedUtc");
	append_utc(out, version.updated_utc);
	append_member(out, "etag");
	appendStringInfo(out, "\"W/\\\"%s\\\"\"}", tag);
}

static Datum
associated_projects(FunctionCallInfo fcinfo, Statement *exists, Statement *list, const char *kind, const char *id_name)
{
	int64 id = argument_id(fcinfo, 0, id_name);
	Problems problems = {NIL};
	PageRequest page = argument_page(fcinfo, 3, 100, &problems);
	Datum values[8];
	bool nulls[8] = {false};
	Datum key[2];
	Operation operation;
	StringInfoData out;

	operation_begin(&operation);
	values[5] = Int64GetDatum(id);
	values[6] = argument_enum(fcinfo, 1, "status", T_PROJECT_STATUS, "deleted", &nulls[6], &problems);
	values[7] = argument_enum(fcinfo, 2, "classification", T_PROSPECT_CLASSIFICATION, NULL, &nulls[7], &problems);
	problems_check(&problems);

	key[0] = Int64GetDatum(operation.tenant_id);
	key[1] = Int64GetDatum(id);
	if (run(exists, key, NULL) == 0)
		not_found(kind, id, NULL);
	get_barrier(&operation, &page);
	list_values(&operation, &page, values);
	init_large_result(&operation, &out);
	append_list(fcinfo, &out, list, values, nulls, &page, append_associated);
	return operation_large_result(&operation, &out);
}

#define EXISTS(table) \
	"SELECT FROM propstreet." table " AS t WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 " \
	"AND t.id OPERATOR(pg_catalog.=) $2"

PG_FUNCTION_INFO_V1(propstreet_contact_projects);

/* contact_projects(contact_id, status, classification, page_size, cursor) json; PT400, PT404 for the contact */
Datum
propstreet_contact_projects(PG_FUNCTION_ARGS)
{
	static Statement exists = {.sql = EXISTS("contact"), .reads = true, .nargs = 2, .args = {T_INT8, T_INT8}};
	static Statement list = {.sql = ASSOCIATED(CONTACT_PROSPECTS), ASSOCIATED_ARGS};

	return associated_projects(fcinfo, &exists, &list, "Contact", "contact_id");
}

PG_FUNCTION_INFO_V1(propstreet_company_projects);

/* company_projects(company_id, status, classification, page_size, cursor) json; PT400, PT404 for the company */
Datum
propstreet_company_projects(PG_FUNCTION_ARGS)
{
	static Statement exists = {.sql = EXISTS("company"), .reads = true, .nargs = 2, .args = {T_INT8, T_INT8}};
	static Statement list = {.sql = ASSOCIATED(COMPANY_PROSPECTS), ASSOCIATED_ARGS};

	return associated_projects(fcinfo, &exists, &list, "Company", "company_id");
}
