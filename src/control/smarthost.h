/*
 * control/smarthosts/NAME: where and how a parked Maildir is sent. "key value" or
 * "key=value" lines; an unknown key is an err. Secrets are in files it names (absolute,
 * or relative to control/), which must not be readable by others.
 */
#ifndef CONTROL_SMARTHOST_H
#define CONTROL_SMARTHOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/settings.h"

enum smarthost_tls {
	SMARTHOST_TLS_NONE,
	SMARTHOST_TLS_TRY,
	SMARTHOST_TLS_STARTTLS,
	SMARTHOST_TLS_IMPLICIT
};
enum smarthost_type {
	SMARTHOST_SMTP,
	SMARTHOST_QMTP,
	SMARTHOST_MX
};

enum smarthost_use {         /* of an offer of the server */
	SMARTHOST_AUTOMATIC, /* unless it was seen not to work */
	SMARTHOST_YES,
	SMARTHOST_NO
};
enum smarthost_tlslevel {     /* the least that a connection must have */
	SMARTHOST_LEVEL_SEEN, /* what was seen of the server before */
	SMARTHOST_LEVEL_ANY,
	SMARTHOST_LEVEL_ENCRYPTED,
	SMARTHOST_LEVEL_NAMED /* a verified certificate that names the host */
};
enum smarthost_switch {
	SMARTHOST_ON, /* the default of each */
	SMARTHOST_OFF
};

struct smarthost {
	char *name;
	char *host;
	uint16_t port; /* 25; 465 with tls implicit */
	enum smarthost_tls tls;
	enum smarthost_type type;
	char *user; /* NULL: no login */
	char *auth; /* NULL, or the one mechanism to use: plain login cram-md5 xoauth2 */
	char *passwordfile; /* NULL where unset; likewise below */
	char *tokenfile;
	char *tokencommand;
	char *login;      /* control/logins/NAME; tokencommand then makes its token */
	char *cafile;     /* NULL: the system's */
	char *helo;       /* NULL: helohost */
	uint64_t indoubt; /* messages; 0: chosen by rate and round trip */
	uint64_t maxsize; /* bytes; 0: no limit but the server's */
	char *fallback;   /* the smarthost that takes its mail where it is out of order;
			   * NULL: none (link/fallback.h) */
	uint64_t fallbackafter; /* tries in a row that did not reach it */
	char *rate;             /* "N per hour" or "N per day"; NULL: as it comes */
	uint64_t rate_count;    /* messages ... */
	uint64_t rate_s;        /* ... in so many seconds; 0: any number */
	uint64_t perconnection; /* messages a connection; 0: as the server tells */
	uint64_t recipients;    /* a transaction; 0: as the server tells, at most 100 */
	enum smarthost_use chunking;
	enum smarthost_use pipelining;
	char *nullsender; /* the address to use instead of <>; NULL: none */
	enum smarthost_tlslevel tlslevel;
	/* Whether mail is converted (mime/converter.h) that has 8-bit bytes, if the
	 * server does not offer 8BITMIME; or lines of over 998 octets. */
	enum smarthost_switch convert8bit;
	enum smarthost_switch breaklines;
};

/* NAME's file, or, where there is none, the host of the smtproutes or senderroutes line
 * that has this name (control/relay.h). No such smarthost: exit code EX_NOINPUT; a wrong
 * line in its file: EX_CONFIG with file, line and mend. Clear with smarthost_clear; after
 * an err there is nothing to clear. */
bool smarthost_load(int control_fd, const struct settings *settings, const char *name,
		    struct smarthost *smarthost_out, struct err *err) MUST_USE;
void smarthost_clear(struct smarthost *smarthost);

/* It is of type mx. One that cannot be read is not. */
bool smarthost_is_direct(int control_fd, const struct settings *settings,
			 const char *name);

/* The password, or the token (from tokenfile, or what tokencommand prints), first line,
 * without its line end. Caller frees (explicit_bzero first). NULL and err. */
char *smarthost_secret(int control_fd, const struct smarthost *smarthost,
		       struct err *err) MUST_USE;

/* A name that may be a file in smarthosts/, links/ or pickups/. */
bool smarthost_name_is_valid(const char *name);

/* Names of all files in smarthosts/ (or links/, pickups/), sorted. */
bool smarthost_names(int control_fd, const char *folder, struct settings_list *names_out,
		     struct err *err) MUST_USE;

#endif
