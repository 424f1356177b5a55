/*
 * What becomes of a message, carried out: its recipients settled, its sender told, its
 * file renamed or removed, the log's lines written. What is to become of it was decided
 * before (judge.h). Every function takes over the message that it is given.
 */
#ifndef SEND_DISPOSITION_H
#define SEND_DISPOSITION_H

#include "send/outbound.h"
#include "send/outgoing.h"

/* How the recipients wait that are neither accepted nor bounced. */
struct disposition_wait {
	bool is_attempt;    /* it counts: the back-off grows, the message may expire */
	bool is_held;       /* until a person acts: see disposition_record_held */
	bool is_uncertain;  /* it may have arrived: it waits for `uncertainwait` */
	int64_t not_before; /* wall clock seconds; 0: by the back-off if it is an attempt,
			     * else at once */
};

/* The verdict of each answer is final: SMTP_ACCEPTED and SMTP_PERMANENT settle the
 * recipient (the bounce is durable first), SMTP_TEMPORARY lets it wait. Frees the result.
 * True: recipients are left for another turn, and the queue must be listed again. */
bool disposition_settle(struct outbound *outbound, struct outgoing *message,
			struct smtp_client_result *result,
			const struct disposition_wait *wait);

/* It is put back before anything of it was said to a server. */
void disposition_postpone(struct outbound *outbound, struct outgoing *message,
			  int64_t not_before);
/* Records for `lontar queue` and the postmaster why a message is held. */
void disposition_record_held(struct outbound *outbound, const char *id, const char *what,
			     const struct err *why);

/* Opens a message that is to be sent. NULL: it cannot be, and was dealt with: it is gone,
 * larger than the smarthost's maxsize (bounced), all its recipients are settled (removed)
 * or another mail host's (it waits), or its file cannot be read. domain: in MX mode the
 * recipients' domain, else NULL. need: what the message must be for the server. */
struct outgoing *disposition_open(struct outbound *outbound, struct parked_name *name,
				  const char *domain,
				  const struct convert_need *need) MUST_USE;
/* MX mode: for its recipients at this domain there is no server. The err is what each of
 * them is told: permanent bounces, else an attempt is counted. */
void disposition_undeliverable(struct outbound *outbound, const struct parked_name *name,
			       const char *domain, const struct err *why);

#endif
