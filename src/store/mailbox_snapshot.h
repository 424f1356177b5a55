/*
 * What is in a Maildir's new/ and cur/ at one time: names, sorted by id, each id once.
 * For store/mailbox.c.
 */
#ifndef STORE_MAILBOX_SNAPSHOT_H
#define STORE_MAILBOX_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "mail/maildir.h"

struct snapshot_entry {
	size_t id_at; /* in names: id, NUL, the rest of the file's name, NUL */
	uint64_t octets;
	uint8_t id_len;
	char mark; /* between id and rest: ',' or ':', or NUL where there is no rest */
	bool in_cur;
	bool sized; /* octets is known, from the name */
	bool gone;
};

struct snapshot {
	struct snapshot_entry *all;
	size_t count;
	size_t room;
	struct buf names;
};

/* Either descriptor may be -1: an empty folder. */
bool snapshot_take(struct snapshot *snapshot, int new_fd, int cur_fd,
		   struct err *err) MUST_USE;
void snapshot_clear(struct snapshot *snapshot);

const char *snapshot_id(const struct snapshot *snapshot,
			const struct snapshot_entry *entry);
void snapshot_name(const struct snapshot *snapshot, const struct snapshot_entry *entry,
		   char name_out[MAILDIR_NAME_MAX]);

/* Where the files of `old` are now, going by `now`, whose names it takes over; numbers
 * and sizes stay as they were. now is empty afterwards. */
void snapshot_update(struct snapshot *old, struct snapshot *now);

#endif
