/*
 * lock.c
 *	  The advisory locks that are ours alone: their classes are no one else's, and
 *	  what a caller may choose is hashed so that nobody can make it meet the lock of
 *	  something else.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/base.h"

/* The lock of a number. */
LOCKTAG
number_lock(LockClass class, int64 number)
{
	LOCKTAG tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (number >> 32), (uint32) number, class);
	return tag;
}

/* The lock of what a tenant calls by a name: 64 bits of SHA-256. */
LOCKTAG
name_lock(LockClass class, int64 tenant_id, const void *name, size_t len)
{
	StringInfoData hashed;
	bytea *hash;
	int64 number;

	initStringInfo(&hashed);
	appendBinaryStringInfo(&hashed, (const char *) &tenant_id, sizeof(tenant_id));
	appendBinaryStringInfo(&hashed, name, (int) len);
	hash = DatumGetByteaPP(DirectFunctionCall1(sha256_bytea,
											   PointerGetDatum(cstring_to_text_with_len(hashed.data, hashed.len))));
	memcpy(&number, VARDATA_ANY(hash), sizeof(number));
	return number_lock(class, number);
}
