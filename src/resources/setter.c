/*
 * setter.c
 *	  How each field that clients can write is checked, and becomes a column
 *	  (specification, "Create a Project", "Update a Project", "Add a Prospect", "Update a
 *	  Prospect"; doc/decisions.md, "Values").
 *
 *	  A null clears an optional field: it then has the value that a new resource
 *	  has where the field is left out.
 */
#include "postgres.h"

#include "base/json_c.h"

#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "resources/resources.h"

#define NAME_MAX_CHARACTERS 200
#define PROPERTY_COUNT_MAX 1000000

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
	Oid oid;

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
	int count = 0;
	bool good = true;

	if (!json_array(value, path, problems))
		return;
	if (json_object_array_length(value) > EXTERNAL_REF_MAX)
	{
		problem_add(problems, path, "must have at most %d references", EXTERNAL_REF_MAX);
		return;
	}
	for (int i = 0; i < (int) json_object_array_length(value); i++)
	{
		Path element = {path, NULL, i};

		if (!external_ref_decode(json_object_array_get_idx(value, i), &element, &refs[count], problems))
		{
			good = false;
			continue;
		}
		for (int j = 0; j < count; j++)
			if (same_namespace(refs[j], refs[count]))
			{
				Path member = {&element, "namespace", 0};

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
	char *name;
	int length;

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
	int64 id;

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
	Price *price;
	PriceRange *range;
	char *name;
	Datum label;

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
			price = palloc0(sizeof(Price));
			if (price_decode(value, path, true, price, problems))
				give(change, number, PointerGetDatum(price), false);
			break;
		case T_PRICE_RANGE:
			range = palloc0(sizeof(PriceRange));
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
	Change *change = target;
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
	Datum type;

	if (decode_enum(value, path, T_ASSET_TYPE, &type, problems))
		give(target, P_ASSET_TYPE, type, false);
}

static void
set_property_count(json_object *value, const Path *path, void *target, Problems *problems)
{
	int64 count;

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
	static const Field fields[] = {{"type", FIELD_REQUIRED, set_asset_type, NULL},
								   {"propertyCount", FIELD_NULLABLE, set_property_count, NULL},
								   {NULL, 0, NULL, NULL}};
	Change *change = target;
	Datum single = ObjectIdGetDatum(enum_value(T_ASSET_TYPE, "single"));

	give(change, P_PROPERTY_COUNT, (Datum) 0, true);
	if (value == NULL)
	{
		give(change, P_ASSET_TYPE, single, false);
		return;
	}
	decode_object(value, path, fields, false, target, problems);
	if (change->given[P_ASSET_TYPE] && change->row.values[P_ASSET_TYPE] == single &&
		!change->row.nulls[P_PROPERTY_COUNT])
	{
		Path member = {path, "propertyCount", 0};

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
const Field item_fields_first[] = {{"id", FIELD_REQUIRED, set_item_id, "Id"}, {NULL, 0, NULL, NULL}};

const Field item_fields_last[] = {{"ifMatch", FIELD_NULLABLE, set_if_match, "Text"},
								  {"clientRef", 0, check_client_ref, "Text"},
								  {NULL, 0, NULL, NULL}};
