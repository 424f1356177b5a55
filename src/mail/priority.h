/* How urgent a message is: P in a parked file's name (store/parked_name.h; 0 is left out
 * there), and `priority` in control/links/NAME, the least that a link takes. */
#ifndef MAIL_PRIORITY_H
#define MAIL_PRIORITY_H

enum mail_priority {
	PRIORITY_NORMAL, /* a link that takes it takes any */
	PRIORITY_HIGH,
	PRIORITY_URGENT, /* may make the gateway dial */
};

/* By enum mail_priority, as settings and people write them; NULL ends them. */
extern const char *const priority_words[];

#endif
