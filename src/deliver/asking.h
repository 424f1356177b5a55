/*
 * Asking for a large message that lies at a provider (link/large.h), by a reply to its
 * notice: mail to fetch-ID-TOKEN at our own name.
 *
 * Only one of our own people may (who may relay), and only whoever the notice went to:
 * the sender's mail and the notice come to the same place, or the sender is the address
 * that the pickup's mailbox has at the provider. To anybody else there is no such
 * address. Aliases and forwards do not lead there. What a program writes by itself asks
 * for nothing, so that no circle can form.
 */
#ifndef DELIVER_ASKING_H
#define DELIVER_ASKING_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"
#include "deliver/route.h"
#include "link/large.h"

/* The address is of this form, whoever writes. */
bool asking_is_address(const struct settings *settings, const char *address,
		       char id_out[LARGE_ID_MAX],
		       char token_out[LARGE_TOKEN_MAX]) MUST_USE;

enum asking {
	ASKING_NOT, /* it is no such address, to this sender */
	ASKING_DONE,
	ASKING_REFUSED, /* err, in words for him */
};

/* May he? Judged when the recipient is named. */
enum asking asking_judge(struct router *router, const struct route_request *request,
			 struct large *large_out, struct err *err) MUST_USE;

/* The message itself. */
struct asking_mail {
	const char *sender;
	const char *recipient;
	struct span header; /* its first bytes */
};

/* ASKING_DONE: what he wants is durable (*large_out says what); ASKING_NOT: a program
 * wrote that. */
enum asking asking_take(int root_fd, const struct settings *settings,
			const struct asking_mail *mail, struct large *large_out,
			struct err *err) MUST_USE;

#endif
