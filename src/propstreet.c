/*
 * propstreet.c
 *	  The module: it defines the settings and watches what has to be watched.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "maintenance/maintenance.h"

PG_MODULE_MAGIC;

#define FREED_BLOCK (4 * 1024 * 1024)

static bool
check_change_origin(char **value, void **extra pg_attribute_unused(), GucSource source pg_attribute_unused())
{
	if (is_change_origin(*value))
		return true;
	GUC_check_errdetail("The origin of a change has 1 to %d printable ASCII characters, or is empty.",
						CHANGE_ORIGIN_MAX);
	return false;
}

static const struct config_enum_entry notify_options[] = {{"reference", NOTIFY_REFERENCE, false},
														  {"full", NOTIFY_FULL, false},
														  {"off", NOTIFY_OFF, false},
														  {NULL, 0, false}};

/* Settings of events and webhooks */
static void
define_event_settings(void)
{
	DefineCustomStringVariable("propstreet.change_origin", "Label of who writes, shown in events as changeOrigin.",
							   "Webhooks with the same excludeOrigin do not get these events.",
							   &propstreet_change_origin, "", PGC_USERSET, 0, check_change_origin, NULL, NULL);
	DefineCustomEnumVariable(
		"propstreet.notify", "What NOTIFY on channel propstreet tells of an event.",
		"reference: which resource; full: the payload, if it fits; off: nothing, as two-phase commit needs it.",
		&propstreet_notify, NOTIFY_REFERENCE, notify_options, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomRealVariable("propstreet.notify_queue_limit",
							 "How full the server's notification queue may be for changes to be notified.",
							 "Above that they are only recorded: a queue that is full would make every write fail.",
							 &propstreet_notify_queue_limit, 0.5, 0, 1, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("propstreet.events", "Changes of projects and prospects make events.",
							 "Off for bulk loads whose rows nobody needs to hear of.", &propstreet_events, true,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("propstreet.keep_undelivered", "How long events and deliveries are kept.",
							"purge() then drops deliveries that were not made, and deletes what is over.",
							&propstreet_keep_undelivered, 30 * SECS_PER_DAY, 1, INT_MAX, PGC_SUSET, GUC_UNIT_S, NULL,
							NULL, NULL);
}

/*
 * glibc's malloc gives memory that is freed back to the system, unless it has seen
 * blocks as large come and go: a page of a list, which is several hundred kB, would
 * fault in all of its memory anew each time, for a fifth of what it costs.
 */
static void
keep_freed_memory(void)
{
	pfree(palloc(FREED_BLOCK));
}

void _PG_init(void);

void
_PG_init(void)
{
	keep_freed_memory();
	define_tenant_settings();
	DefineCustomBoolVariable("propstreet.restore", "Triggers take stamps as given and make no copies or events.",
							 "For data-only restores.", &propstreet_restore, false, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("propstreet.require_if_match", "Updates and deletes of a resource need an If-Match.", NULL,
							 &propstreet_require_if_match, false, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("propstreet.sync_wait",
							"How long a delta read waits for writers that have begun before it.",
							"All of them together; a shorter lock_timeout wins.", &propstreet_sync_wait, 5000, 0,
							INT_MAX, PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	define_event_settings();
	DefineCustomStringVariable("propstreet.webhook_retry",
							   "Seconds to wait after each attempt of a webhook delivery that failed.",
							   "Separated by commas. After one attempt more the delivery has failed.",
							   &propstreet_webhook_retry, "5,60,300,1800,7200,18000,36000,61200", PGC_SUSET, 0,
							   check_webhook_retry, NULL, NULL);
	DefineCustomBoolVariable("propstreet.webhook_allow_http", "Webhooks may have an http URL, which is not encrypted.",
							 "For tests, and for networks that are safe otherwise.", &propstreet_webhook_allow_http,
							 false, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("propstreet.max_webhooks", "How many webhooks a tenant may have.",
							"Creating one more is refused; those that are there stay.", &propstreet_max_webhooks, 100,
							0, INT_MAX, PGC_SUSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("propstreet");
	watch_types();
	watch_commits();
}
