/*
 * headers.c
 *	  Headers of requests and answers.
 */
#include "postgres.h"

#include "base/json_c.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "rest/rest.h"

/*
 * The value of a header of the request, whatever case its name is in; NULL if there
 * is none, PT400 if it is no string, or there are several.
 */
const char *
request_header(const Request *request, const char *name)
{
	Problems problems = {NIL};
	const char *found = NULL;

	if (request->headers == NULL)
		return NULL;
	for (struct lh_entry *entry = json_object_get_object(request->headers)->head; entry; entry = entry->next)
	{
		json_object *value = lh_entry_v(entry);

		CHECK_FOR_INTERRUPTS();
		if (pg_strcasecmp(lh_entry_k(entry), name) != 0)
			continue;
		if (found)
			problem_parameter(&problems, name, "is given more than once");
		else if (json_object_is_type(value, json_type_string))
			found = json_object_get_string(value);
		else
			problem_parameter(&problems, name, "must be a string");
		problems_check(&problems);
	}
	return found;
}

/* Headers of an answer: an array of one. */
char *
header_array(const char *name, const char *value)
{
	StringInfoData array;

	initStringInfo(&array);
	appendStringInfo(&array, "[{\"%s\":", name);
	append_json_string(&array, value, strlen(value));
	appendStringInfoString(&array, "}]");
	return array.data;
}

/* The answer's headers, with Content-Type, as a JSON text. */
char *
response_headers(const Request *request)
{
	const char *others = request->headers_out;

	if (request->status == 204 || request->status == 304)
		return unconstify(char *, others);
	return psprintf("[{\"Content-Type\":\"application/%sjson\"}%s%s", request->status >= 400 ? "problem+" : "",
					others[1] == ']' ? "" : ",", others + 1);
}
