/*
 * Where a message goes: from an envelope recipient to mailboxes and parked Maildirs.
 * Looks only at control/; asks no DNS and nothing on the link.
 *
 * The order: badmailfrom; is the recipient's domain ours (locals, virtualdomains,
 * rcpthosts), else may the sender relay; virtualdomains rewrites; whose a local name is
 * says deliver/local_user.h, and what becomes of it his .qmail file; anything else goes
 * to the smarthost of senderroutes and smtproutes.
 *
 * Mailboxes and forwards are followed here. What needs more (a program, an mbox, another
 * user, a list with an owner or of more than 100) goes to parked/local, where
 * lontar-dispatch runs it at once.
 */
#ifndef DELIVER_ROUTE_H
#define DELIVER_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/routes.h"
#include "control/settings.h"
#include "control/settings_watch.h"
#include "mail/address.h"
#include "store/delivery.h"

struct router {
	int control_fd; /* the caller's */
	int root_fd;    /* likewise; -1 (as opened): accounts have no .qmail files */
	struct settings settings;
	struct settings_watch watch;
};

/* Reads the settings; router_clear frees them. */
bool router_open(struct router *router, int control_fd, struct err *err) MUST_USE;
/* For who routes much: the settings' files are not looked at for each recipient. */
void router_watch(struct router *router);
void router_clear(struct router *router);

struct destination {
	enum delivery_kind kind;
	char name[SMARTHOST_NAME_MAX + 1]; /* user or smarthost */
	char recipient[ADDRESS_MAX];
	bool by_domain; /* its smarthost has a file for each domain: see delivery_add */
};

struct destinations {
	struct destination *items;
	size_t count;
};
/* One more recipient of that delivery. */
void destination_add_to(const struct destination *destination, struct delivery *delivery);
void destinations_clear(struct destinations *destinations);

struct route_request {
	const char *sender;
	const char *recipient;
	bool may_relay;
	/* Told each step and why, for `lontar explain`; may be NULL. */
	void (*step)(void *ctx, const char *text);
	void *ctx;
};

/* Appends where it goes. The settings are read again first if they changed. An err is the
 * verdict for the SMTP client: permanent 5.1.1 no such user, 5.7.1 no relaying, 5.1.6
 * loops; temporary 4.4.4 no route, 4.3.5 our settings are wrong. */
bool route_recipient(struct router *router, const struct route_request *request,
		     struct destinations *out, struct err *err) MUST_USE;

#endif
