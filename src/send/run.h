/*
 * One flush: everything that is parked for one smarthost is sent, then the process
 *leaves. The parts below know nothing of it (arrows point to what is used):
 *
 *	run -> pool -> connection (transmit) -> outbound -> queue
 *	 |-> judge                 what the server's answers mean
 *	 |-> disposition           what becomes of a message
 *	 |-> mx_delivery           type mx: a process for each mail host
 *	 |-> reroute, fallback     mail that goes over another smarthost now
 *
 * and tell it what happened by one table of events (events.h). lontar-link, or `lontar
 * flush`, supervises it (transfer/supervisor.h).
 */
#ifndef SEND_RUN_H
#define SEND_RUN_H

#include <stdbool.h>

#include "send/mx_job.h"

struct run_options {
	bool is_standalone; /* no gateway runs: leave as soon as all is done */
	bool is_mx_job;     /* the job for one mail host is on standard input */
};

/* The current folder is the gateway's root. Returns the exit code. */
int run_flush(const char *smarthost, const struct run_options *options);

#endif
