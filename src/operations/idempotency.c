/*
 * idempotency.c
 *	  Idempotency-Key: the answer to a request is recorded in the transaction that does
 *	  the work, and given again when the same request comes with the same key
 *	  (doc/decisions.md, "Idempotency-Key"; IETF
 *	  draft-ietf-httpapi-idempotency-key-header).
 */
#include "postgres.h"

#include "base/json_c.h"

#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "operations/operations.h"

#define KEY_MAX_CHARACTERS 255
#define KEYS_MAX 1000 /* in a transaction */

/* The key without quotes; PT400 if it can't be one. */
static const char *
checked_key(const char *key)
{
	Problems problems = {NIL};
	int len = strlen(key);
	char *bare = pstrdup(key);
	int characters;

	if (len >= 2 && key[0] == '"' && key[len - 1] == '"')
		bare = pnstrdup(key + 1, len - 2);
	characters = pg_mbstrlen(bare);
	if (characters < 1 || characters > KEY_MAX_CHARACTERS)
		problem_parameter(&problems, "Idempotency-Key", "must have 1 to %d characters, not %d", KEY_MAX_CHARACTERS,
						  characters);
	for (const char *c = bare; *c; c++)
		if ((unsigned char) *c < 0x20 || *c == 0x7f)
		{
			problem_parameter(&problems, "Idempotency-Key", "must not have control characters");
			break;
		}
	problems_check(&problems);
	return bare;
}

/* One request at a time for a key, without waiting: PT409 while another is running. */
static void
lock_key(const Operation *operation, const char *key)
{
	Problem problem = {.parameter = "Idempotency-Key", .detail = "the first request with this key is still running"};
	static LocalTransactionId transaction = InvalidLocalTransactionId;
	static int keys = 0;
	LOCKTAG tag = name_lock(LOCK_IDEMPOTENCY_KEY, operation->tenant_id, key, strlen(key));

	if (transaction != MY_LXID)
	{
		transaction = MY_LXID;
		keys = 0;
	}
	if (++keys > KEYS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d requests with an Idempotency-Key in one transaction", KEYS_MAX),
				 errdetail("Each of them holds a lock until the transaction ends."), errhint("Commit more often.")));
	if (LockAcquire(&tag, ExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
		problem_raise(PT_CONFLICT, &problem);
}

static bytea *
request_hash(const char *name, int64 project_id, const text *body)
{
	StringInfoData request;
	bytea *bytes;

	initStringInfo(&request);
	appendStringInfo(&request, "%s " INT64_FORMAT " ", name, project_id);
	appendBinaryStringInfo(&request, VARDATA_ANY(body), VARSIZE_ANY_EXHDR(body));
	bytes = (bytea *) cstring_to_text_with_len(request.data, request.len);
	return DatumGetByteaPP(DirectFunctionCall1(sha256_bytea, PointerGetDatum(bytes)));
}

/* The recorded answer to a key, if it has not expired; PT422 if it is to another request. */
static bool
find_answer(const Operation *operation, Idempotent *idempotent)
{
	static Statement find = {
		.sql = "SELECT t.request::pg_catalog.bytea, t.status::pg_catalog.int4, "
			   "t.headers::pg_catalog.text, t.body::pg_catalog.text "
			   "FROM propstreet.idempotency_key AS t "
			   "WHERE t.tenant_id OPERATOR(pg_catalog.=) $1 AND t.key OPERATOR(pg_catalog.=) $2 "
			   "AND t.created_utc OPERATOR(pg_catalog.>) $3",
		.nargs = 3,
		.args = {T_INT8, T_TEXT, T_TIMESTAMPTZ},
	};
	Datum values[] = {Int64GetDatum(operation->tenant_id), CStringGetTextDatum(idempotent->key),
					  TimestampTzGetDatum(GetCurrentTimestamp() - KEPT_HOURS * USECS_PER_HOUR)};
	Problem problem = {.parameter = "Idempotency-Key", .detail = "was used for another request"};
	bytea *request;

	if (run(&find, values, NULL) == 0)
		return false;
	request = DatumGetByteaPP(fetch(0, 1));
	if (VARSIZE_ANY_EXHDR(request) != VARSIZE_ANY_EXHDR(idempotent->request) ||
		memcmp(VARDATA_ANY(request), VARDATA_ANY(idempotent->request), VARSIZE_ANY_EXHDR(request)) != 0)
		problem_raise(PT_DATA_INTEGRITY, &problem);
	idempotent->status = DatumGetInt32(fetch(0, 2));
	idempotent->headers = TextDatumGetCString(fetch(0, 3));
	idempotent->body = DatumGetTextPP(fetch(0, 4));
	return true;
}

/*
 * Begin a request that has a key: name says the operation, id what its path names.
 * True: it was answered before.  Else the caller does the work, fills in the answer and
 * has it recorded.  PT400, PT409 and PT422 as doc/decisions.md, "Idempotency-Key" says.
 */
bool
idempotent_find(const Operation *operation, const char *key, const char *name, int64 id, const text *body,
				Idempotent *idempotent)
{
	memset(idempotent, 0, sizeof(Idempotent));
	idempotent->key = checked_key(key);
	idempotent->request = request_hash(name, id, body);
	lock_key(operation, idempotent->key);
	return find_answer(operation, idempotent);
}

/* Record an answer, in place of one that has expired. */
void
idempotent_record(const Operation *operation, const Idempotent *idempotent)
{
	static Statement record = {
		.sql = "INSERT INTO propstreet.idempotency_key AS t (tenant_id, key, request, status, "
			   "headers, body) "
			   "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, key) DO UPDATE SET "
			   "request = EXCLUDED.request, status = EXCLUDED.status, headers = EXCLUDED.headers, "
			   "body = EXCLUDED.body, created_utc = EXCLUDED.created_utc",
		.nargs = 6,
		.args = {T_INT8, T_TEXT, T_BYTEA, T_INT4, T_JSON, T_TEXT},
	};
	Datum values[6] = {Int64GetDatum(operation->tenant_id),		 CStringGetTextDatum(idempotent->key),
					   PointerGetDatum(idempotent->request),	 Int32GetDatum(idempotent->status),
					   CStringGetTextDatum(idempotent->headers), PointerGetDatum(idempotent->body)};

	run(&record, values, NULL);
}

/* ---- operations called from SQL ---- */

/* The members of a recorded problem that belong to one of its errors. */
static json_object *
problem_members(json_object *body)
{
	static const char *const others[] = {"type", "title", "status", "errors"};
	json_object *members = json_object_new_object();

	for (struct lh_entry *entry = json_object_get_object(body)->head; entry; entry = entry->next)
	{
		bool other = false;

		for (int i = 0; i < (int) lengthof(others); i++)
			other |= strcmp(lh_entry_k(entry), others[i]) == 0;
		if (!other)
			json_object_object_add(members, lh_entry_k(entry), json_object_get(lh_entry_v(entry)));
	}
	return members;
}

/* handle() has recorded a failure, which SQL gets as the error that it was. */
pg_noreturn static void
raise_recorded(const Idempotent *idempotent)
{
	int status = idempotent->status;
	Problems problems = {NIL};
	json_object *body = NULL;
	json_object *errors = NULL;
	json_object *detail = NULL;
	char *members;

	json_tree(VARDATA_ANY(idempotent->body), VARSIZE_ANY_EXHDR(idempotent->body), &problems, &body);
	if (!json_object_is_type(body, json_type_object) || !json_object_object_get_ex(body, "detail", &detail))
		elog(ERROR, "the answer recorded for an idempotency key is no problem");
	json_object_object_get_ex(body, "errors", &errors);
	if (errors == NULL)
	{
		json_object_object_add(body, "errors", json_object_new_array());
		json_object_object_get_ex(body, "errors", &errors);
		json_object_array_add(errors, problem_members(body));
	}
	members = pstrdup(json_object_to_json_string_ext(errors, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	ereport(ERROR, (errcode(MAKE_SQLSTATE('P', 'T', '0' + status / 100, '0' + status / 10 % 10, '0' + status % 10)),
					errmsg_internal("%s", json_object_get_string(detail)), errdetail_internal("%s", members)));
}

/*
 * Begin a request that may have a key.  True: it was answered before, and that is
 * the answer again.  Else the caller does the work and ends with idempotent_end().
 */
bool
idempotent_begin(Operation *operation, FunctionCallInfo fcinfo, int key_number, const char *name, int64 project_id,
				 int body_number, Idempotent *idempotent, StringInfo answer)
{
	char *key = argument_text(fcinfo, key_number);

	memset(idempotent, 0, sizeof(Idempotent));
	if (key == NULL)
		return false;
	if (PG_ARGISNULL(body_number))
	{
		checked_key(key);
		return false; /* the operation itself refuses that */
	}
	if (!idempotent_find(operation, key, name, project_id, PG_GETARG_TEXT_PP(body_number), idempotent))
		return false;
	if (idempotent->status >= 400)
		raise_recorded(idempotent);
	appendBinaryStringInfo(answer, VARDATA_ANY(idempotent->body), VARSIZE_ANY_EXHDR(idempotent->body));
	return true;
}

/* Record the answer, which is about a resource that was created, or about none (NULL). */
void
idempotent_end(Operation *operation, Idempotent *idempotent, const Row *created, Kind kind, StringInfo answer)
{
	Answer about = {.created = true};

	if (idempotent->key == NULL)
		return;
	if (created)
		answer_set(&about, created, kind, true);
	idempotent->status = created ? 201 : 200;
	idempotent->headers = answer_headers(&about);
	idempotent->body = cstring_to_text_with_len(answer->data, answer->len);
	idempotent_record(operation, idempotent);
}
