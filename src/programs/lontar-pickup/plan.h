/*
 * What is to be done with each message at the server, decided by the listing and by what
 * is known of it.
 */
#ifndef LONTAR_PICKUP_PLAN_H
#define LONTAR_PICKUP_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "programs/lontar-pickup/larges.h"
#include "programs/lontar-pickup/provider.h"
#include "programs/lontar-pickup/remote_mailbox.h"

enum task {
	TASK_NONE,     /* it stays as it is */
	TASK_PROBE,    /* its header is looked at for a proof, nothing else */
	TASK_IDENTIFY, /* it has no uid: its header is read, to know it again */
	TASK_COMPARE,  /* all uids are new: is the mail? Message-ID and Date are read */
	TASK_FETCH,
	TASK_NOTICE, /* too large: its header is read, its recipient told */
	TASK_DELETE,
};

struct item {
	enum task task;
	char key[DIGEST_TEXT_MAX]; /* "-": it cannot be known again */
	bool is_deleted;           /* the server said so; for good only after QUIT */
	bool is_large;             /* has a record of its own (link/large.h) */
	bool is_wished;            /* TASK_FETCH: a person asked for it */
	uint64_t begun_octets;     /* of what was asked for and is not here yet */
};

struct plan {
	struct item *items; /* a listed message each, by its place */
	size_t count;
	size_t *order; /* those that have a task, in the order of doing */
	size_t order_count;
	size_t next;
	uint64_t fetch_left;
	uint64_t fetch_bytes;
	uint64_t held;
	struct larges larges;
	size_t identify_left;
	bool has_keyless;
};

/* So many messages are known that sizes had better be asked for only of the others. */
bool plan_knows_most(const struct remote_mailbox *mailbox);
/* What is known of a message once its uid is. octets_out: see PROVIDER_SIZED. */
enum provider_known plan_knows(const struct remote_mailbox *mailbox,
			       const struct provider *provider, size_t message,
			       uint64_t *octets_out);

/* Marks in `seen` what is listed, and forgets the keys of what is not. */
bool plan_make(struct plan *plan, const struct remote_mailbox *mailbox,
	       const struct provider *provider, struct err *err) MUST_USE;
/* Its header's digest is its key now ("-": it has none). After the last one the order is
 * made anew. */
void plan_identified(struct plan *plan, const struct remote_mailbox *mailbox,
		     const struct provider *provider, size_t message, const char *key);
/* The message is here, or gone there: the record that asks for it is removed. */
void plan_forget_large(struct plan *plan, const struct remote_mailbox *mailbox,
		       size_t message);
void plan_clear(struct plan *plan);

#endif
