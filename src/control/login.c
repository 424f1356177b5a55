#include "control/login.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "control/keyvalue.h"
#include "control/routes.h"
#include "control/smarthost.h"

#define DAY_S        ((uint64_t)86400)
#define LIFETIME_MAX (3650 * DAY_S)

static const char *const provider_words[] = { [LOGIN_OTHER] = "other",
					      [LOGIN_MICROSOFT] = "microsoft",
					      [LOGIN_GOOGLE] = "google",
					      NULL };

/* What is known of a provider; a line in the file goes before it. */
static const struct {
	const char *deviceurl;
	const char *authurl;
	const char *tokenurl;
	const char *scope;
	uint64_t lifetime;
} known[] = {
	[LOGIN_OTHER] = { NULL, NULL, NULL, "", 0 },
	[LOGIN_MICROSOFT] = { "https://login.microsoftonline.com/common/oauth2/v2.0/"
			      "devicecode",
			      NULL,
			      "https://login.microsoftonline.com/common/oauth2/v2.0/"
			      "token",
			      "https://outlook.office.com/SMTP.Send "
			      "https://outlook.office.com/POP.AccessAsUser.All "
			      "https://outlook.office.com/IMAP.AccessAsUser.All "
			      "offline_access",
			      90 * DAY_S },
	/* Google lets nobody at mail by a device's code. */
	[LOGIN_GOOGLE] = { NULL, "https://accounts.google.com/o/oauth2/v2/auth",
			   "https://oauth2.googleapis.com/token",
			   "https://mail.google.com/", 180 * DAY_S },
};

#define KEY(field, kind)                                                      \
	{                                                                     \
#field, KEYVALUE_##kind, offsetof(struct login, field), NULL, \
			LIFETIME_MAX                                          \
	}

static const struct keyvalue_key keys[] = {
	{ "provider", KEYVALUE_WORD, offsetof(struct login, provider), provider_words,
	  0 },
	KEY(clientid, TEXT),
	KEY(clientsecretfile, TEXT),
	KEY(deviceurl, TEXT),
	KEY(authurl, TEXT),
	KEY(tokenurl, TEXT),
	KEY(scope, TEXT),
	KEY(cafile, TEXT),
	KEY(lifetime, SECONDS),
	{ .name = NULL },
};

static void set_default(char **field, const char *text)
{
	if (!*field && text)
		*field = must_copy(text);
}

static bool check_url(const char *key, const char *url, struct err *err)
{
	if (!url)
		return err_exit(err, EX_CONFIG,
				"no %s is set; add a line \"%s https://...\"", key, key);
	if (strncasecmp(url, "https://", 8) == 0 && !strpbrk(url, " \t\"\\"))
		return true;
	return err_exit(err, EX_CONFIG, "%s: write a URL that begins with https://", key);
}

static bool settle(struct login *login, struct err *err)
{
	if (!login->authurl)
		set_default(&login->deviceurl, known[login->provider].deviceurl);
	if (!login->deviceurl)
		set_default(&login->authurl, known[login->provider].authurl);
	set_default(&login->tokenurl, known[login->provider].tokenurl);
	set_default(&login->scope, known[login->provider].scope);
	if (login->lifetime == UINT64_MAX)
		login->lifetime = known[login->provider].lifetime;
	if (!login->clientid)
		return err_exit(err, EX_CONFIG,
				"no clientid is set; add a line \"clientid ...\" with "
				"what the provider calls this program");
	if (login->deviceurl && login->authurl)
		return err_exit(err, EX_CONFIG,
				"deviceurl and authurl; keep one of them");
	return (login->authurl ? check_url("authurl", login->authurl, err)
			       : check_url("deviceurl", login->deviceurl, err)) &&
	       check_url("tokenurl", login->tokenurl, err);
}

bool login_load(int control_fd, const char *name, struct login *login_out,
		struct err *err)
{
	char path[SMARTHOST_NAME_MAX + 16];

	if (!smarthost_name_is_valid(name))
		return err_exit(err, EX_NOINPUT,
				"no login \"%.60s\": a name is of a-z, 0-9, \".\" and "
				"\"-\"",
				name);
	*login_out = (struct login){ .name = must_copy(name), .lifetime = UINT64_MAX };
	snprintf(path, sizeof(path), "logins/%s", name);
	if (keyvalue_read(control_fd, path, keys, login_out, err)) {
		if (settle(login_out, err))
			return true;
		err_context(err, "control/%s", path);
	} else if (err->exit_code == EX_NOINPUT) {
		err_exit(err, EX_NOINPUT, "no login %s: write control/logins/%s", name,
			 name);
	}
	login_clear(login_out);
	return false;
}

void login_clear(struct login *login)
{
	keyvalue_clear(keys, login);
	free(login->name);
	*login = (struct login){ .provider = LOGIN_OTHER };
}

char *login_command(const char *name)
{
	char own[PATH_MAX] = "";
	AUTO_BUF command = BUF_INIT((size_t)2 * PATH_MAX);
	ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash = len > 0 ? strrchr(own, '/') : NULL;

	if (slash)
		*slash = '\0';
	/* A folder whose name would end the quotes is left to PATH. */
	if (!slash || strchr(own, '\'') ||
	    !buf_appendf(&command, "exec '%s/lontar' token %s", own, name)) {
		buf_reset(&command);
		(void)!buf_appendf(&command, "exec lontar token %s", name);
	}
	return buf_take(&command);
}

bool login_settle(const char *name, bool has_other, char **command_out, struct err *err)
{
	if (!smarthost_name_is_valid(name))
		return err_exit(err, EX_CONFIG,
				"login: \"%.60s\" is no name of a file in control/logins",
				name);
	if (has_other)
		return err_exit(err, EX_CONFIG,
				"login and another secret; keep one of them");
	*command_out = login_command(name);
	return true;
}

void login_explain(const char *name, struct err *err)
{
	if (name && err->exit_code == EX_NOPERM)
		err_exit(
			err, EX_NOPERM,
			"the login %s has ended or was never made; run `lontar login %s`",
			name, name);
}
