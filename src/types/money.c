/*
 * money.c
 *	  What prices and price ranges are made of: exact decimals of up to 15 integer
 *	  and 4 fractional digits, currencies of ISO 4217, and scales.
 */
#include "postgres.h"

#include "base/json_c.h"

#include "libpq/pqformat.h"
#include "parser/scansup.h"
#include "utils/builtins.h"

#include "types/types.h"

#ifndef HAVE_INT128
#error "propstreet needs a compiler with 128-bit integers"
#endif

#define INTEGER_DIGITS 15
#define FRACTION_DIGITS 4
#define DECIMAL_MAX UINT64CONST(9999999999999999999)
#define DIGITS "0123456789"

typedef struct Currency
{
	const char *code;
	const char *withdrawn; /* when, or NULL: active */
} Currency;

#include "types/currencies.h"

static const char *const scale_names[] = {"none", "thousands", "millions", "billions"};
static const uint64 scale_factors[] = {1, 1000, 1000000, 1000000000};

/* ---- decimals ---- */

/* A number in JSON's grammar, taken apart. */
typedef struct Number
{
	bool negative;
	const char *integer; /* digits */
	int ninteger;
	const char *fraction; /* digits */
	int nfraction;
	int64 exponent;
} Number;

static bool
scan_digits(const char **c, const char **digits, int *count)
{
	*digits = *c;
	*count = strspn(*c, DIGITS);
	*c += *count;
	return *count > 0;
}

/* An exponent, if there is one; a huge one stays huge. */
static bool
scan_exponent(const char **c, int64 *exponent)
{
	const char *digits;
	int count;
	bool negative;

	*exponent = 0;
	if (**c != 'e' && **c != 'E')
		return true;
	(*c)++;
	negative = **c == '-';
	if (**c == '-' || **c == '+')
		(*c)++;
	if (!scan_digits(c, &digits, &count))
		return false;
	for (int i = 0; i < count && *exponent < PG_INT32_MAX; i++)
		*exponent = *exponent * 10 + digits[i] - '0';
	if (negative)
		*exponent = -*exponent;
	return true;
}

static bool
scan_number(const char *text, Number *number)
{
	const char *c = text;

	memset(number, 0, sizeof(Number));
	number->negative = *c == '-';
	if (number->negative)
		c++;
	if (!scan_digits(&c, &number->integer, &number->ninteger) || (number->integer[0] == '0' && number->ninteger > 1))
		return false;
	if (*c == '.')
	{
		c++;
		if (!scan_digits(&c, &number->fraction, &number->nfraction))
			return false;
	}
	return scan_exponent(&c, &number->exponent) && *c == '\0';
}

/* The value in 1/10000, exactly; false if it has more digits than we keep. */
static bool
number_value(const Number *number, uint64 *value)
{
	*value = 0;
	for (int i = 0; i < number->ninteger + number->nfraction; i++)
	{
		uint64 digit = (i < number->ninteger ? number->integer[i] : number->fraction[i - number->ninteger]) - '0';
		int64 position = number->ninteger - 1 - i + number->exponent;

		if (digit == 0)
			continue;
		if (position >= INTEGER_DIGITS || position < -FRACTION_DIGITS)
			return false;
		for (; position > -FRACTION_DIGITS; position--)
			digit *= 10;
		*value += digit;
	}
	return true;
}

/* Read a decimal in JSON's grammar, where -0 is 0, or add a problem (doc/decisions.md, "Values": Price). */
void
decimal_read(const char *text, const Path *path, MoneyUnit *unit, uint64 *decimal, Problems *problems)
{
	Number number;
	uint64 value;
	bool fits;

	if (!scan_number(text, &number))
	{
		problem_add(problems, path, "must be a decimal number, not %s", quoted(text));
		return;
	}
	fits = number_value(&number, &value);
	if (number.negative && (!fits || value > 0))
	{
		problem_add(problems, path, "must not be negative");
		unit->out_of_range = true;
	}
	else if (!fits)
	{
		problem_add(problems, path, "must have at most %d integer and %d fractional digits", INTEGER_DIGITS,
					FRACTION_DIGITS);
		unit->out_of_range = true;
	}
	else
		*decimal = value;
}

/* Set a decimal from JSON, or add a problem. */
void
decimal_set(json_object *value, const Path *path, MoneyUnit *unit, uint64 *decimal, Problems *problems)
{
	const char *number = json_number(value, path, problems);

	if (number)
		decimal_read(number, path, unit, decimal, problems);
}

/* Append a decimal, without exponent and without trailing zeros. */
void
append_decimal(StringInfo out, uint64 decimal)
{
	uint64 fraction = decimal % DECIMAL_ONE;
	char digits[MAXINT8LEN + 1];

	appendBinaryStringInfo(out, digits, pg_ulltoa_n(decimal / DECIMAL_ONE, digits));
	if (fraction == 0)
		return;
	appendStringInfo(out, ".%0*d", FRACTION_DIGITS, (int) fraction);
	while (out->data[out->len - 1] == '0')
		out->data[--out->len] = '\0';
}

/* ---- currencies ---- */

static int
compare_code(const void *code, const void *currency)
{
	return strcmp(code, ((const Currency *) currency)->code);
}

static const Currency *
find_currency(const char *code)
{
	return bsearch(code, currencies, lengthof(currencies), sizeof(Currency), compare_code);
}

/* What ISO 4217 says of a code (doc/decisions.md, "Values": Price). */
CurrencyStatus
currency_status(const char *code)
{
	const Currency *currency = find_currency(code);

	return currency == NULL ? CURRENCY_UNKNOWN : currency->withdrawn ? CURRENCY_WITHDRAWN : CURRENCY_ACTIVE;
}

/* When a code was withdrawn: mostly a month, "2023-01".  NULL if it was not. */
static const char *
currency_withdrawn(const char *code)
{
	const Currency *currency = find_currency(code);

	return currency ? currency->withdrawn : NULL;
}

/* The hint for values that can't be read. */
const char *
money_hint(const char *examples)
{
	return psprintf("Write %s. Currencies are the codes of ISO 4217 as of " CURRENCIES_AS_OF ".", examples);
}

static void
read_currency(const char *code, const Path *path, MoneyUnit *unit, Problems *problems)
{
	CurrencyStatus status = currency_status(code);

	if (status == CURRENCY_UNKNOWN)
		problem_add(problems, path,
					"must be a currency code of ISO 4217 (as of " CURRENCIES_AS_OF ") in upper case, not %s",
					quoted(code));
	else if (status == CURRENCY_WITHDRAWN && unit->active_only)
		problem_add(problems, path, "must be an active currency code of ISO 4217; %s was withdrawn in %s", code,
					currency_withdrawn(code));
	else
		strlcpy(unit->currency, code, sizeof(unit->currency));
}

/* Set the currency of a MoneyUnit from JSON, or add a problem. */
void
unit_set_currency(json_object *value, const Path *path, void *target, Problems *problems)
{
	const char *code = json_string(value, path, problems);

	if (code)
		read_currency(code, path, target, problems);
}

/* ---- scales ---- */

/* The name of a scale */
const char *
scale_name(int scale)
{
	if (scale < SCALE_NONE || scale > SCALE_BILLIONS)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("invalid scale of a price: %d", scale)));
	return scale_names[scale];
}

static void
read_scale(const char *name, const Path *path, MoneyUnit *unit, Problems *problems)
{
	for (int scale = SCALE_NONE; scale <= SCALE_BILLIONS; scale++)
		if (strcmp(name, scale_names[scale]) == 0)
		{
			unit->scale = scale;
			return;
		}
	problem_add(problems, path, "must be none, thousands, millions or billions, not %s", quoted(name));
}

/* Set the scale of a MoneyUnit from JSON, where null is none, or add a problem. */
void
unit_set_scale(json_object *value, const Path *path, void *target, Problems *problems)
{
	const char *name = value ? json_string(value, path, problems) : scale_names[SCALE_NONE];

	if (name)
		read_scale(name, path, target, problems);
}

/* An amount of money in 1/10000 of the currency */
uint128
money_amount(uint64 decimal, int scale)
{
	return (uint128) decimal * scale_factors[scale];
}

/* The decimal that is an amount in a scale, exactly; false if there is none. */
bool
money_decimal(uint128 amount, int scale, uint64 *decimal)
{
	if (amount % scale_factors[scale] != 0 || amount / scale_factors[scale] > DECIMAL_MAX)
		return false;
	*decimal = amount / scale_factors[scale];
	return true;
}

/* ---- text and JSON ---- */

/* Cut a text at white space into words; returns their number, up to one more than max. */
int
split_words(char *text, char **words, int max)
{
	int nwords = 0;

	for (char *c = text; nwords <= max;)
	{
		while (scanner_isspace(*c))
			*c++ = '\0';
		if (*c == '\0')
			break;
		if (nwords < max)
			words[nwords] = c;
		nwords++;
		while (*c && !scanner_isspace(*c))
			c++;
	}
	return nwords;
}

/* Read the one or two words of a unit, [scale] currency, or add problems. */
void
unit_read(char **words, int nwords, MoneyUnit *unit, Problems *problems)
{
	Path scale_path = {NULL, "scale", 0};
	Path currency_path = {NULL, "currency", 0};

	if (nwords == 2)
		read_scale(words[0], &scale_path, unit, problems);
	read_currency(words[nwords - 1], &currency_path, unit, problems);
}

/* Append a unit as text: " millions SEK" */
void
append_unit(StringInfo out, const char *currency, int scale)
{
	if (scale != SCALE_NONE)
		appendStringInfo(out, " %s", scale_name(scale));
	appendStringInfo(out, " %.3s", currency);
}

/* Append a unit as the last members of a JSON object. */
void
append_unit_members(StringInfo out, const char *currency, int scale)
{
	appendStringInfoString(out, "\"currency\":\"");
	appendBinaryStringInfo(out, currency, strnlen(currency, 3));
	appendStringInfoString(out, "\",\"scale\":\"");
	appendStringInfoString(out, scale_name(scale));
	appendStringInfoString(out, "\"}");
}

/* Is a text meant to be a JSON object? */
bool
is_object_text(const char *text)
{
	while (scanner_isspace(*text))
		text++;
	return *text == '{';
}

/*
 * The tree of a JSON object whose members are scalars, or false with a problem.
 * Nesting is refused here: json_tree() raises an error for too much of it, where a
 * type's input function has to be able to report it softly.
 */
bool
flat_tree(const char *text, Problems *problems, json_object **tree)
{
	if (strpbrk(strchr(text, '{') + 1, "{["))
	{
		problem_add(problems, NULL, "must not have an object or array inside the object");
		return false;
	}
	return json_tree(text, strlen(text), problems, tree);
}

/* ---- binary ---- */

/* Raise what is wrong with a binary value, 22P03. */
void
money_recv_error(const char *type, const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("invalid binary value of type %s", type),
					errdetail_internal("%s", detail)));
}

/* Receive a decimal: 64 bits, in 1/10000. */
uint64
decimal_recv(StringInfo message, const char *type)
{
	uint64 decimal = pq_getmsgint64(message);

	if (decimal > DECIMAL_MAX)
		money_recv_error(type, "A decimal has more than 15 integer digits.");
	return decimal;
}

/* Receive a unit: the three letters of the currency, and the scale as a byte. */
void
unit_recv(StringInfo message, const char *type, char currency[4], int *scale)
{
	memcpy(currency, pq_getmsgbytes(message, 3), 3);
	currency[3] = '\0';
	if (currency_status(currency) == CURRENCY_UNKNOWN)
		money_recv_error(type, "The currency is no code of ISO 4217 (as of " CURRENCIES_AS_OF ").");
	*scale = pq_getmsgbyte(message);
	if (*scale > SCALE_BILLIONS)
		money_recv_error(type, "The scale is none of 0 (none), 1 (thousands), 2 (millions), 3 (billions).");
}

/* Send a unit. */
void
unit_send(StringInfo message, const char *currency, int scale)
{
	pq_sendbytes(message, currency, 3);
	pq_sendbyte(message, scale);
}
