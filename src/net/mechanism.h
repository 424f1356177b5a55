/*
 * Which way of logging in to try next: pure. The policy is written in front of
 * mechanism.c.
 */
#ifndef NET_MECHANISM_H
#define NET_MECHANISM_H

#include <stdbool.h>

#include "base/span.h"
#include "net/protocol.h"

enum mechanism {
	MECHANISM_NONE,
	MECHANISM_PLAIN,    /* RFC 4616 */
	MECHANISM_PASSWORD, /* POP3: USER and PASS; IMAP: LOGIN; SMTP has none */
	MECHANISM_LOGIN,
	MECHANISM_CRAM_MD5, /* RFC 2195 */
	MECHANISM_APOP,     /* POP3 only, RFC 1939 7 */
	MECHANISM_XOAUTH2,
	MECHANISM_COUNT,
};
#define MECHANISM_BIT(mechanism) (1U << (mechanism))

/* "plain", "password", "login", "cram-md5", "apop", "xoauth2"; "" for none. */
const char *mechanism_name(enum mechanism mechanism);
/* Its name in SASL; NULL if it is none of SASL's. */
const char *mechanism_sasl(enum mechanism mechanism);
/* NULL or an unknown name: none. */
enum mechanism mechanism_named(const char *name);

/* The bits of those that a server offers. `offer`: the lines of EHLO or CAPA, or the
 * words of CAPABILITY; empty if it has none. `greeting`: for APOP's timestamp. */
unsigned mechanisms_offered(enum dial_protocol protocol, struct span offer,
			    const char *greeting);

struct mechanism_known {
	unsigned offered;
	unsigned tried;           /* bits of those that were refused */
	unsigned wrong_passwords; /* refusals so far that were about the password */
	bool has_tls;
	bool is_token;       /* the secret is one, and no password */
	enum mechanism only; /* the one that is set; none: any */
	enum mechanism good; /* the one that worked last time; none: not known */
};
/* MECHANISM_NONE: there is no other to try. */
enum mechanism mechanism_next(const struct mechanism_known *known);

#endif
