/*
 * The wall round a process that reads bytes from strangers: after sandbox_enter it keeps
 * the descriptors it has, may receive more over its sockets, and can open, connect to,
 * start and signal nothing. Made with seccomp (libseccomp) and no_new_privs. Warm up
 * first whatever opens files late: the time zone, a TLS handshake, the random generator.
 */
#ifndef BASE_SANDBOX_H
#define BASE_SANDBOX_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

/* Forbidden calls fail with EPERM, so that a library that tries falls back or reports.
 * Does nothing under a sanitizer, whose runtime opens files of its own. */
bool sandbox_enter(struct err *err) MUST_USE;

/* For a process that may open and start what it likes, but reach no other machine: from
 * here on it and whoever it starts can make no socket but local ones. */
bool sandbox_no_network(struct err *err) MUST_USE;

#endif
