#include "control/pickup.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/number.h"
#include "control/accounts.h"
#include "control/keyvalue.h"
#include "control/login.h"
#include "control/relay.h"
#include "control/secret.h"

#define TLS_UNSET      ((enum smarthost_tls)UINT_MAX)
#define KEEP_DAYS_MAX  3650
#define FOLDER_LEN_MAX 200
#define EVERY_MIN_S    60 /* what is asked more often, servers call abuse */
#define EVERY_MAX_S    ((uint64_t)7 * 86400)
#define EVERY_UNSET_S  900

static const char *const tls_words[] = { [SMARTHOST_TLS_NONE] = "none",
					 [SMARTHOST_TLS_TRY] = "try",
					 [SMARTHOST_TLS_STARTTLS] = "starttls",
					 [SMARTHOST_TLS_IMPLICIT] = "implicit",
					 NULL };
static const char
	*const type_words[] = { [PICKUP_POP3] = "pop3", [PICKUP_IMAP] = "imap", NULL };
static const struct {
	uint16_t plain;
	uint16_t implicit;
} ports[] = { [PICKUP_POP3] = { 110, 995 }, [PICKUP_IMAP] = { 143, 993 } };

/* As written; keep and every are worked out of its text when all is read. */
struct pickup_file {
	struct pickup pickup;
	char *keep;
	char *every;
};

#define KEY(field, kind)                                                             \
	{                                                                            \
#field, KEYVALUE_##kind, offsetof(struct pickup_file, pickup.field), \
			NULL, INT64_MAX                                              \
	}
#define KEY_WORD(field)                                                            \
	{                                                                          \
#field, KEYVALUE_WORD, offsetof(struct pickup_file, pickup.field), \
			field##_words, 0                                           \
	}

static const struct keyvalue_key keys[] = {
	KEY_WORD(type),
	KEY(host, TEXT),
	KEY(port, PORT),
	KEY_WORD(tls),
	KEY(user, TEXT),
	KEY(folder, TEXT),
	KEY(passwordfile, TEXT),
	KEY(tokenfile, TEXT),
	KEY(tokencommand, TEXT),
	KEY(login, TEXT),
	KEY(cafile, TEXT),
	KEY(to, TEXT),
	KEY(multidrop, TEXT),
	KEY(unmatched, TEXT),
	{ "keep", KEYVALUE_TEXT, offsetof(struct pickup_file, keep), NULL, 0 },
	{ "every", KEYVALUE_TEXT, offsetof(struct pickup_file, every), NULL, 0 },
	KEY(maxsize, BYTES),
	{ .name = NULL },
};

/* always, no, or DAYSd. */
static bool settle_keep(struct pickup *pickup, const char *text, struct err *err)
{
	struct span days = span_of(text ? text : "no");

	if (span_is_word(days, "no"))
		return true;
	if (span_is_word(days, "always")) {
		pickup->keep = PICKUP_KEEP_ALWAYS;
		return true;
	}
	pickup->keep = PICKUP_KEEP_DAYS;
	if (days.len > 1 && days.at[days.len - 1] == 'd') {
		days.len--;
		if (number_parse(days, KEEP_DAYS_MAX, &pickup->keep_days))
			return true;
	}
	return err_exit(err, EX_CONFIG,
			"keep may not be \"%.40s\"; write always, no, or days, as 14d",
			text);
}

static bool settle_every(struct pickup *pickup, const char *text, struct err *err)
{
	pickup->every_s = EVERY_UNSET_S;
	if (!text)
		return true;
	if (number_parse_seconds(span_of(text), EVERY_MAX_S, &pickup->every_s) &&
	    (!pickup->every_s || pickup->every_s >= EVERY_MIN_S))
		return true;
	return err_exit(err, EX_CONFIG,
			"every may not be \"%.40s\"; write a time from 1m to 7d, or 0",
			text);
}

/* Letters of ASCII: what IMAP has for others, modified UTF-7, is made of them. */
static bool settle_folder(struct pickup *pickup, struct err *err)
{
	if (!pickup->folder) {
		pickup->folder = must_copy("INBOX");
		return true;
	}
	if (pickup->type != PICKUP_IMAP)
		return err_exit(err, EX_CONFIG,
				"folder: only type imap has any; leave it out");
	for (const char *c = pickup->folder; *c; c++)
		if (*c < ' ' || *c > '~')
			return err_exit(err, EX_CONFIG,
					"folder: write it as the server does, in "
					"ASCII (B&APw-ro for B\xc3\xbcro)");
	if (strlen(pickup->folder) <= FOLDER_LEN_MAX)
		return true;
	return err_exit(err, EX_CONFIG, "folder: a name of more than %d letters",
			FOLDER_LEN_MAX);
}

/* HEADER[:POSITION]. */
static bool settle_target(struct pickup *pickup, struct err *err)
{
	char *colon;

	if (!pickup->to == !pickup->multidrop)
		return err_exit(
			err, EX_CONFIG,
			"who gets the mail? add a line \"to USER\", or \"multidrop "
			"HEADER\"; one of them");
	if (pickup->to && !account_name_is_valid(pickup->to))
		return err_exit(err, EX_CONFIG, "to: \"%.60s\" is no user's name",
				pickup->to);
	if (!pickup->unmatched)
		pickup->unmatched = must_copy("postmaster");
	if (!account_name_is_valid(pickup->unmatched))
		return err_exit(err, EX_CONFIG, "unmatched: \"%.60s\" is no user's name",
				pickup->unmatched);
	if (!pickup->multidrop)
		return true;
	pickup->multidrop_position = 1;
	colon = strchr(pickup->multidrop, ':');
	if (!colon)
		return true;
	*colon = '\0';
	if (number_parse(span_of(colon + 1), 100, &pickup->multidrop_position) &&
	    pickup->multidrop_position)
		return true;
	return err_exit(err, EX_CONFIG,
			"multidrop: what follows the \":\" is a number from 1 on");
}

static bool settle_server(struct pickup *pickup, struct err *err)
{
	struct relay relay;

	if (!pickup->host)
		return err_exit(err, EX_CONFIG,
				"no host is set; add a line \"host ...\"");
	if (!relay_parse(pickup->host, &relay, err))
		return err_context(err, "host");
	if (relay.port)
		return err_exit(err, EX_CONFIG,
				"host has a port; write a line \"port %u\" for it",
				relay.port);
	free(pickup->host);
	pickup->host = must_copy(relay.host);
	if (pickup->login && !login_settle(pickup->login,
					   pickup->passwordfile || pickup->tokenfile ||
						   pickup->tokencommand,
					   &pickup->tokencommand, err))
		return false;
	if (!pickup->user ||
	    (!pickup->passwordfile && !pickup->tokenfile && !pickup->tokencommand))
		return err_exit(err, EX_CONFIG,
				"no login; add a line \"user ...\" and one with "
				"passwordfile, login, tokenfile or tokencommand");
	if (pickup->tls == TLS_UNSET)
		pickup->tls = pickup->port == ports[pickup->type].implicit
				      ? SMARTHOST_TLS_IMPLICIT
				      : SMARTHOST_TLS_STARTTLS;
	if (!pickup->port)
		pickup->port = pickup->tls == SMARTHOST_TLS_IMPLICIT
				       ? ports[pickup->type].implicit
				       : ports[pickup->type].plain;
	return true;
}

bool pickup_load(int control_fd, const char *name, struct pickup *pickup_out,
		 struct err *err)
{
	struct pickup_file file = { .pickup = { .tls = TLS_UNSET } };
	char path[SMARTHOST_NAME_MAX + 16];
	bool fine;

	if (!smarthost_name_is_valid(name))
		return err_exit(err, EX_NOINPUT,
				"no pickup \"%.60s\": a name is of a-z, 0-9, \".\" and "
				"\"-\"",
				name);
	snprintf(path, sizeof(path), "pickups/%s", name);
	fine = keyvalue_read(control_fd, path, keys, &file, err);
	if (fine &&
	    (!settle_server(&file.pickup, err) || !settle_folder(&file.pickup, err) ||
	     !settle_target(&file.pickup, err) ||
	     !settle_keep(&file.pickup, file.keep, err) ||
	     !settle_every(&file.pickup, file.every, err)))
		fine = err_context(err, "control/%s", path);
	if (!fine) {
		keyvalue_clear(keys, &file);
		return false;
	}
	free(file.keep);
	free(file.every);
	file.pickup.name = must_copy(name);
	*pickup_out = file.pickup;
	return true;
}

void pickup_clear(struct pickup *pickup)
{
	struct pickup_file file = { .pickup = *pickup };

	keyvalue_clear(keys, &file);
	free(pickup->name);
	*pickup = (struct pickup){ 0 };
}

uint64_t pickup_every_s(int control_fd, const char *name)
{
	struct pickup pickup = { .name = NULL };
	struct err ignored;
	uint64_t every_s;

	if (!pickup_load(control_fd, name, &pickup, &ignored))
		return 0;
	every_s = pickup.every_s;
	pickup_clear(&pickup);
	return every_s;
}

char *pickup_secret(int control_fd, const struct pickup *pickup, struct err *err)
{
	const char *path =
		pickup->passwordfile ? pickup->passwordfile : pickup->tokenfile;
	char *secret;

	if (path)
		secret = secret_read(control_fd, path, err);
	else
		secret = secret_run(control_fd, pickup->tokencommand, err);
	if (!secret)
		login_explain(pickup->login, err);
	if (!secret)
		err_context(err, "pickup %s", pickup->name);
	return secret;
}
