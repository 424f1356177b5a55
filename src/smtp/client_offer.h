/*
 * What an SMTP server offers: read from the lines of its answer to EHLO (RFC 5321
 * 4.1.1.1). Valid when zeroed: nothing offered, as after HELO.
 */
#ifndef SMTP_CLIENT_OFFER_H
#define SMTP_CLIENT_OFFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct smtp_offer {
	bool pipelining;
	bool chunking;
	bool eight_bit;
	bool smtputf8;
	bool size;
	bool starttls;
	bool auth;
	uint64_t size_max; /* 0: no limit told */
};

/* One line as it came: "250-SIZE 1000". Unknown ones are passed over. */
void smtp_offer_line(struct smtp_offer *offer, struct span line);

#endif
