/*
 * column_type.c
 *	  The types of columns and parameters: the extension's own, by name, and how values
 *	  of each are stored; enums and their labels, which are in the catalog only.
 *
 *	  Nothing is believed that a role can change: a type is what it has to be, or it is
 *	  an error.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "data/data.h"

uint64 enum_generation = 1;

static void
enums_changed(Datum arg, int cache, uint32 hash)
{
	(void) arg;
	(void) cache;
	(void) hash;
	enum_generation++;
}

/* What a type of ours, or of the server's, has to look like: nothing is read as something else */
typedef struct TypeShape
{
	Oid oid;		 /* of the server's; else */
	const char *own; /* name of a type of the extension, or of a table's rows */
	char kind;		 /* pg_type.typtype */
	int16 len;
	bool byval;
	bool array; /* an array of it: len and byval are the array's */
} TypeShape;

#define SERVER_TYPE(type, length, by_value) {.oid = type, .len = length, .byval = by_value}
#define OWN_ENUM(name) {.own = name, .kind = TYPTYPE_ENUM, .len = sizeof(Oid), .byval = true}
#define OWN_BASE(name, length) {.own = name, .kind = TYPTYPE_BASE, .len = length}
#define OWN_ARRAY(name, type_kind) {.own = name, .kind = type_kind, .len = -1, .array = true}

#define SECOND_OF(...) SECOND_OF_LIST(__VA_ARGS__)
#define SECOND_OF_LIST(first, ...) __VA_ARGS__
#define TYPE_SHAPE(type) [type] = SECOND_OF(IS_##type),

static const TypeShape shapes[COLUMN_TYPES] = {ALL_TYPES(TYPE_SHAPE)};

/* What was looked up, until the catalog changes */
static struct
{
	Oid oid;
	uint32 hash; /* of the element's entry in the catalog cache */
} found_types[COLUMN_TYPES];

static void
types_changed(Datum arg, int cache, uint32 hash)
{
	(void) arg;
	for (int i = 0; i < COLUMN_TYPES; i++)
		if (cache != TYPEOID || hash == 0 || found_types[i].hash == hash)
			found_types[i].oid = InvalidOid;
}

/* To be called once, when the library is loaded. */
void
watch_types(void)
{
	CacheRegisterSyscacheCallback(ENUMOID, enums_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(TYPEOID, types_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, types_changed, (Datum) 0);
}

/* Is a type what it has to be: a member of the extension, unless it is of a table's rows, and of the expected shape? */
static bool
is_own(Oid type, const TypeShape *shape)
{
	HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Form_pg_type form;
	bool own;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_type) GETSTRUCT(tuple);
	own = form->typtype == shape->kind &&
		  (shape->array ? form->typlen == -1 : form->typlen == shape->len && form->typbyval == shape->byval) &&
		  (shape->kind == TYPTYPE_COMPOSITE ||
		   getExtensionOfObject(TypeRelationId, type) == get_extension_oid("propstreet", false));
	ReleaseSysCache(tuple);
	return own;
}

/*
 * The type of this name in schema propstreet, which is not always the schema that
 * CREATE EXTENSION made: schemas can be renamed, and others take their name.
 */
static Oid
own_type(const TypeShape *shape)
{
	Oid type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(shape->own),
							   ObjectIdGetDatum(get_namespace_oid("propstreet", false)));

	if (!OidIsValid(type) || !is_own(type, shape))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("schema \"propstreet\" has no type \"%s\" of extension \"propstreet\"", shape->own),
						errhint("If the schema of the extension was renamed, give it the name propstreet again.")));
	return type;
}

/* The OID of a column's type; 42704 where the extension's own type is not there. */
Oid
type_oid(ColumnType type)
{
	const TypeShape *shape = &shapes[type];
	Oid oid;

	if (OidIsValid(shape->oid))
		return shape->oid;
	if (OidIsValid(found_types[type].oid))
		return found_types[type].oid;
	oid = own_type(shape);
	found_types[type].hash = GetSysCacheHashValue1(TYPEOID, ObjectIdGetDatum(oid));
	return found_types[type].oid = shape->array ? get_array_type(oid) : oid;
}

/* Are values of an attribute stored as those of a column are? */
bool
attribute_fits(TupleDesc desc, AttrNumber number, ColumnType type)
{
	Form_pg_attribute attribute;

	if (number < 1 || number > desc->natts)
		return false;
	attribute = TupleDescAttr(desc, number - 1);
	return !attribute->attisdropped && attribute->atttypid == type_oid(type) && attribute->attlen == shapes[type].len &&
		   attribute->attbyval == shapes[type].byval;
}

/* The number of a column in a row type; 42703 if there is none of this name and type. */
AttrNumber
find_column(TupleDesc desc, const Column *column, const char *table)
{
	for (AttrNumber number = 1; number <= desc->natts; number++)
		if (strcmp(NameStr(TupleDescAttr(desc, number - 1)->attname), column->name) == 0 &&
			attribute_fits(desc, number, column->type))
			return number;
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("row has no column \"%s\" of type %s", column->name, format_type_be(type_oid(column->type))),
					errdetail("The row must have the columns of propstreet.%s.", table),
					errhint("If the tables have an older version, run SELECT propstreet.install().")));
}

/* ---- enums ---- */

static char *
enum_labels(Oid type)
{
	Relation catalog = table_open(EnumRelationId, AccessShareLock);
	Relation index = index_open(EnumTypIdSortOrderIndexId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	StringInfoData labels;

	initStringInfo(&labels);
	ScanKeyInit(&key, Anum_pg_enum_enumtypid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(type));
	scan = systable_beginscan_ordered(catalog, index, NULL, 1, &key);
	while ((tuple = systable_getnext_ordered(scan, ForwardScanDirection)) != NULL)
		appendStringInfo(&labels, "%s%s", labels.len ? ", " : "",
						 NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel));
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(catalog, AccessShareLock);
	return labels.data;
}

/* The value of an enum with a label; InvalidOid if there is none. */
Oid
enum_value(ColumnType type, const char *label)
{
	NameData name;

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

/* Labels of enum values as they are written, "x", found by OID, until the catalog changes */
#define LABELS 64 /* a power of 2, more than ours are */

typedef struct Label
{
	Oid value;
	uint64 generation;
	int len;
	char text[NAMEDATALEN + 2];
} Label;

static void
read_label(Label *label, Oid value)
{
	HeapTuple tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(value));

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "enum value %u does not exist", value);
	label->value = value;
	label->generation = enum_generation;
	label->len =
		snprintf(label->text, sizeof(label->text), "\"%s\"", NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel));
	ReleaseSysCache(tuple);
}

/* The label of an enum's value; ours need no escapes. */
void
append_enum(StringInfo out, Datum value)
{
	static Label labels[LABELS];
	Oid oid = DatumGetObjectId(value);
	Label *label = &labels[oid % LABELS];

	if (label->value != oid || label->generation != enum_generation)
		read_label(label, oid);
	appendBinaryStringInfo(out, label->text, label->len);
}
