/*
 * json_c.h
 *	  json-c beside PostgreSQL: both declare a json_object.  To be included right
 *	  after postgres.h.
 */
#ifndef PROPSTREET_JSON_C_H
#define PROPSTREET_JSON_C_H

#define json_object pg_json_object
#include "utils/fmgrprotos.h"
#undef json_object
#include <json-c/json.h>

#endif /* PROPSTREET_JSON_C_H */
