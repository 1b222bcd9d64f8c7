/*
 * address.h
 *	  Which addresses webhooks may be delivered to.
 */
#ifndef WEBHOOK_ADDRESS_H
#define WEBHOOK_ADDRESS_H

#include "postgres.h"

#include "utils/guc.h"

#define ADDRESS_SHOWN 64

struct sockaddr;

extern bool check_allow_addresses(char **value, void **extra, GucSource source);
extern void allow_addresses(const char *list);
extern const char *address_refusal(const struct sockaddr *address, char shown[ADDRESS_SHOWN]);
extern const char *address_text_refusal(const char *address);

#endif /* WEBHOOK_ADDRESS_H */
