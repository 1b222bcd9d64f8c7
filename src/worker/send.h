/*
 * send.h
 *	  What the worker's sender offers its loop.
 */
#ifndef WEBHOOK_SEND_H
#define WEBHOOK_SEND_H

#include "postgres.h"

/* A delivery on its way: the worker fills in the first part, the sender what came of it. */
typedef struct Sending
{
	MemoryContext context; /* holds all of it */
	int64 tenant_id;
	int64 webhook_id;
	int64 delivery_id;
	int attempt;
	const char *url;
	char *headers; /* a line each */
	const char *body;
	int body_len;
	bool allow_http;

	long status; /* of the response; 0: there was none */
	long latency_ms;
	int64 retry_after; /* seconds; 0: none */
	const char *error; /* NULL: none */
	bool refused;	   /* the error is that of an address that is not allowed */

	struct Transfer *transfer; /* the sender's own */
} Sending;

/* How to send; changes hold for what is started later. */
typedef struct SendSettings
{
	const char *allow_addresses;
	const char *ca_file; /* empty: the system's */
	int timeout_ms;
	int connections; /* kept open */
} SendSettings;

extern const char *sender_url_problem(const char *url);
extern void sender_init(void);
extern void sender_configure(const SendSettings *settings);
extern int sender_fd(void);
extern long sender_timeout_ms(void);
extern void sender_start(Sending *sending);
extern void sender_work(void);
extern Sending *sender_finished(void);

#endif /* WEBHOOK_SEND_H */
