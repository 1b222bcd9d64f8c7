/*
 * rest.h
 *	  What the files of the REST API share: the route table, and a request on its
 *	  way to an answer.  request -> route -> operation -> response or problem.
 */
#ifndef PROPSTREET_HTTP_H
#define PROPSTREET_HTTP_H

#include "webhooks/webhooks.h"

#define BASE_PATH "/api/v1"
#define SEGMENTS_MAX 8 /* of a path, less those of the base path; no route has more than 6 */
#define ARGUMENTS_MAX 16
#define BODY_MAX_BYTES (1024 * 1024)
#define TARGET_MAX_BYTES (16 * 1024)
#define HEADERS_MAX_BYTES (64 * 1024)

/* ---- routes.c ---- */

#define FILTER_ARGUMENT(symbol, ...) symbol,

/* Where an argument of an operation comes from: the path, the body, a header, or the query. */
typedef enum Argument
{
	NOTHING,
	PATH_ID, /* the next variable segment of the path */
	PATH_TEXT,
	BODY,
	NO_KEY,		   /* null: handle() itself sees to Idempotency-Key */
	PRECONDITION,  /* null: handle() itself tells If-Match and If-None-Match */
	UPDATED_SINCE, /* from here on, of the query */
	INCLUDE_DELETED,
	PROJECT_FILTERS(FILTER_ARGUMENT) PROSPECT_FILTERS(FILTER_ARGUMENT) LIVE_STATUS,
	DELIVERY_STATUS,
	CAPABILITY,
	TAGS,
	PAGE_SIZE,
	PAGE_SIZE_100,
	CURSOR,
	ARGUMENTS
} Argument;

#define FIRST_OF_QUERY UPDATED_SINCE

typedef struct Route
{
	const char *method;
	const char *pattern;   /* of the path after BASE_PATH; {name} is a variable segment */
	const char *operation; /* its name in SQL, and the operationId */
	PGFunction function;   /* NULL: openapi.json */
	int status;			   /* on success; 201 if the operation has created something */
	const char *request;   /* schema of the body, or NULL */
	const char *response;  /* schema of the answer, or NULL */
	const char *summary;
	Argument arguments[ARGUMENTS_MAX];
} Route;

/* How a parameter of the query is read, and what openapi.json says of it */
typedef enum ParameterType
{
	PARAMETER_TEXT,
	PARAMETER_TEXTS,
	PARAMETER_MOMENT,
	PARAMETER_BOOLEAN,
	PARAMETER_INTEGER
} ParameterType;

typedef struct Parameter
{
	const char *name;
	ParameterType type;
	const char *schema;
	const char *description;
} Parameter;

extern const Route routes[];
extern const int nroutes;
extern const Parameter parameters[ARGUMENTS];

/* ---- handle.c ---- */

/* A request, what became of its parts, and its answer */
typedef struct Request
{
	const char *method;
	const char *target;				  /* path and query as they came */
	const struct varlena *headers_in; /* JSON: an object */
	struct json_object *headers;	  /* NULL: none */
	bool answers_cancel;			  /* a canceled statement (statement_timeout) is an answer too */
	bool behind_nginx;				  /* the client's own headers have other names */
	struct varlena *body;			  /* NULL: none */
	int64 tenant_id;
	bool for_tenant; /* tenant_id is given, instead of the session's */

	char *segments[SEGMENTS_MAX];
	int nsegments;
	bool malformed;	   /* the path is no text */
	const char *query; /* after the question mark, or NULL */
	const Route *path; /* the first route of the path's pattern; NULL: there is none */
	const Route *route;
	const char *names[SEGMENTS_MAX]; /* of the pattern's variables: each ends with a bracket */
	char *variables[SEGMENTS_MAX];
	int64 id;		  /* the first id of the path, or 0 */
	bool bad_id;	  /* what is wrong is an id of the path */
	bool locking_key; /* another request may be running with the same key */

	int status;
	const char *headers_out; /* JSON: an array, without Content-Type */
	struct varlena *answer;	 /* NULL: no body */
} Request;

extern void handle(Request *request);

/* ---- headers.c ---- */

extern const char *request_header(const Request *request, const char *name);
extern char *response_headers(const Request *request);
extern char *header_array(const char *name, const char *value);

/* ---- routes.c ---- */

extern void find_route(Request *request);
extern char *allowed_methods(const Route *path);
extern char *decoded(const char *start, const char *end, bool plus_is_space);
extern bool takes_body(const Route *route);
extern void route_arguments(Request *request, FunctionCallInfo fcinfo);

/* ---- problem.c ---- */

extern int problem_status(const Request *request, ErrorData *error);
extern void answer_problem(Request *request, ErrorData *error);

/* ---- openapi.c ---- */

extern Datum openapi(void);

#endif /* PROPSTREET_HTTP_H */
