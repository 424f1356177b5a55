/*
 * One session on stdin and stdout, without a master: under tcpserver or inetd, and for
 * `sendmail -bs`. False and err: it could not begin, and the client was told 421.
 */
#ifndef SMTPD_SINGLE_H
#define SMTPD_SINGLE_H

#include "base/attr.h"
#include "base/err.h"

/* service: "smtp", "qmtp" or "qmqp" (that only where RELAYCLIENT is set).
 * For the client that tcpserver's environment names (TCPREMOTEIP; RELAYCLIENT: may mail
 * anyone, its value put behind each recipient; DATABYTES), or who is at the socket's
 * other end. The current folder is the gateway's root. */
bool single_serve_client(const char *service, int *exit_code_out,
			 struct err *err) MUST_USE;

/* For the user who runs us: no TLS, no login, and he may mail anyone. */
bool single_serve_user(int *exit_code_out, struct err *err) MUST_USE;

#endif
