/*
 * openapi.c
 *	  GET /api/v1/openapi.json: the API described by what it runs on, the route
 *	  table, the tables of fields and the enums (OpenAPI 3.1).  Written by hand are
 *	  only the schemas of values.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "rest/rest.h"

/* ---- schemas ---- */

typedef struct Schema
{
	const char *name;
	const char *json;
} Schema;

/* clang-format off */
#define REF(name) "{\"$ref\":\"#/components/schemas/" name "\"}"
#define ARRAY(name) "{\"type\":\"array\",\"items\":" REF(name) "}"
#define OBJECT(required, properties) "{\"type\":\"object\",\"required\":[" required "],\"properties\":{" properties "}}"
#define CLOSED_OBJECT(required, properties) "{\"type\":\"object\",\"required\":[" required \
	"],\"additionalProperties\":false,\"properties\":{" properties "}}"
#define NULLABLE(schema) "{\"anyOf\":[" schema ",{\"type\":\"null\"}]}"
/* one of two members, the other being absent or null */
#define EITHER(a, b) ",\"oneOf\":[" HAS(a) "," HAS(b) "]"
#define HAS(name) "{\"required\":[\"" name "\"],\"properties\":{\"" name "\":{\"type\":\"string\"}}}"
#define PAGE_OF(name) OBJECT("\"data\",\"page\"", "\"data\":" ARRAY(name) ",\"page\":" REF("Page"))
#define WITH_RESULT(name) "{\"allOf\":[" REF(name) "," OBJECT("\"result\"", \
	"\"result\":{\"type\":\"string\",\"enum\":[\"created\",\"updated\",\"unchanged\"]}") "]}"
#define MONEY "\"currency\":{\"type\":\"string\",\"pattern\":\"^[A-Z]{3}$\",\"description\":\"ISO 4217\"}," \
	"\"scale\":" NULLABLE("{\"type\":\"string\",\"enum\":[\"none\",\"thousands\",\"millions\",\"billions\"]," \
	"\"default\":\"none\"}")
#define DECIMAL "{\"type\":\"number\",\"minimum\":0,\"description\":\"At most 15 integer and 4 fractional digits\"}"
#define FAILURE "\"index\":{\"type\":\"integer\"},\"error\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"}," \
	"\"clientRef\":{\"type\":\"string\"}"

static const Schema values[] = {
	{"Id", "{\"type\":\"string\",\"pattern\":\"^[1-9][0-9]{0,18}$\"}"},
	{"Moment", "{\"type\":\"string\",\"format\":\"date-time\"}"},
	{"Boolean", "{\"type\":\"boolean\"}"},
	{"Text", "{\"type\":\"string\"}"},
	{"Name", "{\"type\":\"string\",\"minLength\":1,\"maxLength\":200}"},
	{"ETag", "{\"type\":\"string\",\"examples\":[\"W/\\\"abc123\\\"\"]}"},
	{"Cursor", "{\"type\":\"string\"}"},
	{"PageSize", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":500,\"default\":500}"},
	{"PageSize100", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":500,\"default\":100}"},
	{"Capability", "{\"type\":\"string\",\"enum\":[\"chat\"]}"},
	{"Capabilities", ARRAY("Capability")},
	{"Tags", "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"},
	{"AnyOfTags", "{\"type\":\"array\",\"maxItems\":50,\"items\":{\"type\":\"string\"}}"},
	{"LiveStatus", "{\"type\":\"string\",\"enum\":[\"open\",\"closed\"]}"},
	{"Asset", CLOSED_OBJECT("\"type\"", "\"type\":" REF("AssetType") ",\"propertyCount\":"
		NULLABLE("{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000000}"))},
	{"Price", CLOSED_OBJECT("\"value\",\"currency\"", "\"value\":" DECIMAL "," MONEY)},
	{"PriceRange", CLOSED_OBJECT("\"currency\"", "\"min\":" NULLABLE(DECIMAL) ",\"max\":" NULLABLE(DECIMAL) "," MONEY)},
	{"ExternalRef", CLOSED_OBJECT("\"namespace\",\"id\"",
		"\"namespace\":{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9._-]{1,50}$\"},"
		"\"id\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":255}")},
	{"ExternalRefs", "{\"type\":\"array\",\"maxItems\":20,\"items\":" REF("ExternalRef") "}"},
	{"Transactions", "{\"type\":\"array\",\"maxItems\":100,\"items\":{\"type\":\"object\"}}"},
	{"ProjectTeaser", OBJECT("\"stage\"", "\"stage\":" REF("TeaserStage") ",\"publishedUtc\":" REF("Moment")
		",\"verifiedUtc\":" REF("Moment") ",\"communicatedUtc\":" REF("Moment"))},
	{"ProspectTeaser", OBJECT("\"deadlineUtc\"", "\"acceptedUtc\":" REF("Moment") ",\"deadlineUtc\":" REF("Moment"))},
	{"ProjectUpserted", WITH_RESULT("Project")},
	{"ProspectUpserted", WITH_RESULT("Prospect")},
	{"AssociatedProject", OBJECT("\"id\",\"prospectId\",\"name\",\"status\",\"classification\","
		"\"prospectClassification\",\"prospectCount\",\"createdUtc\",\"updatedUtc\",\"etag\"",
		"\"id\":" REF("Id") ",\"prospectId\":" REF("Id") ",\"name\":" REF("Name")
		",\"status\":" REF("ProjectStatus")
		",\"classification\":" REF("ProjectClassification")
		",\"prospectClassification\":" REF("ProspectClassification")
		",\"prospectCount\":{\"type\":\"integer\"},\"createdUtc\":" REF("Moment")
		",\"updatedUtc\":" REF("Moment")
		",\"etag\":" REF("ETag"))},
	{"Page", OBJECT("\"pageSize\",\"hasMore\"", "\"nextCursor\":" REF("Cursor") ",\"pageSize\":{\"type\":\"integer\"},"
		"\"hasMore\":{\"type\":\"boolean\"},\"syncedUtc\":" REF("Moment"))},
	{"ProjectPage", PAGE_OF("Project")},
	{"ProspectPage", PAGE_OF("Prospect")},
	{"AssociatedProjectPage", PAGE_OF("AssociatedProject")},
	{"Properties", OBJECT("\"data\"",
		"\"data\":{\"type\":\"array\",\"items\":" OBJECT("\"id\"", "\"id\":" REF("Id")) "}")},
	{"BatchAdd", CLOSED_OBJECT("\"items\"",
		"\"items\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":100,"
		"\"items\":" REF("BatchAddItem") "},"
		"\"atomic\":{\"type\":\"boolean\",\"default\":false}")},
	{"BatchUpdate", CLOSED_OBJECT("\"items\"",
		"\"items\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":100,"
		"\"items\":" REF("BatchUpdateItem") "},"
		"\"atomic\":{\"type\":\"boolean\",\"default\":false}")},
	{"BatchAdded", OBJECT("\"created\",\"failed\"",
		"\"created\":{\"type\":\"array\",\"items\":" OBJECT("\"id\"",
		"\"id\":" REF("Id") ",\"contactId\":" REF("Id") ",\"companyId\":" REF("Id")
		",\"externalRefs\":" REF("ExternalRefs") ",\"clientRef\":{\"type\":\"string\"}") "},"
		"\"failed\":{\"type\":\"array\",\"items\":" OBJECT("\"index\",\"error\",\"message\"",
		FAILURE ",\"contactId\":{\"type\":\"string\"},\"companyId\":{\"type\":\"string\"}"
		",\"prospectId\":" REF("Id")) "}")},
	{"BatchUpdated", OBJECT("\"updated\",\"failed\"",
		"\"updated\":{\"type\":\"array\",\"items\":" OBJECT("\"id\",\"etag\",\"result\"",
		"\"id\":" REF("Id") ",\"etag\":" REF("ETag")
		",\"result\":{\"type\":\"string\",\"enum\":[\"updated\",\"unchanged\"]},"
		"\"clientRef\":{\"type\":\"string\"}") "},"
		"\"failed\":{\"type\":\"array\",\"items\":" OBJECT("\"index\",\"error\",\"message\"",
		FAILURE ",\"id\":{\"type\":\"string\"},\"prospectId\":" REF("Id")) "}")},
	{"Uri", "{\"type\":\"string\",\"format\":\"uri\"}"},
	{"Events", "{\"type\":\"array\",\"minItems\":1,\"items\":" REF("Event") "}"},
	{"Filter", CLOSED_OBJECT("", "\"externalRef.namespace\":" NULLABLE("{\"type\":\"string\"}"))},
	{"Webhooks", OBJECT("\"data\"", "\"data\":" ARRAY("Webhook"))},
	{"WebhookTested", OBJECT("\"deliveryId\"", "\"deliveryId\":" REF("Id"))},
	{"WebhookReplayed", OBJECT("\"queued\"", "\"queued\":{\"type\":\"integer\"}")},
	{"DeliveryStatus", "{\"type\":\"string\",\"enum\":[\"pending\",\"delivered\",\"failed\"]}"},
	{"Delivery", OBJECT("\"id\",\"eventId\",\"event\",\"resourceId\",\"status\",\"attempts\"",
		"\"id\":" REF("Id") ",\"eventId\":" REF("Id") ",\"event\":{\"type\":\"string\"},\"resourceId\":" REF("Id")
		",\"status\":" REF("DeliveryStatus") ",\"attempts\":{\"type\":\"integer\"},"
		"\"nextAttemptUtc\":" REF("Moment") ",\"lastAttemptUtc\":" REF("Moment")
		",\"responseStatus\":{\"type\":\"integer\"},"
		"\"latencyMs\":{\"type\":\"integer\"},\"error\":{\"type\":\"string\"}")},
	{"DeliveryPage", PAGE_OF("Delivery")},
	{"Problem", OBJECT("\"type\",\"title\",\"status\",\"detail\"",
		"\"type\":{\"type\":\"string\",\"format\":\"uri\"},\"title\":{\"type\":\"string\"},"
		"\"status\":{\"type\":\"integer\"},\"detail\":{\"type\":\"string\"},\"projectId\":" REF("Id")
		",\"prospectId\":" REF("Id") ",\"failed\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}},"
		"\"errors\":{\"type\":\"array\",\"items\":" OBJECT("\"detail\"",
		"\"pointer\":{\"type\":\"string\"},\"parameter\":{\"type\":\"string\"},"
		"\"detail\":{\"type\":\"string\"}") "}")},
};
/* clang-format on */

typedef struct EnumSchema
{
	const char *name;
	ColumnType type;
} EnumSchema;

static const EnumSchema enums[] = {{"AssetType", T_ASSET_TYPE},
								   {"Mandate", T_MANDATE},
								   {"ProjectStatus", T_PROJECT_STATUS},
								   {"ProjectClassification", T_PROJECT_CLASSIFICATION},
								   {"TeaserStage", T_TEASER_STAGE},
								   {"ProspectClassification", T_PROSPECT_CLASSIFICATION}};

/* Objects made of a table of fields: bodies have those that can be written, answers all */
typedef struct ObjectSchema
{
	const char *name;
	const Field *fields; /* or those of a kind of resource, */
	Kind kind;
	bool adding;
	bool item;	/* in a batch */
	bool patch; /* nothing is required */
	bool answer;
	const char *further; /* members of the schema, or "" */
} ObjectSchema;

#define ANSWER(name, kind) {name, NULL, kind, true, false, false, true, ""}
#define BODY_OF(name, kind, adding, item, patch, further) {name, NULL, kind, adding, item, patch, false, further}

static const ObjectSchema objects[] = {
	ANSWER("Project", KIND_PROJECT),
	BODY_OF("ProjectCreate", KIND_PROJECT, true, false, false, ""),
	BODY_OF("ProjectPatch", KIND_PROJECT, true, false, true, ""),
	ANSWER("Prospect", KIND_PROSPECT),
	BODY_OF("ProspectAdd", KIND_PROSPECT, true, false, false, EITHER("contactId", "companyId")),
	BODY_OF("ProspectUpsert", KIND_PROSPECT, true, false, true, ""),
	BODY_OF("ProspectPatch", KIND_PROSPECT, false, false, true, ""),
	BODY_OF("BatchAddItem", KIND_PROSPECT, true, true, false, EITHER("contactId", "companyId")),
	BODY_OF("BatchUpdateItem", KIND_PROSPECT, false, true, false, ""),
	{"Webhook", webhook_fields, 0, false, false, false, true, ""},
	{"WebhookCreate", webhook_fields, 0, false, false, false, false, ""},
	{"WebhookPatch", webhook_fields, 0, false, false, true, false, ""},
	{"WebhookReplay", webhook_replay_fields, 0, false, false, false, false, ""},
};

static void
append_ref(StringInfo out, const char *schema)
{
	appendStringInfo(out, REF("%s"), schema);
}

static void
append_object(StringInfo out, const ObjectSchema *object)
{
	const Field *fields = object->fields ? object->fields : body_fields(object->kind, object->adding, object->item);
	int required = object->answer ? FIELD_ALWAYS : object->patch ? 0 : FIELD_REQUIRED;
	const char *separator = "";

	append_member(out, object->name);
	appendStringInfoString(out, "{\"type\":\"object\",\"required\":[");
	for (const Field *field = fields; field->name; field++)
		if (field->flags & required)
		{
			appendStringInfo(out, "%s\"%s\"", separator, field->name);
			separator = ",";
		}
	appendStringInfoString(out, "],\"properties\":{");
	for (const Field *field = fields; field->name; field++)
	{
		if ((field->flags & FIELD_READONLY) && !object->answer)
			continue;
		append_member(out, field->name);
		if ((field->flags & FIELD_NULLABLE) && !object->answer)
			appendStringInfo(out, "{\"anyOf\":[" REF("%s") ",{\"type\":\"null\"}]}", field->schema);
		else
			append_ref(out, field->schema);
	}
	appendStringInfo(out, "}%s%s}", object->answer ? "" : ",\"additionalProperties\":false", object->further);
}

static void
append_enum_schema(StringInfo out, const EnumSchema *schema)
{
	const char *separator = "";

	append_member(out, schema->name);
	appendStringInfoString(out, "{\"type\":\"string\",\"enum\":[");
	for (char *label = strtok(enum_choices(schema->type), ", "); label; label = strtok(NULL, ", "))
	{
		appendStringInfo(out, "%s\"%s\"", separator, label);
		separator = ",";
	}
	appendStringInfoString(out, "]}");
}

static void
append_event_schema(StringInfo out)
{
	append_member(out, "Event");
	appendStringInfoString(out, "{\"type\":\"string\",\"enum\":[");
	for (int i = 0; i < EVENT_TYPES; i++)
		appendStringInfo(out, "%s\"%s\"", i > 0 ? "," : "", event_names[i]);
	appendStringInfoString(out, "]}");
}

static void
append_components(StringInfo out)
{
	append_member(out, "components");
	/* clang-format off */
	appendStringInfoString(out, "{\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\","
						   "\"bearerFormat\":\"JWT\"}},"
						   "\"responses\":{\"Problem\":{\"description\":\"What is wrong\",\"headers\":{"
						   "\"Allow\":{\"description\":\"With 405\",\"schema\":" REF("Text") "},"
						   "\"Retry-After\":{\"description\":\"With 503, and 409 for a key in use\","
						   "\"schema\":" REF("Text") "},"
						   "\"WWW-Authenticate\":{\"description\":\"With 401\",\"schema\":" REF("Text") "}},"
						   "\"content\":{\"application/problem+json\":{\"schema\":" REF("Problem") "}}}},"
						   "\"schemas\":{");
	/* clang-format on */
	for (int i = 0; i < (int) lengthof(values); i++)
	{
		append_member(out, values[i].name);
		appendStringInfoString(out, values[i].json);
	}
	for (int i = 0; i < (int) lengthof(enums); i++)
		append_enum_schema(out, &enums[i]);
	append_event_schema(out);
	for (int i = 0; i < (int) lengthof(objects); i++)
		append_object(out, &objects[i]);
	appendStringInfoString(out, "}}");
}

/* ---- routes ---- */

static void
append_parameter(StringInfo out, const char *name, const char *in, const char *schema, const char *description,
				 bool required)
{
	if (out->data[out->len - 1] != '[')
		appendStringInfoChar(out, ',');
	appendStringInfo(out, "{\"name\":\"%s\",\"in\":\"%s\",\"required\":%s,\"schema\":", name, in,
					 required ? "true" : "false");
	append_ref(out, schema);
	if (description)
	{
		append_member(out, "description");
		append_json_string(out, description, strlen(description));
	}
	appendStringInfoChar(out, '}');
}

/* Has the answer of a route an ETag? */
static bool
has_etag(const Route *route)
{
	static const char *const resources[] = {"Project", "Prospect", "Webhook", "ProjectUpserted", "ProspectUpserted"};

	for (int i = 0; route->response && i < (int) lengthof(resources); i++)
		if (strcmp(route->response, resources[i]) == 0)
			return true;
	return false;
}

static bool
gives_etag(const Route *route)
{
	return has_etag(route) && strcmp(route->method, "GET") == 0;
}

static void
append_parameters(StringInfo out, const Route *route)
{
	const char *variable = route->pattern;
	bool conditional = gives_etag(route);

	append_member(out, "parameters");
	appendStringInfoChar(out, '[');
	for (int i = 0; i < ARGUMENTS_MAX; i++)
	{
		Argument argument = route->arguments[i];

		if (argument == PATH_ID || argument == PATH_TEXT)
		{
			variable = strchr(variable, '{') + 1;
			append_parameter(out, pnstrdup(variable, strcspn(variable, "}")), "path",
							 argument == PATH_ID ? "Id" : "Text", NULL, true);
		}
		else if (argument == PRECONDITION)
			conditional = true;
		else if (argument >= FIRST_OF_QUERY)
			append_parameter(out, parameters[argument].name, "query", parameters[argument].schema,
							 parameters[argument].description, false);
	}
	if (conditional)
		append_parameter(out, "If-Match", "header", "Text",
						 "The ETag that the resource must still have: 412 for another", false);
	if (conditional)
		append_parameter(out, "If-None-Match", "header", "Text",
						 gives_etag(route) ? "ETags that the client has already: 304 for one of them" :
											 "ETags that the resource must not have, * for any: 412 for one of them",
						 false);
	if (strcmp(route->method, "POST") == 0)
		append_parameter(out, "Idempotency-Key", "header", "Text",
						 "A retry with the same key gets the same answer, and does nothing twice", false);
	if (strcmp(route->method, "GET") != 0)
		append_parameter(out, "Change-Origin", "header", "Text",
						 "Label of who writes, for webhooks that leave out their own changes", false);
	appendStringInfoChar(out, ']');
}

static void
append_body(StringInfo out, const Route *route)
{
	static const char *const types[] = {"application/json", "application/merge-patch+json"};

	append_member(out, "requestBody");
	appendStringInfoString(out, "{\"required\":true,\"content\":{");
	for (int i = 0; i < (strcmp(route->method, "PATCH") == 0 ? 2 : 1); i++)
	{
		append_member(out, types[i]);
		appendStringInfo(out, "{\"schema\":" REF("%s") "}", route->request);
	}
	appendStringInfoString(out, "}}");
}

static void
append_header(StringInfo out, const char *name)
{
	append_member(out, name);
	appendStringInfoString(out, "{\"schema\":" REF("Text") "}");
}

static void
append_response(StringInfo out, const Route *route, const char *status, const char *description, const char *schema)
{
	append_member(out, status);
	appendStringInfo(out, "{\"description\":\"%s\",\"headers\":{", description);
	if (has_etag(route))
		append_header(out, "ETag");
	if (strcmp(status, "201") == 0)
		append_header(out, "Location");
	if (schema && strstr(schema, "Page"))
		append_header(out, "Link");
	appendStringInfoChar(out, '}');
	if (schema)
		appendStringInfo(out, ",\"content\":{\"application/json\":{\"schema\":" REF("%s") "}}", schema);
	appendStringInfoChar(out, '}');
}

static void
append_responses(StringInfo out, const Route *route)
{
	append_member(out, "responses");
	appendStringInfoChar(out, '{');
	append_response(out, route, psprintf("%d", route->status), "Done", route->response);
	if (strcmp(route->method, "PUT") == 0)
		append_response(out, route, "201", "Created", route->response);
	if (gives_etag(route))
		append_response(out, route, "304", "The client has this version", NULL);
	append_member(out, "default");
	appendStringInfoString(out, "{\"$ref\":\"#/components/responses/Problem\"}}");
}

static void
append_operation(StringInfo out, const Route *route)
{
	char *method = pstrdup(route->method);

	for (char *c = method; *c; c++)
		*c = pg_tolower((unsigned char) *c);
	append_member(out, method);
	appendStringInfo(out, "{\"operationId\":\"%s\",\"summary\":\"%s\"", route->operation, route->summary);
	if (route->function == NULL)
		appendStringInfoString(out, ",\"security\":[]");
	append_parameters(out, route);
	if (route->request)
		append_body(out, route);
	append_responses(out, route);
	appendStringInfoChar(out, '}');
}

/* Each path, with the operations of all its methods. */
static void
append_paths(StringInfo out)
{
	append_member(out, "paths");
	appendStringInfoChar(out, '{');
	for (int i = 0; i < nroutes; i++)
	{
		bool seen = false;

		for (int j = 0; j < i; j++)
			seen |= strcmp(routes[j].pattern, routes[i].pattern) == 0;
		if (seen)
			continue;
		append_member(out, routes[i].pattern);
		appendStringInfoChar(out, '{');
		for (int j = i; j < nroutes; j++)
			if (strcmp(routes[j].pattern, routes[i].pattern) == 0)
				append_operation(out, &routes[j]);
		appendStringInfoChar(out, '}');
	}
	appendStringInfoChar(out, '}');
}

/* The whole description; needs no tenant. */
Datum
openapi(void)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoString(&out,
						   "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Projects & Prospects\",\"version\":\"1\","
						   "\"description\":\"Real-estate transactions and the investors in their sales pipelines\"},"
						   "\"servers\":[{\"url\":\"" BASE_PATH "\"}],\"security\":[{\"bearer\":[]}]");
	append_paths(&out);
	append_components(&out);
	appendStringInfoChar(&out, '}');
	return PointerGetDatum(cstring_to_text_with_len(out.data, out.len));
}
