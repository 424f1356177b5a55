/*
 * Commit in groups. Rounds follow each other: a round syncs the data of whatever was
 * sealed since the last one began, and the folders of whatever the last one placed. So
 * groups grow with the load and no timer is needed; a message alone is committed at once.
 *
 * Where the file system allows (ext4, XFS, btrfs) and answers quickly, one syncfs is the
 * whole round; else each file and each folder is synced by itself. A failed sync is never
 * tried again: the message is taken back, its sender told to come again.
 */
#ifndef LONTAR_DELIVER_COMMIT_H
#define LONTAR_DELIVER_COMMIT_H

#include <ev.h>

#include "base/attr.h"
#include "base/err.h"
#include "store/delivery.h"

struct commit;

/* Starts the syncer; call before the loop exists elsewhere. NULL and err. */
struct commit *commit_new(int root_fd, struct err *err) MUST_USE;
void commit_attach(struct commit *commit, struct ev_loop *loop);

/* Takes a sealed delivery, one that was expected, until done is called (from the loop):
 * err is NULL when it is durable at every target, else it has been undone. */
void commit_add(struct commit *commit, struct delivery *delivery,
		void (*done)(void *ctx, const struct err *err), void *ctx);

/* A draft is begun (its delivery is likely to be added soon), or given up. */
void commit_expect(struct commit *commit);
void commit_forget(struct commit *commit);

/* Ends the syncer and waits for its end. */
void commit_close(struct commit *commit);

/* Nothing is under way. */
bool commit_is_idle(const struct commit *commit);

#endif
