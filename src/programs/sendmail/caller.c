#include "programs/sendmail/caller.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "control/root.h"
#include "control/routes.h"
#include "mail/header.h"

/* The name in front of the first comma, "&" being the login with a capital (finger's
 * rule). */
static void take_full_name(const char *gecos, const char *login, char *out, size_t room)
{
	size_t len = 0, part;

	for (; *gecos && *gecos != ',' && len + 1 < room; gecos++) {
		if (*gecos != '&') {
			out[len++] = *gecos;
			continue;
		}
		part = strlen(login);
		if (part > room - 1 - len)
			part = room - 1 - len;
		memcpy(out + len, login, part);
		if (part && out[len] >= 'a' && out[len] <= 'z')
			out[len] = (char)(out[len] - 'a' + 'A');
		len += part;
	}
	out[len] = '\0';
}

static void find_user(struct caller *caller)
{
	const struct passwd *user = getpwuid(getuid());

	if (!user) {
		snprintf(caller->login, sizeof(caller->login), "uid%u",
			 (unsigned)getuid());
		return;
	}
	snprintf(caller->login, sizeof(caller->login), "%s", user->pw_name);
	take_full_name(user->pw_gecos, caller->login, caller->full_name,
		       sizeof(caller->full_name));
}

/* Where the settings are not for this user to read, the machine's own name has to do. */
static void find_host(int root_fd, struct caller *caller)
{
	struct settings *settings = &caller->settings;
	struct err unread = { 0 };
	AUTO_FD control_fd = root_control(root_fd, &unread);

	if (control_fd < 0 || !settings_load(control_fd, settings, &unread)) {
		if (gethostname(caller->host, sizeof(caller->host)) != 0 ||
		    !memchr(caller->host, '\0', sizeof(caller->host)))
			snprintf(caller->host, sizeof(caller->host), "localhost");
		settings->me = must_copy(caller->host);
		settings->defaultdomain = must_copy(caller->host);
		settings->plusdomain = must_copy(caller->host);
		return;
	}
	/* The office's domain, where it is ours; else mail for "ann" would leave. */
	snprintf(caller->host, sizeof(caller->host), "%s",
		 routes_is_ours(settings, settings->defaultdomain)
			 ? settings->defaultdomain
			 : settings->me);
}

void caller_find(struct caller *caller_out, int root_fd)
{
	*caller_out = (struct caller){ 0 };
	find_user(caller_out);
	find_host(root_fd, caller_out);
	maildir_unique(caller_out->settings.me, caller_out->unique);
	caller_out->qualifier =
		(struct qualifier){ caller_out->host, caller_out->settings.defaultdomain,
				    caller_out->settings.plusdomain };
}

/* Called for each address of -f: there is one. */
static bool take_one(void *ctx, const char *address, struct span place, struct err *err)
{
	struct caller *caller = ctx;

	(void)place;
	if (caller->sender[0])
		return err_permanent(err, "5.1.7", "more than one address");
	return qualify_address(&caller->qualifier, address, caller->sender, err);
}

bool caller_sender(struct caller *caller, const char *given, struct err *err)
{
	caller->sender[0] = '\0';
	if (!qualify_address(&caller->qualifier, caller->login, caller->author, err))
		return false;
	if (!given) {
		memcpy(caller->sender, caller->author, sizeof(caller->sender));
		return true;
	}
	if (!header_addresses_at(span_of(given), take_one, caller, err)) {
		err->exit_code = EX_USAGE;
		return err_context(err, "-f");
	}
	if (!caller->sender[0])
		return true;
	/* Whoever names the sender names the author of a message that has none. */
	caller->full_name[0] = '\0';
	memcpy(caller->author, caller->sender, sizeof(caller->author));
	return true;
}
