#include "deliver/route.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/file.h"
#include "control/accounts.h"
#include "control/smarthost.h"
#include "deliver/aliases.h"
#include "deliver/asking.h"
#include "deliver/local_user.h"
#include "deliver/qmail_find.h"
#include "deliver/together.h"

#define DESTINATIONS_MAX 1000 /* of one recipient, aliases followed */
#define DEPTH_MAX        20   /* aliases that lead to aliases */
#define VISITS_MAX       5000 /* addresses looked at on the way */
#define PLAIN_LINES_MAX  100  /* a longer list is run from parked/local */

/* The alias that is being followed, and those that led to it. */
struct alias_trail {
	const struct alias_trail *before;
	const char *alias;
};

/* One recipient's way through the rules. */
struct walk {
	struct router *router;
	const struct route_request *request;
	struct destinations *out;
	size_t first; /* of out's, what this walk added */
	int depth;
	int visits;
	const struct alias_trail *trail;
	struct err *err;
};

static bool walk_address(struct walk *walk, const char *address);

bool router_open(struct router *router, int control_fd, struct err *err)
{
	*router = (struct router){ .control_fd = control_fd,
				   .root_fd = -1,
				   .watch = { .fd = -1 } };
	return settings_load(control_fd, &router->settings, err);
}

void router_clear(struct router *router)
{
	settings_clear(&router->settings);
	settings_watch_close(&router->watch);
}

void router_watch(struct router *router)
{
	settings_watch_open(&router->watch, router->control_fd);
}

void destinations_clear(struct destinations *destinations)
{
	free(destinations->items);
	*destinations = (struct destinations){ 0 };
}

void destination_add_to(const struct destination *destination, struct delivery *delivery)
{
	if (destination->by_domain)
		delivery_add_by_domain(delivery, destination->name,
				       destination->recipient);
	else
		delivery_add(delivery, destination->kind, destination->name,
			     destination->recipient);
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
	     kind == DELIVERY_MAILBOX     ? "delivered at once to the mailbox of"
	     : strcmp(name, "local") == 0 ? "waits its turn in parked"
					  : "parked for smarthost",
	     name);
	return true;
}

/* What cannot be told by lines here waits in parked/local, and is run at once by
 * lontar-dispatch: under the name that the address has become, at the host it came to. */
static bool park_local(struct walk *walk, const char *local, const char *address)
{
	const char *domain = address_domain(address);
	char recipient[ADDRESS_MAX];

	if (snprintf(recipient, sizeof(recipient), "%s@%s", local,
		     domain[0] ? domain : walk->router->settings.me) >= ADDRESS_MAX)
		return err_permanent(walk->err, "5.1.1", "the address is too long");
	return add(walk, DELIVERY_PARKED, "local", recipient);
}

/* An account's own mailbox, as its .qmail file names it. */
static bool is_own_mailbox(const struct local_user *user, const struct qmail_line *line)
{
	return user->kind == LOCAL_ACCOUNT && line->kind == QMAIL_MAILDIR &&
	       strcmp(line->text, "./Maildir/") == 0;
}

/* Mailboxes and forwards only: then the message goes there at once. */
static bool is_plain(const struct local_user *user, const struct qmail_found *found)
{
	if (found->has_owner || !found->file.count || found->file.count > PLAIN_LINES_MAX)
		return false;
	for (size_t i = 0; i < found->file.count; i++)
		if (found->file.lines[i].kind != QMAIL_FORWARD &&
		    !is_own_mailbox(user, &found->file.lines[i]))
			return false;
	return true;
}

/* *apart_out: one is refused, the others are not. */
static bool conclude(struct walk *walk, const struct together *together, bool *apart_out)
{
	if (!together_end(together, walk->out, apart_out, walk->err))
		return false;
	if (*apart_out)
		step(walk,
		     "one of them is refused (%s): lontar-dispatch tells them apart",
		     together->why.text);
	return true;
}

static bool walk_lines(struct walk *walk, const struct local_user *user,
		       const struct qmail_file *file, const char *address,
		       bool *apart_out)
{
	struct together together = { .before = walk->out->count };
	bool goes_on = true;

	for (size_t i = 0; goes_on && i < file->count; i++) {
		const struct qmail_line *line = &file->lines[i];

		goes_on = together_add(
			&together,
			line->kind == QMAIL_FORWARD
				? walk_address(walk, line->text)
				: add(walk, DELIVERY_MAILBOX, user->name, address),
			walk->err);
	}
	return conclude(walk, &together, apart_out);
}

static bool walk_found(struct walk *walk, const struct local_user *user,
		       const struct qmail_found *found, const char *local,
		       const char *address)
{
	step(walk, "%s/%s says what becomes of %s", user->home, found->name, local);
	if (found->is_empty && user->kind == LOCAL_ACCOUNT)
		return add(walk, DELIVERY_MAILBOX, user->name, address);
	if (found->is_empty)
		return err_temporary(walk->err, "4.3.5", "%s/%s names no address",
				     user->home, found->name);
	if (is_plain(user, found)) {
		bool apart, done;

		done = walk_lines(walk, user, &found->file, address, &apart);
		return apart ? park_local(walk, local, address) : done;
	}
	step(walk, "more than mailboxes and forwards: run by lontar-dispatch");
	return park_local(walk, local, address);
}

/* His home folder; -1 where there is none, which is no failure. */
static int open_home(const struct walk *walk, const struct local_user *user)
{
	const struct router *router = walk->router;

	if (user->kind == LOCAL_ALIAS)
		return openat(router->control_fd, "alias",
			      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (router->root_fd < 0) {
		errno = ENOENT;
		return -1;
	}
	return openat(router->root_fd, user->home,
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* Does an account or alias have a .qmail file for it? *found_out is then to be cleared.
 */
static bool find_instructions(struct walk *walk, const struct local_user *user,
			      struct qmail_found *found_out)
{
	AUTO_FD home_fd = open_home(walk, user);
	struct qmail_place place = { .home_fd = home_fd,
				     .owner = QMAIL_ANY_OWNER,
				     .dash = user->dash,
				     .ext = user->ext };

	*found_out = (struct qmail_found){ .is_empty = false };
	if (home_fd < 0)
		return errno == ENOENT ||
		       err_errno(walk->err, "open folder %s", user->home);
	return qmail_find(&place, found_out, walk->err) ||
	       err_context(walk->err, "%s", user->home);
}

static bool is_on_trail(const struct walk *walk, const char *alias)
{
	const struct alias_trail *at = walk->trail;

	while (at && strcmp(at->alias, alias) != 0)
		at = at->before;
	return at != NULL;
}

/* A program, a long list, bounces that go to somebody else: not while a client waits. */
static bool is_work(const struct walk *walk, const struct aliases_members *members)
{
	const char *sender = walk->request->sender;

	return members->program_count || members->count > PLAIN_LINES_MAX ||
	       (members->owner[0] && sender[0] && strcmp(sender, "#@[]") != 0);
}

/* Everybody whom control/aliases names; who was met before on the way is left out. */
static bool walk_members(struct walk *walk, const struct aliases_members *members,
			 const char *address)
{
	const struct alias_trail here = { walk->trail, members->alias };
	struct together together = { .before = walk->out->count };
	bool goes_on = true, apart, done;

	if (is_on_trail(walk, members->alias)) {
		step(walk, "%s leads in a circle, which is left out", members->alias);
		return true;
	}
	step(walk, "%s is \"%s\" of control/aliases: %zu addresses, %zu programs%s%s",
	     address, members->alias, members->count, members->program_count,
	     members->owner[0] ? ", owner " : "", members->owner);
	if (is_work(walk, members))
		return add(walk, DELIVERY_PARKED, "local", address);
	walk->trail = &here;
	for (size_t i = 0; goes_on && i < members->count; i++)
		goes_on = together_add(
			&together, walk_address(walk, members->addresses[i]), walk->err);
	walk->trail = here.before;
	done = conclude(walk, &together, &apart);
	return apart ? add(walk, DELIVERY_PARKED, "local", address) : done;
}

/* *is_alias_out: control/aliases has it, and it has been followed. */
static bool walk_aliases(struct walk *walk, const char *address, bool *is_alias_out)
{
	const struct router *router = walk->router;
	bool has_domain = address_domain(address)[0] != '\0', done = false;
	struct aliases_members members;
	char whole[ADDRESS_MAX + 256];

	snprintf(whole, sizeof(whole), "%s%s%s", address, has_domain ? "" : "@",
		 has_domain ? "" : router->settings.me);
	*is_alias_out = true;
	switch (aliases_find(router->control_fd, &router->settings, whole, &members,
			     walk->err)) {
	case ALIASES_FOUND:
		done = walk_members(walk, &members, whole);
		break;
	case ALIASES_NONE:
		*is_alias_out = false;
		done = true;
		break;
	case ALIASES_FAILED:
		break;
	}
	aliases_clear(&members);
	return done;
}

/* The alias user's own, as "virtual.example:alias" in virtualdomains makes it. */
static bool is_for_aliases(const struct local_user *user, const char *base)
{
	return user->kind == LOCAL_ALIAS && (!base || strcasecmp(base, "alias") == 0);
}

/* Whoever this local name is. `base` is the account that takes what nobody else does (the
 * prefix of a virtual domain), or NULL. */
static bool walk_user(struct walk *walk, const char *local, const char *base,
		      const char *address)
{
	struct local_search search = { .root_fd = walk->router->root_fd,
				       .control_fd = walk->router->control_fd };
	struct qmail_found found;
	struct local_user user;
	bool done, is_alias;

	if (!local_user_find(&search, local, &user, walk->err))
		return false;
	if (user.kind == LOCAL_SYSTEM) {
		step(walk, "%s is user %s of this system", local, user.name);
		return park_local(walk, local, address);
	}
	if (user.kind == LOCAL_ACCOUNT)
		step(walk, "%s is an account (control/accounts)", user.name);
	if (is_for_aliases(&user, base)) {
		done = walk_aliases(walk, address, &is_alias);
		if (!done || is_alias)
			return done;
	}
	if (!find_instructions(walk, &user, &found))
		return false;
	if (found.name[0]) {
		done = walk_found(walk, &user, &found, local, address);
		qmail_found_clear(&found);
		return done;
	}
	if (user.kind == LOCAL_ACCOUNT)
		return add(walk, DELIVERY_MAILBOX, user.name, address);
	if (base && strcasecmp(base, local) != 0)
		return walk_user(walk, base, NULL, address);
	step(walk, "%s is neither in control/accounts nor in control/alias", local);
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
	if (!add(walk, DELIVERY_PARKED, route.smarthost, address))
		return false;
	walk->out->items[walk->out->count - 1].by_domain = smarthost_is_direct(
		walk->router->control_fd, &walk->router->settings, route.smarthost);
	return true;
}

/* After permission has been found: where the address is, or leads to. */
static bool walk_address(struct walk *walk, const char *address)
{
	const struct settings *settings = &walk->router->settings;
	const char *domain = address_domain(address), *line;
	struct span local = address_local(address);
	char user[ADDRESS_MAX];
	bool done;

	if (walk->depth >= DEPTH_MAX || ++walk->visits > VISITS_MAX)
		return err_permanent(walk->err, "5.4.6", "aliases lead in a circle");
	walk->depth++;
	if (routes_virtual(settings, address, user, sizeof(user), &line)) {
		done = walk_virtual(walk, address, user, line);
	} else if (!domain[0] || routes_is_local(settings, domain)) {
		snprintf(user, sizeof(user), "%.*s", SPAN_ARG(local));
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

/* Before all else, so that no alias, forward or virtual domain leads there. */
static bool walk_asking(struct walk *walk, bool *is_asking_out)
{
	const struct route_request *request = walk->request;
	struct large large;

	switch (asking_judge(walk->router, request, &large, walk->err)) {
	case ASKING_NOT:
		*is_asking_out = false;
		return true;
	case ASKING_REFUSED:
		step(walk, "%s asks for a large message that waits at a provider",
		     request->recipient);
		break;
	case ASKING_DONE:
		step(walk, "%s asks for the large message %s, which waits at pickup %s",
		     request->recipient, large.id, large.pickup);
		*is_asking_out = true;
		return add(walk, DELIVERY_PARKED, "local", request->recipient);
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
	bool is_asking;

	if (!settings_watch_is_quiet(&router->watch) &&
	    !settings_refresh(router->control_fd, &router->settings, NULL, err)) {
		router->watch.looked_ms = 0; /* until they are right, each time */
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
	if (walk_asking(&walk, &is_asking) &&
	    (is_asking || walk_address(&walk, request->recipient))) {
		if (out->count > walk.first)
			return true;
		return err_permanent(err, "5.4.6", "this address leads to nobody");
	}
	out->count = walk.first;
	return false;
}
