/*
 * propstreet.c
 *	  The module: its settings, and whose tenant a session speaks for.
 */
#include "postgres.h"

#include "json_c.h"

#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "propstreet.h"

PG_MODULE_MAGIC;

bool		propstreet_restore = false;
bool		propstreet_require_if_match = false;
int			propstreet_keep_undelivered = 30 * SECS_PER_DAY;

static char *tenant_id_setting = NULL;
static char *tenant_claim_setting = NULL;

#define FREED_BLOCK (4 * 1024 * 1024)

/* A value of propstreet.tenant_id with which a session has no tenant, whatever its claims say */
#define NO_TENANT "0"

static bool
check_tenant_id(char **value, void **extra pg_attribute_unused(), GucSource source)
{
	int64		id;

	if (*value == NULL || **value == '\0' || strcmp(*value, NO_TENANT) == 0 || id_parse(*value, &id))
		return true;
	/* set on a role or database while this library was not there to refuse it */
	if (source >= PGC_S_GLOBAL && source <= PGC_S_DATABASE_USER)
	{
		strcpy(*value, NO_TENANT);
		return true;
	}
	GUC_check_errdetail("A tenant is a positive decimal number of up to 64 bits, without sign or leading zero.");
	return false;
}

/*
 * Before this library is loaded anybody can give the setting a value when
 * connecting, which takes the place of the one set on the role; then it is refused
 * and neither is left.  Such a session has lost its pin: it must not have the
 * tenant of a claim instead.
 */
static void
define_tenant_id(void)
{
	struct config_generic *before = find_setting("propstreet.tenant_id");
	GucSource	source = before ? before->reset_source : PGC_S_DEFAULT;

	DefineCustomStringVariable("propstreet.tenant_id",
							   "Tenant of this session.",
							   "Empty: the claim named by propstreet.tenant_claim decides. 0: none.",
							   &tenant_id_setting, "", PGC_SUSET, 0,
							   check_tenant_id, NULL, NULL);
	if (source != PGC_S_DEFAULT && find_setting("propstreet.tenant_id")->reset_source == PGC_S_DEFAULT)
		(void) set_config_option("propstreet.tenant_id", NO_TENANT, PGC_SUSET, source, GUC_ACTION_SET, true, 0, false);
}

/* Can a text say who writes? It is told in payloads and headers: up to 100 characters of printable ASCII. */
bool
is_change_origin(const char *text)
{
	const char *c = text;

	while (*c >= ' ' && *c <= '~')
		c++;
	return *c == '\0' && c - text <= CHANGE_ORIGIN_MAX;
}

static bool
check_change_origin(char **value, void **extra pg_attribute_unused(), GucSource source pg_attribute_unused())
{
	if (is_change_origin(*value))
		return true;
	GUC_check_errdetail("A change's origin has 1 to %d printable ASCII characters; empty: none.", CHANGE_ORIGIN_MAX);
	return false;
}

static const struct config_enum_entry notify_options[] = {
	{"reference", NOTIFY_REFERENCE, false},
	{"full", NOTIFY_FULL, false},
	{"off", NOTIFY_OFF, false},
	{NULL, 0, false}
};

/* Settings of events and webhooks */
static void
define_event_settings(void)
{
	DefineCustomStringVariable("propstreet.change_origin",
							   "Label of who writes, shown in events as changeOrigin.",
							   "Webhooks with the same excludeOrigin don't get them.",
							   &propstreet_change_origin, "", PGC_USERSET, 0,
							   check_change_origin, NULL, NULL);
	DefineCustomEnumVariable("propstreet.notify",
							 "What NOTIFY on channel propstreet tells of an event.",
							 "reference: which resource; full: the payload, if it fits; off: nothing, as two-phase commit needs it.",
							 &propstreet_notify, NOTIFY_REFERENCE, notify_options, PGC_SUSET, 0,
							 NULL, NULL, NULL);
	DefineCustomRealVariable("propstreet.notify_queue_limit",
							 "How full the server's notification queue may be for changes to be notified.",
							 "Above that they are only recorded: a queue that is full would make every write fail.",
							 &propstreet_notify_queue_limit, 0.5, 0, 1, PGC_SUSET, 0,
							 NULL, NULL, NULL);
	DefineCustomBoolVariable("propstreet.events",
							 "Changes of projects and prospects make events.",
							 "Off for bulk loads whose rows nobody needs to hear of.",
							 &propstreet_events, true, PGC_SUSET, 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("propstreet.keep_undelivered",
							"How long events and deliveries are kept.",
							"purge() then drops deliveries that were not made, and deletes what is over.",
							&propstreet_keep_undelivered, 30 * SECS_PER_DAY, 1, INT_MAX, PGC_SUSET, GUC_UNIT_S,
							NULL, NULL, NULL);
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

void		_PG_init(void);

void
_PG_init(void)
{
	keep_freed_memory();
	define_tenant_id();
	DefineCustomStringVariable("propstreet.tenant_claim",
							   "Name of the JWT claim in request.jwt.claims that holds the tenant.",
							   "Set it on the role PostgREST logs in as, never on a database. Empty: no claim is read.",
							   &tenant_claim_setting, "", PGC_SUSET, 0,
							   NULL, NULL, NULL);
	DefineCustomBoolVariable("propstreet.restore",
							 "Triggers take stamps as given and make no copies or events.",
							 "For data-only restores.",
							 &propstreet_restore, false, PGC_SUSET, 0,
							 NULL, NULL, NULL);
	DefineCustomBoolVariable("propstreet.require_if_match",
							 "Updates and deletes of a resource need an If-Match.",
							 NULL,
							 &propstreet_require_if_match, false, PGC_SUSET, 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("propstreet.sync_wait",
							"How long a delta read waits for writers that have begun before it.",
							"All of them together; a shorter lock_timeout wins.",
							&propstreet_sync_wait, 5000, 0, INT_MAX, PGC_USERSET, GUC_UNIT_MS,
							NULL, NULL, NULL);
	define_event_settings();
	DefineCustomStringVariable("propstreet.webhook_retry",
							   "Seconds to wait after each attempt of a webhook delivery that failed.",
							   "Separated by commas. After one attempt more the delivery has failed.",
							   &propstreet_webhook_retry, "5,60,300,1800,7200,18000,36000,61200", PGC_SUSET, 0,
							   check_webhook_retry, NULL, NULL);
	DefineCustomBoolVariable("propstreet.webhook_allow_http",
							 "Webhooks may have an http URL, which is not encrypted.",
							 "For tests, and for networks that are safe otherwise.",
							 &propstreet_webhook_allow_http, false, PGC_SUSET, 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("propstreet.max_webhooks",
							"How many webhooks a tenant may have.",
							"Creating one more is refused; those that are there stay.",
							&propstreet_max_webhooks, 100, 0, INT_MAX, PGC_SUSET, 0,
							NULL, NULL, NULL);
	MarkGUCPrefixReserved("propstreet");
	watch_types();
	watch_commits();
}

/*
 * The tenant that a claim of PostgREST's request.jwt.claims names, as a string or
 * a number; 0 if there is none.  Row-level security may ask for every row, so the
 * answer for the last claims is kept and found again by comparing their text.
 */
static int64
claimed_tenant(const char *claim, const char *claims)
{
	static char *last_claim = NULL;
	static char *last_claims = NULL;
	static int64 last_tenant = 0;
	json_object *tree;
	json_object *value;
	Problems	problems = {NIL};
	int64		tenant = 0;

	if (last_claims && strcmp(claims, last_claims) == 0 && strcmp(claim, last_claim) == 0)
		return last_tenant;
	if (json_is_deep(claims) || !json_tree(claims, strlen(claims), &problems, &tree) ||
		!json_object_is_type(tree, json_type_object) ||
		!json_object_object_get_ex(tree, claim, &value))
		return 0;
	if (!json_object_is_type(value, json_type_string) && !json_object_is_type(value, json_type_int))
		return 0;
	if (!id_parse(json_object_get_string(value), &tenant))
		return 0;

	if (last_claims)
		pfree(last_claims);
	last_claims = NULL;
	if (last_claim)
		pfree(last_claim);
	last_claim = NULL;
	last_claim = MemoryContextStrdup(TopMemoryContext, claim);
	last_claims = MemoryContextStrdup(TopMemoryContext, claims);
	last_tenant = tenant;
	return tenant;
}

/* The tenant of this session, or PT401. */
int64
current_tenant(void)
{
	int64		tenant;
	const char *claims;

	if (id_parse(tenant_id_setting, &tenant))
		return tenant;
	if (*tenant_id_setting == '\0' && *tenant_claim_setting &&
		(claims = GetConfigOption("request.jwt.claims", true, false)) != NULL &&
		(tenant = claimed_tenant(tenant_claim_setting, claims)) != 0)
		return tenant;
	ereport(ERROR,
			(errcode(PT_UNAUTHORIZED), errmsg("the tenant of this session is not known"),
			 errdetail("[{\"detail\":\"the tenant of this session is not known\"}]"),
			 errhint("Have a superuser set propstreet.tenant_id on the role, call propstreet.set_tenant(), or set propstreet.tenant_claim on the role PostgREST logs in as.")));
}

PG_FUNCTION_INFO_V1(propstreet_current_tenant);

/* current_tenant() bigint: doc/design.md, "Tenancy and rights" */
Datum
propstreet_current_tenant(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	PG_RETURN_INT64(current_tenant());
}

PG_FUNCTION_INFO_V1(propstreet_set_tenant);

/*
 * set_tenant(tenant_id, is_local): sets propstreet.tenant_id with a superuser's
 * rights, for the rest of the session or of the transaction.  22023 for a tenant
 * that is null or not positive: nobody shall go on with the tenant of before.
 */
Datum
propstreet_set_tenant(PG_FUNCTION_ARGS)
{
	int64		tenant = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
	GucAction	action = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1) ? GUC_ACTION_LOCAL : GUC_ACTION_SET;

	if (tenant <= 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a tenant is a positive number, neither null, 0 nor negative")));
	(void) set_config_option("propstreet.tenant_id", psprintf(INT64_FORMAT, tenant), PGC_SUSET, PGC_S_SESSION, action, true, 0, false);
	PG_RETURN_VOID();
}
