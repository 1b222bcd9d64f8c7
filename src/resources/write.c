/*
 * write.c
 *	  The SQL that writes a resource, from the table of fields: the columns that are
 *	  given when one is created and when one is changed.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/memutils.h"

#include "resources/resources.h"

/* A value that is given, or what a new row has at first */
static void
append_initial(StringInfo out, const Column *column, const char *value)
{
	if (column->initial)
		appendStringInfo(out, "COALESCE(%s, %s)", value, quote_literal_cstr(column->initial));
	else
		appendStringInfoString(out, value);
}

/* The columns that are given when a resource is created: ", name, ..." */
void
append_inserted(StringInfo out, Kind kind)
{
	const Resource *resource = resource_of(kind);

	for (int i = 0; i < resource->ncolumns; i++)
		if (resource->columns[i].flags & INSERTED)
			appendStringInfo(out, ", %s", resource->columns[i].name);
}

/* Their values, which are columns of an alias: ", u.name, ..." */
void
append_inserted_values(StringInfo out, Kind kind, const char *alias)
{
	const Resource *resource = resource_of(kind);

	for (int i = 0; i < resource->ncolumns; i++)
	{
		const Column *column = &resource->columns[i];

		if (!(column->flags & INSERTED))
			continue;
		appendStringInfoString(out, ", ");
		append_initial(out, column, psprintf("%s.%s", alias, column->name));
	}
}

/* What is given when a resource is changed: "name = u.name, ..." */
void
append_updates(StringInfo out, Kind kind, const char *alias)
{
	const Resource *resource = resource_of(kind);
	const char *separator = "";

	for (int i = 0; i < resource->ncolumns; i++)
	{
		if (!(resource->columns[i].flags & UPDATED))
			continue;
		appendStringInfo(out, "%s%s = %s.%s", separator, resource->columns[i].name, alias, resource->columns[i].name);
		separator = ", ";
	}
}

/* Parameters for the columns of some use */
static void
add_parameters(Statement *statement, const Resource *resource, int flag)
{
	for (int i = 0; i < resource->ncolumns; i++)
		if (resource->columns[i].flags & flag)
			statement->args[statement->nargs++] = resource->columns[i].type;
}

static void
take_values(const Resource *resource, int flag, const Row *row, Datum *values, bool *nulls, int number)
{
	for (int i = 0; i < resource->ncolumns; i++)
	{
		if (!(resource->columns[i].flags & flag))
			continue;
		values[number] = row->values[i];
		nulls[number++] = row->nulls[i];
	}
}

static const char *
returning(Kind kind)
{
	return kind == KIND_PROJECT ? " RETURNING " PROJECT_SQL : " RETURNING " PROSPECT_SQL;
}

static void
make_insert(Statement *statement, const Resource *resource, const char *conflict)
{
	StringInfoData sql;
	int number = 1;

	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO propstreet.%s AS t (tenant_id", resource->table);
	append_inserted(&sql, resource->kind);
	appendStringInfoString(&sql, ") VALUES ($1");
	for (int i = 0; i < resource->ncolumns; i++)
	{
		if (!(resource->columns[i].flags & INSERTED))
			continue;
		appendStringInfoString(&sql, ", ");
		append_initial(&sql, &resource->columns[i], psprintf("$%d", ++number));
	}
	appendStringInfo(&sql, ") %s%s", conflict, returning(resource->kind));
	statement->nargs = 0;
	statement->args[statement->nargs++] = T_INT8;
	add_parameters(statement, resource, INSERTED);
	statement->sql = MemoryContextStrdup(TopMemoryContext, sql.data);
}

/*
 * Insert a resource of the row's tenant; the row becomes what the table has then.
 * False if the conflict clause has left it out.  Each statement has one such clause.
 */
bool
resource_insert(Statement *statement, Kind kind, const char *conflict, Row *row)
{
	const Resource *resource = resource_of(kind);
	Datum values[STATEMENT_ARGS] = {row->values[0]};
	bool nulls[STATEMENT_ARGS] = {false};

	if (statement->sql == NULL)
		make_insert(statement, resource, conflict);
	take_values(resource, INSERTED, row, values, nulls, 1);
	if (run(statement, values, nulls) == 0 && *conflict)
		return false;
	fetch_row(0, row, kind);
	return true;
}

static void
make_update(Statement *statement, const Resource *resource)
{
	StringInfoData sql;
	int number = 2;

	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE propstreet.%s AS t SET ", resource->table);
	for (int i = 0; i < resource->ncolumns; i++)
	{
		if (!(resource->columns[i].flags & UPDATED))
			continue;
		appendStringInfo(&sql, "%s%s = $%d", number > 2 ? ", " : "", resource->columns[i].name, number + 1);
		number++;
	}
	appendStringInfo(&sql,
					 " WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 "
					 "AND t.id OPERATOR(pg_catalog.=) $2%s",
					 returning(resource->kind));
	statement->nargs = 0;
	statement->args[statement->nargs++] = T_INT8;
	statement->args[statement->nargs++] = T_INT8;
	add_parameters(statement, resource, UPDATED);
	statement->sql = MemoryContextStrdup(TopMemoryContext, sql.data);
}

/* Write what a body can change of a resource that is there; the row becomes what the table has then. */
void
resource_update(Row *row, Kind kind)
{
	static Statement statements[KIND_PROSPECT + 1];
	const Resource *resource = resource_of(kind);
	Statement *statement = &statements[kind];
	Datum values[STATEMENT_ARGS] = {row->values[0], row->values[resource->id]};
	bool nulls[STATEMENT_ARGS] = {false};

	if (statement->sql == NULL)
		make_update(statement, resource);
	take_values(resource, UPDATED, row, values, nulls, 2);
	run(statement, values, nulls);
	fetch_row(0, row, kind);
}
