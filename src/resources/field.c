/*
 * field.c
 *	  The members of a resource's JSON, from the table of fields: those that are
 *	  answered, and those that a body may have.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "resources/resources.h"

/* Columns are members if they are shown; the others are skipped when the table is made. */
#define COLUMN_MEMBER(symbol, column, type, not_null, flags, member, schema, initial) \
	{(flags) & SHOWN ? member : "", (not_null) ? FIELD_ALWAYS : 0, schema, NULL, NULL, symbol},
#define OTHER_MEMBER(name, flags, schema, set, show) {name, flags, schema, set, show, -1},

static const Member all_project_members[] = {PROJECT_FIELDS(COLUMN_MEMBER, OTHER_MEMBER)};
static const Member all_prospect_members[] = {PROSPECT_FIELDS(COLUMN_MEMBER, OTHER_MEMBER)};

static void
take_shown(Member *shown, const Member *all, int count)
{
	for (int i = 0; i < count; i++)
		if (*all[i].name)
			*shown++ = all[i];
	shown->name = NULL;
}

/* The members of a kind of resource, in the order in which they are answered */
const Member *
members_of(Kind kind)
{
	static Member project[lengthof(all_project_members) + 1];
	static Member prospect[lengthof(all_prospect_members) + 1];

	if (project[0].name == NULL)
	{
		take_shown(prospect, all_prospect_members, lengthof(all_prospect_members));
		take_shown(project, all_project_members, lengthof(all_project_members));
	}
	return kind == KIND_PROJECT ? project : prospect;
}

/* May a body write a column, or may it when a resource is added? */
static bool
is_writable(const Column *column, bool adding)
{
	return (column->flags & FROM_BODY) && (column->flags & (adding ? INSERTED : UPDATED));
}

static Field
field_of(const Member *member, const Column *columns, bool adding)
{
	Field field = {member->name, member->flags, member->set, member->schema};
	const Column *column = member->show ? NULL : &columns[member->column];

	if (column == NULL)
		return field;
	if (is_writable(column, adding))
	{
		field.flags |= column->flags & REQUIRED ? FIELD_REQUIRED : FIELD_NULLABLE;
		field.set = set_column;
	}
	else
		field.flags |= FIELD_READONLY;
	return field;
}

static const Field *
make_fields(Kind kind, bool adding, bool item)
{
	const Column *columns = resource_of(kind)->columns;
	Field *fields = MemoryContextAlloc(TopMemoryContext, sizeof(Field) * (ROW_COLUMNS + 10));
	Field *next = fields;

	if (item && !adding)
		for (const Field *field = item_fields_first; field->name; field++)
			*next++ = *field;
	for (const Member *member = members_of(kind); member->name; member++)
		if (member->schema && !(item && !adding && strcmp(member->name, "id") == 0))
			*next++ = field_of(member, columns, adding);
	if (item)
		for (const Field *field = item_fields_last; field->name; field++)
			if (!adding || field->flags == 0)
				*next++ = *field;
	memset(next, 0, sizeof(Field));
	return fields;
}

/* The fields of a body that adds a resource or changes one, or of an item of a batch that does. */
const Field *
body_fields(Kind kind, bool adding, bool item)
{
	static const Field *made[KIND_PROSPECT + 1][2][2];

	if (made[kind][adding][item] == NULL)
		made[kind][adding][item] = make_fields(kind, adding, item);
	return made[kind][adding][item];
}
