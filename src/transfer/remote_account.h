/*
 * An account at a mail server elsewhere: which server, how its connection is protected,
 * and how one logs in there. It is what control/smarthosts/NAME and control/pickups/NAME
 * have in common, and what a connection is made from.
 */
#ifndef TRANSFER_REMOTE_ACCOUNT_H
#define TRANSFER_REMOTE_ACCOUNT_H

#include <limits.h>
#include <stdbool.h>

#include "control/pickup.h"
#include "control/smarthost.h"
#include "net/dial.h"
#include "transfer/link_path.h"

struct remote_account {   /* all texts are borrowed from the file it was made of */
	const char *kind; /* in front of its name in an error: "smarthost" or "pickup" */
	const char *name;
	enum dial_protocol protocol;
	const char *host;
	uint16_t port;
	enum smarthost_tls tls;
	const char *helo; /* SMTP only */
	const char
		*user; /* NULL: no login; the texts below are NULL if they are not set */
	const char *auth;
	const char *passwordfile;
	const char *tokenfile;
	const char *tokencommand;
	const char *login;
	const char *cafile;
};

/* helohost: what the smarthost is greeted with if its own file does not say. */
struct remote_account remote_account_of_smarthost(const struct smarthost *smarthost,
						  const char *helohost);
struct remote_account remote_account_of_pickup(const struct pickup *pickup);

/* What dial_start takes, without the fields that only the caller knows: timeout_s, and,
 * if it remembers the server, addresses and ticket. secret: from remote_secret; NULL
 * without a login. The request borrows from all that is passed, and keeps the path of the
 * certificates' file in cafile_out. The present folder is the gateway's root. */
struct dial_request remote_account_request(const struct remote_account *account,
					   const struct link_path *path,
					   const char *secret, char cafile_out[PATH_MAX]);

#endif
