/*
 * webhooks.h
 *	  Webhooks, and the queue of their deliveries.
 */
#ifndef PROPSTREET_WEBHOOKS_H
#define PROPSTREET_WEBHOOKS_H

#include "operations/operations.h"

/* ---- webhook.c ---- */

extern bool propstreet_webhook_allow_http;
extern int propstreet_max_webhooks;
extern const Field webhook_fields[];
extern const Field webhook_replay_fields[];

/* ---- signature.c: secrets and signatures of webhooks ---- */

extern char *secret_generate(void);
extern bool append_signature(StringInfo out, const char *secret, const char *id, int64 timestamp, const char *body,
							 int len);

/* ---- queue.c: claims, and who may change what ---- */

#define CLAIM_MAX 10000 /* deliveries, and outcomes, in a call */

extern void queue_lock(void);
extern Identity queue_begin(void);
extern void queue_end(Identity caller);
extern void webhook_lock(int64 tenant_id, int64 webhook_id);
extern bool webhook_try_lock(int64 tenant_id, int64 webhook_id, int *patience_ms);
extern void queue_unpark(int64 tenant_id, int64 webhook_id);
extern void unpark(const Arrays *resources, TimestampTz now);

/* SQL that the statements of queue.c and record.c have in common */

/* The rows that parameters hold, as u */
#define ROWS_2(columns) "ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS u (" columns ") "
#define ROWS_3(columns) \
	"ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) AS u (" columns ") "
#define IS_HOOK(alias, of) \
	alias ".tenant_id OPERATOR(pg_catalog.=) " of ".tenant_id " \
		  "AND " alias ".webhook_id OPERATOR(pg_catalog.=) " of ".webhook_id "
#define IS_ROW(alias, of) IS_HOOK(alias, of) "AND " alias ".id OPERATOR(pg_catalog.=) " of ".id "
#define HOOK_OF(alias) \
	"w.tenant_id OPERATOR(pg_catalog.=) " alias ".tenant_id AND w.id OPERATOR(pg_catalog.=) " alias ".webhook_id "
#define KIND_OF(alias) "pg_catalog.split_part(" alias ".event, '.', 1)"

/*
 * The first pending delivery about the resource that another is about.  A statement
 * that another one calls writes its events first, so ids alone don't tell the order.
 */
/* clang-format off */
#define FIRST_PENDING(columns, of) "SELECT " columns " FROM propstreet.webhook_delivery AS o " \
	"WHERE " IS_HOOK("o", of) "AND " KIND_OF("o") " OPERATOR(pg_catalog.=) " KIND_OF(of) " " \
	"AND o.resource_id OPERATOR(pg_catalog.=) " of ".resource_id AND o.status OPERATOR(pg_catalog.=) 'pending' " \
	"ORDER BY o.created_utc, o.event_id LIMIT 1"
/* clang-format on */

/* ---- record.c: what came of deliveries ---- */

extern char *propstreet_webhook_retry;
extern bool check_webhook_retry(char **value, void **extra, GucSource source);

#endif /* PROPSTREET_WEBHOOKS_H */
