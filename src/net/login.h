/*
 * A login by one mechanism: pure, fed the server's lines. The caller sends what it is
 * given to send, each time before it reads on.
 */
#ifndef NET_LOGIN_H
#define NET_LOGIN_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"
#include "net/mechanism.h"
#include "net/protocol.h"

struct login {
	enum dial_protocol protocol;
	enum mechanism mechanism;
	const char *user, *secret; /* borrowed while it is used */
	const char *greeting;      /* for APOP; borrowed */
	bool has_initial; /* IMAP: the server takes an initial response (RFC 4959) */
	unsigned step;    /* answers given so far */
};

enum login_state {
	LOGIN_GOES_ON,
	LOGIN_IN,
	LOGIN_REFUSED,
};

/* IMAP's tag of the command. */
#define LOGIN_TAG "L1"

/* Appends the first command. False: out is at its ceiling. */
bool login_begin(struct login *login, struct buf *out) MUST_USE;
/* One line, without its end. May append to out; what does not fit there is a refusal. */
enum login_state login_hear(struct login *login, struct span line, struct buf *out);

#endif
