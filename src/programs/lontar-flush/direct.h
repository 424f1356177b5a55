/*
 * Direct delivery (a smarthost of type mx): every message goes to the hosts that take its
 * recipients' domain. Here domains are found in the Maildir, their hosts asked for, and a
 * process (destination.h) started for each host that has mail: domains that share a host
 * share its connection, and one that hangs keeps no other.
 *
 * A host that cannot be reached is left out for the rest of the call, and the next one of
 * the domain takes its turn; where none is left, and where the name servers say that
 * there is none, each message hears what happened as if a server had said so.
 */
#ifndef LONTAR_FLUSH_DIRECT_H
#define LONTAR_FLUSH_DIRECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flush;
struct link_progress;

struct direct;
struct direct *direct_new(struct flush *flush);
void direct_free(struct direct *direct); /* NULL does nothing */
/* Ends what is at work, and waits for it: the Maildir is nobody else's before. */
void direct_end(struct direct *direct);

/* Takes what the queue has listed, and goes on. */
void direct_take_list(struct direct *direct);
/* Before a listing; then: the message waits here, or is being sent. */
void direct_prepare(struct direct *direct);
bool direct_has(const struct direct *direct, const char *id);

/* Something is at work. */
bool direct_is_busy(const struct direct *direct);
void direct_stop(struct direct *direct, const char *why);
/* The allowance of the link has changed. */
void direct_allow(struct direct *direct);
/* Adds what the processes at work have told. */
void direct_add_progress(const struct direct *direct, struct link_progress *progress);
uint64_t direct_used(const struct direct *direct);

#endif
