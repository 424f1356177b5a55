#include "deliver/route.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "control/accounts.h"
#include "deliver/alias.h"

#define DESTINATIONS_MAX 1000 /* of one recipient, aliases followed */
#define DEPTH_MAX        20   /* aliases that lead to aliases */

/* One recipient's way through the rules. */
struct walk {
	struct router *router;
	const struct route_request *request;
	struct destinations *out;
	size_t first; /* of out's, what this walk added */
	int depth;
	struct err *err;
};

static bool walk_address(struct walk *walk, const char *address);

bool router_open(struct router *router, int control_fd, struct err *err)
{
	*router = (struct router){ .control_fd = control_fd };
	return settings_load(control_fd, &router->settings, err);
}

void router_clear(struct router *router)
{
	settings_clear(&router->settings);
}

void destinations_clear(struct destinations *destinations)
{
	free(destinations->items);
	*destinations = (struct destinations){ 0 };
}

static void step(const struct walk *walk, const char *fmt, ...) PRINTF(2, 3);

static void step(const struct walk *walk, const char *fmt, ...)
{
	char text[1200];
	va_list args;

	if (!walk->request->step)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	walk->request->step(walk->request->ctx, text);
}

static bool add(struct walk *walk, enum delivery_kind kind, const char *name,
		const char *recipient)
{
	struct destinations *out = walk->out;
	struct destination *item;

	if (out->count - walk->first >= DESTINATIONS_MAX)
		return err_permanent(walk->err, "5.1.6",
				     "this address leads to too many others");
	out->items = must_resize(out->items, out->count + 1, sizeof(*out->items));
	item = &out->items[out->count++];
	*item = (struct destination){ .kind = kind };
	snprintf(item->name, sizeof(item->name), "%s", name);
	snprintf(item->recipient, sizeof(item->recipient), "%s", recipient);
	step(walk, "%s: %s %s", recipient,
	     kind == DELIVERY_MAILBOX ? "delivered at once to the mailbox of"
				      : "parked for smarthost",
	     name);
	return true;
}

static bool on_forward(void *ctx, const char *address, struct err *err)
{
	struct walk *walk = ctx;

	(void)err; /* it is walk->err */
	return walk_address(walk, address);
}

/* An account, or an alias. `base` is the account that takes what nobody else does (the
 * prefix of a virtual domain), or NULL. */
static bool walk_user(struct walk *walk, const char *user, const char *base,
		      const char *address)
{
	struct alias_found found;

	switch (account_find(walk->router->control_fd, user, NULL, walk->err)) {
	case ACCOUNT_YES:
		step(walk, "%s is an account (control/accounts)", user);
		return add(walk, DELIVERY_MAILBOX, user, address);
	case ACCOUNT_UNKNOWN:
		return err_context(walk->err, "control/accounts");
	case ACCOUNT_NO:
		break;
	}
	if (!alias_find(walk->router->control_fd, user, &found, walk->err))
		return false;
	if (found.name[0]) {
		step(walk, "%s is an alias (control/alias/%s)", user, found.name);
		return alias_follow(walk->router->control_fd, &found, on_forward, walk,
				    walk->err);
	}
	if (base && strcmp(base, user) != 0)
		return walk_user(walk, base, NULL, address);
	step(walk, "%s is neither in control/accounts nor in control/alias", user);
	return err_permanent(walk->err, "5.1.1", "no such user here");
}

static void lower(char *text)
{
	for (; *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

static bool walk_virtual(struct walk *walk, const char *address, char *user,
			 const char *line)
{
	char base[ACCOUNT_NAME_MAX];
	const char *colon = strrchr(line, ':');

	step(walk, "virtualdomains \"%s\": %s becomes local user %s", line, address,
	     user);
	snprintf(base, sizeof(base), "%s", colon ? colon + 1 : "");
	lower(base);
	return walk_user(walk, user, base, address);
}

static bool walk_outside(struct walk *walk, const char *address)
{
	struct route route;

	if (!routes_find(walk->router->control_fd, &walk->router->settings,
			 walk->request->sender, address, &route, walk->err))
		return false;
	if (route.by == ROUTE_NONE) {
		step(walk, "no line of smtproutes or senderroutes matches %s", address);
		return err_temporary(walk->err, "4.4.4",
				     "no smarthost is set for mail to %s",
				     address_domain(address));
	}
	step(walk, "%s \"%s\": smarthost %s",
	     route.by == ROUTE_SENDER ? "senderroutes" : "smtproutes", route.line,
	     route.smarthost);
	return add(walk, DELIVERY_PARKED, route.smarthost, address);
}

/* After permission has been found: where the address is, or leads to. */
static bool walk_address(struct walk *walk, const char *address)
{
	const struct settings *settings = &walk->router->settings;
	const char *domain = address_domain(address), *line;
	struct span local = address_local(address);
	char user[ADDRESS_MAX];
	bool done;

	if (++walk->depth > DEPTH_MAX)
		return err_permanent(walk->err, "5.4.6", "aliases lead in a circle");
	if (routes_virtual(settings, address, user, sizeof(user), &line)) {
		lower(user);
		done = walk_virtual(walk, address, user, line);
	} else if (!domain[0] || routes_is_local(settings, domain)) {
		snprintf(user, sizeof(user), "%.*s", SPAN_ARG(local));
		lower(user);
		if (domain[0])
			step(walk, "%s is ours (control/locals)", domain);
		done = walk_user(walk, user, NULL, address);
	} else {
		done = walk_outside(walk, address);
	}
	walk->depth--;
	return done;
}

static bool sender_is_bad(const struct settings *settings, const char *sender)
{
	const char *at = strrchr(sender, '@');

	for (size_t i = 0; sender[0] && i < settings->badmailfrom.count; i++) {
		const char *line = settings->badmailfrom.lines[i];

		if (strcasecmp(line[0] == '@' && at ? at : sender, line) == 0)
			return true;
	}
	return false;
}

bool route_recipient(struct router *router, const struct route_request *request,
		     struct destinations *out, struct err *err)
{
	struct walk walk = { .router = router,
			     .request = request,
			     .out = out,
			     .first = out->count,
			     .err = err };
	const char *domain = address_domain(request->recipient);

	if (!settings_refresh(router->control_fd, &router->settings, NULL, err)) {
		err->kind = ERR_TEMPORARY;
		snprintf(err->status, sizeof(err->status), "4.3.5");
		return false;
	}
	if (sender_is_bad(&router->settings, request->sender)) {
		step(&walk, "%s is in control/badmailfrom", request->sender);
		return err_permanent(err, "5.7.1", "this sender is not welcome here");
	}
	if (domain[0] && !routes_is_ours(&router->settings, domain) &&
	    !request->may_relay) {
		step(&walk, "%s is not ours (locals, virtualdomains, rcpthosts)", domain);
		return err_permanent(
			err, "5.7.1",
			"mail for %s is not taken from your address without a "
			"login",
			domain);
	}
	if (walk_address(&walk, request->recipient))
		return true;
	out->count = walk.first;
	return false;
}
