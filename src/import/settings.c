/* The settings of a qmail home that are one file each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "import/names.h"
#include "import/qmail.h"
#include "import/target.h"

enum kind {
	VALUE,
	NUMBER,
	HOLDER, /* a number whose 0 held all mail back */
	LIST,
	ELSEWHERE, /* another part reads it */
	NOTHING,   /* has no counterpart, and this is why */
};

static const struct row {
	const char *name;
	enum kind kind;
	const char *why;
} rows[] = {
	{ "me", ELSEWHERE, NULL },
	{ "badmailfrom", LIST, NULL },
	{ "bouncefrom", VALUE, NULL },
	{ "bouncehost", VALUE, NULL },
	{ "concurrencyincoming", NUMBER, NULL },
	{ "concurrencylocal", HOLDER, NULL },
	{ "concurrencyremote", HOLDER, NULL },
	{ "databytes", NUMBER, NULL },
	{ "defaultdelivery", ELSEWHERE, NULL },
	{ "defaultdomain", VALUE, NULL },
	{ "defaulthost", NOTHING, "a name without a host is at defaultdomain, or at me" },
	{ "doublebouncehost", ELSEWHERE, NULL },
	{ "doublebounceto", ELSEWHERE, NULL },
	{ "envnoathost", NOTHING, "a recipient without a host is at me" },
	{ "helohost", VALUE, NULL },
	{ "idhost", NOTHING, "Message-IDs end in me" },
	{ "localiphost", NOTHING, "mail to [an address] of this machine is not taken" },
	{ "locals", LIST, NULL },
	{ "morercpthosts", ELSEWHERE, NULL },
	{ "morercpthosts.cdb", ELSEWHERE, NULL },
	{ "percenthack", NOTHING, "user%host@here is not taken apart" },
	{ "plusdomain", VALUE, NULL },
	{ "qmqpservers", NOTHING,
	  "a null client: write control/smarthosts/NAME with the server's host" },
	{ "queuelifetime", NUMBER, NULL },
	{ "rcpthosts", ELSEWHERE, NULL },
	{ "smtpgreeting", VALUE, NULL },
	{ "smtproutes", ELSEWHERE, NULL },
	{ "authsenders", ELSEWHERE, NULL },
	{ "tcp.smtp", ELSEWHERE, NULL },
	{ "tcp.smtp.cdb", ELSEWHERE, NULL },
	{ "timeoutconnect", NOTHING, "each link's and smarthost's own time is measured" },
	{ "timeoutremote", NOTHING, "each link's and smarthost's own time is measured" },
	{ "timeoutsmtpd", NUMBER, NULL },
	{ "virtualdomains", ELSEWHERE, NULL },
	/* Of well-known patches. */
	{ "badhelo", NOTHING, "what a client says of itself refuses no mail" },
	{ "badrcptto", NOTHING, "write alias/.qmail-NAME with a line |exit 100" },
	{ "bouncemaxbytes", NOTHING, "a bounce has the header of the mail, never more" },
	{ "dh1024.pem", NOTHING, "not needed any more" },
	{ "dh2048.pem", NOTHING, "not needed any more" },
	{ "dnsbllist", NOTHING, "nothing asks DNS while mail is taken" },
	{ "filterargs", NOTHING,
	  "control/qmailqueue names a filter in qmail-queue's place" },
	{ "holdlocal", NOTHING, "`lontar service stop dispatch` does it" },
	{ "holdremote", NOTHING, "what `lontar link down` is for" },
	{ "maxrecipients", NOTHING, "a message may have as many as the session allows" },
	{ "moreipme", NOTHING, "routes name who gets what; nothing guesses" },
	{ "outgoingip", NOTHING, "the system's routes choose the address" },
	{ "rsa2048.pem", NOTHING, "not needed any more" },
	{ "rsa512.pem", NOTHING, "not needed any more" },
	{ "servercert.pem", NOTHING,
	  "`lontar init` made a certificate; to keep this one, copy its parts to "
	  "control/tls/cert.pem and control/tls/key.pem" },
	{ "clientcert.pem", NOTHING, "smarthosts know us by user and password" },
	{ "signatures", NOTHING, "no letters of viruses are looked for" },
	{ "smtpplugins", NOTHING, "no plugins of qmail-spp are run" },
	{ "spfbehavior", NOTHING, "SPF is not looked at" },
	{ "tarpitcount", NOTHING, "recipients are not slowed down" },
	{ "tarpitdelay", NOTHING, "recipients are not slowed down" },
	{ "taps", NOTHING, "no copies are made; alias and .qmail lines can" },
	{ "tlsclientciphers", NOTHING, "OpenSSL's defaults count" },
	{ "tlsserverciphers", NOTHING, "OpenSSL's defaults count" },
};

static const struct row *find_row(const char *name)
{
	for (size_t i = 0; i < LENGTH(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

static bool carry_number(struct qmail *qmail, const struct row *row, const char *value,
			 struct err *err)
{
	uint64_t number;

	if (!number_parse(span_of(value), UINT64_MAX / 2, &number)) {
		import_say(qmail->import, IMPORT_NONE, row->name,
			   "\"%s\" is no number; qmail took its default, and so do we",
			   value);
		return true;
	}
	if (row->kind == HOLDER && !number) {
		import_say(qmail->import, IMPORT_NONE, row->name,
			   "0 held the mail back; here `lontar link down` and `lontar "
			   "hold` do");
		return true;
	}
	if (strcmp(row->name, "queuelifetime") == 0)
		import_say(qmail->import, IMPORT_NOTE, row->name,
			   "here only time with a link counts");
	return target_value(qmail->import, row->name, value, err);
}

static bool carry(struct qmail *qmail, const struct row *row, struct err *err)
{
	struct settings_list list;
	bool done = true;

	if (!settings_list_read(qmail->control_fd, row->name, &list, err))
		return false;
	if (!list.count)
		import_say(qmail->import, IMPORT_SAME, row->name, "empty");
	else if (row->kind == LIST)
		done = target_list(qmail->import, row->name, &list, false, err);
	else if (row->kind == VALUE)
		done = target_value(qmail->import, row->name, list.lines[0], err);
	else
		done = carry_number(qmail, row, list.lines[0], err);
	settings_list_clear(&list);
	return done;
}

static bool carry_named(struct qmail *qmail, const char *name, struct err *err)
{
	const struct row *row = find_row(name);

	if (!row) {
		import_say(qmail->import, IMPORT_NONE, name, "is not known here");
		return true;
	}
	if (row->kind == NOTHING)
		import_say(qmail->import, IMPORT_NONE, name, "%s", row->why);
	return row->kind == NOTHING || row->kind == ELSEWHERE || carry(qmail, row, err);
}

/* rcpthosts and morercpthosts. Without either qmail took mail for anywhere. */
static bool carry_rcpthosts(struct qmail *qmail, struct err *err)
{
	struct settings_list hosts, more;
	bool done;

	if (!settings_list_read(qmail->control_fd, "rcpthosts", &hosts, err))
		return false;
	if (!settings_list_read(qmail->control_fd, "morercpthosts", &more, err)) {
		settings_list_clear(&hosts);
		return false;
	}
	if (!hosts.count)
		import_say(qmail->import, IMPORT_NONE, "rcpthosts",
			   "there is none: qmail relayed for everybody, Lontar never "
			   "does; tcp.smtp says who may");
	for (size_t i = 0; i < more.count; i++)
		settings_list_add(&hosts, span_of(more.lines[i]), 0);
	done = !hosts.count ||
	       target_list(qmail->import, "rcpthosts", &hosts, false, err);
	settings_list_clear(&hosts);
	settings_list_clear(&more);
	return done;
}

/* Two files of qmail's, one of ours. */
static bool carry_doublebounce(struct qmail *qmail, struct err *err)
{
	struct settings_list to, host;
	char value[600];
	bool done = settings_list_read(qmail->control_fd, "doublebounceto", &to, err);

	if (!done)
		return false;
	done = settings_list_read(qmail->control_fd, "doublebouncehost", &host, err);
	if (done && (to.count || host.count)) {
		snprintf(value, sizeof(value), "%s%s%s",
			 to.count ? to.lines[0] : "postmaster", host.count ? "@" : "",
			 host.count ? host.lines[0] : "");
		done = target_value(qmail->import, "doublebounceto", value, err);
	}
	settings_list_clear(&to);
	settings_list_clear(&host);
	return done;
}

static bool carry_me(struct qmail *qmail, struct err *err)
{
	char *me = import_qmail_me(qmail->import, err);
	bool done;

	if (!me)
		return false;
	/* A new gateway was, or will be, made with it. */
	if (qmail->import->is_new)
		import_say(qmail->import, IMPORT_WRITE, "control/me", "%s", me);
	done = qmail->import->is_new || target_value(qmail->import, "me", me, err);
	free(me);
	return done;
}

/* ucspi-tcp's rules lie where the boot script says; here they are looked for. */
static bool carry_rules(struct qmail *qmail, struct err *err)
{
	static const char *const places[] = { "control/tcp.smtp", "tcp.smtp",
					      "etc/tcp.smtp", "/etc/tcp.smtp" };
	bool is_usual = strcmp(qmail->import->path, "/var/qmail") == 0;
	struct settings_list rules;
	bool done = true;

	for (size_t i = 0; i < LENGTH(places); i++) {
		if ((places[i][0] == '/' && !is_usual) ||
		    faccessat(qmail->import->from_fd, places[i], R_OK, 0) != 0)
			continue;
		if (!settings_list_read_keyed(qmail->import->from_fd, places[i], &rules,
					      err))
			return false;
		import_say(qmail->import, IMPORT_NOTE, places[i], "%zu rules",
			   rules.count);
		done = target_list(qmail->import, "tcp.smtp", &rules, true, err);
		settings_list_clear(&rules);
		return done;
	}
	import_say(qmail->import, IMPORT_NOTE, "tcp.smtp",
		   "not found: who may relay by address is the private networks");
	return true;
}

bool qmail_settings(struct qmail *qmail, struct err *err)
{
	struct settings_list names = { 0 };
	bool done = carry_me(qmail, err) &&
		    names_in(qmail->control_fd, "control", &names, err);

	for (size_t i = 0; done && i < names.count; i++)
		done = carry_named(qmail, names.lines[i], err);
	settings_list_clear(&names);
	return done && carry_rcpthosts(qmail, err) && carry_doublebounce(qmail, err) &&
	       carry_rules(qmail, err);
}
