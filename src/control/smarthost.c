#include "control/smarthost.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/number.h"
#include "control/keyvalue.h"
#include "control/login.h"
#include "control/relay.h"
#include "control/secret.h"

#define PORT_SMTP      25
#define PORT_SMTPS     465
#define PORT_QMTP      209
#define FALLBACK_AFTER 3
#define TLS_UNSET      ((enum smarthost_tls)UINT_MAX)

static const char *const tls_words[] = { [SMARTHOST_TLS_NONE] = "none",
					 [SMARTHOST_TLS_TRY] = "try",
					 [SMARTHOST_TLS_STARTTLS] = "starttls",
					 [SMARTHOST_TLS_IMPLICIT] = "implicit",
					 NULL };
static const char *const type_words[] = { [SMARTHOST_SMTP] = "smtp",
					  [SMARTHOST_QMTP] = "qmtp",
					  [SMARTHOST_MX] = "mx",
					  NULL };

static const char *const use_words[] = { [SMARTHOST_AUTOMATIC] = "auto",
					 [SMARTHOST_YES] = "yes",
					 [SMARTHOST_NO] = "no",
					 NULL };
static const char *const tlslevel_words[] = { [SMARTHOST_LEVEL_SEEN] = "seen",
					      [SMARTHOST_LEVEL_ANY] = "any",
					      [SMARTHOST_LEVEL_ENCRYPTED] = "encrypted",
					      [SMARTHOST_LEVEL_NAMED] = "named",
					      NULL };
static const char
	*const switch_words[] = { [SMARTHOST_ON] = "yes", [SMARTHOST_OFF] = "no", NULL };

#define KEY(field, kind)                                                          \
	{                                                                         \
#field, KEYVALUE_##kind, offsetof(struct smarthost, field), NULL, \
			INT64_MAX                                                 \
	}
#define KEY_WORDS(field, words)                                                    \
	{                                                                          \
#field, KEYVALUE_WORD, offsetof(struct smarthost, field), words, 0 \
	}
#define KEY_WORD(field) KEY_WORDS(field, field##_words)

static const struct keyvalue_key keys[] = {
	KEY(host, TEXT),
	KEY(port, PORT),
	KEY_WORD(tls),
	KEY(user, TEXT),
	KEY(passwordfile, TEXT),
	KEY(auth, TEXT),
	KEY(tokenfile, TEXT),
	KEY(tokencommand, TEXT),
	KEY(cafile, TEXT),
	KEY_WORD(type),
	KEY(helo, TEXT),
	KEY(indoubt, NUMBER),
	KEY(maxsize, BYTES),
	KEY(fallback, TEXT),
	KEY(fallbackafter, NUMBER),
	KEY(login, TEXT),
	KEY(rate, TEXT),
	KEY(perconnection, NUMBER),
	KEY(recipients, NUMBER),
	KEY_WORDS(chunking, use_words),
	KEY_WORDS(pipelining, use_words),
	KEY(nullsender, TEXT),
	KEY_WORD(tlslevel),
	KEY_WORDS(convert8bit, switch_words),
	KEY_WORDS(breaklines, switch_words),
	{ .name = NULL },
};

static bool has_secret(const struct smarthost *smarthost)
{
	return smarthost->passwordfile || smarthost->tokenfile || smarthost->tokencommand;
}

static bool auth_is_known(const char *auth)
{
	static const char *const known[] = { "plain", "login", "cram-md5", "xoauth2" };

	for (size_t i = 0; i < LENGTH(known); i++)
		if (strcmp(auth, known[i]) == 0)
			return true;
	return false;
}

/* The host in the form that relays have: lower case, no brackets. */
static bool settle_host(struct smarthost *smarthost, struct err *err)
{
	struct relay relay;

	if (smarthost->type == SMARTHOST_MX && smarthost->host)
		return err_exit(err, EX_CONFIG,
				"type mx finds its hosts by itself; remove host");
	if (smarthost->type == SMARTHOST_MX)
		return true;
	if (!smarthost->host)
		return err_exit(err, EX_CONFIG,
				"no host is set; add a line \"host ...\"");
	if (!relay_parse(smarthost->host, &relay, err))
		return err_context(err, "host");
	if (relay.port)
		return err_exit(err, EX_CONFIG,
				"host has a port; write a line \"port %u\" for it",
				relay.port);
	free(smarthost->host);
	smarthost->host = must_copy(relay.host);
	return true;
}

/* QMTP has neither a login nor STARTTLS. */
static bool settle_qmtp(struct smarthost *smarthost, struct err *err)
{
	if (smarthost->tls == SMARTHOST_TLS_TRY ||
	    smarthost->tls == SMARTHOST_TLS_STARTTLS)
		return err_exit(err, EX_CONFIG,
				"type qmtp has no STARTTLS; write tls none or implicit");
	if (smarthost->tls == TLS_UNSET)
		smarthost->tls = SMARTHOST_TLS_NONE;
	if (!smarthost->port)
		smarthost->port = PORT_QMTP;
	return true;
}

static bool settle_fallback(struct smarthost *smarthost, struct err *err)
{
	if (!smarthost->fallbackafter)
		smarthost->fallbackafter = FALLBACK_AFTER;
	if (!smarthost->fallback || (smarthost_name_is_valid(smarthost->fallback) &&
				     strcmp(smarthost->fallback, smarthost->name) != 0))
		return true;
	return err_exit(err, EX_CONFIG,
			"fallback may not be \"%.60s\"; write another smarthost's name",
			smarthost->fallback);
}

/* rate = count SP ["per" SP] ("hour" / "day") */
static bool settle_rate(struct smarthost *smarthost, struct err *err)
{
	struct span rest = span_of(smarthost->rate ? smarthost->rate : ""), count, word;

	if (!smarthost->rate)
		return true;
	if (!span_cut(&rest, ' ', &count) || !rest.at)
		rest = (struct span){ "", 0 };
	rest = span_trim(rest);
	word = rest;
	if (span_cut(&word, ' ', &rest) && span_is_word(rest, "per") && word.at)
		rest = span_trim(word);
	if (span_is_word(rest, "hour"))
		smarthost->rate_s = 3600;
	else if (span_is_word(rest, "day"))
		smarthost->rate_s = 86400;
	if (smarthost->rate_s &&
	    number_parse(count, UINT32_MAX, &smarthost->rate_count) &&
	    smarthost->rate_count)
		return true;
	return err_exit(
		err, EX_CONFIG,
		"rate may not be \"%.40s\"; write for example \"100 per hour\" or "
		"\"500 per day\"",
		smarthost->rate);
}

/* Defaults, and what only the whole file can show. */
static bool settle(struct smarthost *smarthost, struct err *err)
{
	if (!settle_host(smarthost, err))
		return false;
	for (char *at = smarthost->auth; at && *at; at++)
		*at = (char)tolower((unsigned char)*at);
	if (smarthost->auth && !auth_is_known(smarthost->auth))
		return err_exit(err, EX_CONFIG,
				"auth may not be \"%.40s\"; write one of: plain login "
				"cram-md5 xoauth2",
				smarthost->auth);
	if (smarthost->login && !login_settle(smarthost->login, has_secret(smarthost),
					      &smarthost->tokencommand, err))
		return false;
	if (smarthost->user && !has_secret(smarthost))
		return err_exit(err, EX_CONFIG,
				"user without a secret; add passwordfile, login, "
				"tokenfile or tokencommand");
	if (!smarthost->user && has_secret(smarthost))
		return err_exit(err, EX_CONFIG,
				"a secret without a user; add a line \"user ...\"");
	if (!settle_fallback(smarthost, err) || !settle_rate(smarthost, err))
		return false;
	if (smarthost->nullsender && !strchr(smarthost->nullsender, '@'))
		return err_exit(err, EX_CONFIG,
				"nullsender may not be \"%.60s\"; write a whole address",
				smarthost->nullsender);
	if (smarthost->type != SMARTHOST_SMTP && smarthost->user)
		return err_exit(err, EX_CONFIG,
				"type %s has no login; remove user and its secret",
				type_words[smarthost->type]);
	if (smarthost->type == SMARTHOST_QMTP && !settle_qmtp(smarthost, err))
		return false;
	if (smarthost->tls == TLS_UNSET && smarthost->port == PORT_SMTPS)
		smarthost->tls = SMARTHOST_TLS_IMPLICIT;
	if (smarthost->tls == TLS_UNSET)
		smarthost->tls =
			smarthost->user ? SMARTHOST_TLS_STARTTLS : SMARTHOST_TLS_TRY;
	if (!smarthost->port)
		smarthost->port =
			smarthost->tls == SMARTHOST_TLS_IMPLICIT ? PORT_SMTPS : PORT_SMTP;
	return true;
}

/* The host of the route whose Maildir has this name. */
static bool find_host(const struct settings_list *routes, const char *name,
		      struct relay *relay_out)
{
	struct err ignored;

	for (size_t i = 0; i < routes->count; i++) {
		const char *colon = strchr(routes->lines[i], ':');

		if (colon && relay_parse(colon + 1, relay_out, &ignored) &&
		    strcmp(relay_out->smarthost, name) == 0)
			return true;
	}
	return false;
}

static bool load_host(const struct settings *settings, struct smarthost *smarthost,
		      struct err *err)
{
	struct relay relay;

	if (!find_host(&settings->smtproutes, smarthost->name, &relay) &&
	    !find_host(&settings->senderroutes, smarthost->name, &relay))
		return err_exit(err, EX_NOINPUT,
				"no smarthost %s: write control/smarthosts/%s, or name "
				"the host in control/smtproutes",
				smarthost->name, smarthost->name);
	smarthost->host = must_copy(relay.host);
	smarthost->port = relay.port;
	return settle(smarthost, err);
}

static bool load_file(int control_fd, const char *path, struct smarthost *smarthost,
		      struct err *err)
{
	if (!keyvalue_read(control_fd, path, keys, smarthost, err))
		return false;
	if (settle(smarthost, err))
		return true;
	return err_context(err, "control/%s", path);
}

bool smarthost_load(int control_fd, const struct settings *settings, const char *name,
		    struct smarthost *smarthost_out, struct err *err)
{
	char path[SMARTHOST_NAME_MAX + 16];
	bool loaded;

	if (!smarthost_name_is_valid(name))
		return err_exit(
			err, EX_NOINPUT,
			"no smarthost \"%.80s\": a name is of a-z, 0-9, \".\" and "
			"\"-\", and not \"local\"",
			name);
	*smarthost_out = (struct smarthost){ .name = must_copy(name), .tls = TLS_UNSET };
	snprintf(path, sizeof(path), "smarthosts/%s", name);
	if (faccessat(control_fd, path, F_OK, AT_EACCESS) != 0 && errno == ENOENT)
		loaded = load_host(settings, smarthost_out, err);
	else
		loaded = load_file(control_fd, path, smarthost_out, err);
	if (!loaded)
		smarthost_clear(smarthost_out);
	return loaded;
}

bool smarthost_is_direct(int control_fd, const struct settings *settings,
			 const char *name)
{
	struct smarthost smarthost = { .name = NULL };
	struct err ignored;
	bool is_direct;

	if (!smarthost_load(control_fd, settings, name, &smarthost, &ignored))
		return false;
	is_direct = smarthost.type == SMARTHOST_MX;
	smarthost_clear(&smarthost);
	return is_direct;
}

void smarthost_clear(struct smarthost *smarthost)
{
	keyvalue_clear(keys, smarthost);
	free(smarthost->name);
	*smarthost = (struct smarthost){ 0 };
}

char *smarthost_secret(int control_fd, const struct smarthost *smarthost, struct err *err)
{
	const char *path =
		smarthost->passwordfile ? smarthost->passwordfile : smarthost->tokenfile;
	char *secret;

	if (path)
		secret = secret_read(control_fd, path, err);
	else if (smarthost->tokencommand)
		secret = secret_run(control_fd, smarthost->tokencommand, err);
	else
		secret = (err_exit(err, EX_CONFIG, "no passwordfile is set"), NULL);
	if (!secret)
		login_explain(smarthost->login, err);
	if (!secret)
		err_context(err, "smarthost %s", smarthost->name);
	return secret;
}

bool smarthost_name_is_valid(const char *name)
{
	size_t len = strlen(name);

	if (!len || len >= SMARTHOST_NAME_MAX || !isalnum((unsigned char)name[0]) ||
	    strcmp(name, "local") == 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!islower((unsigned char)name[i]) &&
		    !isdigit((unsigned char)name[i]) && name[i] != '.' && name[i] != '-')
			return false;
	return true;
}

bool smarthost_names(int control_fd, const char *folder, struct settings_list *names_out,
		     struct err *err)
{
	int fd = openat(control_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	DIR *dir;

	*names_out = (struct settings_list){ 0 };
	if (fd < 0)
		return errno == ENOENT ? true : err_errno(err, "open control/%s", folder);
	dir = fdopendir(fd);
	if (!dir) {
		err_errno(err, "read control/%s", folder);
		close(fd);
		return false;
	}
	while (errno = 0, (entry = readdir(dir)) != NULL)
		if (smarthost_name_is_valid(entry->d_name))
			settings_list_add(names_out, span_of(entry->d_name), 0);
	if (errno) {
		err_errno(err, "read control/%s", folder);
		settings_list_clear(names_out);
		closedir(dir);
		return false;
	}
	closedir(dir);
	settings_list_sort(names_out);
	return true;
}
