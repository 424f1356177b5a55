/*
 * One connection of a flush: the dial, the engine over it, and what of each message has
 * left the kernel, which decides what a lost link leaves uncertain.
 */
#ifndef LONTAR_FLUSH_SESSION_H
#define LONTAR_FLUSH_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "programs/lontar-flush/flush.h"

struct session;

/* Begins to connect; it is one of the flush's lanes from now on. */
void session_start(struct flush *flush);
/* Begins anew, where it is not connected yet. */
void session_redial(struct session *session);

/* Begins what may begin and writes what can be written. */
void session_go_on(struct session *session);

/* The next lane; NULL: it is the last. */
struct session *session_next(const struct session *session);
/* Messages begun and not answered. */
size_t session_unanswered(const struct session *session);
bool session_has(const struct session *session, const char *id);
bool session_is_connected(const struct session *session);
/* Nothing is begun, and nothing is left to write. */
bool session_is_drained(const struct session *session);
/* Body bytes of unanswered messages given to the kernel, for progress. */
uint64_t session_bytes_out(const struct session *session);

/* Bytes used on the link so far. */
uint64_t session_used(const struct session *session);
/* Bytes of the link that the unanswered messages still take, at most. */
uint64_t session_begun_cost(const struct session *session);

/* Ends it: with QUIT, which is not waited for, where all is answered; else what was begun
 * and not answered goes back to waiting or becomes uncertain. */
void session_close(struct session *session);

#endif
