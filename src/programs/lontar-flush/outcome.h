/*
 * What becomes of a message: its recipients settled, its sender told, its file renamed or
 * removed; and what the server's answers say about the smarthost as a whole. All take
 * the mail over.
 */
#ifndef LONTAR_FLUSH_OUTCOME_H
#define LONTAR_FLUSH_OUTCOME_H

#include "programs/lontar-flush/flush.h"

/* The server has answered. */
void outcome_result(struct flush *flush, struct mail *mail,
		    struct smtp_client_result *result);
/* The conversation ended first, and its last byte had left, or had not. */
void outcome_uncertain(struct flush *flush, struct mail *mail);
void outcome_unsent(struct flush *flush, struct mail *mail);

/* Not for the server at all. */
void outcome_too_large(struct flush *flush, struct mail *mail);
void outcome_nobody_left(struct flush *flush, struct mail *mail);
/* Its recipients of this turn are all others'. */
void outcome_left(struct flush *flush, struct mail *mail);
/* The file is not as it must be. */
void outcome_broken(struct flush *flush, struct parked_name *name, const struct err *why);
/* For its recipients at this domain there is no server: the err is what each of them
 * hears. */
void outcome_undeliverable(struct flush *flush, const struct parked_name *name,
			   const char *domain, const struct err *err);
void outcome_unreadable(struct flush *flush, struct parked_name *name,
			const struct err *err);

/* Everything was tried: those refused while nothing was accepted are decided upon. Not
 * `decide`: they stay. */
void outcome_suspended(struct flush *flush, bool decide);

#endif
