/*
 * wake.c
 *	  Waking the webhook worker when a transaction that has something for it commits.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"

#include "tables/tables.h"

static bool wake_at_commit = false;

/* The worker's library, where it is loaded, offers this; it sets a latch and raises nothing. */
typedef void (*WakeFunction)(Oid database);

static void
wake_after(XactEvent event, void *arg pg_attribute_unused())
{
	WakeFunction *wake;

	if (!wake_at_commit || event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
		return;
	wake_at_commit = false;
	wake = (WakeFunction *) find_rendezvous_variable("propstreet_webhooks_wake");
	if (event == XACT_EVENT_COMMIT && *wake)
		(*wake)(MyDatabaseId);
}

/* To be called once, when the library is loaded. */
void
watch_commits(void)
{
	RegisterXactCallback(wake_after, NULL);
}

/* Wake the worker of this database when the transaction commits, if it does. */
void
wake_worker_at_commit(void)
{
	wake_at_commit = true;
}
