/* How urgent a message is: P in a parked file's name (store/parked_name.h; 0 is left out
 * there), and `priority` in control/links/NAME, the least that a link takes. */
#ifndef MAIL_PRIORITY_H
#define MAIL_PRIORITY_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/span.h"

enum mail_priority {
	PRIORITY_NORMAL, /* a link that takes it takes any */
	PRIORITY_HIGH,
	PRIORITY_URGENT, /* may make the gateway dial */
};

/* By enum mail_priority, as settings and people write them; NULL ends them. */
extern const char *const priority_words[];
bool priority_parse(struct span word, enum mail_priority *priority_out) MUST_USE;

/*
 * What a message's header asks for: the most of X-Priority (1 urgent, 2 high), Priority
 * (urgent; RFC 2156), Importance and X-MSMail-Priority (high). Precedence bulk, list or
 * junk asks for nothing, whatever the others say, nor does what came by a forward
 * (Delivered-To): its header is somebody else's.
 */
enum mail_priority priority_asked(struct span header);

#endif
