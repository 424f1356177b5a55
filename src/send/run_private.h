/* What the parts of a run (run.c, run_*.c) share. Each says in front of its .c what it is
 * for; those that are a part for themselves have a header of their own: run_finish.h,
 * run_learning.h, run_stops.h. Nothing else includes this. */
#ifndef SEND_RUN_PRIVATE_H
#define SEND_RUN_PRIVATE_H

#include <ev.h>

#include "link/peer_memory.h"
#include "send/judge.h"
#include "send/mx_delivery.h"
#include "send/pool.h"
#include "send/run.h"
#include "transfer/supervisor.h"
#include "transfer/transfer.h"

enum run_state {
	RUN_STARTING, /* opens, connects; nothing was sent yet */
	RUN_SENDING,
	RUN_IDLE,     /* all is sent; the connection stays open for a moment */
	RUN_DRAINING, /* nothing new is begun; what was begun is answered */
	RUN_CUT,      /* nothing more is written either */
	RUN_ENDED,
};

struct run {
	struct run_options options;
	struct transfer transfer;
	struct supervisor *supervisor;
	struct outbound outbound;
	struct link_path path;
	struct quota quota;
	struct pool pool;
	struct judge judge;
	struct verdict_rules *rules;
	struct peer_memory memory;
	bool has_learnt;        /* the memory has changed */
	struct mx_delivery *mx; /* NULL: one server takes all */
	enum run_state state;
	uint64_t files;       /* stops_fingerprint() when the settings were read */
	struct verdict place; /* of the last message that was refused for the place */
	struct err place_why;
	int64_t began;    /* wall clock seconds */
	int64_t began_ms; /* the same, monotonic */
	bool was_lost;    /* the connection ended before all was answered */
	bool is_stopped;  /* by a refusal that concerns all of the smarthost's mail */
	bool is_told_to_leave;
	bool is_all_due;    /* also what waits for its next attempt */
	uint64_t cut_bytes; /* of a message, when its connection ended in the middle of it
			     */
	struct err kept;    /* the link's limits keep mail; told if nothing else does */

	/* run_listing.c */
	bool is_relist_wanted;
	bool was_listed;
	uint64_t listed_after; /* counters.deliveries at the last listing that was made
				* because the queue looked empty */
	ev_timer relist;
	ev_timer sync;  /* each second */
	ev_timer leave; /* idle for a while, or told to stop */

	/* run_results.c and run_connections.c */
	struct outgoing *suspended; /* refused in unclear words while nothing was accepted
				     */
	unsigned begun_again;       /* messages, for the server's sake */
	unsigned settled;           /* recipients and messages, on this connection */
	unsigned refused;           /* of them */
	bool is_feeling;            /* one letter shows whether the server takes mail */
	bool was_slowed;            /* the last answer of all was "slower" */
	bool is_renewing;   /* until a new connection is ready the old ones only finish */
	unsigned fruitless; /* connections in a row that settled nothing */
	bool was_last_taken;  /* of the last message with a whole answer: any recipient */
	uint64_t ended_after; /* messages, the last session of this call; 0: none did */
	size_t suspended_count;
	struct settings_list stops_put;     /* of senders and messages, in this call */
	struct settings_list senders_tried; /* whose stop had ended: one message shows */
	bool is_suspects_turn; /* all but messages that ended connections is sent */
	bool was_suspect_passed;
};

extern const struct send_events run_events;
extern const struct transfer_handler run_transfer_handler;
extern const struct supervisor_handler run_supervisor_handler;

/* run_state.c */
bool run_is_ending(const struct run *run);
void run_leave_after(struct run *run, double seconds);
/* Nothing new is begun; the process is gone within two seconds. */
void run_stop(struct run *run, const char *why);
/* The queue is empty, or nothing may be begun any more. */
void run_drained(struct run *run);
/* Nothing new is begun; what was begun is answered. */
void run_begin_draining(struct run *run);
/* The link may be used no longer: nothing more is written. */
void run_cut(struct run *run, const char *why);
/* This connection ends, or makes room for another. True: it was the last of several in a
 * row that settled nothing, and another one is not tried in this call. */
bool run_is_fruitless(struct run *run);
void run_tell_progress(struct run *run);
/* Bytes used on the link by what is open. */
uint64_t run_open_bytes(const struct run *run);

/* True: of what is due something can be sent now. */
bool run_list_any(struct run *run, bool *any_out, struct err *err) MUST_USE;
bool run_list(struct run *run, struct err *err) MUST_USE;
/* New mail may be there, or a message changed hands: lists again, soon. */
void run_relist(struct run *run);
struct order_limits run_limits(const struct run *run);

/* The end of the queue: every message was refused for the place. */
void run_judge_place(struct run *run);
bool run_admit(void *ctx, struct outgoing *message);
void run_on_result(void *ctx, struct outgoing *message, struct smtp_client_result *result,
		   enum send_end end);

/* run_suspended.c. What is put aside until it is known what the server meant. */
void run_put_aside(struct run *run, struct outgoing *message,
		   struct smtp_client_result *result);
struct outgoing *run_take_suspended(struct run *run,
				    struct smtp_client_result **result_out);
bool run_has_suspended(const struct run *run, const char *id);

/* What was put aside is decided on; `decide` false: it is kept. */
void run_settle_suspended(struct run *run, bool decide);

#endif
