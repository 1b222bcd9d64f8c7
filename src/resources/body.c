/*
 * body.c
 *	  Request bodies to columns: how each field that clients can write is checked
 *	  (specification, "Create a Project", "Update a Project",
 *	  "Add a Prospect", "Update a Prospect"; doc/decisions.md, "Values" and "Writing").
 *
 *	  A null clears an optional field: it then has the value that a new resource
 *	  has where the field is left out.
 */
#include "postgres.h"

#include "base/json_c.h"

#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

#include "resources/resources.h"

#define NAME_MAX_CHARACTERS 200
#define PROPERTY_COUNT_MAX 1000000
#define TAG_MAX_CHARACTERS 255	/* an index has to hold it */
#define TRANSACTIONS_MAX 100
#define TRANSACTIONS_MAX_BYTES 65536

static void
give(Change *change, int column, Datum value, bool isnull)
{
	change->row.values[column] = value;
	change->row.nulls[column] = isnull;
	change->given[column] = true;
}

/* ---- enums ---- */

static bool
decode_enum(json_object *value, const Path *path, ColumnType type, Datum *result, Problems *problems)
{
	const char *label = json_string(value, path, problems);
	Oid			oid;

	if (label == NULL)
		return false;
	oid = enum_value(type, label);
	if (!OidIsValid(oid))
		problem_add(problems, path, "must be one of %s, not %s", enum_choices(type), quoted(label));
	*result = ObjectIdGetDatum(oid);
	return OidIsValid(oid);
}

/* ---- columns, by their type ---- */

static void
set_refs(json_object *value, const Path *path, int column, Change *change, Problems *problems)
{
	ExternalRef *refs[EXTERNAL_REF_MAX];
	int			count = 0;
	bool		good = true;

	if (!json_array(value, path, problems))
		return;
	if (json_object_array_length(value) > EXTERNAL_REF_MAX)
	{
		problem_add(problems, path, "must have at most %d references", EXTERNAL_REF_MAX);
		return;
	}
	for (int i = 0; i < (int) json_object_array_length(value); i++)
	{
		Path		element = {path, NULL, i};

		if (!external_ref_decode(json_object_array_get_idx(value, i), &element, &refs[count], problems))
		{
			good = false;
			continue;
		}
		for (int j = 0; j < count; j++)
			if (same_namespace(refs[j], refs[count]))
			{
				Path		member = {&element, "namespace", 0};

				problem_add(problems, &member, "appears more than once; a resource has one reference per namespace");
				good = false;
				break;
			}
		count++;
	}
	if (good)
		give(change, column, refs_datum(refs, count), false);
}

static bool
is_space(pg_wchar c)
{
	return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
		(c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

/* A text without white space (Unicode's) at both ends. */
char *
trimmed(const char *text, int len)
{
	const char *start = NULL;
	const char *end = text;

	for (const char *c = text; c < text + len; c += pg_utf_mblen((const unsigned char *) c))
	{
		if (is_space(utf8_to_unicode((const unsigned char *) c)))
			continue;
		if (start == NULL)
			start = c;
		end = c + pg_utf_mblen((const unsigned char *) c);
	}
	return start ? pnstrdup(start, end - start) : pstrdup("");
}

/* A name, trimmed, or NULL with a problem. */
char *
decode_name(json_object *value, const Path *path, Problems *problems)
{
	const char *string = json_string(value, path, problems);
	char	   *name;
	int			length;

	if (string == NULL)
		return NULL;
	name = trimmed(string, strlen(string));
	length = pg_mbstrlen(name);
	if (length >= 1 && length <= NAME_MAX_CHARACTERS)
		return name;
	problem_add(problems, path, "must have 1 to %d characters, not %d", NAME_MAX_CHARACTERS, length);
	return NULL;
}

static void
set_id(json_object *value, const Path *path, int column, Change *change, Problems *problems)
{
	const char *string = json_string(value, path, problems);
	int64		id;

	if (string && id_parse(string, &id))
		give(change, column, Int64GetDatum(id), false);
	else if (string)
		problem_add(problems, path, "must be an id, a string of a positive decimal number, not %s", quoted(string));
}

/* What a column has where a body says null: the same as where a new resource's body leaves it out */
static void
set_initial(Change *change, int number, const Column *column)
{
	if (column->type == T_EXTERNAL_REF_ARRAY)
		give(change, number, refs_datum(NULL, 0), false);
	else if (column->initial)
		give(change, number, ObjectIdGetDatum(enum_value(column->type, column->initial)), false);
	else if (column->type != T_INT8)
		give(change, number, (Datum) 0, true);
}

static void
set_value(json_object *value, const Path *path, int number, const Column *column, Change *change, Problems *problems)
{
	Price	   *price = palloc0(sizeof(Price));
	PriceRange *range = palloc0(sizeof(PriceRange));
	char	   *name;
	Datum		label;

	switch (column->type)
	{
		case T_TEXT:
			if ((name = decode_name(value, path, problems)) != NULL)
				give(change, number, CStringGetTextDatum(name), false);
			break;
		case T_INT8:
			set_id(value, path, number, change, problems);
			break;
		case T_PRICE:
			if (price_decode(value, path, true, price, problems))
				give(change, number, PointerGetDatum(price), false);
			break;
		case T_PRICE_RANGE:
			if (price_range_decode(value, path, true, range, problems))
				give(change, number, PointerGetDatum(range), false);
			break;
		case T_EXTERNAL_REF_ARRAY:
			set_refs(value, path, number, change, problems);
			break;
		default:
			if (decode_enum(value, path, column->type, &label, problems))
				give(change, number, label, false);
			break;
	}
}

/* The setter of all fields that are columns: it is found by the member's name. */
void
set_column(json_object *value, const Path *path, void *target, Problems *problems)
{
	Change	   *change = target;
	const Resource *resource = resource_of(change->kind);

	for (int i = 0; i < resource->ncolumns; i++)
	{
		const Column *column = &resource->columns[i];

		if (!(column->flags & FROM_BODY) || strcmp(column->member, path->name) != 0)
			continue;
		if (value)
			set_value(value, path, i, column, change, problems);
		else
			set_initial(change, i, column);
	}
}

/* ---- fields of a project ---- */

static void
set_asset_type(json_object *value, const Path *path, void *target, Problems *problems)
{
	Datum		type;

	if (decode_enum(value, path, T_ASSET_TYPE, &type, problems))
		give(target, P_ASSET_TYPE, type, false);
}

static void
set_property_count(json_object *value, const Path *path, void *target, Problems *problems)
{
	int64		count;

	if (value == NULL)
		return;
	count = json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;
	if (count < 1 || count > PROPERTY_COUNT_MAX)
		problem_add(problems, path, "must be a whole number from 1 to %d", PROPERTY_COUNT_MAX);
	else
		give(target, P_PROPERTY_COUNT, Int32GetDatum((int32) count), false);
}

/* The whole object is replaced; null stands for the default, a single property. */
void
set_asset(json_object *value, const Path *path, void *target, Problems *problems)
{
	static const Field fields[] = {
		{"type", FIELD_REQUIRED, set_asset_type, NULL},
		{"propertyCount", FIELD_NULLABLE, set_property_count, NULL},
		{NULL, 0, NULL, NULL}
	};
	Change	   *change = target;
	Datum		single = ObjectIdGetDatum(enum_value(T_ASSET_TYPE, "single"));

	give(change, P_PROPERTY_COUNT, (Datum) 0, true);
	if (value == NULL)
	{
		give(change, P_ASSET_TYPE, single, false);
		return;
	}
	decode_object(value, path, fields, false, target, problems);
	if (change->given[P_ASSET_TYPE] && change->row.values[P_ASSET_TYPE] == single && !change->row.nulls[P_PROPERTY_COUNT])
	{
		Path		member = {path, "propertyCount", 0};

		problem_add(problems, &member, "is only for type portfolio, not for single");
	}
}

/* ---- fields of an item of a batch ---- */

static void
set_item_id(json_object *value, const Path *path, void *target, Problems *problems)
{
	const char *string = json_string(value, path, problems);

	if (string && !id_parse(string, &((ItemChange *) target)->id))
		problem_add(problems, path, "must be an id, a string of a positive decimal number, not %s", quoted(string));
}

static void
set_if_match(json_object *value, const Path *path, void *target, Problems *problems)
{
	((ItemChange *) target)->if_match = value ? json_string(value, path, problems) : NULL;
}

/* The client's own name for an item: only given back */
static void
check_client_ref(json_object *value, const Path *path, void *target, Problems *problems)
{
	(void) target;
	json_string(value, path, problems);
}

/* What an item that changes a resource has before the fields of that, and what every item has after them */
const Field item_fields_first[] = {
	{"id", FIELD_REQUIRED, set_item_id, "Id"},
	{NULL, 0, NULL, NULL}
};

const Field item_fields_last[] = {
	{"ifMatch", FIELD_NULLABLE, set_if_match, "Text"},
	{"clientRef", 0, check_client_ref, "Text"},
	{NULL, 0, NULL, NULL}
};

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
	bool		changed = false;

	for (int i = 0; i < resource->ncolumns; i++)
	{
		int16		len;
		bool		byval;
		bool		same;

		if (!change->given[i])
			continue;
		get_typlenbyval(type_oid(resource->columns[i].type), &len, &byval);
		same = row->nulls[i] || change->row.nulls[i]
			? row->nulls[i] == change->row.nulls[i]
			: datum_image_eq(row->values[i], change->row.values[i], byval, len);
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
			Path		element = {NULL, NULL, i};

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
	text	   *transactions = PG_GETARG_TEXT_PP(0);
	Problems	problems = {NIL};

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
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	Datum	   *tags;
	int			count;

	if (ARR_NDIM(array) > 1 || array_contains_nulls(array))
		PG_RETURN_BOOL(false);
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &tags, NULL, &count);
	for (int i = 0; i < count; i++)
	{
		text	   *tag = (text *) DatumGetPointer(tags[i]);
		int			length = pg_mbstrlen_with_len(VARDATA_ANY(tag), VARSIZE_ANY_EXHDR(tag));

		if (length < 1 || length > TAG_MAX_CHARACTERS)
			PG_RETURN_BOOL(false);
	}
	PG_RETURN_BOOL(true);
}
