/*
 * tenant.c
 *	  Whose tenant a session speaks for.
 */
#include "postgres.h"

#include "base/json_c.h"

#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/base.h"

static char *tenant_id_setting = NULL;
static char *tenant_claim_setting = NULL;

/* A value of propstreet.tenant_id with which a session has no tenant, whatever its claims say */
#define NO_TENANT "0"

static bool
check_tenant_id(char **value, void **extra pg_attribute_unused(), GucSource source)
{
	int64 id;

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
	GucSource source = before ? before->reset_source : PGC_S_DEFAULT;

	DefineCustomStringVariable("propstreet.tenant_id", "Tenant of this session.",
							   "Empty: the claim named by propstreet.tenant_claim decides. 0: none.",
							   &tenant_id_setting, "", PGC_SUSET, 0, check_tenant_id, NULL, NULL);
	if (source != PGC_S_DEFAULT && find_setting("propstreet.tenant_id")->reset_source == PGC_S_DEFAULT)
		(void) set_config_option("propstreet.tenant_id", NO_TENANT, PGC_SUSET, source, GUC_ACTION_SET, true, 0, false);
}

/* To be called once, when the library is loaded. */
void
define_tenant_settings(void)
{
	define_tenant_id();
	DefineCustomStringVariable("propstreet.tenant_claim",
							   "Name of the JWT claim in request.jwt.claims that holds the tenant.",
							   "Set it on the role PostgREST logs in as, never on a database. Empty: no claim is read.",
							   &tenant_claim_setting, "", PGC_SUSET, 0, NULL, NULL, NULL);
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
	Problems problems = {NIL};
	int64 tenant = 0;

	if (last_claims && strcmp(claims, last_claims) == 0 && strcmp(claim, last_claim) == 0)
		return last_tenant;
	if (json_is_deep(claims) || !json_tree(claims, strlen(claims), &problems, &tree) ||
		!json_object_is_type(tree, json_type_object) || !json_object_object_get_ex(tree, claim, &value))
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
	int64 tenant;
	const char *claims;

	if (id_parse(tenant_id_setting, &tenant))
		return tenant;
	if (*tenant_id_setting == '\0' && *tenant_claim_setting &&
		(claims = GetConfigOption("request.jwt.claims", true, false)) != NULL &&
		(tenant = claimed_tenant(tenant_claim_setting, claims)) != 0)
		return tenant;
	ereport(ERROR, (errcode(PT_UNAUTHORIZED), errmsg("the tenant of this session is not known"),
					errdetail("[{\"detail\":\"the tenant of this session is not known\"}]"),
					errhint("Have a superuser set propstreet.tenant_id on the role, call propstreet.set_tenant(), "
							"or set propstreet.tenant_claim on the role PostgREST logs in as.")));
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
	int64 tenant = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
	GucAction action = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1) ? GUC_ACTION_LOCAL : GUC_ACTION_SET;

	if (tenant <= 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("tenant must not be null, zero or negative")));
	(void) set_config_option("propstreet.tenant_id", psprintf(INT64_FORMAT, tenant), PGC_SUSET, PGC_S_SESSION, action,
							 true, 0, false);
	PG_RETURN_VOID();
}
