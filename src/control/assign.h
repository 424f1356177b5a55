/*
 * users/assign: which local addresses are which users', in qmail's grammar, compiled to
 * users/cdb by `lontar rebuild` (qmail-newu(8); the cdb is the same, byte for byte but
 * for one record of ours):
 *
 *   =local:user:uid:gid:home:dash:ext:    exactly this address
 *   +prefix:user:uid:gid:home:dash:pre:   every address that begins so; the rest is
 *                                         put behind pre
 *   .                                     the end; must be there
 */
#ifndef CONTROL_ASSIGN_H
#define CONTROL_ASSIGN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"

#define ASSIGN_TEXT_MAX 900

struct assign {
	char user[64];
	uid_t uid;
	gid_t gid;
	char home[512];
	char dash[64];
	char ext[ASSIGN_TEXT_MAX];
};

enum assign_found {
	ASSIGN_YES,
	ASSIGN_NO,     /* also where there is no users/cdb */
	ASSIGN_FAILED, /* err: temporary */
};

/* The exact line, else the one with the longest prefix. local in any case; what is put
 * behind a prefix keeps its own. */
enum assign_found assign_find(int control_fd, const char *local, struct assign *out,
			      struct err *err) MUST_USE;

/* Compiles users/assign where there is one. An err (EX_CONFIG) names file and line, and
 * the old map stays. */
bool assign_rebuild(int control_fd, struct err *err) MUST_USE;

/* Reads users/assign and says what is wrong with it; compiles nothing. */
bool assign_check(int control_fd, struct err *err) MUST_USE;

#endif
