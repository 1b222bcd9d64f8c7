/*
 * postgrest.c
 *	  The REST API behind PostgREST: a request is what nginx and PostgREST have made
 *	  of it, in settings of the transaction, and so is the answer, but for its body
 *	  (examples/postgrest).
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/guc.h"

#include "http.h"

static const char *
setting(const char *name)
{
	const char *value = GetConfigOption(name, true, false);

	return value ? value : "";
}

static void
set_for_transaction(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

PG_FUNCTION_INFO_V1(propstreet_handle_postgrest);

/*
 * handle_postgrest(body) bytea: the body of the answer to a request that PostgREST
 * passes on.  nginx has made a POST of it, and tells in headers what it was.
 */
Datum
propstreet_handle_postgrest(PG_FUNCTION_ARGS)
{
	const char *headers = setting("request.headers");
	Request		request = {
		.method = setting("request.method"),.target = setting("request.path"),
		.body = PG_ARGISNULL(0) ? NULL : PG_GETARG_BYTEA_PP(0),
		.headers_in = *headers ? cstring_to_text(headers) : NULL,
		.behind_nginx = true,.answers_cancel = true
	};

	/* with the body of a HEAD too: nginx leaves it out, but takes its length */
	handle(&request);
	set_for_transaction("response.status", psprintf("%d", request.status));
	set_for_transaction("response.headers", response_headers(&request));
	PG_RETURN_BYTEA_P(request.answer ? request.answer : cstring_to_text(""));
}
