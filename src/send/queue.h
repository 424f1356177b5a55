/*
 * Which message goes next, and what its file is called meanwhile.
 *
 * A file is renamed to "being sent" before its last byte can leave, some at a time, with
 * one sync for all of them: after a crash nothing that may have arrived looks unsent.
 */
#ifndef SEND_QUEUE_H
#define SEND_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "link/order.h"
#include "store/parked.h"

#define QUEUE_BATCH_MAX 32
#define QUEUE_LIST_MAX  16384

struct queue {
	struct parked *parked;
	struct parked_list list; /* due ones, sorted, as many as are kept at a time; from
				  * next on they are left */
	size_t next;
	struct parked_name batch[QUEUE_BATCH_MAX]; /* renamed to being sent */
	size_t batch_next;
	size_t batch_count;
	size_t beyond;       /* due ones that are not in the list */
	size_t kept;         /* would be due, but for the link's limits */
	uint64_t left_bytes; /* of all of them */
	size_t unsynced;     /* removals and renames */
	bool listed;         /* once */
	bool partial;        /* the list is of what was found first: list anew soon */
	bool recovered;
};

/* Something is due: known without listing all of it. */
bool queue_has_any(struct queue *queue, const struct order_rules *rules, bool *any_out,
		   struct err *err) MUST_USE;

/* Lists anew: due messages that `busy` does not claim. Of very many the first time only
 * some, which can be sent while the next call lists all. When all have been seen for the
 * first time, what a crashed flusher left as being sent becomes uncertain. */
bool queue_load(struct queue *queue, const struct order_rules *rules,
		bool (*busy)(void *ctx, const char *id), void *ctx,
		struct err *err) MUST_USE;
/* The list is used up, and more is due: list anew. */
bool queue_is_short(const struct queue *queue);
void queue_clear(struct queue *queue);

size_t queue_left(const struct queue *queue);
/* The next one, not taken yet; NULL: none. Borrowed until the next call. */
const struct parked_name *queue_peek(const struct queue *queue);
/* Leaves it for another time: it waits again. */
bool queue_pass(struct queue *queue, struct err *err) MUST_USE;
/* Takes it. It is renamed to being sent, durably, with up to `ahead` others behind it.
 * False: err. */
bool queue_take(struct queue *queue, size_t ahead, struct parked_name *name_out,
		struct err *err) MUST_USE;
/* Those of a batch that were not taken are waiting again. */
bool queue_give_back(struct queue *queue, struct err *err) MUST_USE;
bool queue_has_marked(const struct queue *queue, const char *id);

/* Renames and removals, durable after the next queue_sync; every 32 syncs by itself. */
bool queue_rename(struct queue *queue, struct parked_name *name,
		  const struct parked_name *to, struct err *err) MUST_USE;
bool queue_remove(struct queue *queue, const struct parked_name *name,
		  struct err *err) MUST_USE;
bool queue_sync(struct queue *queue, struct err *err) MUST_USE;

#endif
