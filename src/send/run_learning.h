/* What a run learns of its server, its link and what the link carries. It is remembered
 * for weeks (link/peer_memory.h, link/carries.h), and a later run begins with it. */
#ifndef SEND_RUN_LEARNING_H
#define SEND_RUN_LEARNING_H

#include "send/run_private.h"

/* Before the first connection: what was learnt is used. */
void run_learn(struct run *run);
/* Afterwards it goes to disk. */
void run_keep_memory(struct run *run);
/* The run has ended: what a call of this link carries. If a budget or a window ended it,
 * the line did not. */
void run_learn_call(const struct run *run);
/* A connection is ready: how it is protected, and what it takes. */
void run_learn_protection(struct run *run, const struct dial *dial, enum peer_tls level);
void run_learn_offer(struct run *run, const struct smtp_offer *offer);
/* Which offers were seen to work, by an answer; or not to work. */
void run_learn_offers(struct run *run, const struct smtp_client_result *result);
void run_learn_no_chunking(struct run *run);
void run_learn_no_pipelining(struct run *run);
/* The server has ended a session after so many messages: it may do so each time. */
void run_learn_from_end(struct run *run, uint64_t count);
/* It takes as many recipients in a transaction as it took, or half of those that it was
 * given. False: the same transaction would be refused again. */
bool run_learn_recipients(struct run *run, const struct smtp_client_result *result);
/* Which of the offers that a message used does not work? False: all were avoided already,
 * so that the server wants something else. */
bool run_downgrade(struct run *run, const struct smtp_client_result *result, size_t i);

#endif
