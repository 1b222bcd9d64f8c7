/*
 * request.c
 *	  Request bodies to columns: the tables of fields that clients can write, and
 *	  how each is checked (specification, "Create a Project", "Update a Project",
 *	  "Add a Prospect", "Update a Prospect"; doc/decisions.md, "Values" and "Writing").
 *
 *	  A null clears an optional field: it then has the value that a new resource
 *	  has where the field is left out.
 */
#include "postgres.h"

#include "json_c.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_enum.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "propstreet.h"

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

/* ---- enums: their labels are in the catalog only ---- */

static char *
enum_labels(Oid type)
{
	Relation	catalog = table_open(EnumRelationId, AccessShareLock);
	Relation	index = index_open(EnumTypIdSortOrderIndexId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	StringInfoData labels;

	initStringInfo(&labels);
	ScanKeyInit(&key, Anum_pg_enum_enumtypid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(type));
	scan = systable_beginscan_ordered(catalog, index, NULL, 1, &key);
	while ((tuple = systable_getnext_ordered(scan, ForwardScanDirection)) != NULL)
		appendStringInfo(&labels, "%s%s", labels.len ? ", " : "", NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel));
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(catalog, AccessShareLock);
	return labels.data;
}

/* The value of an enum with a label; InvalidOid if there is none. */
Oid
enum_value(ColumnType type, const char *label)
{
	NameData	name;

	if (strlen(label) >= NAMEDATALEN)
		return InvalidOid;
	namestrcpy(&name, label);
	return GetSysCacheOid2(ENUMTYPOIDNAME, Anum_pg_enum_oid, ObjectIdGetDatum(type_oid(type)), NameGetDatum(&name));
}

/* The valid labels of an enum, for messages. */
char *
enum_choices(ColumnType type)
{
	return enum_labels(type_oid(type));
}

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

/* null and absent mean the default; a default of NULL means null */
static void
set_enum(json_object *value, const Path *path, ColumnType type, const char *default_label, int column,
		 Change *change, Problems *problems)
{
	Datum		result = (Datum) 0;

	if (value != NULL)
	{
		if (decode_enum(value, path, type, &result, problems))
			give(change, column, result, false);
	}
	else if (default_label)
		give(change, column, ObjectIdGetDatum(enum_value(type, default_label)), false);
	else
		give(change, column, (Datum) 0, true);
}

/* ---- fields of both ---- */

static Datum
refs_datum(ExternalRef **refs, int count)
{
	Oid			type = type_oid(T_EXTERNAL_REF);

	if (count == 0)
		return PointerGetDatum(construct_empty_array(type));
	return PointerGetDatum(construct_array((Datum *) refs, count, type, -1, false, TYPALIGN_INT));
}

/* The references of an array, without nulls. */
int
refs_deform(Datum array, ExternalRef ***refs)
{
	int			count;
	Datum	   *elements = array_elements(array, T_EXTERNAL_REF, &count);

	*refs = palloc(sizeof(ExternalRef *) * Max(count, 1));
	for (int i = 0; i < count; i++)
		(*refs)[i] = (ExternalRef *) PG_DETOAST_DATUM_PACKED(elements[i]);
	return count;
}

/* Are two references of the same namespace? */
bool
same_namespace(const ExternalRef *a, const ExternalRef *b)
{
	int			len = namespace_len(a);

	return len == namespace_len(b) && memcmp(VARDATA_ANY(a), VARDATA_ANY(b), len) == 0;
}

bool
same_ref(const ExternalRef *a, const ExternalRef *b)
{
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

/* Is a reference among these? */
bool
has_ref(Datum array, const ExternalRef *ref)
{
	ExternalRef **refs;
	int			count = refs_deform(array, &refs);

	for (int i = 0; i < count; i++)
		if (same_ref(refs[i], ref))
			return true;
	return false;
}

/* References with one more. */
Datum
refs_append(Datum array, ExternalRef *ref)
{
	ExternalRef **refs;
	int			count = refs_deform(array, &refs);

	refs = repalloc(refs, sizeof(ExternalRef *) * (count + 1));
	refs[count] = ref;
	return refs_datum(refs, count + 1);
}

static void
set_external_refs(json_object *value, const Path *path, int column, Change *change, Problems *problems)
{
	ExternalRef *refs[EXTERNAL_REF_MAX];
	int			count = 0;
	bool		good = true;

	if (value == NULL)
	{
		give(change, column, refs_datum(NULL, 0), false);
		return;
	}
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

/* ---- fields of a project ---- */

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
set_name(json_object *value, const Path *path, void *target, Problems *problems)
{
	char	   *name = decode_name(value, path, problems);

	if (name)
		give(target, P_NAME, CStringGetTextDatum(name), false);
}

static void
set_asset_type(json_object *value, const Path *path, void *target, Problems *problems)
{
	set_enum(value, path, T_ASSET_TYPE, NULL, P_ASSET_TYPE, target, problems);
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
static void
set_asset(json_object *value, const Path *path, void *target, Problems *problems)
{
	static const Field fields[] = {
		{"type", FIELD_REQUIRED, set_asset_type},
		{"propertyCount", FIELD_NULLABLE, set_property_count},
		{NULL, 0, NULL}
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

static void
set_mandate(json_object *value, const Path *path, void *target, Problems *problems)
{
	set_enum(value, path, T_MANDATE, NULL, P_MANDATE, target, problems);
}

static void
set_project_classification(json_object *value, const Path *path, void *target, Problems *problems)
{
	set_enum(value, path, T_PROJECT_CLASSIFICATION, "draft", P_CLASSIFICATION, target, problems);
}

static void
set_price(json_object *value, const Path *path, void *target, Problems *problems)
{
	Price	   *price = palloc0(sizeof(Price));

	if (value == NULL || price_decode(value, path, true, price, problems))
		give(target, P_PRICE, PointerGetDatum(price), value == NULL);
}

static void
set_price_range(json_object *value, const Path *path, void *target, Problems *problems)
{
	PriceRange *range = palloc0(sizeof(PriceRange));

	if (value == NULL || price_range_decode(value, path, true, range, problems))
		give(target, P_PRICE_RANGE, PointerGetDatum(range), value == NULL);
}

static void
set_project_refs(json_object *value, const Path *path, void *target, Problems *problems)
{
	set_external_refs(value, path, P_EXTERNAL_REFS, target, problems);
}

const Field project_fields[] = {
	{"name", FIELD_REQUIRED, set_name},
	{"asset", FIELD_NULLABLE, set_asset},
	{"classification", FIELD_NULLABLE, set_project_classification},
	{"mandate", FIELD_NULLABLE, set_mandate},
	{"price", FIELD_NULLABLE, set_price},
	{"priceRange", FIELD_NULLABLE, set_price_range},
	{"externalRefs", FIELD_NULLABLE, set_project_refs},
	{"id", FIELD_READONLY, NULL},
	{"status", FIELD_READONLY, NULL},
	{"teaser", FIELD_READONLY, NULL},
	{"transactions", FIELD_READONLY, NULL},
	{"createdUtc", FIELD_READONLY, NULL},
	{"updatedUtc", FIELD_READONLY, NULL},
	{"deletedUtc", FIELD_READONLY, NULL},
	{"etag", FIELD_READONLY, NULL},
	{NULL, 0, NULL}
};

/* ---- fields of a prospect ---- */

static void
set_id(json_object *value, const Path *path, int column, Change *change, Problems *problems)
{
	const char *string;
	int64		id;

	if (value == NULL || (string = json_string(value, path, problems)) == NULL)
		return;
	if (id_parse(string, &id))
		give(change, column, Int64GetDatum(id), false);
	else
		problem_add(problems, path, "must be an id, a string of a positive decimal number, not %s", quoted(string));
}

static void
set_contact_id(json_object *value, const Path *path, void *target, Problems *problems)
{
	set_id(value, path, R_CONTACT_ID, target, problems);
}

static void
set_company_id(json_object *value, const Path *path, void *target, Problems *problems)
{
	set_id(value, path, R_COMPANY_ID, target, problems);
}

static void
set_prospect_classification(json_object *value, const Path *path, void *target, Problems *problems)
{
	set_enum(value, path, T_PROSPECT_CLASSIFICATION, "not_contacted", R_CLASSIFICATION, target, problems);
}

static void
set_prospect_refs(json_object *value, const Path *path, void *target, Problems *problems)
{
	set_external_refs(value, path, R_EXTERNAL_REFS, target, problems);
}

#define PROSPECT_READONLY_FIELDS \
	{"id", FIELD_READONLY, NULL}, \
	{"projectId", FIELD_READONLY, NULL}, \
	{"capabilities", FIELD_READONLY, NULL}, \
	{"tags", FIELD_READONLY, NULL}, \
	{"teaser", FIELD_READONLY, NULL}, \
	{"createdUtc", FIELD_READONLY, NULL}, \
	{"updatedUtc", FIELD_READONLY, NULL}, \
	{"deletedUtc", FIELD_READONLY, NULL}, \
	{"etag", FIELD_READONLY, NULL}, \
	{NULL, 0, NULL}

const Field prospect_add_fields[] = {
	{"contactId", FIELD_NULLABLE, set_contact_id},
	{"companyId", FIELD_NULLABLE, set_company_id},
	{"classification", FIELD_NULLABLE, set_prospect_classification},
	{"externalRefs", FIELD_NULLABLE, set_prospect_refs},
	PROSPECT_READONLY_FIELDS
};

const Field prospect_patch_fields[] = {
	{"classification", FIELD_NULLABLE, set_prospect_classification},
	{"externalRefs", FIELD_NULLABLE, set_prospect_refs},
	{"contactId", FIELD_READONLY, NULL},
	{"companyId", FIELD_READONLY, NULL},
	PROSPECT_READONLY_FIELDS
};

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

const Field item_add_fields[] = {
	{"contactId", FIELD_NULLABLE, set_contact_id},
	{"companyId", FIELD_NULLABLE, set_company_id},
	{"classification", FIELD_NULLABLE, set_prospect_classification},
	{"externalRefs", FIELD_NULLABLE, set_prospect_refs},
	{"clientRef", 0, check_client_ref},
	PROSPECT_READONLY_FIELDS
};

const Field item_patch_fields[] = {
	{"id", FIELD_REQUIRED, set_item_id},
	{"classification", FIELD_NULLABLE, set_prospect_classification},
	{"externalRefs", FIELD_NULLABLE, set_prospect_refs},
	{"ifMatch", FIELD_NULLABLE, set_if_match},
	{"clientRef", 0, check_client_ref},
	{"contactId", FIELD_READONLY, NULL},
	{"companyId", FIELD_READONLY, NULL},
	PROSPECT_READONLY_FIELDS
};

/* ---- bodies ---- */

static void
decode(json_object *body, const Path *path, const Field *fields, bool patch, Change *change, Problems *problems)
{
	memset(change, 0, sizeof(Change));
	memset(change->row.nulls, true, sizeof(change->row.nulls));
	decode_object(body, path, fields, patch, change, problems);
}

/* A project's body to create one with, or to change one by. */
void
project_decode(json_object *body, bool patch, Change *change, Problems *problems)
{
	decode(body, NULL, project_fields, patch, change, problems);
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
	decode(body, path, prospect_add_fields, false, change, problems);
	check_investor(body, path, problems);
}

/* A prospect's body to change one by. */
void
prospect_decode_patch(json_object *body, const Path *path, Change *change, Problems *problems)
{
	decode(body, path, prospect_patch_fields, true, change, problems);
}

/* An item of a batch, to add a prospect with or to change one by. */
void
prospect_decode_item(json_object *item, const Path *path, bool patch, ItemChange *change, Problems *problems)
{
	memset(change, 0, sizeof(ItemChange));
	memset(change->base.row.nulls, true, sizeof(change->base.row.nulls));
	decode_object(item, path, patch ? item_patch_fields : item_add_fields, false, change, problems);
	if (!patch)
		check_investor(item, path, problems);
}

/* A prospect's body to upsert one with: the ids may be left out. */
void
prospect_decode_upsert(json_object *body, Change *change, Problems *problems)
{
	decode(body, NULL, prospect_add_fields, true, change, problems);
	if (change->given[R_CONTACT_ID] && change->given[R_COMPANY_ID])
		check_investor(body, NULL, problems);
}

/* Carry a change out on a row; says whether that makes a difference to its image. */
bool
change_apply(const Change *change, Row *row, const Column *columns, int count)
{
	bool		changed = false;

	for (int i = 0; i < count; i++)
	{
		int16		len;
		bool		byval;
		bool		same;

		if (!change->given[i])
			continue;
		get_typlenbyval(type_oid(columns[i].type), &len, &byval);
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

PG_FUNCTION_INFO_V1(propstreet_external_refs_valid);

/* external_refs_valid(external_ref[]) boolean */
Datum
propstreet_external_refs_valid(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	ExternalRef **refs;
	int			count;

	if (ARR_NDIM(array) > 1 || array_contains_nulls(array))
		PG_RETURN_BOOL(false);
	count = refs_deform(PointerGetDatum(array), &refs);
	if (count > EXTERNAL_REF_MAX)
		PG_RETURN_BOOL(false);
	for (int i = 0; i < count; i++)
		for (int j = 0; j < i; j++)
			if (same_namespace(refs[i], refs[j]))
				PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(true);
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
