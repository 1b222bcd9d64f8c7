/*
 * body.c
 *	  Request bodies to changes of rows (doc/decisions.md, "Writing"), and what the
 *	  constraints of the tables ask of tags and transactions.
 */
#include "postgres.h"

#include "base/json_c.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

#include "resources/resources.h"

#define TAG_MAX_CHARACTERS 255 /* an index has to hold it */
#define TRANSACTIONS_MAX 100
#define TRANSACTIONS_MAX_BYTES 65536

/* ---- bodies ---- */

static void
decode(json_object *body, const Path *path, Kind kind, bool adding, bool patch, Change *change, Problems *problems)
{
	memset(change, 0, sizeof(Change));
	memset(change->row.nulls, true, sizeof(change->row.nulls));
	change->kind = kind;
	decode_object(body, path, body_fields(kind, adding, false), patch, change, problems);
}

/* A project's body to create one with, or to change one by. */
void
project_decode(json_object *body, bool patch, Change *change, Problems *problems)
{
	decode(body, NULL, KIND_PROJECT, true, patch, change, problems);
}

/* Exactly one of the two ids is there, each well-formed or already a problem. */
static void
check_investor(json_object *body, const Path *path, Problems *problems)
{
	json_object *contact = NULL;
	json_object *company = NULL;

	if (!json_object_is_type(body, json_type_object))
		return;
	json_object_object_get_ex(body, "contactId", &contact);
	json_object_object_get_ex(body, "companyId", &company);
	if ((contact == NULL) == (company == NULL))
		problem_add(problems, path, "must have exactly one of contactId and companyId");
}

/* A prospect's body to add one with. */
void
prospect_decode_add(json_object *body, const Path *path, Change *change, Problems *problems)
{
	decode(body, path, KIND_PROSPECT, true, false, change, problems);
	check_investor(body, path, problems);
}

/* A prospect's body to change one by. */
void
prospect_decode_patch(json_object *body, const Path *path, Change *change, Problems *problems)
{
	decode(body, path, KIND_PROSPECT, false, true, change, problems);
}

/* An item of a batch, to add a prospect with or to change one by. */
void
prospect_decode_item(json_object *item, const Path *path, bool patch, ItemChange *change, Problems *problems)
{
	memset(change, 0, sizeof(ItemChange));
	memset(change->base.row.nulls, true, sizeof(change->base.row.nulls));
	change->base.kind = KIND_PROSPECT;
	decode_object(item, path, body_fields(KIND_PROSPECT, !patch, true), false, change, problems);
	if (!patch)
		check_investor(item, path, problems);
}

/* A prospect's body to upsert one with: the ids may be left out. */
void
prospect_decode_upsert(json_object *body, Change *change, Problems *problems)
{
	decode(body, NULL, KIND_PROSPECT, true, true, change, problems);
	if (change->given[R_CONTACT_ID] && change->given[R_COMPANY_ID])
		check_investor(body, NULL, problems);
}

/* Carry a change out on a row; says whether that makes a difference to its image. */
bool
change_apply(const Change *change, Row *row)
{
	const Resource *resource = resource_of(change->kind);
	bool changed = false;

	for (int i = 0; i < resource->ncolumns; i++)
	{
		int16 len;
		bool byval;
		bool same;

		if (!change->given[i])
			continue;
		get_typlenbyval(type_oid(resource->columns[i].type), &len, &byval);
		same = row->nulls[i] || change->row.nulls[i] ?
				   row->nulls[i] == change->row.nulls[i] :
				   datum_image_eq(row->values[i], change->row.values[i], byval, len);
		if (same)
			continue;
		row->values[i] = change->row.values[i];
		row->nulls[i] = change->row.nulls[i];
		changed = true;
	}
	return changed;
}

/* ---- what the tables' constraints ask ---- */

/*
 * The transactions of a closed project: an array of at most 100 objects, 64 kB in
 * all (doc/decisions.md, "Answers").
 */
void
transactions_decode(const char *text, int len, Problems *problems)
{
	json_object *array;

	if (len > TRANSACTIONS_MAX_BYTES)
		problem_add(problems, NULL, "must have at most %d bytes, not %d", TRANSACTIONS_MAX_BYTES, len);
	else if (!json_tree(text, len, problems, &array) || !json_array(array, NULL, problems))
		return;
	else if (json_object_array_length(array) > TRANSACTIONS_MAX)
		problem_add(problems, NULL, "must have at most %d transactions", TRANSACTIONS_MAX);
	else
		for (int i = 0; i < (int) json_object_array_length(array); i++)
		{
			Path element = {NULL, NULL, i};

			if (!json_object_is_type(json_object_array_get_idx(array, i), json_type_object))
				problem_add(problems, &element, "must be an object");
		}
}

/* JSON that is stored must be readable as jsonb, too, whose numbers have a range: 22003. */
void
require_jsonb(const text *json)
{
	(void) DirectFunctionCall1(jsonb_in, CStringGetDatum(text_to_cstring(json)));
}

PG_FUNCTION_INFO_V1(propstreet_transactions_valid);

/* transactions_valid(json) boolean; 22003 */
Datum
propstreet_transactions_valid(PG_FUNCTION_ARGS)
{
	text *transactions = PG_GETARG_TEXT_PP(0);
	Problems problems = {NIL};

	transactions_decode(VARDATA_ANY(transactions), VARSIZE_ANY_EXHDR(transactions), &problems);
	if (problems.list == NIL)
		require_jsonb(transactions);
	PG_RETURN_BOOL(problems.list == NIL);
}

PG_FUNCTION_INFO_V1(propstreet_tags_valid);

/* tags_valid(text[]) boolean */
Datum
propstreet_tags_valid(PG_FUNCTION_ARGS)
{
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(0);
	Datum *tags;
	int count;

	if (ARR_NDIM(array) > 1 || array_contains_nulls(array))
		PG_RETURN_BOOL(false);
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &tags, NULL, &count);
	for (int i = 0; i < count; i++)
	{
		text *tag = (text *) DatumGetPointer(tags[i]);
		int length = pg_mbstrlen_with_len(VARDATA_ANY(tag), VARSIZE_ANY_EXHDR(tag));

		if (length < 1 || length > TAG_MAX_CHARACTERS)
			PG_RETURN_BOOL(false);
	}
	PG_RETURN_BOOL(true);
}
