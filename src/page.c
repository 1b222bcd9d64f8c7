/*
 * page.c
 *	  Lists, a page at a time, in the order (updated_utc, id) and never by OFFSET
 *	  (specification, "Associated Projects"; notes, "Answers" and "Queries").
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "propstreet.h"

#define PAGE_SIZE_MAX 500

/* What a list is asked for */
typedef struct PageRequest
{
	int			size;
	bool		has_start;
	Position	start;			/* the rows after this one */
} PageRequest;

/* ---- parameters ---- */

/* page_size and cursor; what is wrong with them is added to the problems. */
static PageRequest
argument_page(FunctionCallInfo fcinfo, int number, int default_size, Problems *problems)
{
	PageRequest page = {.size = PG_ARGISNULL(number) ? default_size : PG_GETARG_INT32(number)};
	char	   *cursor = argument_text(fcinfo, number + 1);

	if (page.size < 1 || page.size > PAGE_SIZE_MAX)
		problem_parameter(problems, "page_size", "must be from 1 to %d, not %d", PAGE_SIZE_MAX, page.size);
	page.has_start = cursor != NULL;
	if (cursor && !cursor_parse(cursor, &page.start))
		problem_parameter(problems, "cursor", "is not a cursor of a page");
	return page;
}

/* An enum given as text; null is any. */
static Datum
argument_enum(FunctionCallInfo fcinfo, int number, const char *name, ColumnType type, bool *isnull, Problems *problems)
{
	char	   *label = argument_text(fcinfo, number);
	Oid			value;

	*isnull = label == NULL;
	if (label == NULL)
		return (Datum) 0;
	value = enum_value(type, label);
	if (!OidIsValid(value))
		problem_parameter(problems, name, "must be one of %s, not %s", enum_choices(type), quoted(label));
	return ObjectIdGetDatum(value);
}

/* ---- the page object ---- */

/* The last member of a list: where to go on; last NULL means the page is empty. */
static void
append_page(StringInfo out, const PageRequest *page, const Position *last, bool has_more)
{
	appendStringInfoString(out, "],\"page\":{");
	if (last == NULL && page->has_start)
		last = &page->start;
	if (last)
	{
		append_member(out, "nextCursor");
		appendStringInfoChar(out, '"');
		append_cursor(out, last);
		appendStringInfoChar(out, '"');
	}
	append_member(out, "pageSize");
	appendStringInfo(out, "%d", page->size);
	append_member(out, "hasMore");
	appendStringInfoString(out, has_more ? "true}}" : "false}}");
}

/* ---- associated projects ---- */

/* The columns of the statements below */
enum
{
	A_ID = 1, A_PROSPECT_ID, A_NAME, A_STATUS, A_CLASSIFICATION, A_PROSPECT_CLASSIFICATION,
	A_CREATED_UTC, A_UPDATED_UTC, A_REVISION, A_PROSPECT_COUNT
};

/* The prospects of a contact; the filters come first, then one is chosen per project. */
#define CONTACT_PROSPECTS \
	"SELECT r.tenant_id, r.project_id, r.id, r.classification FROM propstreet.prospect AS r " \
	"WHERE r.tenant_id OPERATOR(pg_catalog.=) $1 AND r.contact_id OPERATOR(pg_catalog.=) $2 AND r.deleted_utc IS NULL " \
	"AND ($4 IS NULL OR r.classification OPERATOR(pg_catalog.=) $4)"

/* Those of a company and its contacts: the company's own first, else the lowest id. */
#define COMPANY_PROSPECTS \
	"SELECT DISTINCT ON (r.tenant_id, r.project_id) r.tenant_id, r.project_id, r.id, r.classification FROM propstreet.prospect AS r " \
	"WHERE r.tenant_id OPERATOR(pg_catalog.=) $1 AND r.company_id OPERATOR(pg_catalog.=) $2 AND r.deleted_utc IS NULL " \
	"AND ($4 IS NULL OR r.classification OPERATOR(pg_catalog.=) $4) " \
	"ORDER BY r.tenant_id, r.project_id, r.contact_id IS NOT NULL, r.id"

#define ASSOCIATED(prospects) \
	"SELECT s.*, (SELECT pg_catalog.count(*) FROM propstreet.prospect AS c WHERE c.tenant_id OPERATOR(pg_catalog.=) $1 " \
	"AND c.project_id OPERATOR(pg_catalog.=) s.id AND c.deleted_utc IS NULL) FROM (" \
	"SELECT t.id, r.id AS prospect_id, t.name, t.status, t.classification, r.classification AS prospect_classification, " \
	"t.created_utc, t.updated_utc, t.revision " \
	"FROM (" prospects ") AS r JOIN propstreet.project AS t " \
	"ON t.tenant_id OPERATOR(pg_catalog.=) r.tenant_id AND t.id OPERATOR(pg_catalog.=) r.project_id " \
	"WHERE t.deleted_utc IS NULL AND ($3 IS NULL OR t.status OPERATOR(pg_catalog.=) $3) " \
	"AND ($5 IS NULL OR ROW(t.updated_utc, t.id) OPERATOR(pg_catalog.>) ROW($5, $6)) " \
	"ORDER BY t.updated_utc, t.id LIMIT $7) AS s ORDER BY s.updated_utc, s.id"

#define ASSOCIATED_ARGS .reads = true,.nargs = 7, \
	.args = {T_INT8, T_INT8, T_PROJECT_STATUS, T_PROSPECT_CLASSIFICATION, T_TIMESTAMPTZ, T_INT8, T_INT8}

static void
append_associated(StringInfo out, uint64 number, int64 tenant_id, Position *position)
{
	bool		isnull;
	text	   *name = DatumGetTextPP(fetch_value(number, A_NAME, &isnull));
	char		tag[ETAG_LEN + 1];
	Version		version = {.kind = KIND_PROJECT,.tenant_id = tenant_id};

	position->id = version.id = DatumGetInt64(fetch_value(number, A_ID, &isnull));
	position->updated_utc = version.updated_utc = DatumGetTimestampTz(fetch_value(number, A_UPDATED_UTC, &isnull));
	version.revision = DatumGetInt64(fetch_value(number, A_REVISION, &isnull));
	etag_of(&version, tag);

	appendStringInfoChar(out, '{');
	append_member(out, "id");
	append_id(out, position->id);
	append_member(out, "prospectId");
	append_id(out, DatumGetInt64(fetch_value(number, A_PROSPECT_ID, &isnull)));
	append_member(out, "name");
	append_json_string(out, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	append_member(out, "status");
	append_enum(out, fetch_value(number, A_STATUS, &isnull));
	append_member(out, "classification");
	append_enum(out, fetch_value(number, A_CLASSIFICATION, &isnull));
	append_member(out, "prospectClassification");
	append_enum(out, fetch_value(number, A_PROSPECT_CLASSIFICATION, &isnull));
	append_member(out, "prospectCount");
	appendStringInfo(out, INT64_FORMAT, DatumGetInt64(fetch_value(number, A_PROSPECT_COUNT, &isnull)));
	append_member(out, "createdUtc");
	append_utc(out, DatumGetTimestampTz(fetch_value(number, A_CREATED_UTC, &isnull)));
	append_member(out, "updatedUtc");
	append_utc(out, position->updated_utc);
	append_member(out, "etag");
	appendStringInfo(out, "\"W/\\\"%s\\\"\"}", tag);
}

static Datum
associated_projects(FunctionCallInfo fcinfo, Statement *exists, Statement *list, const char *kind, const char *id_name)
{
	int64		id = argument_id(fcinfo, 0, id_name);
	Problems	problems = {NIL};
	PageRequest page = argument_page(fcinfo, 3, 100, &problems);
	Datum		values[7];
	bool		nulls[7] = {false};
	Position	position;
	Operation	operation;
	StringInfoData out;
	int			count;

	operation_begin(&operation);
	values[0] = Int64GetDatum(operation.tenant_id);
	values[1] = Int64GetDatum(id);
	values[2] = argument_enum(fcinfo, 1, "status", T_PROJECT_STATUS, &nulls[2], &problems);
	if (!nulls[2] && values[2] == ObjectIdGetDatum(enum_value(T_PROJECT_STATUS, "deleted")))
		problem_parameter(&problems, "status", "must be one of open, closed: deleted projects never appear here");
	values[3] = argument_enum(fcinfo, 2, "classification", T_PROSPECT_CLASSIFICATION, &nulls[3], &problems);
	problems_check(&problems);
	values[4] = TimestampTzGetDatum(page.start.updated_utc);
	values[5] = Int64GetDatum(page.start.id);
	nulls[4] = nulls[5] = !page.has_start;
	values[6] = Int64GetDatum(page.size + 1);

	if (run(exists, values, NULL) == 0)
		not_found(kind, id, NULL);
	count = (int) run(list, values, nulls);
	initStringInfo(&out);
	appendStringInfoString(&out, "{\"data\":[");
	for (int i = 0; i < Min(count, page.size); i++)
	{
		if (i > 0)
			appendStringInfoChar(&out, ',');
		append_associated(&out, i, operation.tenant_id, &position);
	}
	append_page(&out, &page, count > 0 ? &position : NULL, count > page.size);
	return operation_result(&operation, &out);
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
