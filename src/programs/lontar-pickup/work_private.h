/* What work.c (how a pickup runs) and work_end.c (what it leaves behind) share. Nobody
 * else includes this. */
#ifndef LONTAR_PICKUP_WORK_PRIVATE_H
#define LONTAR_PICKUP_WORK_PRIVATE_H

#include <stdint.h>

#include "link/notes.h"
#include "programs/lontar-pickup/provider_connection.h"
#include "programs/lontar-pickup/work.h"
#include "transfer/quota.h"
#include "transfer/remote_secret.h"
#include "transfer/supervisor.h"
#include "transfer/transfer.h"

enum work_state {
	WORK_FETCHING,
	WORK_DONE,  /* all was asked for and answered */
	WORK_ENDED, /* before that: transfer.why says why */
};

struct counters {
	uint64_t fetched;
	uint64_t bytes;
	uint64_t duplicates;
	uint64_t deleted;
	uint64_t refused;
};

struct work {
	struct work_wish wish;
	enum work_state state;
	struct transfer transfer;
	struct supervisor *supervisor;
	struct remote_mailbox mailbox;
	struct pickup_note note;
	struct quota quota;
	struct remote_secret secret;
	struct provider_connection *connection;
	unsigned connections;   /* so far */
	struct fetch_left left; /* as the last connection left it, once that was done */
	struct counters counters;
	const char *doing;
};

void work_tell_progress(struct work *work);
void work_close_connection(struct work *work);

/* After the loop: notes and tells how it ended, and gives everything back. Returns the
 * exit code. */
int work_end(struct work *work);

#endif
