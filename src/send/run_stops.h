/* What the run records of refusals (link/stops.h), and when a stop has ended. */
#ifndef SEND_RUN_STOPS_H
#define SEND_RUN_STOPS_H

#include "send/run_private.h"

/* As it is at this moment, for stop_holds. */
struct stops_now run_stops_now(const struct run *run);
/* A refusal concerns all mail: nothing new is begun, what was begun is answered. */
void run_stop_smarthost(struct run *run, const struct verdict *verdict,
			const struct err *why);
/* A stop of a sender or of a message; once a call, since other messages that were under
 * way are refused alike. */
void run_put_stop(struct run *run, const struct verdict *verdict, const char *scope,
		  const char *key, const struct err *why);
bool run_was_stop_put(const struct run *run, const char *scope, const char *key);
/* Recorded among the smarthost's stops, with its ends. */
void run_fill_stop(const struct run *run, const struct verdict *verdict,
		   const char *reason, struct stop *stop_out);
/* From now on one message at a time is under way, until the server takes one. */
void run_begin_feeling(struct run *run);
/* The server took a message: a stop of the smarthost has ended. */
void run_end_feeling(struct run *run);

#endif
