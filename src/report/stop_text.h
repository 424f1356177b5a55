/*
 * A stop (link/stops.h) in words for people: the same in status, queue, check, on the
 * page and in letters to the postmaster.
 */
#ifndef REPORT_STOP_TEXT_H
#define REPORT_STOP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/stops.h"

#define STOP_TEXT_MAX 800
#define STOP_WHEN_MAX 120

/* What `status --json` and `queue --json` call it. A pause that the server wants between
 * two sessions is the peer's. "" for no stop. */
const char *stop_scope(const struct stop *stop);
/* "daily limit of the provider", "the login is refused": what is the matter. Borrowed
 * from the stop. */
const char *stop_what(const struct stop *stop);
/* What a person may do, in sentences; "": nothing but wait. Borrowed from the stop. */
const char *stop_mend(const struct stop *stop);

/* Time and the next link-up do not cure it, as far as is known. */
bool stop_needs_person(const struct stop *stop);

/* When the gateway tries again by itself: "again at 14:05 or when a link comes up". */
void stop_when(const struct stop *stop, int64_t now, char out[STOP_WHEN_MAX]);
/* "daily limit of the provider, again at 14:05 (550 5.4.5 ...)". */
void stop_explain(const struct stop *stop, int64_t now, char out[STOP_TEXT_MAX]);

#endif
