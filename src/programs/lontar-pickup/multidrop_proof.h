/*
 * The proof that multidrop needs: the provider keeps one copy for each recipient of the
 * envelope, and writes that recipient into one header field above its own trace. `lontar
 * pickup
 * --probe NAME ADDRESS ADDRESS` has sent two mails, one with the second address as a
 * blind copy, one to both; their four copies at the provider tell which field can be
 * relied on.
 *
 * spool/pickup/_probe.NAME: what was sent; _proof.NAME: what was proved. No pickup's own
 * file begins so.
 */
#ifndef LONTAR_PICKUP_MULTIDROP_PROOF_H
#define LONTAR_PICKUP_MULTIDROP_PROOF_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"
#include "control/pickup.h"

/* The field that this pickup's file names was proved with this server and user. */
bool multidrop_proof_is_proved(int root_fd, const struct pickup *pickup,
			       struct err *err) MUST_USE;

struct multidrop_proof;

/* NULL and err: nothing was sent. */
struct multidrop_proof *multidrop_proof_open(int root_fd, const struct pickup *pickup,
					     struct err *err) MUST_USE;
void multidrop_proof_close(struct multidrop_proof *proof); /* NULL does nothing */

/* The header of a message at the provider, whosever it is. */
void multidrop_proof_look(struct multidrop_proof *proof, struct span header);

/* All were looked at: writes the proof. An err says what is missing, or which other field
 * would do. */
bool multidrop_proof_judge(struct multidrop_proof *proof, struct err *err) MUST_USE;

#endif
