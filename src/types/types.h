/*
 * types.h
 *	  The types' layout, and what they read and write: money, references, ETags, cursors.
 */
#ifndef PROPSTREET_TYPES_H
#define PROPSTREET_TYPES_H

#include "base/base.h"

/* ---- money.c: what prices and price ranges are made of ---- */

typedef enum PriceScale
{
	SCALE_NONE,
	SCALE_THOUSANDS,
	SCALE_MILLIONS,
	SCALE_BILLIONS
} PriceScale;

#define DECIMAL_ONE UINT64CONST(10000) /* four fractional digits */

typedef enum CurrencyStatus
{
	CURRENCY_UNKNOWN,
	CURRENCY_WITHDRAWN,
	CURRENCY_ACTIVE
} CurrencyStatus;

/* A unit of money as it is read */
typedef struct MoneyUnit
{
	bool active_only;  /* refuse withdrawn currencies */
	bool out_of_range; /* a decimal was */
	char currency[4];
	int scale; /* PriceScale */
} MoneyUnit;

extern CurrencyStatus currency_status(const char *code);
extern const char *scale_name(int scale);
extern uint128 money_amount(uint64 decimal, int scale);
extern bool money_decimal(uint128 amount, int scale, uint64 *decimal);

extern void decimal_read(const char *text, const Path *path, MoneyUnit *unit, uint64 *decimal, Problems *problems);
extern void decimal_set(struct json_object *value, const Path *path, MoneyUnit *unit, uint64 *decimal,
						Problems *problems);
extern void unit_read(char **words, int nwords, MoneyUnit *unit, Problems *problems);
extern void unit_set_currency(struct json_object *value, const Path *path, void *target, Problems *problems);
extern void unit_set_scale(struct json_object *value, const Path *path, void *target, Problems *problems);
extern int split_words(char *text, char **words, int max);
extern bool is_object_text(const char *text);
extern bool flat_tree(const char *text, Problems *problems, struct json_object **tree);
extern const char *money_hint(const char *examples);

extern void append_decimal(StringInfo out, uint64 decimal);
extern void append_unit(StringInfo out, const char *currency, int scale);
extern void append_unit_members(StringInfo out, const char *currency, int scale);

extern uint64 decimal_recv(StringInfo message, const char *type);
extern void unit_recv(StringInfo message, const char *type, char currency[4], int *scale);
extern void unit_send(StringInfo message, const char *currency, int scale);
pg_noreturn extern void money_recv_error(const char *type, const char *detail);

/* ---- price.c: an amount of money with a scale ---- */

/* 16 bytes without padding, so that equal values have equal images */
typedef struct Price
{
	uint64 value;	  /* in 1/10000 of the scale's unit */
	char currency[4]; /* ISO 4217, NUL-terminated */
	int32 scale;	  /* PriceScale */
} Price;

#define PG_GETARG_PRICE(n) ((Price *) PG_GETARG_POINTER(n))

/* ---- price_range.c: an interval of money with a scale ---- */

/* 24 bytes without padding */
typedef struct PriceRange
{
	uint64 min; /* in 1/10000 of the scale's unit; 0 if absent */
	uint64 max; /* likewise */
	char currency[4];
	int16 scale; /* PriceScale */
	uint8 has_min;
	uint8 has_max;
} PriceRange;

#define PG_GETARG_PRICE_RANGE(n) ((PriceRange *) PG_GETARG_POINTER(n))

/* Decode a request's object; new prices only take active currencies. */
extern bool price_decode(struct json_object *value, const Path *path, bool active_only, Price *price,
						 Problems *problems);
extern bool price_range_decode(struct json_object *value, const Path *path, bool active_only, PriceRange *range,
							   Problems *problems);
extern void append_price(StringInfo out, const Price *price);
extern void append_price_range(StringInfo out, const PriceRange *range);

/* ---- external_ref.c: namespace:id of a record in another system ---- */

/* A varlena that holds "namespace:id", the namespace in lower case. */
typedef struct varlena ExternalRef;

#define PG_GETARG_EXTERNAL_REF_PP(n) PG_GETARG_TEXT_PP(n)
#define EXTERNAL_REF_MAX 20 /* per resource */

extern ExternalRef *external_ref_make(const char *namespace, const char *id, const Path *path, Problems *problems);
extern bool external_ref_decode(struct json_object *value, const Path *path, ExternalRef **ref, Problems *problems);
extern int namespace_len(const ExternalRef *ref);
extern void append_external_ref(StringInfo out, const ExternalRef *ref);

/* ---- etag.c: weak entity tags ---- */

/* A varlena that holds the opaque tag, without W/ and quotes. */
typedef struct varlena Etag;

#define ETAG_LEN 16 /* of the tags that we make */

typedef enum Kind
{
	KIND_PROJECT = 1,
	KIND_PROSPECT = 2,
	KIND_WEBHOOK = 3
} Kind;

/* What a version of a resource is told apart by. */
typedef struct Version
{
	Kind kind;
	int64 tenant_id;
	int64 id;
	int64 revision;
	TimestampTz updated_utc;
} Version;

extern void etag_of(const Version *version, char tag[ETAG_LEN + 1]);
extern bool etag_matches(const char *name, const char *header, const Version *version, Problems *problems);

/* ---- cursor.c: a position in the order (updated_utc, id) ---- */

typedef struct Position
{
	TimestampTz updated_utc;
	int64 id;
} Position;

extern void append_cursor(StringInfo out, const Position *position);
extern bool cursor_parse(const char *text, Position *position);

#endif /* PROPSTREET_TYPES_H */
