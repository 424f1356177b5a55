/*
 * Why a dial failed, for programs: at which step, what the server said, what is wrong
 * with its certificate. The text for people is in the err.
 */
#ifndef NET_DIAL_FAILURE_H
#define NET_DIAL_FAILURE_H

#include <stdbool.h>

#include "net/said.h"

enum dial_stage {
	DIAL_AT_RESOLVE,
	DIAL_AT_CONNECT,
	DIAL_AT_GREETING,
	DIAL_AT_EHLO, /* also HELO, CAPA and CAPABILITY */
	DIAL_AT_TLS,  /* also STARTTLS, refused or not offered */
	DIAL_AT_CERTIFICATE,
	DIAL_AT_AUTH, /* also a login that is not offered */
};

enum dial_certificate {
	DIAL_CERTIFICATE_FINE,
	DIAL_CERTIFICATE_NOT_YET_VALID,
	DIAL_CERTIFICATE_EXPIRED,
	DIAL_CERTIFICATE_CLOCK, /* one of the two above, by a clock in doubt: ours */
	DIAL_CERTIFICATE_NAME,  /* another server's */
	DIAL_CERTIFICATE_UNTRUSTED,
	DIAL_CERTIFICATE_OTHER, /* also: the CA file cannot be read */
};

struct dial_failure {
	enum dial_stage stage;
	bool answered;    /* the server said no, in these words: */
	struct said said; /* its code is 0 if it is not SMTP (or POP3, IMAP) */
	bool is_timeout;
	bool is_missing; /* STARTTLS or a login that is required is not offered */
	enum dial_certificate certificate;
};

#endif
