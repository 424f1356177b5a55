/* What the parts of the intake share: intake.c (transactions) and intake_draft.c (what a
 * draft begins with, and which filter it goes to). Nobody else includes this. */
#ifndef LONTAR_DELIVER_INTAKE_PRIVATE_H
#define LONTAR_DELIVER_INTAKE_PRIVATE_H

#include "base/buf.h"
#include "ipc/intake.h"
#include "ipc/peer.h"
#include "programs/lontar-deliver/intake.h"
#include "programs/lontar-deliver/record.h"

struct transaction {
	struct transaction *next;
	struct client *client; /* NULL: gone while the commit was under way */
	struct intake *intake;
	uint32_t tag;
	struct delivery *delivery;
	bool from_user; /* one of our own sends it */
	bool drafted;
	bool committing;             /* or with its filter */
	bool may_relay;              /* for some recipient */
	struct buf recipients;       /* as they were named, each ended by a NUL */
	struct filter_order *filter; /* NULL: it goes to none */
	struct record record;        /* to be written once it is durable */
};

struct client {
	struct client *next;
	struct intake *intake;
	struct peer *peer;
	struct transaction *transactions;
	unsigned transaction_count;
	bool ours;     /* runs as one of our users, or root */
	bool watching; /* wants INTAKE_PARKED */
};

/* The draft's descriptor to append to; -1 and err. The transaction may be NULL. */
int intake_open_draft(const struct client *client, struct transaction *transaction,
		      const struct intake_draft *draft, struct err *err) MUST_USE;

#endif
