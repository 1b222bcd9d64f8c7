/*
 * postgrest.c
 *	  The REST API behind PostgREST: a request is what nginx and PostgREST have made
 *	  of it, in settings of the transaction, and so is the answer, but for its body
 *	  (examples/postgrest).
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/guc.h"

#include "rest/rest.h"

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

/*
 * The status for PostgREST.  A 503 makes it drop its connections and read the schema
 * again: 529 does not, and nginx makes a 503 of it.
 */
static int
passed_status(int status)
{
	return status == 503 ? 529 : status;
}

/*
 * The headers for PostgREST, which would put a Content-Type of its own where there is
 * none: an empty one is left out by nginx.  Where PostgREST has errors of the same
 * status, the body is in a header, for nginx to take in the place of either.
 */
static char *
passed_headers(const Request *request)
{
	char *headers = response_headers(request);
	char *problem;

	switch (request->status)
	{
		case 204:
		case 304:
			return psprintf("[{\"Content-Type\":\"\"}%s%s", headers[1] == ']' ? "" : ",", headers + 1);
		case 400:
		case 401:
		case 403:
		case 404:
		case 500:
		case 503:
			problem = header_array("X-Propstreet-Problem", text_to_cstring(request->answer));
			problem[strlen(problem) - 1] = ',';
			return psprintf("%s%s", problem, headers + 1);
		default:
			return headers;
	}
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
	Request request = {.method = setting("request.method"),
					   .target = setting("request.path"),
					   .body = PG_ARGISNULL(0) ? NULL : PG_GETARG_BYTEA_PP(0),
					   .headers_in = *headers ? cstring_to_text(headers) : NULL,
					   .behind_nginx = true,
					   .answers_cancel = true};

	/* with the body of a HEAD too: nginx leaves it out, but takes its length */
	handle(&request);
	set_for_transaction("response.status", psprintf("%d", passed_status(request.status)));
	set_for_transaction("response.headers", passed_headers(&request));
	PG_RETURN_BYTEA_P(request.answer ? request.answer : cstring_to_text(""));
}
