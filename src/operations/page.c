/*
 * page.c
 *	  A page of a list: the parameters that all have, and rows that go from the scan to
 *	  the JSON text in one pass.
 */
#include "postgres.h"

#include "executor/tuptable.h"
#include "tcop/dest.h"
#include "utils/memutils.h"

#include "operations/operations.h"

#define PAGE_SIZE_MAX 500

/* ---- parameters ---- */

/* page_size and cursor; what is wrong with them is added to the problems. */
PageRequest
argument_page(FunctionCallInfo fcinfo, int number, int default_size, Problems *problems)
{
	PageRequest page = {.size = PG_ARGISNULL(number) ? default_size : PG_GETARG_INT32(number)};
	char *cursor = argument_text(fcinfo, number + 1);

	if (page.size < 1 || page.size > PAGE_SIZE_MAX)
		problem_parameter(problems, "page_size", "must be from 1 to %d, not %d", PAGE_SIZE_MAX, page.size);
	page.after.updated_utc = DT_NOBEGIN;
	page.barrier = DT_NOEND;
	page.cursor = cursor;
	if (cursor && !cursor_parse(cursor, &page.after))
		problem_parameter(problems, "cursor", "is not a cursor of a page");
	return page;
}

/* ---- rows to a page ---- */

/* Takes rows from the executor, one after another, and writes them as JSON */
typedef struct PageReceiver
{
	DestReceiver pub;
	void (*append)(StringInfo out, TupleTableSlot *slot, Position *position);
	StringInfo out;
	int size;
	int count;
	Position last;
	MemoryContext context; /* reset with each row */
} PageReceiver;

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	PageReceiver *receiver = (PageReceiver *) self;
	MemoryContext before;

	if (++receiver->count > receiver->size)
		return true; /* it only shows that there is more */
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
append_list(FunctionCallInfo fcinfo, StringInfo out, Statement *statement, const Datum *values, const bool *nulls,
			const PageRequest *page, void (*append)(StringInfo, TupleTableSlot *, Position *))
{
	PageReceiver receiver = {.pub = row_receiver(receive_row),
							 .append = append,
							 .out = out,
							 .size = page->size,
							 .context =
								 AllocSetContextCreate(CurrentMemoryContext, "propstreet row", ALLOCSET_DEFAULT_SIZES)};
	Answer *answer = answer_of(fcinfo);

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
