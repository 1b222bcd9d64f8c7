/*
 * batch.c
 *	  Batches of prospects with a result per item (specification, "Batch Add
 *	  Prospects"; doc/decisions.md, "Batches").  Items are judged one after another, as if
 *	  each were a request of its own, against what few statements have read for all
 *	  of them; then one statement writes what is good.
 */
#include "postgres.h"

#include "base/json_c.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "operations/operations.h"

#define ITEMS_MAX 100
#define TRIES_MAX 20 /* after others took what we had found free */

typedef struct BatchItem
{
	json_object *json;
	ItemChange change;
	bool malformed;	   /* failed before anything was read */
	const char *error; /* code; NULL: good so far */
	char *message;
	int64 holder; /* the prospect that stands in the way, or 0 */
	Row row;	  /* what the table has, after all */
	bool done;	  /* written, or found as wanted */
	bool changed; /* update: there is something to write */
} BatchItem;

/* A prospect that an update has locked, and the item that changes it */
typedef struct Locked
{
	Row row;
	const BatchItem *item;
} Locked;

typedef struct Batch
{
	Operation *operation;
	int64 project_id;
	bool update;
	bool atomic;
	json_object *items_json;
	BatchItem *items;
	int count;
	Locked locked[ITEMS_MAX]; /* by id */
	int nlocked;
	HTAB *refs;		 /* who holds a reference: RefHolder */
	HTAB *investors; /* who is there: Investor */
} Batch;

/* ---- what is known of references and investors ---- */

typedef struct RefHolder
{
	const ExternalRef *ref; /* key */
	int64 prospect_id;		/* 0: an item of this request */
} RefHolder;

static uint32
ref_hash(const void *key, Size size)
{
	const ExternalRef *ref = *(const ExternalRef *const *) key;

	(void) size;
	return hash_bytes((const unsigned char *) VARDATA_ANY(ref), VARSIZE_ANY_EXHDR(ref));
}

static int
ref_match(const void *a, const void *b, Size size)
{
	(void) size;
	return !same_ref(*(const ExternalRef *const *) a, *(const ExternalRef *const *) b);
}

/* A contact, or a company as an investor of its own */
typedef struct InvestorKey
{
	int64 id;
	int64 is_company;
} InvestorKey;

typedef struct Investor
{
	InvestorKey key;
	bool found;
	bool blocked;
	int64 company_id; /* 0: none */
	Datum tags;
	int64 prospect_id;	   /* that it is already; 0: none */
	const BatchItem *item; /* that it becomes by this request, or NULL */
} Investor;

static InvestorKey
investor_key(const Row *row)
{
	bool is_company = row->nulls[R_CONTACT_ID];
	InvestorKey key = {DatumGetInt64(row->values[is_company ? R_COMPANY_ID : R_CONTACT_ID]), is_company};

	return key;
}

static void
forget_everything(Batch *batch)
{
	HASHCTL refs = {.keysize = sizeof(ExternalRef *),
					.entrysize = sizeof(RefHolder),
					.hash = ref_hash,
					.match = ref_match,
					.hcxt = CurrentMemoryContext};
	HASHCTL investors = {.keysize = sizeof(InvestorKey), .entrysize = sizeof(Investor), .hcxt = CurrentMemoryContext};

	if (batch->refs)
		hash_destroy(batch->refs);
	if (batch->investors)
		hash_destroy(batch->investors);
	batch->refs = hash_create("propstreet references", 2 * ITEMS_MAX, &refs,
							  HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
	batch->investors =
		hash_create("propstreet investors", 2 * ITEMS_MAX, &investors, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Good so far, and not written yet */
static bool
is_open(const BatchItem *item)
{
	return item->error == NULL && !item->done;
}

static void
fail(BatchItem *item, const char *error, int64 holder, char *message)
{
	item->error = error;
	item->holder = holder;
	item->message = message;
}

/* ---- the request ---- */

static void
set_items(json_object *value, const Path *path, void *target, Problems *problems)
{
	Batch *batch = target;

	if (!json_array(value, path, problems))
		return;
	batch->items_json = value;
	batch->count = (int) json_object_array_length(value);
	if (batch->count < 1 || batch->count > ITEMS_MAX)
		problem_add(problems, path, "must have 1 to %d items, not %d", ITEMS_MAX, batch->count);
}

static void
set_atomic(json_object *value, const Path *path, void *target, Problems *problems)
{
	if (json_object_is_type(value, json_type_boolean))
		((Batch *) target)->atomic = json_object_get_boolean(value);
	else
		problem_add(problems, path, "must be true or false");
}

static const Field batch_fields[] = {{"items", FIELD_REQUIRED, set_items, NULL},
									 {"atomic", 0, set_atomic, NULL},
									 {NULL, 0, NULL, NULL}};

/* Problems of an item as one message. */
static char *
joined(const Problems *problems)
{
	StringInfoData message;
	ListCell *cell;

	initStringInfo(&message);
	foreach(cell, problems->list)
	{
		Problem *problem = lfirst(cell);
		const char *place = problem->pointer ? problem->pointer : problem->parameter;

		appendStringInfo(&message, "%s%s%s%s", message.len > 0 ? "; " : "", place ? place : "", place ? ": " : "",
						 problem->detail);
	}
	return message.data;
}

/* An id that is not of the form of one has a code of its own. */
static bool
is_malformed_id(json_object *object, const char *name)
{
	json_object *value;
	int64 id;

	return json_object_is_type(object, json_type_object) && json_object_object_get_ex(object, name, &value) &&
		   value != NULL &&
		   !(json_object_is_type(value, json_type_string) && id_parse(json_object_get_string(value), &id));
}

static void
decode_item(Batch *batch, int index)
{
	BatchItem *item = &batch->items[index];
	Path array = {NULL, "items", 0};
	Path path = {&array, NULL, index};
	Problems problems = {NIL};

	item->json = json_object_array_get_idx(batch->items_json, index);
	prospect_decode_item(item->json, &path, batch->update, &item->change, &problems);
	item->malformed = problems.list != NIL;
	if (!item->malformed)
		return;
	if (list_length(problems.list) == 1 &&
		(batch->update ? is_malformed_id(item->json, "id") :
						 is_malformed_id(item->json, "contactId") || is_malformed_id(item->json, "companyId")))
		fail(item, "invalid_id", 0, joined(&problems));
	else
		fail(item, "validation_error", 0, joined(&problems));
}

static void
decode_batch(Batch *batch, json_object *body)
{
	Problems problems = {NIL};

	decode_object(body, NULL, batch_fields, false, batch, &problems);
	problems_check(&problems);
	batch->items = palloc0(sizeof(BatchItem) * batch->count);
	for (int i = 0; i < batch->count; i++)
		decode_item(batch, i);
}

/* ---- reading ---- */

static Datum
wanted_refs(const Batch *batch)
{
	Datum *wanted = palloc(sizeof(Datum) * batch->count * EXTERNAL_REF_MAX);
	int count = 0;

	for (int i = 0; i < batch->count; i++)
	{
		const BatchItem *item = &batch->items[i];
		ExternalRef **refs;
		int nrefs;

		if (item->malformed || item->change.base.row.nulls[R_EXTERNAL_REFS])
			continue;
		nrefs = refs_deform(item->change.base.row.values[R_EXTERNAL_REFS], &refs);
		for (int j = 0; j < nrefs; j++)
			wanted[count++] = PointerGetDatum(refs[j]);
	}
	return PointerGetDatum(construct_array(wanted, count, type_oid(T_EXTERNAL_REF), -1, false, TYPALIGN_INT));
}

static void
learn_ref(Batch *batch, uint64 number)
{
	const ExternalRef *ref = (const ExternalRef *) PG_DETOAST_DATUM_PACKED(fetch(number, 7));
	RefHolder *holder = hash_search(batch->refs, &ref, HASH_ENTER, NULL);

	holder->prospect_id = DatumGetInt64(fetch(number, 6));
}

static void
learn_investor(Batch *batch, uint64 number)
{
	bool is_company = DatumGetInt32(fetch(number, 1)) == 2;
	InvestorKey key = {DatumGetInt64(fetch(number, 2)), is_company};
	Datum id;
	Investor *investor = hash_search(batch->investors, &key, HASH_ENTER, NULL);

	investor->found = true;
	investor->company_id = fetch_optional(number, 3, &id) ? DatumGetInt64(id) : 0;
	investor->tags = fetch(number, 4);
	investor->blocked = DatumGetBool(fetch(number, 5));
	investor->prospect_id = fetch_optional(number, 6, &id) ? DatumGetInt64(id) : 0;
	investor->item = NULL;
}

/*
 * Lock the investors, in the order of their ids, and read in one statement all
 * that an add depends on: who they are, whether they are prospects already, and
 * which references are taken.
 */
static void
read_for_add(Batch *batch)
{
	static Statement resolve = {
		.sql = "WITH contact AS MATERIALIZED (SELECT c.id::pg_catalog.int8, c.company_id::pg_catalog.int8, "
			   "c.tags::pg_catalog.text[], c.blocked::pg_catalog.bool FROM propstreet.contact AS c "
			   "WHERE c.tenant_id OPERATOR(pg_catalog.=) $1 AND c.id OPERATOR(pg_catalog.=) ANY ($3) "
			   "ORDER BY c.id FOR SHARE), "
			   "company AS MATERIALIZED (SELECT c.id::pg_catalog.int8, c.tags::pg_catalog.text[], "
			   "c.blocked::pg_catalog.bool "
			   "FROM propstreet.company AS c "
			   "WHERE c.tenant_id OPERATOR(pg_catalog.=) $1 AND c.id OPERATOR(pg_catalog.=) ANY ($4) "
			   "ORDER BY c.id FOR SHARE) "
			   "SELECT 1, c.id, c.company_id, c.tags, c.blocked, (SELECT p.id::pg_catalog.int8 FROM "
			   "propstreet.prospect AS p "
			   "WHERE p.tenant_id OPERATOR(pg_catalog.=) $1 AND p.project_id OPERATOR(pg_catalog.=) $2 "
			   "AND p.contact_id OPERATOR(pg_catalog.=) c.id AND p.deleted_utc IS NULL), NULL::propstreet.external_ref "
			   "FROM contact AS c "
			   "UNION ALL SELECT 2, c.id, c.id, c.tags, c.blocked, (SELECT p.id::pg_catalog.int8 "
			   "FROM propstreet.prospect AS p "
			   "WHERE p.tenant_id OPERATOR(pg_catalog.=) $1 AND p.project_id OPERATOR(pg_catalog.=) $2 "
			   "AND p.company_id OPERATOR(pg_catalog.=) c.id AND p.contact_id IS NULL AND p.deleted_utc IS NULL), "
			   "NULL FROM company AS c "
			   "UNION ALL SELECT 3, NULL, NULL, NULL, NULL, r.prospect_id::pg_catalog.int8, "
			   "r.external_ref::propstreet.external_ref FROM propstreet.prospect_external_ref AS r "
			   "WHERE r.tenant_id OPERATOR(pg_catalog.=) $1 AND r.project_id OPERATOR(pg_catalog.=) $2 "
			   "AND r.external_ref OPERATOR(propstreet.=) ANY ($5)",
		.nargs = 5,
		.args = {T_INT8, T_INT8, T_INT8_ARRAY, T_INT8_ARRAY, T_EXTERNAL_REF_ARRAY},
	};
	Datum contacts[ITEMS_MAX];
	Datum companies[ITEMS_MAX];
	int ncontacts = 0;
	int ncompanies = 0;
	Datum values[5] = {Int64GetDatum(batch->operation->tenant_id), Int64GetDatum(batch->project_id)};
	uint64 rows;

	for (int i = 0; i < batch->count; i++)
	{
		const Row *row = &batch->items[i].change.base.row;

		if (batch->items[i].malformed)
			continue;
		if (!row->nulls[R_CONTACT_ID])
			contacts[ncontacts++] = row->values[R_CONTACT_ID];
		else
			companies[ncompanies++] = row->values[R_COMPANY_ID];
	}
	values[2] = int64_array(contacts, ncontacts);
	values[3] = int64_array(companies, ncompanies);
	values[4] = wanted_refs(batch);
	forget_everything(batch);
	rows = run(&resolve, values, NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		if (DatumGetInt32(fetch(i, 1)) == 3)
			learn_ref(batch, i);
		else
			learn_investor(batch, i);
	}
}

/* ---- judging ---- */

/* Are an item's references free?  If so, they are the item's from now on. */
static bool
claim_refs(Batch *batch, BatchItem *item, Datum array, int64 own_id)
{
	ExternalRef **refs;
	int count = refs_deform(array, &refs);

	for (int i = 0; i < count; i++)
	{
		const ExternalRef *ref = refs[i];
		RefHolder *holder = hash_search(batch->refs, &ref, HASH_FIND, NULL);

		if (holder == NULL || (own_id != 0 && holder->prospect_id == own_id))
			continue;
		fail(item, "duplicate", holder->prospect_id,
			 psprintf("External reference %.*s is already used in this project", (int) VARSIZE_ANY_EXHDR(ref),
					  VARDATA_ANY(ref)));
		return false;
	}
	for (int i = 0; i < count; i++)
	{
		const ExternalRef *ref = refs[i];
		RefHolder *holder = hash_search(batch->refs, &ref, HASH_ENTER, NULL);

		holder->prospect_id = own_id;
	}
	return true;
}

static void
judge_add(Batch *batch, BatchItem *item)
{
	const Row *row = &item->change.base.row;
	InvestorKey key = investor_key(row);
	Investor *investor = hash_search(batch->investors, &key, HASH_FIND, NULL);
	const char *kind = key.is_company ? "Company" : "Contact";

	if (investor == NULL)
		fail(item, "not_added", 0, psprintf("%s " INT64_FORMAT " was not found", kind, key.id));
	else if (investor->prospect_id != 0)
		fail(item, "duplicate", investor->prospect_id, psprintf("%s already exists as prospect in this project", kind));
	else if (investor->item)
		fail(item, "duplicate", 0, psprintf("%s appears more than once in this request", kind));
	else if (investor->blocked)
		fail(item, "not_added", 0, psprintf("%s is blocked", kind));
	else if (row->nulls[R_EXTERNAL_REFS] || claim_refs(batch, item, row->values[R_EXTERNAL_REFS], 0))
		investor->item = item;
}

/* ---- writing ---- */

/* Good items as an array of rows of the table, in an order that all batches share. */
static Datum
rows_datum(List *items)
{
	Oid type = get_element_type(type_oid(T_PROSPECT_ARRAY));
	TupleDesc desc = lookup_rowtype_tupdesc(type, -1);
	Datum *values = palloc0(sizeof(Datum) * desc->natts);
	bool *nulls = palloc(sizeof(bool) * desc->natts);
	Datum *rows = palloc(sizeof(Datum) * list_length(items));
	RowMap map = {0};
	ListCell *cell;

	row_map(&map, desc, KIND_PROSPECT);
	foreach(cell, items)
	{
		Row *row = &((BatchItem *) lfirst(cell))->row;

		memset(nulls, true, sizeof(bool) * desc->natts);
		for (int i = 0; i < R_COLUMNS; i++)
		{
			values[map.attributes[i] - 1] = row->values[i];
			nulls[map.attributes[i] - 1] = row->nulls[i];
		}
		rows[foreach_current_index(cell)] = heap_copy_tuple_as_datum(heap_form_tuple(desc, values, nulls), desc);
	}
	ReleaseTupleDesc(desc);
	return PointerGetDatum(construct_array(rows, list_length(items), type, -1, false, TYPALIGN_DOUBLE));
}

static int
compare_investors(const ListCell *a, const ListCell *b)
{
	InvestorKey x = investor_key(&((BatchItem *) lfirst(a))->change.base.row);
	InvestorKey y = investor_key(&((BatchItem *) lfirst(b))->change.base.row);

	if (x.is_company != y.is_company)
		return x.is_company < y.is_company ? -1 : 1;
	return x.id < y.id ? -1 : x.id > y.id;
}

/* The row that an item asks for, with the copies of its investor. */
static void
make_row(Batch *batch, BatchItem *item)
{
	InvestorKey key = investor_key(&item->change.base.row);
	const Investor *investor = hash_search(batch->investors, &key, HASH_FIND, NULL);
	Row *row = &item->row;

	*row = item->change.base.row;
	row->values[R_TENANT_ID] = Int64GetDatum(batch->operation->tenant_id);
	row->values[R_PROJECT_ID] = Int64GetDatum(batch->project_id);
	row->values[R_COMPANY_ID] = Int64GetDatum(investor->company_id);
	row->values[R_TAGS] = investor->tags;
	row->nulls[R_TENANT_ID] = row->nulls[R_PROJECT_ID] = row->nulls[R_TAGS] = false;
	row->nulls[R_COMPANY_ID] = investor->company_id == 0;
}

/* Has an item failed for one before it in the request?  Then all depends on that one. */
static bool
has_followers(const Batch *batch)
{
	for (int i = 0; i < batch->count; i++)
		if (batch->items[i].error && batch->items[i].holder == 0 && strcmp(batch->items[i].error, "duplicate") == 0)
			return true;
	return false;
}

/* Insert the rows of an array, whose investors are locked and copied. */
static Statement *
insert_rows(void)
{
	static Statement insert = {.nargs = 1, .args = {T_PROSPECT_ARRAY}};
	StringInfoData sql;

	if (insert.sql)
		return &insert;
	initStringInfo(&sql);
	appendStringInfoString(&sql, "INSERT INTO propstreet.prospect AS t (tenant_id, tags, revision");
	append_inserted(&sql, KIND_PROSPECT);
	appendStringInfoString(&sql, ") SELECT u.tenant_id, u.tags, " COPIES_GIVEN_SQL);
	append_inserted_values(&sql, KIND_PROSPECT, "u");
	appendStringInfoString(&sql, " FROM pg_catalog.unnest($1) AS u ON CONFLICT DO NOTHING RETURNING " PROSPECT_SQL);
	insert.sql = MemoryContextStrdup(TopMemoryContext, sql.data);
	return &insert;
}

static void
insert_good(void *arg)
{
	Batch *batch = arg;
	Problem lost = {.detail = "an investor was added meanwhile"};
	List *good = NIL;
	Datum values[1];
	uint64 rows;
	uint64 next = 0;
	ListCell *cell;

	for (int i = 0; i < batch->count; i++)
		if (is_open(&batch->items[i]))
		{
			make_row(batch, &batch->items[i]);
			good = lappend(good, &batch->items[i]);
		}
	list_sort(good, compare_investors);
	values[0] = rows_datum(good);
	rows = run(insert_rows(), values, NULL);
	if (rows < (uint64) list_length(good) && has_followers(batch))
		problem_raise(PT_CONFLICT, &lost);
	/* they come back in the order they went in; those that lost a race are left out */
	foreach(cell, good)
	{
		BatchItem *item = lfirst(cell);
		InvestorKey wanted = investor_key(&item->change.base.row);
		InvestorKey got;
		Row row;

		if (next == rows)
			break;
		fetch_row(next, &row, KIND_PROSPECT);
		got = investor_key(&row);
		if (got.id != wanted.id || got.is_company != wanted.is_company)
			continue;
		item->row = row;
		item->done = true;
		next++;
	}
}

static int
count_good(const Batch *batch)
{
	int good = 0;

	for (int i = 0; i < batch->count; i++)
		good += batch->items[i].error == NULL;
	return good;
}

/* ---- the answer ---- */

/* A member that an item came with, if it is a string. */
static void
append_given(StringInfo out, const BatchItem *item, const char *name)
{
	json_object *value;

	if (!json_object_is_type(item->json, json_type_object) || !json_object_object_get_ex(item->json, name, &value) ||
		!json_object_is_type(value, json_type_string))
		return;
	append_member(out, name);
	append_json_string(out, json_object_get_string(value), json_object_get_string_len(value));
}

static void
append_created(StringInfo out, const BatchItem *item)
{
	appendStringInfoChar(out, '{');
	append_member(out, "id");
	append_id(out, DatumGetInt64(item->row.values[R_ID]));
	append_given(out, item, "contactId");
	append_given(out, item, "companyId");
	if (item->change.base.given[R_EXTERNAL_REFS])
	{
		append_member(out, "externalRefs");
		append_external_refs(out, item->row.values[R_EXTERNAL_REFS]);
	}
	append_given(out, item, "clientRef");
	appendStringInfoChar(out, '}');
}

static void
append_updated(StringInfo out, const BatchItem *item)
{
	appendStringInfoChar(out, '{');
	append_member(out, "id");
	append_id(out, item->change.id);
	append_etag(out, &item->row, KIND_PROSPECT);
	append_member(out, "result");
	appendStringInfoString(out, item->changed ? "\"updated\"" : "\"unchanged\"");
	append_given(out, item, "clientRef");
	appendStringInfoChar(out, '}');
}

static void
append_failed(StringInfo out, const BatchItem *item, int index, bool update)
{
	appendStringInfoChar(out, '{');
	append_member(out, "index");
	appendStringInfo(out, "%d", index);
	if (update)
		append_given(out, item, "id");
	else
	{
		append_given(out, item, "contactId");
		append_given(out, item, "companyId");
	}
	append_member(out, "error");
	appendStringInfo(out, "\"%s\"", item->error);
	append_member(out, "message");
	append_json_string(out, item->message, strlen(item->message));
	append_given(out, item, "clientRef");
	if (item->holder != 0)
	{
		append_member(out, "prospectId");
		append_id(out, item->holder);
	}
	appendStringInfoChar(out, '}');
}

static void
append_items(StringInfo out, const Batch *batch, bool failed)
{
	bool first = true;

	appendStringInfoChar(out, '[');
	for (int i = 0; i < batch->count; i++)
	{
		if ((batch->items[i].error != NULL) != failed)
			continue;
		if (!first)
			appendStringInfoChar(out, ',');
		first = false;
		if (failed)
			append_failed(out, &batch->items[i], i, batch->update);
		else
			(batch->update ? append_updated : append_created)(out, &batch->items[i]);
	}
	appendStringInfoChar(out, ']');
}

/* All or nothing: any failure is a conflict that names the failed items. */
static void
check_atomic(const Batch *batch)
{
	Problem problem = {.detail = "The batch is atomic and some of its items failed", .member = "failed"};
	StringInfoData failed;

	if (!batch->atomic || count_good(batch) == batch->count)
		return;
	initStringInfo(&failed);
	append_items(&failed, batch, true);
	problem.value = failed.data;
	problem_raise(PT_CONFLICT, &problem);
}

static void
append_answer(StringInfo out, const Batch *batch)
{
	check_atomic(batch);
	appendStringInfo(out, "{\"%s\":", batch->update ? "updated" : "created");
	append_items(out, batch, false);
	appendStringInfoString(out, ",\"failed\":");
	append_items(out, batch, true);
	appendStringInfoChar(out, '}');
}

/* ---- updates ---- */

/* Lock the prospects of an update in the order of their ids, and read which references are taken. */
static void
read_for_update(Batch *batch)
{
	static Statement lock = {
		.sql = "SELECT " PROSPECT_SQL " FROM propstreet.prospect AS t "
			   "WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 AND t.project_id OPERATOR(pg_catalog.=) $2 "
			   "AND t.id OPERATOR(pg_catalog.=) ANY ($3) "
			   "AND t.deleted_utc IS NULL ORDER BY t.id FOR NO KEY UPDATE",
		.nargs = 3,
		.args = {T_INT8, T_INT8, T_INT8_ARRAY},
	};
	static Statement taken = {
		.sql = "SELECT NULL, NULL, NULL, NULL, NULL, r.prospect_id::pg_catalog.int8, "
			   "r.external_ref::propstreet.external_ref FROM propstreet.prospect_external_ref AS r "
			   "WHERE r.tenant_id OPERATOR(pg_catalog.=) $1 AND r.project_id OPERATOR(pg_catalog.=) $2 "
			   "AND r.external_ref OPERATOR(propstreet.=) ANY ($3)",
		.nargs = 3,
		.args = {T_INT8, T_INT8, T_EXTERNAL_REF_ARRAY},
	};
	Datum ids[ITEMS_MAX];
	int nids = 0;
	Datum values[3] = {Int64GetDatum(batch->operation->tenant_id), Int64GetDatum(batch->project_id)};
	uint64 rows;

	for (int i = 0; i < batch->count; i++)
		if (!batch->items[i].malformed)
			ids[nids++] = Int64GetDatum(batch->items[i].change.id);
	values[2] = int64_array(ids, nids);
	batch->nlocked = (int) run(&lock, values, NULL);
	for (int i = 0; i < batch->nlocked; i++)
	{
		fetch_row(i, &batch->locked[i].row, KIND_PROSPECT);
		batch->locked[i].item = NULL;
	}
	forget_everything(batch);
	values[2] = wanted_refs(batch);
	rows = run(&taken, values, NULL);
	for (uint64 i = 0; i < rows; i++)
		learn_ref(batch, i);
}

static int
compare_locked(const void *id, const void *locked)
{
	int64 a = *(const int64 *) id;
	int64 b = DatumGetInt64(((const Locked *) locked)->row.values[R_ID]);

	return a < b ? -1 : a > b;
}

static Locked *
find_locked(Batch *batch, int64 id)
{
	return bsearch(&id, batch->locked, batch->nlocked, sizeof(Locked), compare_locked);
}

static bool
judge_precondition(const Batch *batch, BatchItem *item)
{
	Version version = row_version(&item->row, KIND_PROSPECT);
	Problems problems = {NIL};

	if (item->change.if_match == NULL && !propstreet_require_if_match)
		return true;
	if (item->change.if_match == NULL)
		fail(item, "precondition_failed", 0, "ifMatch is required: the resource's ETag, or *");
	else if (etag_matches("ifMatch", item->change.if_match, &version, &problems))
		return true;
	else if (problems.list != NIL)
		fail(item, "validation_error", 0,
			 psprintf("#/items/%d/ifMatch: %s", (int) (item - batch->items),
					  ((Problem *) linitial(problems.list))->detail));
	else
		fail(item, "precondition_failed", 0, "ETag mismatch - resource was modified");
	return false;
}

/* References that a prospect no longer has are free for the items that follow. */
static void
release_refs(Batch *batch, Datum old, Datum new)
{
	ExternalRef **refs;
	int count = refs_deform(old, &refs);

	for (int i = 0; i < count; i++)
		if (!has_ref(new, refs[i]))
			hash_search(batch->refs, &refs[i], HASH_REMOVE, NULL);
}

static void
judge_update(Batch *batch, BatchItem *item)
{
	const Change *change = &item->change.base;
	Locked *locked = find_locked(batch, item->change.id);
	Datum refs = change->row.values[R_EXTERNAL_REFS];

	if (locked == NULL)
		fail(item, "not_found", 0, psprintf("Prospect " INT64_FORMAT " was not found", item->change.id));
	else if (locked->item)
		fail(item, "duplicate", 0, "Prospect appears more than once in this request");
	if (item->error)
		return;
	item->row = locked->row;
	if (!judge_precondition(batch, item))
		return;
	if (change->given[R_EXTERNAL_REFS])
	{
		if (!claim_refs(batch, item, refs, item->change.id))
			return;
		release_refs(batch, locked->row.values[R_EXTERNAL_REFS], refs);
	}
	locked->item = item;
	item->changed = change_apply(change, &item->row);
	item->done = !item->changed;
}

/* Write what items can change, from the rows of an array. */
static Statement *
update_rows(void)
{
	static Statement update = {.nargs = 1, .args = {T_PROSPECT_ARRAY}};
	StringInfoData sql;

	if (update.sql)
		return &update;
	initStringInfo(&sql);
	appendStringInfoString(&sql, "UPDATE propstreet.prospect AS t SET ");
	append_updates(&sql, KIND_PROSPECT, "u");
	appendStringInfoString(&sql, " FROM pg_catalog.unnest($1) AS u "
								 "WHERE t.tenant_id OPERATOR(pg_catalog.=) u.tenant_id "
								 "AND t.id OPERATOR(pg_catalog.=) u.id RETURNING " PROSPECT_SQL);
	update.sql = MemoryContextStrdup(TopMemoryContext, sql.data);
	return &update;
}

static void
update_good(void *arg)
{
	Batch *batch = arg;
	List *good = NIL;
	Datum values[1];
	uint64 rows;

	for (int i = 0; i < batch->count; i++)
		if (is_open(&batch->items[i]))
			good = lappend(good, &batch->items[i]);
	values[0] = rows_datum(good);
	rows = run(update_rows(), values, NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		BatchItem *item;
		Row row;

		fetch_row(i, &row, KIND_PROSPECT);
		item = unconstify(BatchItem *, find_locked(batch, DatumGetInt64(row.values[R_ID]))->item);
		item->row = row;
		item->done = true;
	}
}

/* ---- trying ---- */

/* What was judged is judged again, unless part of the batch is already written. */
static void
judge_batch(Batch *batch)
{
	bool written = false;

	for (int i = 0; i < batch->count; i++)
		written |= batch->items[i].done && (!batch->update || batch->items[i].changed);
	for (int i = 0; i < batch->count; i++)
	{
		BatchItem *item = &batch->items[i];

		if (item->malformed || (written && !is_open(item)))
			continue;
		item->error = NULL;
		item->holder = 0;
		item->done = false;
		(batch->update ? judge_update : judge_add)(batch, item);
	}
	check_atomic(batch);
}

static int
count_open(const Batch *batch)
{
	int open = 0;

	for (int i = 0; i < batch->count; i++)
		open += is_open(&batch->items[i]);
	return open;
}

/*
 * Read, judge and write until nobody has got in between: a reference that was
 * taken meanwhile rolls the writing back, an investor that was added meanwhile
 * leaves its item undone (or rolls back too, if other items depend on that one);
 * both are seen when it is judged again.
 */
static void
carry_out(Batch *batch)
{
	void (*write)(void *arg) = batch->update ? update_good : insert_good;
	ErrorData *conflict = NULL;

	for (int try = 0; try < TRIES_MAX; try++)
	{
		CHECK_FOR_INTERRUPTS();
		(batch->update ? read_for_update : read_for_add)(batch);
		judge_batch(batch);
		if (count_open(batch) == 0)
			return;
		if (hash_get_num_entries(batch->refs) == 0 && !has_followers(batch))
			write(batch);
		else if ((conflict = attempt_expecting(write, batch, PT_CONFLICT)) != NULL)
			continue;
		if (count_open(batch) == 0)
			return;
	}
	if (conflict) /* no race: a user's trigger, say, that raises it */
		ReThrowError(conflict);
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE), errmsg("could not carry out the batch"),
			 errdetail("Other transactions keep changing the same prospects, or a trigger prevents some of them."),
			 errhint("Try again.")));
}

PG_FUNCTION_INFO_V1(propstreet_prospect_add_batch);

/*
 * prospect_add_batch(project_id, body, idempotency_key) json: specification,
 * "Batch Add Prospects".  PT400 for the whole call unless there are 1 to 100
 * items; PT404 for the project; PT409 if it is atomic and an item fails; for a key
 * PT409 and PT422.
 */
Datum
propstreet_prospect_add_batch(PG_FUNCTION_ARGS)
{
	int64 project_id = argument_id(fcinfo, 0, "project_id");
	Problems problems = {NIL};
	Operation operation;
	Batch batch = {.operation = &operation, .project_id = project_id};
	Idempotent idempotent;
	StringInfoData out;

	operation_begin(&operation);
	initStringInfo(&out);
	if (idempotent_begin(&operation, fcinfo, 2, "prospect_add_batch", project_id, 1, &idempotent, &out))
		return operation_result(&operation, &out);
	decode_batch(&batch, argument_body(fcinfo, 1, &problems));
	writer_lock(operation.tenant_id);
	project_share(operation.tenant_id, project_id);
	carry_out(&batch);
	append_answer(&out, &batch);
	idempotent_end(&operation, &idempotent, NULL, KIND_PROSPECT, &out);
	return operation_result(&operation, &out);
}

PG_FUNCTION_INFO_V1(propstreet_prospect_update_batch);

/*
 * prospect_update_batch(project_id, body) json: doc/decisions.md, "Batches".  PT400 and
 * PT404 as for an add; PT409 if it is atomic and an item fails.
 */
Datum
propstreet_prospect_update_batch(PG_FUNCTION_ARGS)
{
	int64 project_id = argument_id(fcinfo, 0, "project_id");
	Problems problems = {NIL};
	Operation operation;
	Batch batch = {.operation = &operation, .project_id = project_id, .update = true};
	StringInfoData out;

	operation_begin(&operation);
	decode_batch(&batch, argument_body(fcinfo, 1, &problems));
	writer_lock(operation.tenant_id);
	project_require(&operation, project_id, false, READ_NOW);
	carry_out(&batch);
	initStringInfo(&out);
	append_answer(&out, &batch);
	return operation_result(&operation, &out);
}
