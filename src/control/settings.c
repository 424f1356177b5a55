#include "control/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/number.h"
#include "control/signature.h"

#define LIFETIME_MAX UINT64_C(3153600000) /* 100 years, in seconds */
#define COUNT_MAX    UINT64_C(1000000)

enum kind {
	VALUE, /* the first line */
	NUMBER,
	BYTES,
	SECONDS,
	LIST,
	KEYED, /* a list of "key:value" */
};

#define SETTING(field, kind, fallback, max)                                   \
	{                                                                     \
#field, kind, offsetof(struct settings, field), fallback, max \
	}
#define SETTING_S(name, fallback)                                              \
	{                                                                      \
#name, SECONDS, offsetof(struct settings, name##_s), fallback, \
			LIFETIME_MAX                                           \
	}

static const struct setting {
	const char *name;
	enum kind kind;
	size_t offset;
	uint64_t fallback;
	uint64_t max;
} table[] = {
	SETTING(me, VALUE, 0, 0),
	SETTING(defaultdomain, VALUE, 0, 0),
	SETTING(plusdomain, VALUE, 0, 0),
	SETTING(helohost, VALUE, 0, 0),
	SETTING(smtpgreeting, VALUE, 0, 0),
	SETTING(bouncefrom, VALUE, 0, 0),
	SETTING(bouncehost, VALUE, 0, 0),
	SETTING(doublebounceto, VALUE, 0, 0),
	SETTING(checkpassword, VALUE, 0, 0),
	SETTING(qmailqueue, VALUE, 0, 0),
	SETTING(locals, LIST, 0, 0),
	SETTING(rcpthosts, LIST, 0, 0),
	SETTING(virtualdomains, KEYED, 0, 0),
	SETTING(smtproutes, KEYED, 0, 0),
	SETTING(senderroutes, KEYED, 0, 0),
	SETTING(badmailfrom, LIST, 0, 0),
	SETTING(plainnets, LIST, 0, 0),
	SETTING(priorities, KEYED, 0, 0),
	SETTING(databytes, BYTES, 0, INT64_MAX),
	SETTING_S(timeoutsmtpd, 300),
	SETTING_S(queuelifetime, 604800),
	SETTING_S(queueceiling, 0),
	SETTING_S(delaynotice, 3600),
	SETTING_S(uncertainwait, 600),
	SETTING(concurrencyincoming, NUMBER, 500, COUNT_MAX),
	SETTING(concurrencyperip, NUMBER, 50, COUNT_MAX),
	SETTING(connectrate, NUMBER, 600, COUNT_MAX),
	SETTING(concurrencylocal, NUMBER, 10, COUNT_MAX),
	SETTING(concurrencyremote, NUMBER, 20, COUNT_MAX),
	SETTING_S(timeoutlocal, 600),
};

static void *field(struct settings *settings, const struct setting *setting)
{
	return (char *)settings + setting->offset;
}

static void clear_one(struct settings *settings, const struct setting *setting)
{
	void *at = field(settings, setting);

	if (setting->kind == VALUE)
		free(*(char **)at);
	else if (setting->kind == LIST || setting->kind == KEYED)
		settings_list_clear(at);
}

void settings_clear(struct settings *settings)
{
	for (size_t i = 0; i < LENGTH(table); i++)
		clear_one(settings, &table[i]);
	*settings = (struct settings){ 0 };
}

const char *settings_file(size_t i)
{
	return i < LENGTH(table) ? table[i].name : NULL;
}

static bool number_of(const struct setting *setting, struct span text, uint64_t *out)
{
	if (setting->kind == BYTES)
		return number_parse_bytes(text, setting->max, out);
	if (setting->kind == SECONDS)
		return number_parse_seconds(text, setting->max, out);
	return number_parse(text, setting->max, out);
}

static const char *wanted(enum kind kind)
{
	if (kind == BYTES)
		return "a number of bytes, as 25000000 or 25m";
	return kind == SECONDS ? "a number of seconds, or as 5m, 2h, 7d"
			       : "a plain number";
}

static bool read_value(const struct setting *setting, const struct settings_list *list,
		       void *at, struct err *err)
{
	if (setting->kind == VALUE) {
		*(char **)at = list->count ? must_copy(list->lines[0]) : NULL;
		return true;
	}
	*(uint64_t *)at = setting->fallback;
	if (!list->count || number_of(setting, span_of(list->lines[0]), at))
		return true;
	return err_exit(err, EX_CONFIG, "control/%s:%u: \"%.60s\" is not %s",
			setting->name, list->numbers[0], list->lines[0],
			wanted(setting->kind));
}

static bool read_one(int control_fd, const struct setting *setting,
		     struct settings *settings, struct err *err)
{
	void *at = field(settings, setting);
	struct settings_list list = { 0 };
	bool fine;

	if (setting->kind == LIST)
		return settings_list_read(control_fd, setting->name, at, err);
	if (setting->kind == KEYED)
		return settings_list_read_keyed(control_fd, setting->name, at, err);
	if (!settings_list_read(control_fd, setting->name, &list, err))
		return false;
	fine = read_value(setting, &list, at, err);
	settings_list_clear(&list);
	return fine;
}

bool settings_check(int control_fd, size_t i, struct settings *settings, struct err *err)
{
	const struct setting *setting = &table[i];
	struct settings_list lines = { 0 };
	bool fine = read_one(control_fd, setting, settings, err);

	if (!fine || setting->kind == LIST || setting->kind == KEYED)
		return fine;
	if (!settings_list_read(control_fd, setting->name, &lines, err))
		return false;
	if (lines.count > 1)
		fine = err_exit(err, EX_CONFIG,
				"control/%s:%u: a second value; only one counts, take a "
				"line out",
				setting->name, lines.numbers[1]);
	settings_list_clear(&lines);
	return fine;
}

/* What stands behind the first dot, where two labels or more are left: qmail's config. */
static const char *domain_of(const char *me)
{
	const char *dot = strchr(me, '.');

	return dot && strchr(dot + 1, '.') ? dot + 1 : me;
}

/* The last two labels. */
static const char *plus_of(const char *me)
{
	while (domain_of(me) != me)
		me = domain_of(me);
	return me;
}

static void fall_back(char **value, const char *text)
{
	if (!*value)
		*value = must_copy(text);
}

static bool add_defaults(struct settings *settings, bool locals_exist, struct err *err)
{
	if (!settings->me)
		return err_exit(
			err, EX_CONFIG,
			"control/me: missing or empty; write the gateway's host name "
			"into it");
	fall_back(&settings->defaultdomain, domain_of(settings->me));
	fall_back(&settings->plusdomain, plus_of(settings->me));
	fall_back(&settings->helohost, settings->me);
	fall_back(&settings->smtpgreeting, settings->me);
	fall_back(&settings->bouncefrom, "MAILER-DAEMON");
	fall_back(&settings->bouncehost, settings->me);
	fall_back(&settings->doublebounceto, "postmaster");
	if (locals_exist)
		return true;
	settings_list_clear(&settings->locals);
	return settings_list_parse(&settings->locals, "me", span_of(settings->me), err);
}

/* A file that was written while the clock stood at its tick may be written once more with
 * the same time: such a signature is good for one call only. */
static bool is_fresh(const struct timespec *changed)
{
	struct timespec now;
	int64_t apart_us;

	clock_gettime(CLOCK_REALTIME, &now);
	apart_us = (int64_t)(now.tv_sec - changed->tv_sec) * 1000000 +
		   (now.tv_nsec - changed->tv_nsec) / 1000;
	return apart_us > -50000 && apart_us < 50000;
}

static uint64_t identities(int control_fd, bool *fresh_out)
{
	uint64_t signature = SIGNATURE_START;
	struct stat st;

	*fresh_out = false;
	for (size_t i = 0; i < LENGTH(table); i++) {
		if (fstatat(control_fd, table[i].name, &st, 0) != 0) {
			signature = signature_number(signature, (uint64_t)errno);
			continue;
		}
		signature = signature_number(signature, (uint64_t)st.st_ino);
		signature = signature_number(signature, (uint64_t)st.st_size);
		signature = signature_number(signature, (uint64_t)st.st_mtim.tv_sec);
		signature = signature_number(signature, (uint64_t)st.st_mtim.tv_nsec);
		signature = signature_number(signature, (uint64_t)st.st_ctim.tv_sec);
		signature = signature_number(signature, (uint64_t)st.st_ctim.tv_nsec);
		if (is_fresh(&st.st_mtim))
			*fresh_out = true;
	}
	return signature;
}

bool settings_load(int control_fd, struct settings *settings, struct err *err)
{
	struct settings read = { 0 };
	bool fresh, fine = true, locals_exist;

	/* Before the reading: what changes meanwhile is read again at the next refresh.
	 */
	read.signature = identities(control_fd, &fresh);
	if (fresh)
		read.signature = 0;
	for (size_t i = 0; fine && i < LENGTH(table); i++)
		fine = read_one(control_fd, &table[i], &read, err);
	locals_exist = faccessat(control_fd, "locals", F_OK, AT_EACCESS) == 0;
	if (!fine || !add_defaults(&read, locals_exist, err)) {
		settings_clear(&read);
		return false;
	}
	*settings = read;
	return true;
}

bool settings_refresh(int control_fd, struct settings *settings, bool *changed_out,
		      struct err *err)
{
	struct settings read;
	bool fresh;

	if (changed_out)
		*changed_out = false;
	if (settings->signature && settings->signature == identities(control_fd, &fresh))
		return true;
	if (!settings_load(control_fd, &read, err))
		return false;
	settings_clear(settings);
	*settings = read;
	if (changed_out)
		*changed_out = true;
	return true;
}
