/*
 * sync.c
 *	  What makes delta reads lossless: writers of a tenant hold a shared lock from
 *	  before they read the clock until they commit, so that a reader can wait for
 *	  the ones that may still commit older stamps than it has seen.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lock.h"
#include "storage/proc.h"

#include "propstreet.h"

#define WRITER_LOCK_CLASS 3		/* field 4 of the tag; SQL's advisory locks use 1 and 2 */
#define ANY_TENANT 0
#define MAX_TENANTS 64			/* locked one by one in a transaction */

static LOCKTAG
writer_tag(int64 tenant_id)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (tenant_id >> 32), (uint32) tenant_id, WRITER_LOCK_CLASS);
	return tag;
}

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
	static int	tenants = 0;
	LOCKTAG		tag = writer_tag(tenant_id);

	if (lock_is_held(&tag, ShareLock))
		return;
	if (transaction != MY_LXID)
	{
		transaction = MY_LXID;
		tenants = 0;
	}
	if (tenants >= MAX_TENANTS)
		tag = writer_tag(ANY_TENANT);
	else
		tenants++;
	(void) LockAcquire(&tag, ShareLock, false, false);
}
