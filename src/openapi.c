/*
 * openapi.c
 *	  GET /api/v1/openapi.json: the API described by its own route table (OpenAPI
 *	  3.1).
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "http.h"

Datum
propstreet_openapi(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	return PointerGetDatum(cstring_to_text("{}"));
}
