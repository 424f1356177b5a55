/*
 * What waits in spool/parked/local, and the deliveries under way.
 *
 * A message is looked at when it is due; each of its recipients gets a lontar-local of
 * his own. Recipients are settled one by one as theirs end; who is refused for good is
 * told to the sender in one bounce at the end. Then the file goes, or is renamed to say
 * when the next try is. spool/state/local/ID.N holds the lines that recipient N's
 * instructions have done.
 */
#ifndef PROGRAMS_LONTAR_DISPATCH_DISPATCH_H
#define PROGRAMS_LONTAR_DISPATCH_DISPATCH_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/settings.h"
#include "ipc/service.h"
#include "mail/envelope.h"
#include "store/parked.h"

struct dispatch;

/* What became of one recipient. */
struct outcome {
	enum outcome_kind {
		OUTCOME_OPEN, /* not tried yet, or under way */
		OUTCOME_DONE, /* settled */
		OUTCOME_LATER,
		OUTCOME_NEVER,
	} kind;
	char status[12];
	char *text;
};

struct message {
	struct message *next;
	struct dispatch *dispatch;
	struct parked_name name;
	struct envelope envelope;
	struct outcome *outcomes; /* one a recipient */
	size_t next_recipient;    /* to start */
	size_t under_way;
	uint64_t inode;
	int fd;
};

struct dispatch {
	struct service *service;
	int root_fd, control_fd, marks_fd; /* marks_fd: spool/state/local */
	struct settings settings;
	struct parked *parked; /* NULL: there is none yet */
	struct message *messages;
	size_t running;
	uint64_t deliveries; /* number of the last one, for the log */
	size_t message_count;
	bool is_locked;
	bool is_stopping;
	bool is_more;     /* is due, but was not taken up yet */
	bool is_troubled; /* a message could not be put back: not at once again */
	ev_timer wake;    /* at the next message's turn */
	ev_timer give_up;
};

/* Opens what it works in. */
bool dispatch_open(struct dispatch *dispatch, struct err *err) MUST_USE;

/* Takes up what is due (hurry: all), as far as processes may run. */
void dispatch_look(struct dispatch *dispatch, bool hurry);

/* Looks so soon, or sooner where that was said before. */
void dispatch_wake(struct dispatch *dispatch, double seconds);

/* Starts what may be started of the messages taken up. */
void dispatch_go_on(struct dispatch *dispatch);

/* The status line of qmail's log, as far as this program knows. */
void dispatch_log_status(const struct dispatch *dispatch);

/* One recipient's delivery ended; text is copied. */
void dispatch_ended(struct message *message, size_t recipient, enum outcome_kind kind,
		    const char *status, const char *text);

/* Nothing new any more. */
void dispatch_stop(struct dispatch *dispatch);

/* The log's lines about a delivery; its number. how: success, failure or deferral. */
uint64_t run_announce(struct dispatch *dispatch, uint64_t inode, const char *address);
void run_report(uint64_t number, const char *how, const char *text);

/* Starts lontar-local for one recipient. False and err: not now. */
bool run_start(struct message *message, size_t recipient, struct err *err) MUST_USE;

/* A recipient that asks for a large message (deliver/asking.h): it is done at once. */
bool ask_is_one(const struct message *message, size_t recipient);
bool ask_take(const struct message *message, size_t recipient, struct err *err) MUST_USE;

/* The file of what has been done: opened (and made), or removed. */
int marks_open(const struct message *message, size_t recipient, struct err *err) MUST_USE;
void marks_remove(const struct message *message, size_t recipient);
/* Removes what belongs to messages that are gone. */
void marks_tidy(const struct dispatch *dispatch, const struct parked_list *list);

#endif
