#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "control/accounts.h"
#include "control/network.h"
#include "control/priorities.h"
#include "control/relay.h"
#include "control/rewrites.h"
#include "control/smarthost.h"
#include "mail/address.h"
#include "programs/lontar/check.h"
#include "verdict/reply_rules.h"

/* A list's file, for the tables below. */
struct list {
	const char *name;
	const struct settings_list *lines;
	/* NULL: the line is fine; else what is wrong, with the mend */
	const char *(*judge)(struct check *check, const char *line);
};

static const char *domain_is_wrong(struct span domain)
{
	if (domain.len && domain.at[0] == '.')
		domain = span_after(domain, 1);
	return address_domain_is_valid(domain)
		       ? NULL
		       : "is no domain; write one a line, or take it out";
}

static const char *judge_local(struct check *check, const char *line)
{
	(void)check;
	if (line[0] == '.' || strchr(line, '*'))
		return "locals knows no wildcards; write each domain, or use "
		       "virtualdomains";
	return domain_is_wrong(span_of(line));
}

static const char *judge_rcpthost(struct check *check, const char *line)
{
	(void)check;
	return domain_is_wrong(span_of(line));
}

/* What stands before the colon: nothing, ".suffix", domain or, in virtualdomains,
 * address. */
static const char *key_is_wrong(const char *line, bool may_be_address)
{
	struct span key = { line, strcspn(line, ":") };
	const char *at = memchr(line, '@', key.len);

	if (!line[key.len])
		return "has no \":\" and matches nothing; write domain:relay";
	if (!key.len)
		return NULL;
	if (at && may_be_address)
		key = span_after(key, (size_t)(at - line) + 1);
	return domain_is_wrong(key);
}

static const char *judge_virtual(struct check *check, const char *line)
{
	const char *wrong = key_is_wrong(line, true), *user;

	(void)check;
	if (wrong)
		return wrong;
	user = strchr(line, ':') + 1;
	if (strpbrk(user, " \t@/"))
		return "behind the \":\" stands one local user";
	return NULL;
}

static const char *judge_relay(struct check *check, const char *text)
{
	struct relay relay;
	struct err ignored;
	char path[SMARTHOST_NAME_MAX + 16];

	if (!relay_parse(text, &relay, &ignored))
		return "has no relay; write a smarthost's name, host, host:port or "
		       "[address]:port behind the \":\"";
	if (!relay.port || !smarthost_name_is_valid(relay.host))
		return NULL;
	snprintf(path, sizeof(path), "smarthosts/%.*s", SMARTHOST_NAME_MAX - 1,
		 relay.host);
	if (faccessat(check->control_fd, path, F_OK, AT_EACCESS) != 0)
		return NULL;
	return "names a smarthost with a port, and so a host; put the port into its "
	       "file";
}

static const char *judge_route(struct check *check, const char *line)
{
	const char *wrong = key_is_wrong(line, false);

	return wrong ? wrong : judge_relay(check, strchr(line, ':') + 1);
}

static const char *judge_sender_route(struct check *check, const char *line)
{
	const char *at = strchr(line, '@'), *colon = strchr(line, ':');

	if (!at || !colon || at > colon)
		return "matches nothing; write address:smarthost or @domain:smarthost";
	return judge_relay(check, colon + 1);
}

static const char *judge_bad_sender(struct check *check, const char *line)
{
	(void)check;
	return strchr(line, '@') ? NULL : "matches nothing; write an address or @domain";
}

static const char *judge_priority(struct check *check, const char *line)
{
	(void)check;
	return priorities_judge(line);
}

static const char *judge_network(struct check *check, const char *line)
{
	struct network network;

	(void)check;
	return network_parse(span_of(line), &network)
		       ? NULL
		       : "is no network; write address/bits, as 192.168.0.0/16, with no "
			 "bits set behind them";
}

/* Of two lines with one key only the last counts. */
static void check_twice(const struct check *check, const struct list *list, size_t i)
{
	const char *line = list->lines->lines[i];
	size_t len = list->lines->keyed ? strcspn(line, ":") : strlen(line);

	if (settings_list_find(list->lines, (struct span){ line, len }) != line &&
	    (!list->lines->keyed || line[len]))
		check_warning(check, "control/%s:%u: \"%.*s\" comes again further down",
			      list->name, list->lines->numbers[i], (int)len, line);
}

static void check_list(struct check *check, const struct list *list)
{
	if (faccessat(check->control_fd, list->name, F_OK, AT_EACCESS) != 0)
		return; /* a default */
	for (size_t i = 0; i < list->lines->count; i++) {
		const char *wrong = list->judge(check, list->lines->lines[i]);

		if (wrong)
			check_fault(check, "control/%s:%u: \"%.80s\" %s", list->name,
				    list->lines->numbers[i], list->lines->lines[i],
				    wrong);
		check_twice(check, list, i);
	}
}

static void check_lists(struct check *check)
{
	const struct settings *settings = &check->settings;
	const struct list lists[] = {
		{ "locals", &settings->locals, judge_local },
		{ "rcpthosts", &settings->rcpthosts, judge_rcpthost },
		{ "virtualdomains", &settings->virtualdomains, judge_virtual },
		{ "smtproutes", &settings->smtproutes, judge_route },
		{ "senderroutes", &settings->senderroutes, judge_sender_route },
		{ "badmailfrom", &settings->badmailfrom, judge_bad_sender },
		{ "plainnets", &settings->plainnets, judge_network },
		{ "priorities", &settings->priorities, judge_priority },
	};

	for (size_t i = 0; i < LENGTH(lists); i++)
		check_list(check, &lists[i]);
}

static void check_rewrites_for(void *ctx, const char *smarthost)
{
	struct check *check = ctx;
	struct smarthost loaded;
	struct err err;

	if (smarthost_load(check->control_fd, &check->settings, smarthost, &loaded, &err))
		smarthost_clear(&loaded);
	else if (err.exit_code == EX_NOINPUT)
		check_fault(check, "control/rewrites: %s", err.text);
}

/* Two people with one address outside: what comes for it is the last one's. */
static void check_rewrites_back(const struct check *check,
				const struct settings_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *line = list->lines[i];
		size_t len = strcspn(line, ":");
		const char *last = settings_list_find(list, (struct span){ line, len });

		if (last && strcasecmp(last, line) != 0)
			check_warning(
				check,
				"control/rewrites: what comes for %.*s is %s's, and not "
				"%s's",
				(int)len, line, last + len + 1, line + len + 1);
	}
}

static void check_rewrites(struct check *check)
{
	struct rewrites rewrites;
	struct err err;

	if (!rewrites_load(check->control_fd, &rewrites, &err)) {
		check_fault_err(check, &err);
		return;
	}
	rewrites_each_smarthost(&rewrites, check_rewrites_for, check);
	check_rewrites_back(check, &rewrites.coming);
	rewrites_clear(&rewrites);
}

static void check_replies(struct check *check)
{
	struct verdict_rules *rules;
	struct err err;

	if (!verdict_rules_load(check->control_fd, &rules, &err))
		check_fault_err(check, &err);
	else
		verdict_rules_free(rules);
}

static void check_host(struct check *check, const char *name, const char *host)
{
	if (host && !address_domain_is_valid((struct span){ host, strcspn(host, " \t") }))
		check_fault(check, "control/%s: \"%.80s\" is no host name; write one",
			    name, host);
}

static void check_hosts(struct check *check)
{
	const struct settings *settings = &check->settings;

	if (!settings->me)
		check_fault(check, "control/me: missing or empty; write the gateway's "
				   "host name into it");
	check_host(check, "me", settings->me);
	check_host(check, "defaultdomain", settings->defaultdomain);
	check_host(check, "plusdomain", settings->plusdomain);
	check_host(check, "helohost", settings->helohost);
	check_host(check, "bouncehost", settings->bouncehost);
	check_host(check, "smtpgreeting", settings->smtpgreeting);
}

static void check_filter(struct check *check)
{
	const char *path = check->settings.qmailqueue;

	if (path && path[0] != '/')
		check_fault(check,
			    "control/qmailqueue:1: %s: write the program's whole path",
			    path);
	else if (path && access(path, X_OK) != 0)
		check_fault(check,
			    "control/qmailqueue:1: %s: %s; name a program that can be "
			    "run, or take the line out",
			    path, strerror(errno));
}

void check_settings(struct check *check)
{
	const char *everything;
	struct err err;

	for (size_t i = 0; settings_file(i); i++)
		if (!settings_check(check->control_fd, i, &check->settings, &err))
			check_fault_err(check, &err);
	check_hosts(check);
	check_lists(check);
	check_rewrites(check);
	check_replies(check);
	check_filter(check);
	everything = settings_list_find(&check->settings.smtproutes, span_of(""));
	if (!everything || !everything[1])
		check_fault(check,
			    "control/smtproutes: mail for outside has no route and "
			    "is refused (451 4.4.4); add a line \":SMARTHOST\"");
}
