/*
 * The proof that multidrop needs: the provider keeps one copy for each recipient of the
 * envelope, and writes him into one header field above its own trace. `lontar pickup
 * --probe NAME ADDRESS ADDRESS` has sent two mails, one with the second address as a
 * blind copy, one to both; their four copies at the provider tell which field can be
 * relied on.
 *
 * spool/pickup/_probe.NAME: what was sent; _proof.NAME: what was proved. No pickup's own
 * file begins so.
 */
#ifndef LONTAR_PICKUP_PROBE_H
#define LONTAR_PICKUP_PROBE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"
#include "control/pickup.h"

/* The field that this pickup's file names was proved with this server and user. */
bool probe_is_proved(int root_fd, const struct pickup *pickup, struct err *err) MUST_USE;

struct probe;

/* NULL and err: nothing was sent. */
struct probe *probe_open(int root_fd, const struct pickup *pickup,
			 struct err *err) MUST_USE;
void probe_close(struct probe *probe); /* NULL does nothing */

/* The header of a message at the provider, whosever it is. */
void probe_look(struct probe *probe, struct span header);

/* All were looked at: writes the proof. An err says what is missing, or which other field
 * would do. */
bool probe_judge(struct probe *probe, struct err *err) MUST_USE;

#endif
