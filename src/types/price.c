/*
 * price.c
 *	  The type price: an amount of money with a currency and a scale, kept exactly
 *	  and as it was written.  Prices compare by currency, then by amount.
 */
#include "postgres.h"

#include "base/json_c.h"

#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "types/types.h"

/* What a text or a JSON object is read into. */
typedef struct PriceInput
{
	MoneyUnit unit; /* first, for its setters */
	uint64 value;
} PriceInput;

static void
set_value(json_object *value, const Path *path, void *target, Problems *problems)
{
	PriceInput *input = target;

	decimal_set(value, path, &input->unit, &input->value, problems);
}

static const Field price_fields[] = {{"value", FIELD_REQUIRED, set_value, NULL},
									 {"currency", FIELD_REQUIRED, unit_set_currency, NULL},
									 {"scale", FIELD_NULLABLE, unit_set_scale, NULL},
									 {NULL, 0, NULL, NULL}};

static void
make_price(const PriceInput *input, Price *price)
{
	price->value = input->value;
	memcpy(price->currency, input->unit.currency, sizeof(price->currency));
	price->scale = input->unit.scale;
}

/* Decode a request's price object; false with problems. */
bool
price_decode(json_object *value, const Path *path, bool active_only, Price *price, Problems *problems)
{
	int before = list_length(problems->list);
	PriceInput input = {.unit.active_only = active_only};

	decode_object(value, path, price_fields, false, &input, problems);
	if (list_length(problems->list) > before)
		return false;
	make_price(&input, price);
	return true;
}

/* Read "150 millions SEK". */
static void
read_price(const char *text, PriceInput *input, Problems *problems)
{
	Path value_path = {NULL, "value", 0};
	char *words[3];
	int nwords = split_words(pstrdup(text), words, lengthof(words));

	if (nwords < 2 || nwords > 3)
	{
		problem_add(problems, NULL, "must be a number, a scale unless it is none, and a currency");
		return;
	}
	decimal_read(words[0], &value_path, &input->unit, &input->value, problems);
	unit_read(words + 1, nwords - 1, &input->unit, problems);
}

/* The price that a text or JSON object is, or NULL with a soft or hard error 22P02 or 22003. */
static Price *
price_parse(const char *text, Node *escontext)
{
	PriceInput input = {.unit.active_only = false};
	Problems problems = {NIL};
	json_object *tree;
	Price *price;

	if (!is_object_text(text))
		read_price(text, &input, &problems);
	else if (flat_tree(text, &problems, &tree))
		decode_object(tree, NULL, price_fields, false, &input, &problems);
	if (problems.list != NIL)
	{
		input_error(
			escontext, input.unit.out_of_range, "price", text, &problems,
			money_hint("150 millions SEK, or {\"value\": 150, \"currency\": \"SEK\", \"scale\": \"millions\"}"));
		return NULL;
	}
	price = palloc(sizeof(Price));
	make_price(&input, price);
	return price;
}

/* Append a price as a JSON object; the scale is always there. */
void
append_price(StringInfo out, const Price *price)
{
	appendStringInfoString(out, "{\"value\":");
	append_decimal(out, price->value);
	appendStringInfoChar(out, ',');
	append_unit_members(out, price->currency, price->scale);
}

/* ---- input and output ---- */

PG_FUNCTION_INFO_V1(price_in);

/* price_in(cstring) price: 150 millions SEK, or a JSON object; soft 22P02, 22003 */
Datum
price_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(price_parse(PG_GETARG_CSTRING(0), INPUT_ESCONTEXT(fcinfo)));
}

PG_FUNCTION_INFO_V1(price_out);

/* price_out(price) cstring: 150 millions SEK */
Datum
price_out(PG_FUNCTION_ARGS)
{
	Price *price = PG_GETARG_PRICE(0);
	StringInfoData text;

	initStringInfo(&text);
	append_decimal(&text, price->value);
	append_unit(&text, price->currency, price->scale);
	PG_RETURN_CSTRING(text.data);
}

PG_FUNCTION_INFO_V1(price_recv);

/* price_recv(internal) price: value, currency, scale; 22P03 */
Datum
price_recv(PG_FUNCTION_ARGS)
{
	StringInfo message = (StringInfo) PG_GETARG_POINTER(0);
	Price *price = palloc(sizeof(Price));

	price->value = decimal_recv(message, "price");
	unit_recv(message, "price", price->currency, &price->scale);
	PG_RETURN_POINTER(price);
}

PG_FUNCTION_INFO_V1(price_send);

/* price_send(price) bytea */
Datum
price_send(PG_FUNCTION_ARGS)
{
	Price *price = PG_GETARG_PRICE(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendint64(&message, price->value);
	unit_send(&message, price->currency, price->scale);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

PG_FUNCTION_INFO_V1(price_to_json);

/* price_to_json(price) json: {"value":150,"currency":"SEK","scale":"millions"} */
Datum
price_to_json(PG_FUNCTION_ARGS)
{
	StringInfoData json;

	initStringInfo(&json);
	append_price(&json, PG_GETARG_PRICE(0));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(json.data, json.len));
}

PG_FUNCTION_INFO_V1(price_from_json);

/* price_from_json(json) price; 22P02, 22003 */
Datum
price_from_json(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(price_parse(text_to_cstring(PG_GETARG_TEXT_PP(0)), NULL));
}

/* ---- parts ---- */

PG_FUNCTION_INFO_V1(price_amount);

/* amount(price) numeric: value times scale, without trailing zeros */
Datum
price_amount(PG_FUNCTION_ARGS)
{
	Price *price = PG_GETARG_PRICE(0);
	char *text = psprintf(UINT64_FORMAT "e%d", price->value, 3 * price->scale - 4);
	Datum numeric =
		DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));

	PG_RETURN_DATUM(DirectFunctionCall1(numeric_trim_scale, numeric));
}

PG_FUNCTION_INFO_V1(price_currency);

/* currency(price) text */
Datum
price_currency(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(PG_GETARG_PRICE(0)->currency));
}

PG_FUNCTION_INFO_V1(price_scale);

/* scale(price) text */
Datum
price_scale(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(scale_name(PG_GETARG_PRICE(0)->scale)));
}

/* ---- comparison ---- */

static uint128
amount(const Price *price)
{
	return money_amount(price->value, price->scale);
}

static int
compare(const Price *a, const Price *b)
{
	int order = strcmp(a->currency, b->currency);

	return order ? order : (amount(a) > amount(b)) - (amount(a) < amount(b));
}

#define COMPARISON(name, sign) \
	PG_FUNCTION_INFO_V1(name); \
\
	Datum name(PG_FUNCTION_ARGS) \
	{ \
		PG_RETURN_BOOL(compare(PG_GETARG_PRICE(0), PG_GETARG_PRICE(1)) sign 0); \
	}

COMPARISON(price_lt, <)
COMPARISON(price_le, <=)
COMPARISON(price_eq, ==)
COMPARISON(price_ne, !=)
COMPARISON(price_ge, >=)
COMPARISON(price_gt, >)

PG_FUNCTION_INFO_V1(price_cmp);

/* price_cmp(price, price) integer, for btree */
Datum
price_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare(PG_GETARG_PRICE(0), PG_GETARG_PRICE(1)));
}

/* The same bytes for equal prices, to be hashed. */
typedef struct PriceKey
{
	uint128 amount;
	char currency[4];
	char padding[12];
} PriceKey;

static PriceKey
make_key(const Price *price)
{
	PriceKey key = {.amount = amount(price)};

	memcpy(key.currency, price->currency, sizeof(key.currency));
	return key;
}

PG_FUNCTION_INFO_V1(price_hash);

/* price_hash(price) integer */
Datum
price_hash(PG_FUNCTION_ARGS)
{
	PriceKey key = make_key(PG_GETARG_PRICE(0));

	return hash_any((unsigned char *) &key, sizeof(key));
}

PG_FUNCTION_INFO_V1(price_hash_extended);

/* price_hash_extended(price, bigint) bigint */
Datum
price_hash_extended(PG_FUNCTION_ARGS)
{
	PriceKey key = make_key(PG_GETARG_PRICE(0));

	return hash_any_extended((unsigned char *) &key, sizeof(key), PG_GETARG_INT64(1));
}

PG_FUNCTION_INFO_V1(price_smaller);

/* price_smaller(price, price) price, for min() */
Datum
price_smaller(PG_FUNCTION_ARGS)
{
	Price *a = PG_GETARG_PRICE(0);
	Price *b = PG_GETARG_PRICE(1);

	PG_RETURN_POINTER(compare(a, b) <= 0 ? a : b);
}

PG_FUNCTION_INFO_V1(price_larger);

/* price_larger(price, price) price, for max() */
Datum
price_larger(PG_FUNCTION_ARGS)
{
	Price *a = PG_GETARG_PRICE(0);
	Price *b = PG_GETARG_PRICE(1);

	PG_RETURN_POINTER(compare(a, b) >= 0 ? a : b);
}

/* ---- addition ---- */

/*
 * A sum under way.  It holds the sum of any number of prices, so that it doesn't
 * depend on their order whether the sum succeeds.
 */
typedef struct Total
{
	uint128 amount;
	char currency[4];
	int scale; /* the finest */
} Total;

static Total
total_of(const Price *price)
{
	Total total = {.amount = amount(price), .scale = price->scale};

	memcpy(total.currency, price->currency, sizeof(total.currency));
	return total;
}

static void
out_of_range(void)
{
	ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("sum of prices out of range"),
					errdetail("No scale can hold the sum exactly with up to 15 integer and 4 fractional digits."),
					errhint("Sum amount(price) instead.")));
}

static void
add(Total *total, const Total *other)
{
	int order = strcmp(total->currency, other->currency);

	if (order != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot add prices in different currencies: %s and %s",
						order < 0 ? total->currency : other->currency, order < 0 ? other->currency : total->currency),
				 errhint("Group the prices by currency(price).")));
	total->amount += other->amount;
	if (total->amount < other->amount)
		out_of_range();
	total->scale = Min(total->scale, other->scale);
}

/* In the finest scale of the prices, else the coarsest that is exact. */
static Price *
total_price(const Total *total)
{
	Price *price = palloc(sizeof(Price));

	memcpy(price->currency, total->currency, sizeof(price->currency));
	price->scale = total->scale;
	if (money_decimal(total->amount, price->scale, &price->value))
		return price;
	for (price->scale = SCALE_BILLIONS; price->scale > total->scale; price->scale--)
		if (money_decimal(total->amount, price->scale, &price->value))
			return price;
	out_of_range();
	return NULL;
}

PG_FUNCTION_INFO_V1(price_pl);

/* price + price; 22023 for different currencies, 22003 */
Datum
price_pl(PG_FUNCTION_ARGS)
{
	Total total = total_of(PG_GETARG_PRICE(0));
	Total other = total_of(PG_GETARG_PRICE(1));

	add(&total, &other);
	PG_RETURN_POINTER(total_price(&total));
}

/* Add to the state of an aggregate, which may be NULL still. */
static Total *
add_to_state(FunctionCallInfo fcinfo, Total *state, const Total *total)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "called outside of an aggregate");
	if (state == NULL)
	{
		state = MemoryContextAlloc(context, sizeof(Total));
		*state = *total;
	}
	else
		add(state, total);
	return state;
}

/* The state that an argument is, or NULL; its type is internal. */
static Total *
state_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : (Total *) PG_GETARG_POINTER(n);
}

/* States are SQL's internal, where a NULL pointer has to be a null. */
static Datum
return_state(FunctionCallInfo fcinfo, Total *state)
{
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(price_sum_transition);

/* price_sum_transition(internal, price) internal, for sum() */
Datum
price_sum_transition(PG_FUNCTION_ARGS)
{
	Total *state = state_argument(fcinfo, 0);
	Total total;

	if (PG_ARGISNULL(1))
		return return_state(fcinfo, state);
	total = total_of(PG_GETARG_PRICE(1));
	return return_state(fcinfo, add_to_state(fcinfo, state, &total));
}

PG_FUNCTION_INFO_V1(price_sum_combine);

/* price_sum_combine(internal, internal) internal, for sum() in parallel */
Datum
price_sum_combine(PG_FUNCTION_ARGS)
{
	Total *state = state_argument(fcinfo, 0);
	Total *other = state_argument(fcinfo, 1);

	if (other == NULL)
		return return_state(fcinfo, state);
	return return_state(fcinfo, add_to_state(fcinfo, state, other));
}

PG_FUNCTION_INFO_V1(price_sum_serialize);

/* price_sum_serialize(internal) bytea: from a parallel worker of this server */
Datum
price_sum_serialize(PG_FUNCTION_ARGS)
{
	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "called outside of an aggregate");
	PG_RETURN_BYTEA_P(cstring_to_text_with_len(PG_GETARG_POINTER(0), sizeof(Total)));
}

PG_FUNCTION_INFO_V1(price_sum_deserialize);

/* price_sum_deserialize(bytea, internal) internal */
Datum
price_sum_deserialize(PG_FUNCTION_ARGS)
{
	Total *total = palloc(sizeof(Total));
	bytea *bytes;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "called outside of an aggregate");
	bytes = PG_GETARG_BYTEA_PP(0);
	memcpy(total, VARDATA_ANY(bytes), sizeof(Total));
	PG_RETURN_POINTER(total);
}

PG_FUNCTION_INFO_V1(price_sum_final);

/* price_sum_final(internal) price; 22003 */
Datum
price_sum_final(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(total_price((Total *) PG_GETARG_POINTER(0)));
}
