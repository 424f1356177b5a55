/*
 * A session program under the master: its listeners, all their clients, and an orderly
 * end.
 */
#ifndef SESSION_DOORS_H
#define SESSION_DOORS_H

#include "base/attr.h"
#include "base/err.h"
#include "session/worker.h"

/* Serves until the master says stop: then 0; or until one of those whom the sessions ask
 * is gone: then 75. The worker has its protocol, nothing else. False and err where it
 * cannot begin. Once in a process. */
bool doors_serve(struct worker *worker, int *exit_code_out, struct err *err) MUST_USE;

#endif
