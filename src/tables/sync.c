/*
 * sync.c
 *	  What makes delta reads lossless: writers of a tenant hold a shared lock from
 *	  before they read the clock until they commit, so that a reader can wait for
 *	  the ones that may still commit older stamps than it has seen.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "tables/tables.h"

int propstreet_sync_wait = 5000; /* milliseconds */

#define ANY_TENANT 0
#define MAX_TENANTS 64 /* locked one by one in a transaction */

/*
 * Become a writer of a tenant until the transaction ends.  Nobody takes this lock
 * in another mode, so it never waits.  A transaction that writes for very many
 * tenants takes one lock for all, or it would fill the lock table.
 */
void
writer_lock(int64 tenant_id)
{
	/* counts too many after a rollback to a savepoint, which does no harm */
	static LocalTransactionId transaction = InvalidLocalTransactionId;
	static int tenants = 0;
	LOCKTAG tag = number_lock(LOCK_WRITER, tenant_id);

	if (lock_is_held(&tag, ShareLock))
		return;
	if (transaction != MY_LXID)
	{
		transaction = MY_LXID;
		tenants = 0;
	}
	if (tenants >= MAX_TENANTS)
		tag = number_lock(LOCK_WRITER, ANY_TENANT);
	else
		tenants++;
	(void) LockAcquire(&tag, ShareLock, false, false);
}

/* ---- readers ---- */

typedef struct Wait
{
	VirtualTransactionId writer;
	int timeout; /* milliseconds, more than 0 */
} Wait;

/*
 * VirtualXactLock() waits twice where the writer prepares its transaction meanwhile,
 * each time for lock_timeout.  So that is off, and one timer runs for both.
 */
static void
wait_for_writer(void *arg)
{
	Wait *wait = arg;
	int level = NewGUCNestLevel();

	(void) set_config_option("lock_timeout", "0", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	enable_timeout_after(LOCK_TIMEOUT, wait->timeout);
	VirtualXactLock(wait->writer, true);
	disable_timeout(LOCK_TIMEOUT, true);
	CHECK_FOR_INTERRUPTS(); /* it may just have gone off */
	AtEOXact_GUC(true, level);
}

/* Wait until a writer has ended; false if it has not by the deadline. */
static bool
await_writer(VirtualTransactionId writer, TimestampTz deadline)
{
	long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
	Wait wait = {writer, (int) Min(left, INT_MAX)};
	ErrorData *error;

	if (VirtualXactLock(writer, false))
		return true;
	if (left <= 0)
		return false;
	error = attempt(wait_for_writer, &wait);
	if (error)
		disable_timeout(LOCK_TIMEOUT, true);
	if (error && error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE && error->sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED)
		ReThrowError(error);
	return error == NULL;
}

/* Wait for the writers that hold a lock now; new ones are neither awaited nor blocked. */
static bool
await_writers(int64 tenant_id, TimestampTz deadline)
{
	LOCKTAG tag = number_lock(LOCK_WRITER, tenant_id);
	VirtualTransactionId *writers = GetLockConflicts(&tag, ExclusiveLock, NULL);
	bool ended = true;

	for (int i = 0; ended && VirtualTransactionIdIsValid(writers[i]); i++)
		ended = await_writer(writers[i], deadline);
	pfree(writers);
	return ended;
}

/*
 * Get a moment before which nothing will change any more: whatever was stamped
 * earlier is visible to snapshots taken from now on, or was rolled back.  Returns
 * NULL, or why there is no such moment to be had.
 */
const char *
sync_barrier(int64 tenant_id, TimestampTz *barrier)
{
	int wait = LockTimeout > 0 ? Min(LockTimeout, propstreet_sync_wait) : propstreet_sync_wait;
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz deadline = TimestampTzPlusMilliseconds(now, wait);

	if (RecoveryInProgress())
		return "This server is a standby. Read from the primary.";
	if (IsolationUsesXactSnapshot())
		return "The transaction is REPEATABLE READ or SERIALIZABLE. Use isolation level READ COMMITTED.";
	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		return "The transaction has written before. Read in a transaction of its own.";
	if (!await_writers(tenant_id, deadline) || !await_writers(ANY_TENANT, deadline))
		return "A writer did not end within propstreet.sync_wait or lock_timeout. Try again.";
	*barrier = now;
	return NULL;
}

/* PT503 (behind PostgREST PT529) for a read that can't do without a barrier; why is what sync_barrier() said. */
void
sync_unavailable(const char *why)
{
	ereport(ERROR, (errcode(busy_sqlstate()), errmsg("an exact delta read is not possible now"),
					errdetail("[{\"detail\":\"an exact delta read is not possible now\"}]"), errhint("%s", why)));
}

PG_FUNCTION_INFO_V1(propstreet_sync_barrier);

/*
 * sync_barrier() timestamptz: a moment before which nothing of the session's tenant
 * will change any more, for a SELECT that follows in a statement of its own; PT503 with
 * a hint if it can't be had.  See doc/design.md, "Time, versions and sync".
 */
Datum
propstreet_sync_barrier(PG_FUNCTION_ARGS)
{
	TimestampTz barrier = 0;
	const char *why = sync_barrier(current_tenant(), &barrier);

	(void) fcinfo;
	if (why)
		sync_unavailable(why);
	PG_RETURN_TIMESTAMPTZ(barrier);
}
