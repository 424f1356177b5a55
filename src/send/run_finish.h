/* The end of a run, and what is told of it. */
#ifndef SEND_RUN_FINISH_H
#define SEND_RUN_FINISH_H

#include "send/run_private.h"

#define STAYS_MAX 700
/* What is in the Maildir now, with the first reason why. EX_OK: nothing. */
int run_what_stays(const struct run *run, char *text, size_t room);
/* The note on the smarthost and its stops go to disk. */
void run_write_state(struct run *run);
/* Mail went to that smarthost, which needs a flush of its own. */
void run_on_moved(void *ctx, const char *smarthost);
/* Puts everything where it belongs and tells how it ended. err: why it did not begin. */
int run_finish(struct run *run, const struct err *err);

#endif
