/* Looks through a parked Maildir: is there anything to send, and when? */
#ifndef LONTAR_LINK_LOOK_H
#define LONTAR_LINK_LOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "link/order.h"

struct look {
	bool held_too;                     /* what a person has held counts as well */
	const struct order_limits *limits; /* what a link takes; NULL: any */
	bool first_is_enough;
	int64_t now; /* wall clock seconds, for `later` */
	bool found;
	int64_t due;   /* of those seen, the first one's N= */
	int64_t later; /* the first N= of them that is later than now */
};

void look_through(int root_fd, const char *smarthost, struct look *look);

/* Has mail that could be sent, or, held_too, that a person has held back. */
bool has_mail(int root_fd, const char *smarthost, bool held_too);

#endif
