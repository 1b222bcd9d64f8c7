/*
 * worker.c
 *	  The library propstreet_webhooks: a launcher, and for each database that a
 *	  setting lists a worker that delivers events to webhooks.
 *
 *	  A worker claims due deliveries in a short transaction, sends them all at once,
 *	  and records what came of them in the next: no transaction and no snapshot is
 *	  open while the network waits.  It sleeps until writers wake it at commit, an
 *	  answer comes in, or something becomes due.  It runs as a superuser, but every
 *	  statement of its as the owner of the tables, in a restricted context, to the
 *	  end of the transaction: the owner's triggers are not to be trusted.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "worker/address.h"
#include "worker/send.h"

PG_MODULE_MAGIC;

#define LIBRARY "propstreet_webhooks"
#define DATABASES_MAX 64
#define TIMEOUT_MS 10000	 /* doc/decisions.md, "Webhooks" */
#define LEASE_MARGIN_MS 5000 /* beyond the time that an attempt may take */
#define STATEMENT_TIMEOUT_MS 30000
#define LOCK_TIMEOUT "5s"
#define PAUSE_MS 5000 /* after an error, and before a worker is started again */
#define STEP_MS 10	  /* between claims that found only what has to wait, twice as long each time */
#define STEP_MAX_MS 160

static char *databases = NULL;
static char *allow_addresses_setting = NULL;
static char *ca_file = NULL;
static int concurrency = 256;
static int per_endpoint = 8;
static int fallback_interval = 10000;
static int timeout = TIMEOUT_MS;

/* ---- whom writers wake ---- */

/* A worker that runs; writers of its database set the latch when they commit. */
typedef struct Slot
{
	pg_atomic_flag used;
	pg_atomic_uint32 database; /* invalid: the latch is nobody's */
	Latch *latch;			   /* of a PGPROC, which is never freed */
} Slot;

static Slot *slots = NULL;
static shmem_request_hook_type request_before = NULL;
static shmem_startup_hook_type startup_before = NULL;

static void
request_memory(void)
{
	if (request_before)
		request_before();
	RequestAddinShmemSpace(mul_size(sizeof(Slot), DATABASES_MAX));
}

static void
startup_memory(void)
{
	bool found;

	if (startup_before)
		startup_before();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	slots = ShmemInitStruct(LIBRARY, mul_size(sizeof(Slot), DATABASES_MAX), &found);
	for (int i = 0; i < DATABASES_MAX && !found; i++)
	{
		pg_atomic_init_flag(&slots[i].used);
		pg_atomic_init_u32(&slots[i].database, InvalidOid);
	}
	LWLockRelease(AddinShmemInitLock);
}

/* Wake the worker of a database: what the extension's library calls when a writer has committed. */
static void
wake(Oid database)
{
	for (int i = 0; i < DATABASES_MAX; i++)
	{
		if (pg_atomic_read_u32(&slots[i].database) != database)
			continue;
		pg_read_barrier();
		SetLatch(slots[i].latch);
	}
}

static void
leave_slot(int code pg_attribute_unused(), Datum number)
{
	Slot *slot = &slots[DatumGetInt32(number)];

	pg_atomic_write_u32(&slot->database, InvalidOid);
	pg_atomic_clear_flag(&slot->used);
}

/* Be woken from now on. */
static void
enter_slot(void)
{
	for (int i = 0; i < DATABASES_MAX; i++)
	{
		if (!pg_atomic_test_set_flag(&slots[i].used))
			continue;
		slots[i].latch = MyLatch;
		pg_write_barrier();
		pg_atomic_write_u32(&slots[i].database, MyDatabaseId);
		on_shmem_exit(leave_slot, Int32GetDatum(i));
		return;
	}
}

/* ---- the launcher ---- */

/* A database that is, or was, on the list */
typedef struct Database
{
	Oid oid;
	bool listed;
	bool invalid;					/* and told of */
	BackgroundWorkerHandle *worker; /* NULL: none was started, or it has ended */
	TimestampTz start;				/* not before */
} Database;

static Database known[DATABASES_MAX];
static int nknown = 0;

static Database *
know(Oid oid)
{
	for (int i = 0; i < nknown; i++)
		if (known[i].oid == oid)
			return &known[i];
	if (nknown == DATABASES_MAX)
		return NULL;
	memset(&known[nknown], 0, sizeof(Database));
	known[nknown].oid = oid;
	return &known[nknown++];
}

static bool
on_list(const List *names, const char *name)
{
	ListCell *cell;

	foreach(cell, names)
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	return false;
}

/*
 * Find the databases on the list; false if some don't exist, or are what a DROP
 * DATABASE has left when it was interrupted, to which nobody can connect.  Without
 * a database of its own a process can't look things up, but scan the shared catalog.
 */
static bool
find_databases(void)
{
	List *names = NIL;
	int missing;
	Relation catalog;
	TableScanDesc scan;
	HeapTuple tuple;

	for (int i = 0; i < nknown; i++)
		known[i].listed = false;
	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	(void) SplitGUCList(pstrdup(databases), ',', &names);
	missing = list_length(names);
	catalog = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(catalog, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database row = (Form_pg_database) GETSTRUCT(tuple);
		Database *database = row->datallowconn && on_list(names, NameStr(row->datname)) ? know(row->oid) : NULL;

		if (database && row->datconnlimit == DATCONNLIMIT_INVALID_DB)
		{
			if (!database->invalid)
				ereport(LOG, (errmsg("webhooks of invalid database \"%s\" are not delivered", NameStr(row->datname)),
							  errhint("Use DROP DATABASE to drop it.")));
			database->invalid = true;
		}
		else if (database)
		{
			database->listed = true;
			database->invalid = false;
			missing--;
		}
	}
	table_endscan(scan);
	table_close(catalog, AccessShareLock);
	CommitTransactionCommand();
	return missing == 0;
}

static bool
start_worker(Database *database)
{
	BackgroundWorker worker = {.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
							   .bgw_start_time = BgWorkerStart_RecoveryFinished,
							   .bgw_restart_time = BGW_NEVER_RESTART,
							   .bgw_library_name = LIBRARY,
							   .bgw_function_name = "propstreet_webhooks_worker",
							   .bgw_type = "propstreet webhooks",
							   .bgw_main_arg = ObjectIdGetDatum(database->oid),
							   .bgw_notify_pid = MyProcPid};

	snprintf(worker.bgw_name, BGW_MAXLEN, "propstreet webhooks of database %u", database->oid);
	return RegisterDynamicBackgroundWorker(&worker, &database->worker);
}

/* Start, stop or leave alone the worker of a database; says whether to look again soon. */
static bool
tend(Database *database, TimestampTz now)
{
	pid_t pid;

	if (database->worker && GetBackgroundWorkerPid(database->worker, &pid) == BGWH_STOPPED)
	{
		pfree(database->worker);
		database->worker = NULL;
		database->start = TimestampTzPlusMilliseconds(now, PAUSE_MS);
	}
	if (!database->listed)
	{
		if (database->worker)
			TerminateBackgroundWorker(database->worker);
		return false;
	}
	if (database->worker)
		return false;
	if (database->start > now)
		return true;
	if (!start_worker(database))
	{
		ereport(LOG, (errmsg("no background worker is free to deliver webhooks of database %u", database->oid),
					  errhint("Increase max_worker_processes.")));
		database->start = TimestampTzPlusMilliseconds(now, 60 * 1000);
		return true;
	}
	return false;
}

static void
reload_settings(void)
{
	if (!ConfigReloadPending)
		return;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
}

/* The next launcher would not know of these, and start others. */
static void
end_workers(int code pg_attribute_unused(), Datum arg pg_attribute_unused())
{
	for (int i = 0; i < nknown; i++)
		if (known[i].worker)
			TerminateBackgroundWorker(known[i].worker);
}

PGDLLEXPORT void propstreet_webhooks_launcher(Datum arg);

/*
 * Main function of the launcher: keeps a worker running for each database on the
 * list that exists.  It sleeps while they all do.
 */
void
propstreet_webhooks_launcher(Datum arg pg_attribute_unused())
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	before_shmem_exit(end_workers, 0);
	for (;;)
	{
		bool soon = false;
		bool all;

		reload_settings();
		all = find_databases();
		MemoryContextSwitchTo(TopMemoryContext);
		for (int i = 0; i < nknown; i++)
			soon |= tend(&known[i], GetCurrentTimestamp());
		/* one that was dropped takes no place */
		for (int i = nknown - 1; i >= 0; i--)
			if (!known[i].listed && !known[i].invalid && known[i].worker == NULL)
				known[i] = known[--nknown];
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | (all && !soon ? 0 : WL_TIMEOUT),
						 soon ? PAUSE_MS : fallback_interval, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/* ---- a worker's transactions ---- */

/* What a worker has to do, and what it does */
typedef struct Worker
{
	int under_way;			 /* deliveries that are being sent */
	bool claim;				 /* something may be due */
	TimestampTz next_claim;	 /* at the latest */
	int step;				 /* milliseconds until then, at least */
	TimestampTz pause;		 /* no statements before, after an error */
	StringInfoData outcomes; /* to be recorded: JSON objects */
	int noutcomes;
	TimestampTz outcomes_until; /* when the lease of the first one ends */
	WaitEventSet *events;
} Worker;

static Worker worker;

/* Is a function that we call there, and the extension's own? */
static bool
is_own_function(const char *name, int nargs, const Oid *args)
{
	Oid function = LookupFuncName(list_make2(makeString("propstreet"), makeString(pstrdup(name))), nargs, args, true);

	return OidIsValid(function) &&
		   getExtensionOfObject(ProcedureRelationId, function) == get_extension_oid("propstreet", true);
}

/* The owner of the installed tables, or nobody while the extension, the tables or what we call is missing. */
static Oid
find_owner(void)
{
	static const Oid claim_args[] = {INT4OID, INTERVALOID, INT4OID};
	static const Oid record_args[] = {JSONOID};
	Oid schema = get_namespace_oid("propstreet", true);
	Oid project = OidIsValid(schema) ? get_relname_relid("project", schema) : InvalidOid;
	HeapTuple tuple;
	Oid owner;

	if (!OidIsValid(project) || !OidIsValid(get_relname_relid("webhook_delivery", schema)) ||
		!is_own_function("webhook_claim", lengthof(claim_args), claim_args) ||
		!is_own_function("webhook_next_due", 1, claim_args) || !is_own_function("webhook_record", 1, record_args))
		return InvalidOid;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(project));
	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* Keep the extension from being dropped until the transaction ends; false if it is not there. */
static bool
lock_extension(void)
{
	Oid extension = get_extension_oid("propstreet", true);

	if (!OidIsValid(extension))
		return false;
	/* DROP EXTENSION takes this lock before any other, and may have committed while we waited for it */
	LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
	return get_extension_oid("propstreet", true) == extension;
}

/* Do some work as the tables' owner, with SPI connected; false if nothing is installed. */
static bool
work_as_owner(void (*work)(void))
{
	Oid owner = lock_extension() ? find_owner() : InvalidOid;

	if (!OidIsValid(owner))
		return false;
	SetUserIdAndSecContext(owner, SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	PushActiveSnapshot(GetTransactionSnapshot());
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	work();
	SPI_finish();
	PopActiveSnapshot();
	return true;
}

/*
 * Do some work in a transaction of its own.  An error is logged, and the work is
 * done again after a pause; without the extension there is nothing to do.
 */
static bool
in_transaction(const char *activity, void (*work)(void))
{
	volatile bool done = false;
	Oid user;
	int security_context;

	pgstat_report_activity(STATE_RUNNING, activity);
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	GetUserIdAndSecContext(&user, &security_context);
	PG_TRY();
	{
		enable_timeout_after(STATEMENT_TIMEOUT, STATEMENT_TIMEOUT_MS);
		done = work_as_owner(work);
		/* still as the owner: deferred triggers run now */
		CommitTransactionCommand();
		disable_timeout(STATEMENT_TIMEOUT, false);
		SetUserIdAndSecContext(user, security_context);
	}
	PG_CATCH();
	{
		disable_all_timeouts(false);
		QueryCancelPending = false;
		EmitErrorReport();
		AbortCurrentTransaction();
		FlushErrorState();
		worker.pause = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), PAUSE_MS);
		worker.claim = true;
		done = false;
	}
	PG_END_TRY();
	pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
	return done;
}

static void
query(const char *sql, int nargs, Oid *types, Datum *values)
{
	if (SPI_execute_with_args(sql, nargs, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "a query of the webhook worker failed");
}

/* A value of the last query, false if it is null; columns count from 1. */
static bool
result_optional(uint64 row, int column, Datum *value)
{
	bool isnull;

	*value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &isnull);
	return !isnull;
}

static Datum
result(uint64 row, int column)
{
	Datum value;

	if (!result_optional(row, column, &value))
		elog(ERROR, "column %d of a query of the webhook worker is null", column);
	return value;
}

static int
lease_ms(void)
{
	return timeout + LEASE_MARGIN_MS;
}

/* ---- claim ---- */

/* The columns of a claim */
enum
{
	CLAIM_TENANT_ID = 1,
	CLAIM_WEBHOOK_ID,
	CLAIM_DELIVERY_ID,
	CLAIM_ATTEMPT,
	CLAIM_URL,
	CLAIM_HEADERS,
	CLAIM_BODY
};

static List *claimed = NIL; /* of Sending */

static Sending *
read_claimed(uint64 row)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "webhook delivery", ALLOCSET_SMALL_SIZES);
	MemoryContext before = MemoryContextSwitchTo(context);
	Sending *sending = palloc0(sizeof(Sending));

	sending->context = context;
	sending->tenant_id = DatumGetInt64(result(row, CLAIM_TENANT_ID));
	sending->webhook_id = DatumGetInt64(result(row, CLAIM_WEBHOOK_ID));
	sending->delivery_id = DatumGetInt64(result(row, CLAIM_DELIVERY_ID));
	sending->attempt = DatumGetInt32(result(row, CLAIM_ATTEMPT));
	sending->url = TextDatumGetCString(result(row, CLAIM_URL));
	sending->headers = TextDatumGetCString(result(row, CLAIM_HEADERS));
	sending->body = TextDatumGetCString(result(row, CLAIM_BODY));
	sending->body_len = strlen(sending->body);
	MemoryContextSwitchTo(before);
	return sending;
}

/*
 * When to claim again, if nothing happens before: when something becomes due.  If
 * something is due now and was not taken, it waits for a place, or there is more
 * that has to be passed over.
 */
static void
read_next_due(void)
{
	Oid types[] = {INT4OID};
	Datum values[] = {Int32GetDatum(per_endpoint)};
	TimestampTz now = GetCurrentTimestamp();
	Datum next;

	query("SELECT propstreet.webhook_next_due($1)", 1, types, values);
	worker.next_claim = TimestampTzPlusMilliseconds(now, fallback_interval);
	if (result_optional(0, 1, &next))
		worker.next_claim =
			Min(worker.next_claim, Max(DatumGetTimestampTz(next), TimestampTzPlusMilliseconds(now, worker.step)));
}

static void
claim(void)
{
	int wanted = concurrency - worker.under_way;
	Oid types[] = {INT4OID, FLOAT8OID, INT4OID};
	Datum values[] = {Int32GetDatum(wanted), Float8GetDatum(lease_ms() / 1000.0), Int32GetDatum(per_endpoint)};
	uint64 taken;
	MemoryContext before;

	query("SELECT c.tenant_id, c.webhook_id, c.delivery_id, c.attempt, c.url, "
		  "(SELECT pg_catalog.string_agg(pg_catalog.concat(h.key, ': ', h.value), E'\n') "
		  "FROM pg_catalog.json_each_text(c.headers) AS h), c.body "
		  "FROM propstreet.webhook_claim($1, pg_catalog.make_interval(secs => $2), $3) AS c",
		  3, types, values);
	taken = SPI_processed;
	before = MemoryContextSwitchTo(TopMemoryContext);
	for (uint64 i = 0; i < taken; i++)
		claimed = lappend(claimed, read_claimed(i));
	MemoryContextSwitchTo(before);
	worker.claim = false;
	worker.step = taken > 0 ? STEP_MS : Min(Max(worker.step * 2, STEP_MS), STEP_MAX_MS);
	/* what was taken is not to wait: to look farther, there is the next claim */
	if (taken > 0)
		worker.next_claim = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), STEP_MS);
	else
		read_next_due();
	/* what is sent must not be undone by a crash: this flushes also what others have committed asynchronously */
	if (taken > 0)
		(void) set_config_option("synchronous_commit", "local", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0,
								 false);
}

/* Send what was claimed, or forget it if the claim was not committed. */
static void
send_claimed(bool committed)
{
	const char *setting = GetConfigOption("propstreet.webhook_allow_http", true, false);
	bool allow_http = false;
	ListCell *cell;

	if (setting)
		(void) parse_bool(setting, &allow_http);
	foreach(cell, claimed)
	{
		Sending *sending = lfirst(cell);

		if (committed)
		{
			sending->allow_http = allow_http;
			sender_start(sending);
			worker.under_way++;
		}
		else
			MemoryContextDelete(sending->context);
	}
	list_free(claimed);
	claimed = NIL;
}

/* ---- record ---- */

static void
record(void)
{
	Oid types[] = {JSONOID};
	Datum values[] = {CStringGetTextDatum(psprintf("[%s]", worker.outcomes.data))};

	query("SELECT propstreet.webhook_record($1)", 1, types, values);
}

/* Errors are what libraries and other servers wrote: only their printable ASCII is kept. */
static char *
printable(const char *text)
{
	char *copy = pstrdup(text);

	for (char *c = copy; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return copy;
}

static void
add_outcome(const Sending *sending)
{
	StringInfo out = &worker.outcomes;

	if (worker.noutcomes++ == 0)
		worker.outcomes_until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), lease_ms());
	else
		appendStringInfoChar(out, ',');
	appendStringInfo(out,
					 "{\"tenantId\":" INT64_FORMAT ",\"webhookId\":" INT64_FORMAT ",\"deliveryId\":" INT64_FORMAT
					 ",\"attempt\":%d,\"latencyMs\":%ld",
					 sending->tenant_id, sending->webhook_id, sending->delivery_id, sending->attempt,
					 sending->latency_ms);
	if (sending->status >= 100 && sending->status < 1000)
		appendStringInfo(out, ",\"responseStatus\":%ld", sending->status);
	if (sending->retry_after > 0)
		appendStringInfo(out, ",\"retryAfter\":" INT64_FORMAT, sending->retry_after);
	if (sending->error)
	{
		char *error = printable(sending->error);

		appendStringInfoString(out, ",\"error\":");
		escape_json(out, error);
		pfree(error);
	}
	appendStringInfoChar(out, '}');
}

static void
forget_outcomes(void)
{
	resetStringInfo(&worker.outcomes);
	worker.noutcomes = 0;
}

/* ---- a worker's loop ---- */

static void
configure_sender(void)
{
	SendSettings settings = {.allow_addresses = allow_addresses_setting,
							 .ca_file = ca_file,
							 .timeout_ms = timeout,
							 .connections = concurrency};

	sender_configure(&settings);
}

/* Go on with what is being sent, and collect what has arrived or failed. */
static void
send_and_collect(void)
{
	Sending *sending;

	sender_work();
	while ((sending = sender_finished()) != NULL)
	{
		if (sending->refused)
			ereport(
				LOG,
				(errmsg("webhook " INT64_FORMAT " of tenant " INT64_FORMAT " was not delivered: %s",
						sending->webhook_id, sending->tenant_id, sending->error),
				 errhint(
					 "propstreet_webhooks.allow_addresses lists the addresses that are allowed besides public ones.")));
		add_outcome(sending);
		MemoryContextDelete(sending->context);
		worker.under_way--;
		worker.claim = true;
	}
}

/* Record and claim what there is, unless an error has just occurred. */
static void
work_on_queue(void)
{
	TimestampTz now = GetCurrentTimestamp();
	bool done;

	if (now < worker.pause)
		return;
	if (worker.noutcomes > 0)
	{
		done = in_transaction("recording webhook deliveries", record);
		/* after the lease they count no more */
		if (done || now > worker.outcomes_until || worker.pause < now)
			forget_outcomes();
	}
	if (worker.under_way < concurrency && now >= worker.pause && (worker.claim || now >= worker.next_claim))
	{
		worker.claim = false;
		worker.next_claim = TimestampTzPlusMilliseconds(now, fallback_interval);
		done = in_transaction("claiming webhook deliveries", claim);
		send_claimed(done);
	}
}

/* How long to sleep, if nothing happens before. */
static long
sleep_ms(void)
{
	bool place = worker.under_way < concurrency;
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next = worker.pause;
	long timer = sender_timeout_ms();
	long wait;

	if (worker.noutcomes == 0 && !(worker.claim && place))
		next = place ? Max(worker.next_claim, worker.pause) : TimestampTzPlusMilliseconds(now, fallback_interval);
	wait = TimestampDifferenceMilliseconds(now, next);
	return timer >= 0 ? Min(wait, timer) : wait;
}

static void
sleep_until_work(void)
{
	WaitEvent events[2];
	int count = WaitEventSetWait(worker.events, sleep_ms(), events, lengthof(events), PG_WAIT_EXTENSION);

	for (int i = 0; i < count; i++)
	{
		if (!(events[i].events & WL_LATCH_SET))
			continue;
		ResetLatch(MyLatch);
		worker.claim = true;
	}
	/* nothing is under way that could be cancelled */
	QueryCancelPending = false;
	CHECK_FOR_INTERRUPTS();
}

/* Settings that databases may have, and that would be in the way */
static void
settle(void)
{
	static const char *const settings[][2] = {
		{"search_path", "pg_catalog"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "off"},
		{"default_transaction_deferrable", "off"},
		{"synchronous_commit", "off"},
		{"lock_timeout", LOCK_TIMEOUT},
	};

	for (size_t i = 0; i < lengthof(settings); i++)
		SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);
}

PGDLLEXPORT void propstreet_webhooks_worker(Datum arg);

/* Main function of a database's worker. */
void
propstreet_webhooks_worker(Datum arg)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg), InvalidOid, 0);
	pgstat_report_appname("propstreet webhooks");
	settle();
	initStringInfo(&worker.outcomes);
	sender_init();
	configure_sender();
	worker.events = new_wait_event_set(3);
	AddWaitEventToSet(worker.events, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(worker.events, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(worker.events, WL_SOCKET_READABLE, sender_fd(), NULL, NULL);
	enter_slot();
	worker.claim = true;
	for (;;)
	{
		if (ConfigReloadPending)
		{
			reload_settings();
			configure_sender();
		}
		send_and_collect();
		work_on_queue();
		sleep_until_work();
	}
}

/* ---- loading ---- */

/* check hook of propstreet_webhooks.databases */
static bool
check_databases(char **value, void **extra pg_attribute_unused(), GucSource source pg_attribute_unused())
{
	char *copy = pstrdup(*value);
	List *names;
	bool good = SplitGUCList(copy, ',', &names) && list_length(names) <= DATABASES_MAX;

	if (!good)
		GUC_check_errdetail("It must be a list of up to %d names, separated by commas. A name with characters other "
							"than letters, digits and _ must be in double quotes.",
							DATABASES_MAX);
	pfree(copy);
	return good;
}

static void
define_settings(void)
{
	DefineCustomStringVariable("propstreet_webhooks.databases",
							   "Databases whose webhooks are delivered, separated by commas.", NULL, &databases, "",
							   PGC_SIGHUP, GUC_LIST_INPUT, check_databases, NULL, NULL);
	DefineCustomIntVariable("propstreet_webhooks.concurrency",
							"How many deliveries of a database are under way at once.", NULL, &concurrency, 256, 1,
							1000, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("propstreet_webhooks.per_endpoint", "How many of them are under way to one webhook.", NULL,
							&per_endpoint, 8, 1, 1000, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("propstreet_webhooks.fallback_interval",
							"How often to look for deliveries that nobody has told of.",
							"Such as those of prepared transactions.", &fallback_interval, 10000, 100, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("propstreet_webhooks.timeout",
							"How long a delivery may take, from the look-up of the name to the end of the answer.",
							NULL, &timeout, TIMEOUT_MS, 1, TIMEOUT_MS, PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomStringVariable("propstreet_webhooks.allow_addresses",
							   "Addresses and ranges that may be delivered to, besides public ones.",
							   "Separated by commas.", &allow_addresses_setting, "", PGC_SIGHUP, 0,
							   check_allow_addresses, NULL, NULL);
	DefineCustomStringVariable("propstreet_webhooks.ca_file", "File of the certificates of authorities to trust.",
							   "Empty: those of the system.", &ca_file, "", PGC_SIGHUP, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved(LIBRARY);
}

void _PG_init(void);

void
_PG_init(void)
{
	BackgroundWorker launcher = {.bgw_name = "propstreet webhooks launcher",
								 .bgw_type = "propstreet webhooks launcher",
								 .bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
								 .bgw_start_time = BgWorkerStart_RecoveryFinished,
								 .bgw_restart_time = PAUSE_MS / 1000,
								 .bgw_library_name = LIBRARY,
								 .bgw_function_name = "propstreet_webhooks_launcher"};

	if (!process_shared_preload_libraries_in_progress)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg(LIBRARY " must be loaded when the server starts"),
						errhint("Add it to shared_preload_libraries.")));
	define_settings();
	if (IsBinaryUpgrade)
		return;
	request_before = shmem_request_hook;
	shmem_request_hook = request_memory;
	startup_before = shmem_startup_hook;
	shmem_startup_hook = startup_memory;
	*find_rendezvous_variable(LIBRARY "_wake") = (void *) wake;
	*find_rendezvous_variable(LIBRARY "_url_problem") = (void *) sender_url_problem;
	RegisterBackgroundWorker(&launcher);
}
