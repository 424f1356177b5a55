/*
 * run/auth: what a session worker asks lontar-auth.
 *
 * The tag is the worker's number for the session. A session says AUTH_HELLO once, before
 * its greeting, and AUTH_BYE when it ends (closing the socket says it for all); in
 * between it may ask AUTH_LOGIN, one at a time. lontar-auth counts connections and
 * failures of all workers, and delays an answer where somebody guesses.
 */
#ifndef IPC_AUTH_H
#define IPC_AUTH_H

#include "ipc/packet.h"

enum auth_packet {
	AUTH_HELLO = 1, /* worker: a client connected */
	AUTH_PERMIT,    /* auth: whether and how it is served */
	AUTH_LOGIN,     /* worker: a name and a password */
	AUTH_RESULT, /* auth: to LOGIN; for pop3 with the mailbox's socket (ipc/mailbox.h)
		      */
	AUTH_BYE,    /* worker: the session is over; no fields, no answer */
};

enum auth_verdict {
	AUTH_YES,
	AUTH_NO,    /* refused: not by trying again */
	AUTH_LATER, /* busy, or something is broken here: try again later */
};

/* service: the name in control/listen; remote_ip: as text, IPv4 undecorated */
#define AUTH_HELLO_FIELDS(NUMBER, TEXT) TEXT(service) TEXT(remote_ip)
PACKET_DEFINE(auth_hello, AUTH_HELLO, AUTH_HELLO_FIELDS)

/* may_relay: this address may mail anyone, relay_suffix is put behind such recipients
 * (tcp.smtp's RELAYCLIENT); plain_logins: passwords may cross without TLS; databytes: the
 * largest message, 0 for no limit; timeout_s: of silence; text: with NO and LATER, why */
#define AUTH_PERMIT_FIELDS(NUMBER, TEXT) \
	NUMBER(verdict)                  \
	NUMBER(may_relay)                \
	NUMBER(plain_logins)             \
	NUMBER(databytes)                \
	NUMBER(timeout_s) TEXT(relay_suffix) TEXT(me) TEXT(greeting) TEXT(text)
PACKET_DEFINE(auth_permit, AUTH_PERMIT, AUTH_PERMIT_FIELDS)

#define AUTH_LOGIN_FIELDS(NUMBER, TEXT) TEXT(user) TEXT(password)
PACKET_DEFINE(auth_login, AUTH_LOGIN, AUTH_LOGIN_FIELDS)

/* user: the account's name as it is written in control/accounts */
#define AUTH_RESULT_FIELDS(NUMBER, TEXT) NUMBER(verdict) TEXT(user) TEXT(text)
PACKET_DEFINE(auth_result, AUTH_RESULT, AUTH_RESULT_FIELDS)

#endif
