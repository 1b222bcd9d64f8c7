/*
 * price_range.c
 *	  The type price_range: an interval of money, open to one side if a bound is
 *	  absent, kept exactly and as it was written.
 */
#include "postgres.h"

#include "base/json_c.h"

#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"

#include "types/types.h"

/* What a text or a JSON object is read into. */
typedef struct RangeInput
{
	MoneyUnit unit; /* first, for its setters */
	uint64 min;
	uint64 max;
	bool has_min;
	bool has_max;
} RangeInput;

/* The widest bounds, which stay if one can't be read: nothing more is wrong then. */
#define RANGE_INPUT_INIT {.min = 0, .max = PG_UINT64_MAX}

static void
set_min(json_object *value, const Path *path, void *target, Problems *problems)
{
	RangeInput *input = target;

	input->has_min = value != NULL;
	if (value)
		decimal_set(value, path, &input->unit, &input->min, problems);
}

static void
set_max(json_object *value, const Path *path, void *target, Problems *problems)
{
	RangeInput *input = target;

	input->has_max = value != NULL;
	if (value)
		decimal_set(value, path, &input->unit, &input->max, problems);
}

static const Field range_fields[] = {{"min", FIELD_NULLABLE, set_min, NULL},
									 {"max", FIELD_NULLABLE, set_max, NULL},
									 {"currency", FIELD_REQUIRED, unit_set_currency, NULL},
									 {"scale", FIELD_NULLABLE, unit_set_scale, NULL},
									 {NULL, 0, NULL, NULL}};

/* What must hold between the bounds (doc/decisions.md, "Values": Price range). */
static void
check_bounds(const RangeInput *input, const Path *path, Problems *problems)
{
	Path min_path = {path, "min", 0};

	if (!input->has_min && !input->has_max)
		problem_add(problems, path, "must have min, max or both");
	if (input->min > input->max)
		problem_add(problems, &min_path, "must not be greater than max");
}

/* Read an object, and check what must hold between the bounds. */
static void
read_object(json_object *value, const Path *path, RangeInput *input, Problems *problems)
{
	decode_object(value, path, range_fields, false, input, problems);
	if (json_object_is_type(value, json_type_object))
		check_bounds(input, path, problems);
}

static void
make_range(const RangeInput *input, PriceRange *range)
{
	memset(range, 0, sizeof(PriceRange));
	range->min = input->min;
	range->max = input->has_max ? input->max : 0;
	memcpy(range->currency, input->unit.currency, sizeof(range->currency));
	range->scale = input->unit.scale;
	range->has_min = input->has_min;
	range->has_max = input->has_max;
}

/* Decode a request's price range object; false with problems. */
bool
price_range_decode(json_object *value, const Path *path, bool active_only, PriceRange *range, Problems *problems)
{
	int before = list_length(problems->list);
	RangeInput input = RANGE_INPUT_INIT;

	input.unit.active_only = active_only;
	read_object(value, path, &input, problems);
	if (list_length(problems->list) > before)
		return false;
	make_range(&input, range);
	return true;
}

/* Read a bound, if there is a word for it. */
static bool
read_bound(const char *word, const char *name, MoneyUnit *unit, uint64 *bound, Problems *problems)
{
	Path path = {NULL, name, 0};

	if (word)
		decimal_read(word, &path, unit, bound, problems);
	return word != NULL;
}

/* Read "100..200 millions SEK". */
static void
read_text(const char *text, RangeInput *input, Problems *problems)
{
	char *copy = pstrdup(text);
	char *dots = strstr(copy, "..");
	char *min = NULL;
	char *words[3];
	int nwords;
	int nmax;

	if (dots)
		memset(dots, 0, strlen(".."));
	nwords = dots ? split_words(dots + strlen(".."), words, lengthof(words)) : 0;
	nmax = nwords > 0 && !isalpha((unsigned char) *words[0]) ? 1 : 0;
	if (nwords - nmax < 1 || nwords - nmax > 2 || split_words(copy, &min, 1) > 1)
	{
		problem_add(problems, NULL, "must be min..max, a scale unless it is none, and a currency");
		return;
	}
	input->has_min = read_bound(min, "min", &input->unit, &input->min, problems);
	input->has_max = read_bound(nmax ? words[0] : NULL, "max", &input->unit, &input->max, problems);
	unit_read(words + nmax, nwords - nmax, &input->unit, problems);
	check_bounds(input, NULL, problems);
}

/* The range that a text or JSON object is, or NULL with a soft or hard error 22P02 or 22003. */
static PriceRange *
range_parse(const char *text, Node *escontext)
{
	RangeInput input = RANGE_INPUT_INIT;
	Problems problems = {NIL};
	json_object *tree;
	PriceRange *range;

	if (!is_object_text(text))
		read_text(text, &input, &problems);
	else if (flat_tree(text, &problems, &tree))
		read_object(tree, NULL, &input, &problems);
	if (problems.list != NIL)
	{
		input_error(escontext, input.unit.out_of_range, "price_range", text, &problems,
					money_hint("100..200 millions SEK, 100.. millions SEK, ..200 millions SEK, or {\"min\": 100, "
							   "\"max\": 200, \"currency\": \"SEK\", \"scale\": \"millions\"}"));
		return NULL;
	}
	range = palloc(sizeof(PriceRange));
	make_range(&input, range);
	return range;
}

/* Append a range as a JSON object: absent bounds are left out, the scale is always there. */
void
append_price_range(StringInfo out, const PriceRange *range)
{
	appendStringInfoChar(out, '{');
	if (range->has_min)
	{
		appendStringInfoString(out, "\"min\":");
		append_decimal(out, range->min);
		appendStringInfoChar(out, ',');
	}
	if (range->has_max)
	{
		appendStringInfoString(out, "\"max\":");
		append_decimal(out, range->max);
		appendStringInfoChar(out, ',');
	}
	append_unit_members(out, range->currency, range->scale);
}

/* ---- input and output ---- */

PG_FUNCTION_INFO_V1(price_range_in);

/* price_range_in(cstring) price_range: 100..200 millions SEK, or a JSON object; soft 22P02, 22003 */
Datum
price_range_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(range_parse(PG_GETARG_CSTRING(0), INPUT_ESCONTEXT(fcinfo)));
}

PG_FUNCTION_INFO_V1(price_range_out);

/* price_range_out(price_range) cstring: 100..200 millions SEK */
Datum
price_range_out(PG_FUNCTION_ARGS)
{
	PriceRange *range = PG_GETARG_PRICE_RANGE(0);
	StringInfoData text;

	initStringInfo(&text);
	if (range->has_min)
		append_decimal(&text, range->min);
	appendStringInfoString(&text, "..");
	if (range->has_max)
		append_decimal(&text, range->max);
	append_unit(&text, range->currency, range->scale);
	PG_RETURN_CSTRING(text.data);
}

#define HAS_MIN 0x01
#define HAS_MAX 0x02

PG_FUNCTION_INFO_V1(price_range_recv);

/* price_range_recv(internal) price_range: which bounds, bounds, currency, scale; 22P03 */
Datum
price_range_recv(PG_FUNCTION_ARGS)
{
	StringInfo message = (StringInfo) PG_GETARG_POINTER(0);
	PriceRange *range = palloc0(sizeof(PriceRange));
	int bounds = pq_getmsgbyte(message);
	int scale;

	if (bounds == 0 || (bounds & ~(HAS_MIN | HAS_MAX)) != 0)
		money_recv_error("price_range", "The bounds are none of 1 (min), 2 (max), 3 (both).");
	range->has_min = (bounds & HAS_MIN) != 0;
	range->has_max = (bounds & HAS_MAX) != 0;
	if (range->has_min)
		range->min = decimal_recv(message, "price_range");
	if (range->has_max)
		range->max = decimal_recv(message, "price_range");
	if (range->has_min && range->has_max && range->min > range->max)
		money_recv_error("price_range", "The min is greater than the max.");
	unit_recv(message, "price_range", range->currency, &scale);
	range->scale = scale;
	PG_RETURN_POINTER(range);
}

PG_FUNCTION_INFO_V1(price_range_send);

/* price_range_send(price_range) bytea */
Datum
price_range_send(PG_FUNCTION_ARGS)
{
	PriceRange *range = PG_GETARG_PRICE_RANGE(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendbyte(&message, (range->has_min ? HAS_MIN : 0) | (range->has_max ? HAS_MAX : 0));
	if (range->has_min)
		pq_sendint64(&message, range->min);
	if (range->has_max)
		pq_sendint64(&message, range->max);
	unit_send(&message, range->currency, range->scale);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

PG_FUNCTION_INFO_V1(price_range_to_json);

/* price_range_to_json(price_range) json: {"min":100,"max":200,"currency":"SEK","scale":"millions"} */
Datum
price_range_to_json(PG_FUNCTION_ARGS)
{
	StringInfoData json;

	initStringInfo(&json);
	append_price_range(&json, PG_GETARG_PRICE_RANGE(0));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(json.data, json.len));
}

PG_FUNCTION_INFO_V1(price_range_from_json);

/* price_range_from_json(json) price_range; 22P02, 22003 */
Datum
price_range_from_json(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(range_parse(text_to_cstring(PG_GETARG_TEXT_PP(0)), NULL));
}

/* ---- parts ---- */

static Price *
bound_price(const PriceRange *range, uint64 bound)
{
	Price *price = palloc(sizeof(Price));

	price->value = bound;
	memcpy(price->currency, range->currency, sizeof(price->currency));
	price->scale = range->scale;
	return price;
}

PG_FUNCTION_INFO_V1(price_range_lower);

/* lower(price_range) price: the min, or null */
Datum
price_range_lower(PG_FUNCTION_ARGS)
{
	PriceRange *range = PG_GETARG_PRICE_RANGE(0);

	if (!range->has_min)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(bound_price(range, range->min));
}

PG_FUNCTION_INFO_V1(price_range_upper);

/* upper(price_range) price: the max, or null */
Datum
price_range_upper(PG_FUNCTION_ARGS)
{
	PriceRange *range = PG_GETARG_PRICE_RANGE(0);

	if (!range->has_max)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(bound_price(range, range->max));
}

/* ---- comparison ---- */

/* Bounds as amounts; prices are never negative, so that an absent min is the same as 0 to most. */
static uint128
lower_amount(const PriceRange *range)
{
	return money_amount(range->min, range->scale);
}

static uint128
upper_amount(const PriceRange *range)
{
	return range->has_max ? money_amount(range->max, range->scale) : ~(uint128) 0;
}

static int
compare_amounts(uint128 a, uint128 b)
{
	return (a > b) - (a < b);
}

/* By currency, then min (absent first), then max (absent last) */
static int
compare(const PriceRange *a, const PriceRange *b)
{
	int order = strcmp(a->currency, b->currency);

	if (order == 0)
		order = a->has_min - b->has_min;
	if (order == 0)
		order = compare_amounts(lower_amount(a), lower_amount(b));
	return order ? order : compare_amounts(upper_amount(a), upper_amount(b));
}

#define COMPARISON(name, sign) \
	PG_FUNCTION_INFO_V1(name); \
\
	Datum name(PG_FUNCTION_ARGS) \
	{ \
		PG_RETURN_BOOL(compare(PG_GETARG_PRICE_RANGE(0), PG_GETARG_PRICE_RANGE(1)) sign 0); \
	}

COMPARISON(price_range_lt, <)
COMPARISON(price_range_le, <=)
COMPARISON(price_range_eq, ==)
COMPARISON(price_range_ne, !=)
COMPARISON(price_range_ge, >=)
COMPARISON(price_range_gt, >)

PG_FUNCTION_INFO_V1(price_range_cmp);

/* price_range_cmp(price_range, price_range) integer, for btree */
Datum
price_range_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare(PG_GETARG_PRICE_RANGE(0), PG_GETARG_PRICE_RANGE(1)));
}

/* The same bytes for equal ranges, to be hashed. */
typedef struct RangeKey
{
	uint128 bounds[2];
	char currency[4];
	uint8 has_min;
	uint8 padding[11];
} RangeKey;

static RangeKey
make_key(const PriceRange *range)
{
	RangeKey key = {.bounds = {lower_amount(range), upper_amount(range)}, .has_min = range->has_min};

	memcpy(key.currency, range->currency, sizeof(key.currency));
	return key;
}

PG_FUNCTION_INFO_V1(price_range_hash);

/* price_range_hash(price_range) integer */
Datum
price_range_hash(PG_FUNCTION_ARGS)
{
	RangeKey key = make_key(PG_GETARG_PRICE_RANGE(0));

	return hash_any((unsigned char *) &key, sizeof(key));
}

PG_FUNCTION_INFO_V1(price_range_hash_extended);

/* price_range_hash_extended(price_range, bigint) bigint */
Datum
price_range_hash_extended(PG_FUNCTION_ARGS)
{
	RangeKey key = make_key(PG_GETARG_PRICE_RANGE(0));

	return hash_any_extended((unsigned char *) &key, sizeof(key), PG_GETARG_INT64(1));
}

/* ---- containment and overlap ---- */

static bool
contains(const PriceRange *range, const Price *price)
{
	uint128 amount = money_amount(price->value, price->scale);

	return strcmp(range->currency, price->currency) == 0 && lower_amount(range) <= amount &&
		   amount <= upper_amount(range);
}

/*
 * Do a budget and a project's price range have an amount in common?  Bounds are
 * part of a range; ranges in different currencies have nothing in common.
 */
static bool
price_range_matches(const PriceRange *budget, const PriceRange *range)
{
	return strcmp(budget->currency, range->currency) == 0 && lower_amount(budget) <= upper_amount(range) &&
		   lower_amount(range) <= upper_amount(budget);
}

PG_FUNCTION_INFO_V1(price_range_contains);

/* price_range @> price */
Datum
price_range_contains(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(contains(PG_GETARG_PRICE_RANGE(0), PG_GETARG_PRICE(1)));
}

PG_FUNCTION_INFO_V1(price_contained);

/* price <@ price_range */
Datum
price_contained(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(contains(PG_GETARG_PRICE_RANGE(1), PG_GETARG_PRICE(0)));
}

PG_FUNCTION_INFO_V1(price_range_overlaps);

/* price_range && price_range */
Datum
price_range_overlaps(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(price_range_matches(PG_GETARG_PRICE_RANGE(0), PG_GETARG_PRICE_RANGE(1)));
}
