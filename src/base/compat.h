/*
 * compat.h
 *	  Every difference between PostgreSQL versions, under one name each.
 */
#ifndef PROPSTREET_COMPAT_H
#define PROPSTREET_COMPAT_H

#include "postgres.h"

#include "catalog/dependency.h"
#include "common/jsonapi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/json.h"
#include "utils/rel.h"

/* gcc's name of a format check, in the headers of a server that gcc built. */
#ifdef __clang__
#undef PG_PRINTF_ATTRIBUTE
#define PG_PRINTF_ATTRIBUTE printf
#endif

/* Input functions report bad text softly where the server can (16), hard below. */
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#include "varatt.h"
#define INPUT_ESCONTEXT(fcinfo) ((fcinfo)->context)
#else
#define INPUT_ESCONTEXT(fcinfo) ((void) (fcinfo), (struct Node *) NULL)
#define ereturn(escontext, result, ...) \
	do \
	{ \
		(void) (escontext); \
		ereport(ERROR, __VA_ARGS__); \
		return result; \
	} while (0)
#define SOFT_ERROR_OCCURRED(escontext) false
#endif

/* Semantic actions of the JSON parser return a verdict since 16. */
#if PG_VERSION_NUM >= 160000
#define JSON_ACTION JsonParseErrorType
#define JSON_ACTION_DONE return JSON_SUCCESS
#else
#define JSON_ACTION void
#define JSON_ACTION_DONE return
#endif

/* A lexer over text in the server's encoding that decodes escapes. */
static inline JsonLexContext *
json_lexer(char *text, int len)
{
#if PG_VERSION_NUM >= 170000
	return makeJsonLexContextCstringLen(NULL, text, len, PG_UTF8, true);
#else
	return makeJsonLexContextCstringLen(text, len, PG_UTF8, true);
#endif
}

/* Does this transaction hold the lock in this very mode? */
static inline bool
lock_is_held(const LOCKTAG *tag, LOCKMODE mode)
{
#if PG_VERSION_NUM >= 170000
	return LockHeldByMe(tag, mode, false);
#else
	return LockHeldByMe(tag, mode);
#endif
}

/* A setting of this session, also one that a library has yet to define; NULL if there is none. */
static inline struct config_generic *
find_setting(const char *name)
{
#if PG_VERSION_NUM >= 160000
	return find_option(name, false, true, 0);
#else
	for (int i = 0; i < GetNumConfigOptions(); i++)
		if (pg_strcasecmp(get_guc_variables()[i]->name, name) == 0)
			return get_guc_variables()[i];
	return NULL;
#endif
}

/* The sequence of an identity column */
static inline Oid
identity_sequence(Relation relation, AttrNumber column)
{
#if PG_VERSION_NUM >= 170000
	return getIdentitySequence(relation, column, false);
#else
	return getIdentitySequence(RelationGetRelid(relation), column, false);
#endif
}

/* Index a row that was stored */
#if PG_VERSION_NUM >= 160000
#define INSERT_INDEX_ENTRIES(relation, slot, estate) \
	ExecInsertIndexTuples(relation, slot, estate, false, false, NULL, NIL, false)
#else
#define INSERT_INDEX_ENTRIES(relation, slot, estate) \
	ExecInsertIndexTuples(relation, slot, estate, false, false, NULL, NIL)
#endif

/* pg_database.datconnlimit of an invalid database, which older minor versions don't know */
#ifndef DATCONNLIMIT_INVALID_DB
#define DATCONNLIMIT_INVALID_DB (-2)
#endif

/* Stands before a declaration since version 18 */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* Base64 is over unsigned bytes since version 18 */
#if PG_VERSION_NUM >= 180000
#define B64_BYTES(bytes) ((uint8 *) (bytes))
#define B64_CONST_BYTES(bytes) ((const uint8 *) (bytes))
#else
#define B64_BYTES(bytes) ((char *) (bytes))
#define B64_CONST_BYTES(bytes) ((const char *) (bytes))
#endif

/* The local number of this transaction */
#if PG_VERSION_NUM >= 170000
#define MY_LXID (MyProc->vxid.lxid)
#else
#define MY_LXID (MyProc->lxid)
#endif

/* A set of events to wait for that lives as long as the process */
#if PG_VERSION_NUM >= 170000
#define new_wait_event_set(count) CreateWaitEventSet(NULL, count)
#else
#define new_wait_event_set(count) CreateWaitEventSet(TopMemoryContext, count)
#endif

#endif /* PROPSTREET_COMPAT_H */
