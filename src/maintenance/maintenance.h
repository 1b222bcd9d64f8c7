/*
 * maintenance.h
 *	  Checking the tables, and deleting what is over.
 */
#ifndef PROPSTREET_MAINTENANCE_H
#define PROPSTREET_MAINTENANCE_H

#include "webhooks/webhooks.h"

/* ---- purge.c ---- */

extern int propstreet_keep_undelivered; /* seconds */

#endif /* PROPSTREET_MAINTENANCE_H */
