/*
 * What it means that a connection could not be made, or is less protected than it was.
 * Pure: facts in, a verdict out. An answer in words is judged by its words
 * (verdict/verdict.h); what TLS and certificates show is judged here.
 */
#ifndef SEND_REFUSAL_H
#define SEND_REFUSAL_H

#include <stdbool.h>

#include "control/smarthost.h"
#include "link/peer_memory.h"
#include "net/dial_failure.h"
#include "verdict/verdict.h"

/* False: nothing was refused; the server could not be reached, and time may help. */
bool refusal_of_dial(const struct dial_failure *failure,
		     const struct verdict_rules *rules, const struct verdict_known *known,
		     const struct peer_memory *memory, struct verdict *verdict_out);

/* No secret could be had, or a setting is wrong: the err is permanent and no server was
 * asked. */
struct verdict refusal_of_ourselves(void);

/* How a connection is protected. `certificate`: dial_certificate_name, or "" if that is
 * not to be trusted. */
enum peer_tls refusal_level(bool has_tls, const char *certificate, const char *host);

/* True: that is less than the setting demands, or than was seen of this server before
 * (then another machine may be answering in its place). */
bool refusal_of_level(enum peer_tls level, enum smarthost_tlslevel demanded,
		      const struct peer_memory *memory, struct verdict *verdict_out);

#endif
