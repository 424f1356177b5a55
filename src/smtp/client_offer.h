/*
 * What an SMTP server offers: read from its greeting and from the lines of its answer to
 * EHLO (RFC 5321 4.1.1.1). Valid when zeroed: nothing is offered, as after HELO.
 *
 * An offer is a claim. A caller that knows better (a switch in control/smarthosts, or
 * what was learnt of this host) clears what is not to be used before it makes a client.
 */
#ifndef SMTP_CLIENT_OFFER_H
#define SMTP_CLIENT_OFFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct smtp_offer {
	bool pipelining; /* RFC 2920 */
	bool chunking;   /* RFC 3030 */
	bool eight_bit;  /* RFC 6152 */
	bool smtputf8;   /* RFC 6531 */
	bool size;       /* RFC 1870: MAIL may say SIZE= */
	bool starttls;
	bool auth;
	bool keeps_sender; /* it needs RSET before each further MAIL: see the .c file */
	uint64_t size_max; /* bytes; 0: no limit that can be believed */
	/* RFC 9422; 0: no limit told */
	uint64_t mails_max;             /* messages in one connection */
	uint64_t recipients_max;        /* of one message */
	uint64_t recipient_domains_max; /* domains of one message's recipients */
};

/* The greeting, with or without its code. */
void smtp_offer_greeting(struct smtp_offer *offer, const char *greeting);

/* One line of the answer to EHLO as it came: "250-SIZE 1000". A line that is not known,
 * or whose value cannot be read, is passed over. */
void smtp_offer_line(struct smtp_offer *offer, struct span line);

#endif
