/*
 * page.c
 *	  Lists, a page at a time, in the order (updated_utc, id) and never by OFFSET
 *	  (specification, "List Projects", "List Prospects" and "Associated Projects";
 *	  doc/decisions.md, "Answers" and "Queries").  Rows go from the scan to the JSON
 *	  text of the page in one pass.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "tcop/dest.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "propstreet.h"

#define PAGE_SIZE_MAX 500
#define TAGS_MAX 50				/* in a filter */

/* ---- parameters ---- */

/* page_size and cursor; what is wrong with them is added to the problems. */
PageRequest
argument_page(FunctionCallInfo fcinfo, int number, int default_size, Problems *problems)
{
	PageRequest page = {.size = PG_ARGISNULL(number) ? default_size : PG_GETARG_INT32(number)};
	char	   *cursor = argument_text(fcinfo, number + 1);

	if (page.size < 1 || page.size > PAGE_SIZE_MAX)
		problem_parameter(problems, "page_size", "must be from 1 to %d, not %d", PAGE_SIZE_MAX, page.size);
	page.after.updated_utc = DT_NOBEGIN;
	page.barrier = DT_NOEND;
	page.cursor = cursor;
	if (cursor && !cursor_parse(cursor, &page.after))
		problem_parameter(problems, "cursor", "is not a cursor of a page");
	return page;
}

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
	List	   *labels = NIL;

	for (char *label = strtok(enum_choices(type), ", "); label; label = strtok(NULL, ", "))
		if (except == NULL || strcmp(label, except) != 0)
			labels = lappend(labels, label);
	return labels;
}

/* An enum given as text, one of its labels except one (NULL: none); null is any. */
static Datum
argument_enum(FunctionCallInfo fcinfo, int number, const char *name, ColumnType type, const char *except, bool *isnull, Problems *problems)
{
	char	   *given = argument_text(fcinfo, number);
	StringInfoData choices;
	ListCell   *label;

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

/* ---- rows to a page ---- */

/* Takes rows from the executor, one after another, and writes them as JSON */
typedef struct PageReceiver
{
	DestReceiver pub;
	void		(*append) (StringInfo out, TupleTableSlot *slot, Position *position);
	StringInfo	out;
	int			size;
	int			count;
	Position	last;
	MemoryContext context;		/* reset with each row */
} PageReceiver;

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	PageReceiver *receiver = (PageReceiver *) self;
	MemoryContext before;

	if (++receiver->count > receiver->size)
		return true;			/* it only shows that there is more */
	if (receiver->count > 1)
		appendStringInfoChar(receiver->out, ',');
	before = MemoryContextSwitchTo(receiver->context);
	receiver->append(receiver->out, slot, &receiver->last);
	MemoryContextSwitchTo(before);
	MemoryContextReset(receiver->context);
	return true;
}

/* Write a whole list: the rows of a statement, and the page object. */
void
append_list(FunctionCallInfo fcinfo, StringInfo out, Statement *statement, const Datum *values, const bool *nulls, const PageRequest *page,
			void (*append) (StringInfo, TupleTableSlot *, Position *))
{
	PageReceiver receiver = {
		.pub = row_receiver(receive_row),
		.append = append,.out = out,.size = page->size,
		.context = AllocSetContextCreate(CurrentMemoryContext, "propstreet row", ALLOCSET_DEFAULT_SIZES)
	};
	Answer	   *answer = answer_of(fcinfo);

	appendStringInfoString(out, "{\"data\":[");
	run_to(statement, values, nulls, &receiver.pub);
	if (answer)
	{
		answer->has_more = receiver.count > page->size;
		answer->next = receiver.last;
	}
	appendStringInfoString(out, "],\"page\":{");
	if (receiver.count > 0 || page->cursor)
	{
		append_member(out, "nextCursor");
		appendStringInfoChar(out, '"');
		if (receiver.count > 0)
			append_cursor(out, &receiver.last);
		else
			appendStringInfoString(out, page->cursor);
		appendStringInfoChar(out, '"');
	}
	append_member(out, "pageSize");
	appendStringInfo(out, "%d", page->size);
	append_member(out, "hasMore");
	appendStringInfoString(out, receiver.count > page->size ? "true" : "false");
	if (page->synced)
	{
		append_member(out, "syncedUtc");
		append_utc(out, page->barrier);
	}
	appendStringInfoString(out, "}}");
}

/* ---- the SQL of lists ---- */

/* The parameters that all lists share, in this order */
#define LIST_TYPES T_INT8, T_TIMESTAMPTZ, T_INT8, T_TIMESTAMPTZ, T_INT8
#define LIST_WHERE "t.tenant_id OPERATOR(pg_catalog.=) $1 " \
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
	List	   *result = NIL;
	ListCell   *branch;
	ListCell   *condition;

	foreach(branch, branches)
		foreach(condition, conditions)
			result = lappend(result, psprintf("%s AND %s", (char *) lfirst(branch), (char *) lfirst(condition)));
	return result;
}

static List *
each_label(const char *column, ColumnType type, const char *except)
{
	List	   *conditions = NIL;
	ListCell   *label;

	foreach(label, labels_except(type, except))
		conditions = lappend(conditions, psprintf("t.%s OPERATOR(pg_catalog.=) %s", column, quote_literal_cstr(lfirst(label))));
	return conditions;
}

/* Each branch is ordered and limited: only so does the planner see that it is one range in order. */
static void
append_branches(StringInfo sql, const char *columns, const char *table, const List *branches)
{
	ListCell   *branch;

	foreach(branch, branches)
		appendStringInfo(sql, "%s(SELECT %s FROM propstreet.%s AS t WHERE %s" LIST_ORDER ")",
						 foreach_current_index(branch) > 0 ? " UNION ALL " : "", columns, table, (char *) lfirst(branch));
}

/* ---- projects ---- */

/* Which filters a list of projects has */
typedef struct ProjectFilters
{
	bool		deleted;
	bool		status;
	bool		classification;
	bool		stage;
} ProjectFilters;

static void
make_project_list(Statement *statement, const ProjectFilters *filters)
{
	List	   *branches = list_make1(LIST_WHERE);
	StringInfoData sql;

	initStringInfo(&sql);
	if (!filters->status && !filters->classification && !filters->stage)
		appendStringInfo(&sql, "SELECT " PROJECT_SQL " FROM propstreet.project AS t WHERE " LIST_WHERE "%s" LIST_ORDER,
						 filters->deleted ? "" : " AND " LISTED("t"));
	else
	{
		branches = multiply(branches, filters->status ? list_make1("t.status OPERATOR(pg_catalog.=) $6")
							: each_label("status", T_PROJECT_STATUS, filters->deleted ? NULL : "deleted"));
		branches = multiply(branches, filters->classification ? list_make1("t.classification OPERATOR(pg_catalog.=) $7")
							: each_label("classification", T_PROJECT_CLASSIFICATION, NULL));
		branches = multiply(branches, filters->stage ? list_make1("t.teaser_stage OPERATOR(pg_catalog.=) $8")
							: lappend(each_label("teaser_stage", T_TEASER_STAGE, NULL), "t.teaser_stage IS NULL"));
		appendStringInfoString(&sql, "SELECT " PROJECT_SQL " FROM (");
		append_branches(&sql, PROJECT_SQL, "project", branches);
		appendStringInfoString(&sql, ") AS t" LIST_ORDER);
	}
	keep_sql(statement, &sql);
}

static Statement *
project_list(const ProjectFilters *filters)
{
	static Statement statements[2][2][2][2];
	static uint64 generation = 0;
	Statement  *statement = &statements[filters->deleted][filters->status][filters->classification][filters->stage];
	Statement	form = {.nargs = 8,.args = {LIST_TYPES, T_PROJECT_STATUS, T_PROJECT_CLASSIFICATION, T_TEASER_STAGE}};

	forget_sql(&statements[0][0][0][0], lengthof(statements) * 8, &generation);
	if (statement->sql == NULL)
	{
		form.plan = statement->plan;
		make_project_list(&form, filters);
		*statement = form;
	}
	return statement;
}

static void
append_project_row(StringInfo out, TupleTableSlot *slot, Position *position)
{
	Row			row;

	row_of_slot(&row, slot, NULL, KIND_PROJECT);
	append_project(out, &row);
	position->updated_utc = DatumGetTimestampTz(row.values[P_UPDATED_UTC]);
	position->id = DatumGetInt64(row.values[P_ID]);
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
	Problems	problems = {NIL};
	PageRequest page = argument_page(fcinfo, 5, PAGE_SIZE_MAX, &problems);
	ProjectFilters filters = {.deleted = argument_bool(fcinfo, 1, false)};
	Datum		values[8];
	bool		nulls[8] = {false};
	Operation	operation;
	StringInfoData out;

	operation_begin(&operation);
	values[5] = argument_enum(fcinfo, 2, "status", T_PROJECT_STATUS, NULL, &nulls[5], &problems);
	values[6] = argument_enum(fcinfo, 3, "classification", T_PROJECT_CLASSIFICATION, NULL, &nulls[6], &problems);
	values[7] = argument_enum(fcinfo, 4, "teaser_stage", T_TEASER_STAGE, NULL, &nulls[7], &problems);
	problems_check(&problems);
	filters.status = !nulls[5];
	filters.classification = !nulls[6];
	filters.stage = !nulls[7];
	argument_since(fcinfo, 0, &page);
	get_barrier(&operation, &page);
	list_values(&operation, &page, values);
	init_large_result(&operation, &out);
	append_list(fcinfo, &out, project_list(&filters), values, nulls, &page, append_project_row);
	return operation_large_result(&operation, &out);
}

/* ---- prospects ---- */

/* Which filters a list of prospects has */
typedef struct ProspectFilters
{
	bool		project;		/* else those of the whole tenant */
	bool		deleted;
	bool		classification;
	bool		chat;
	bool		tags;
} ProspectFilters;

/* Not a join: it must be looked up for the rows of the page only. */
#define PROJECT_IS_LIVE "(SELECT p.deleted_utc IS NULL FROM propstreet.project AS p " \
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
	if (filters->classification)
		appendStringInfoString(sql, " AND t.classification OPERATOR(pg_catalog.=) $7");
	if (filters->chat)
		appendStringInfoString(sql, filters->project ? CHAT_OF_PROJECT : " AND t.accepted_utc IS NOT NULL");
	if (filters->tags)
		appendStringInfo(sql, " AND %s OPERATOR(pg_catalog.&&) $8", filters->project ? "t.tags" : "propstreet.tag_keys(t.tenant_id, t.tags)");
	appendStringInfoString(sql, LIST_ORDER);
}

/* A merge of ranges, over a whole tenant */
static void
make_prospect_merge(StringInfo sql, const ProspectFilters *filters)
{
	List	   *branches = list_make1(LIST_WHERE);
	List	   *deleted = list_make1(LISTED("t"));
	List	   *chat = list_make1("t.accepted_utc IS NOT NULL");

	if (filters->deleted)
		deleted = lappend(deleted, NOT_LISTED("t"));
	if (!filters->chat)
		chat = lappend(chat, "t.accepted_utc IS NULL");
	branches = multiply(branches, filters->classification ? list_make1("t.classification OPERATOR(pg_catalog.=) $7")
						: each_label("classification", T_PROSPECT_CLASSIFICATION, NULL));
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
	static Statement statements[2][2][2][2][2];
	static uint64 generation = 0;
	Statement  *statement = &statements[filters->project][filters->deleted][filters->classification][filters->chat][filters->tags];
	Statement	form = {.nargs = 8,.args = {LIST_TYPES, T_INT8, T_PROSPECT_CLASSIFICATION, T_TEXT_ARRAY},
	.by_values = filters->tags && !filters->project};
	StringInfoData sql;

	forget_sql(&statements[0][0][0][0][0], lengthof(statements) * 16, &generation);
	if (statement->sql != NULL)
		return statement;
	form.plan = statement->plan;
	initStringInfo(&sql);
	if (filters->project || filters->tags || (!filters->classification && !filters->chat))
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
	Row			row;

	row_of_slot(&row, slot, NULL, KIND_PROSPECT);
	append_prospect(out, &row);
	position->updated_utc = DatumGetTimestampTz(row.values[R_UPDATED_UTC]);
	position->id = DatumGetInt64(row.values[R_ID]);
}

/* The index of tags is over all tenants: its keys have the tenant in front. */
static ArrayType *
make_tag_keys(int64 tenant_id, ArrayType *tags)
{
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	deconstruct_array(tags, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
		elements[i] = nulls[i] ? CStringGetTextDatum("")
			: CStringGetTextDatum(psprintf(INT64_FORMAT ":%s", tenant_id, TextDatumGetCString(elements[i])));
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
	ArrayType  *tags = PG_ARGISNULL(number) ? NULL : PG_GETARG_ARRAYTYPE_P(number);
	int			count = tags ? ArrayGetNItems(ARR_NDIM(tags), ARR_DIMS(tags)) : 0;

	if (count > TAGS_MAX)
		problem_parameter(problems, "tags", "must be at most %d tags, not %d", TAGS_MAX, count);
	return count > 0 ? tags : NULL;
}

/* Both lists of prospects have these parameters, from a number on. */
static Datum
list_prospects(FunctionCallInfo fcinfo, bool of_project, int number)
{
	Problems	problems = {NIL};
	PageRequest page = argument_page(fcinfo, number + 5, PAGE_SIZE_MAX, &problems);
	ProspectFilters filters = {.project = of_project,.deleted = argument_bool(fcinfo, number + 1, !PG_ARGISNULL(number))};
	char	   *capability = argument_text(fcinfo, number + 2);
	ArrayType  *tags = argument_tags(fcinfo, number + 4, &problems);
	int64		project_id = of_project ? argument_id(fcinfo, 0, "project_id") : 0;
	Datum		values[8];
	bool		nulls[8] = {false};
	Operation	operation;
	StringInfoData out;

	operation_begin(&operation);
	if (capability && strcmp(capability, "chat") != 0)
		problem_parameter(&problems, "capability", "must be chat, not %s", quoted(capability));
	values[6] = argument_enum(fcinfo, number + 3, "classification", T_PROSPECT_CLASSIFICATION, NULL, &nulls[6], &problems);
	problems_check(&problems);
	if (of_project)
		project_require(&operation, project_id, filters.deleted, READ_NOW);
	filters.classification = !nulls[6];
	filters.chat = capability != NULL;
	filters.tags = tags != NULL;
	values[5] = Int64GetDatum(project_id);
	values[7] = PointerGetDatum(tags && !of_project ? make_tag_keys(operation.tenant_id, tags) : tags);
	nulls[7] = tags == NULL;
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
	A_TENANT_ID = 1, A_ID, A_PROSPECT_ID, A_NAME, A_STATUS, A_CLASSIFICATION, A_PROSPECT_CLASSIFICATION,
	A_CREATED_UTC, A_UPDATED_UTC, A_REVISION, A_PROSPECT_COUNT
};

/* The prospects of a contact; the filters come first, then one is chosen per project. */
#define CONTACT_PROSPECTS \
	"SELECT r.tenant_id, r.project_id, r.id, r.classification FROM propstreet.prospect AS r " \
	"WHERE r.tenant_id OPERATOR(pg_catalog.=) $1 AND r.contact_id OPERATOR(pg_catalog.=) $6 AND r.deleted_utc IS NULL " \
	"AND ($8 IS NULL OR r.classification OPERATOR(pg_catalog.=) $8)"

/* Those of a company and its contacts: the company's own first, else the lowest id. */
#define COMPANY_PROSPECTS \
	"SELECT DISTINCT ON (r.tenant_id, r.project_id) r.tenant_id, r.project_id, r.id, r.classification FROM propstreet.prospect AS r " \
	"WHERE r.tenant_id OPERATOR(pg_catalog.=) $1 AND r.company_id OPERATOR(pg_catalog.=) $6 AND r.deleted_utc IS NULL " \
	"AND ($8 IS NULL OR r.classification OPERATOR(pg_catalog.=) $8) " \
	"ORDER BY r.tenant_id, r.project_id, r.contact_id IS NOT NULL, r.id"

#define ASSOCIATED(prospects) \
	"SELECT s.*, (SELECT pg_catalog.count(*) FROM propstreet.prospect AS c WHERE c.tenant_id OPERATOR(pg_catalog.=) $1 " \
	"AND c.project_id OPERATOR(pg_catalog.=) s.id AND " LISTED("c") ") FROM (" \
	"SELECT t.tenant_id::" SQL_T_INT8 ", t.id::" SQL_T_INT8 ", r.id::" SQL_T_INT8 " AS prospect_id, t.name::" SQL_T_TEXT ", " \
	"t.status::" SQL_T_PROJECT_STATUS ", t.classification::" SQL_T_PROJECT_CLASSIFICATION ", " \
	"r.classification::" SQL_T_PROSPECT_CLASSIFICATION " AS prospect_classification, t.created_utc::" SQL_T_TIMESTAMPTZ ", " \
	"t.updated_utc::" SQL_T_TIMESTAMPTZ ", t.revision::" SQL_T_INT8 " " \
	"FROM (" prospects ") AS r JOIN propstreet.project AS t " \
	"ON t.tenant_id OPERATOR(pg_catalog.=) r.tenant_id AND t.id OPERATOR(pg_catalog.=) r.project_id " \
	"WHERE " LIST_WHERE " AND t.deleted_utc IS NULL AND ($7 IS NULL OR t.status OPERATOR(pg_catalog.=) $7) " \
	LIST_ORDER ") AS s ORDER BY s.updated_utc, s.id"

#define ASSOCIATED_ARGS .nargs = 8,.args = {LIST_TYPES, T_INT8, T_PROJECT_STATUS, T_PROSPECT_CLASSIFICATION}

static void
append_associated(StringInfo out, TupleTableSlot *slot, Position *position)
{
	text	   *name = DatumGetTextPP(slot_value(slot, A_NAME));
	char		tag[ETAG_LEN + 1];
	Version		version = {.kind = KIND_PROJECT,
		.tenant_id = DatumGetInt64(slot_value(slot, A_TENANT_ID)),.id = DatumGetInt64(slot_value(slot, A_ID)),
		.revision = DatumGetInt64(slot_value(slot, A_REVISION)),.updated_utc = DatumGetTimestampTz(slot_value(slot, A_UPDATED_UTC))};

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
	int64		id = argument_id(fcinfo, 0, id_name);
	Problems	problems = {NIL};
	PageRequest page = argument_page(fcinfo, 3, 100, &problems);
	Datum		values[8];
	bool		nulls[8] = {false};
	Datum		key[2];
	Operation	operation;
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

#define EXISTS(table) "SELECT FROM propstreet." table " AS t WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 AND t.id OPERATOR(pg_catalog.=) $2"

PG_FUNCTION_INFO_V1(propstreet_contact_projects);

/* contact_projects(contact_id, status, classification, page_size, cursor) json; PT400, PT404 for the contact */
Datum
propstreet_contact_projects(PG_FUNCTION_ARGS)
{
	static Statement exists = {.sql = EXISTS("contact"),.reads = true,.nargs = 2,.args = {T_INT8, T_INT8}};
	static Statement list = {.sql = ASSOCIATED(CONTACT_PROSPECTS), ASSOCIATED_ARGS};

	return associated_projects(fcinfo, &exists, &list, "Contact", "contact_id");
}

PG_FUNCTION_INFO_V1(propstreet_company_projects);

/* company_projects(company_id, status, classification, page_size, cursor) json; PT400, PT404 for the company */
Datum
propstreet_company_projects(PG_FUNCTION_ARGS)
{
	static Statement exists = {.sql = EXISTS("company"),.reads = true,.nargs = 2,.args = {T_INT8, T_INT8}};
	static Statement list = {.sql = ASSOCIATED(COMPANY_PROSPECTS), ASSOCIATED_ARGS};

	return associated_projects(fcinfo, &exists, &list, "Company", "company_id");
}
