/* Where mail for outside goes: smtproutes with and without passwords, authsenders,
 * serialmail's virtual domains, and qmail's own way, by MX. */
#include <ctype.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "control/relay.h"
#include "control/smarthost.h"
#include "deliver/qmail_file.h"
#include "import/qmail.h"
#include "import/target.h"

#define DIRECT   "direct" /* the smarthost that is everybody's own server */
#define LINE_MAX 1500

/* Gathered before they are written, since each list is one file. */
struct routes {
	struct qmail *qmail;
	struct settings_list smtp, senders;
	unsigned logins; /* smarthosts with a password so far */
};

/* "relay[:port]|user|password", or with blanks between them. */
struct login {
	char relay[300];
	char user[300];
	char password[300];
	bool may_be_plain; /* "-user": also without TLS */
};

static bool cut_word(struct span *rest, char *out, size_t room)
{
	size_t len = rest->len, i;

	for (i = 0; i < len && !strchr("| \t", rest->at[i]); i++)
		;
	if (i >= room)
		return false;
	memcpy(out, rest->at, i);
	out[i] = '\0';
	*rest = span_after(*rest, i);
	while (rest->len && strchr("| \t", rest->at[0]))
		*rest = span_after(*rest, 1);
	return true;
}

static bool parse_login(const char *value, struct login *out)
{
	struct span rest = span_of(value);

	*out = (struct login){ .may_be_plain = false };
	if (!cut_word(&rest, out->relay, sizeof(out->relay)) ||
	    !cut_word(&rest, out->user, sizeof(out->user)) ||
	    rest.len >= sizeof(out->password))
		return false;
	memcpy(out->password, rest.at, rest.len);
	if (out->user[0] != '-')
		return true;
	out->may_be_plain = true;
	memmove(out->user, out->user + 1, strlen(out->user));
	return true;
}

/* From its host, in what may be a name. */
static void name_login(const struct relay *relay, unsigned number,
		       char name_out[SMARTHOST_NAME_MAX])
{
	size_t len = 0;

	for (const char *at = relay->host; *at && len < SMARTHOST_NAME_MAX - 12; at++) {
		bool may_stand = *at != ':' && *at != '_';

		if (may_stand)
			name_out[len++] = *at;
		else
			name_out[len++] = '-';
	}
	name_out[len] = '\0';
	if (number > 1 || relay->port)
		snprintf(name_out + len, SMARTHOST_NAME_MAX - len, "-%u",
			 number > 1 ? number : relay->port);
}

static bool write_secret(struct import *import, const char *name, const char *password,
			 struct err *err)
{
	bool shared = geteuid() == 0 && getgrnam("lontarout");
	AUTO_BUF line = BUF_INIT(1000);
	char path[SMARTHOST_NAME_MAX + 16];
	bool there;

	snprintf(path, sizeof(path), "secrets/%s", name);
	there = import->control_fd >= 0 &&
		faccessat(import->control_fd, path, F_OK, AT_EACCESS) == 0;
	import_say(import, there ? IMPORT_SAME : IMPORT_WRITE, path, "a password");
	if (there || !import->yes)
		return true;
	return buf_appendf(&line, "%s\n", password) &&
	       file_replace(import->control_fd, path, line.data, line.len,
			    shared ? 0640 : 0600, err);
}

static bool write_smarthost(struct import *import, const char *name, const char *lines,
			    struct err *err)
{
	char path[SMARTHOST_NAME_MAX + 16];

	snprintf(path, sizeof(path), "smarthosts/%s", name);
	return target_text(import, path, span_of(lines), 0644, err);
}

static bool write_login(struct routes *routes, const struct login *login,
			const struct relay *relay, char name_out[SMARTHOST_NAME_MAX],
			struct err *err)
{
	struct import *import = routes->qmail->import;
	AUTO_BUF lines = BUF_INIT(LINE_MAX);

	name_login(relay, ++routes->logins, name_out);
	if (!buf_appendf(&lines, "host %s\n", relay->host) ||
	    (relay->port && !buf_appendf(&lines, "port %u\n", relay->port)) ||
	    (login->may_be_plain && !buf_append_text(&lines, "tls try\n")) ||
	    !buf_appendf(&lines, "user %s\npasswordfile secrets/%s\n", login->user,
			 name_out))
		return err_permanent(err, "", "a route's line is too long");
	if (!login->may_be_plain)
		import_say(import, IMPORT_NOTE, name_out,
			   "the password leaves through TLS only; where the server has "
			   "none, write \"tls none\" into control/smarthosts/%s",
			   name_out);
	return write_secret(import, name_out, login->password, err) &&
	       write_smarthost(import, name_out, lines.data, err);
}

static void add(struct settings_list *list, const char *key, size_t len,
		const char *value)
{
	char line[LINE_MAX];
	int size = snprintf(line, sizeof(line), "%.*s:%s", (int)len, key, value);

	if (size > 0 && (size_t)size < sizeof(line))
		settings_list_add(list, (struct span){ line, (size_t)size }, 0);
}

/* One line of smtproutes or authsenders, into the list of ours. */
static bool carry_route(struct routes *routes, const char *file, const char *line,
			struct settings_list *list, struct err *err)
{
	struct import *import = routes->qmail->import;
	const char *colon = strchr(line, ':');
	char name[SMARTHOST_NAME_MAX] = DIRECT;
	struct login login;
	struct relay relay = { .port = 0 };
	struct err why = { 0 };

	if (!colon || !parse_login(colon + 1, &login) ||
	    (login.relay[0] && !relay_parse(login.relay, &relay, &why))) {
		import_say(import, IMPORT_NONE, file, "\"%.200s\": %s", line,
			   why.text[0] ? why.text : "is no route");
		return true;
	}
	/* A sender that is any sender. */
	if (colon == line)
		list = &routes->smtp;
	if (!login.relay[0]) {
		add(list, line, (size_t)(colon - line), DIRECT);
		return write_smarthost(import, DIRECT, "type mx\n", err);
	}
	if (login.user[0] && !write_login(routes, &login, &relay, name, err))
		return false;
	add(list, line, (size_t)(colon - line), login.user[0] ? name : login.relay);
	return true;
}

static bool carry_file(struct routes *routes, const char *file,
		       struct settings_list *list, struct err *err)
{
	struct settings_list lines;
	bool done = true;

	if (!settings_list_read_keyed(routes->qmail->control_fd, file, &lines, err))
		return false;
	for (size_t i = 0; done && i < lines.count; i++)
		done = carry_route(routes, file, lines.lines[i], list, err);
	settings_list_clear(&lines);
	return done;
}

static const struct import_host *find_host(const struct import *import, const char *name)
{
	for (size_t i = 0; i < import->host_count; i++)
		if (strcmp(import->hosts[i].name, name) == 0)
			return &import->hosts[i];
	return NULL;
}

/* The one Maildir that a .qmail file names, and nothing else. */
static bool only_maildir(int alias_fd, const char *name, char *folder_out, size_t room)
{
	AUTO_BUF text = BUF_INIT((size_t)64 * 1024);
	struct qmail_file file;
	struct err ignored;
	bool found, only;

	if (!file_read_if_any(alias_fd, name, &text, &found, &ignored) ||
	    !qmail_file_parse(buf_span(&text), false, &file, &ignored))
		return false;
	only = file.count == 1 && file.lines[0].kind == QMAIL_MAILDIR &&
	       strlen(file.lines[0].text) < room;
	if (only)
		snprintf(folder_out, room, "%s", file.lines[0].text);
	qmail_file_clear(&file);
	return only;
}

static bool take_serial(struct qmail *qmail, const char *line, struct err *err)
{
	const char *colon = strrchr(line, ':'), *ext = colon ? colon + 1 : "";
	struct qmail_serial *serial = &qmail->serial[qmail->serial_count];
	char file[200];
	bool is_all = colon == line;

	if (strncasecmp(ext, "alias-", 6) != 0 || qmail->alias_fd < 0 ||
	    strlen(ext) >= sizeof(serial->prefix) - 1)
		return true;
	ext += 6;
	snprintf(serial->prefix, sizeof(serial->prefix), "%s-", colon + 1);
	snprintf(serial->name, sizeof(serial->name), "%s", ext);
	for (char *at = serial->name; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	snprintf(file, sizeof(file), ".qmail-%s-default", serial->name);
	for (char *at = file + 1; *at; at++)
		if (*at == '.')
			*at = ':';
	/* One domain's own Maildir may as well be a mailbox that somebody reads. */
	if ((!is_all && !find_host(qmail->import, serial->name)) ||
	    !only_maildir(qmail->alias_fd, file, serial->folder, sizeof(serial->folder)))
		return true;
	if (!smarthost_name_is_valid(serial->name) ||
	    qmail->serial_count + 1 == QMAIL_ROUTES_MAX)
		return err_exit(err, EX_CONFIG,
				"control/virtualdomains: \"%s\" cannot become a "
				"smarthost of that name",
				line);
	serial->line = line;
	qmail->serial_count++;
	if (find_host(qmail->import, serial->name))
		return true;
	if (qmail->import->is_asked)
		return err_exit(err, EX_USAGE,
				"serialmail's %s has its host in a script: add "
				"--smarthost %s=HOST[:PORT], as maildirsmtp was told",
				serial->folder, serial->name);
	import_say(qmail->import, IMPORT_NOTE, serial->name,
		   "add --smarthost %s=HOST[:PORT]: the host that a script gave to "
		   "maildirsmtp",
		   serial->name);
	return true;
}

bool qmail_find_serial(struct qmail *qmail, struct err *err)
{
	for (size_t i = 0; i < qmail->own.virtualdomains.count; i++)
		if (!take_serial(qmail, qmail->own.virtualdomains.lines[i], err))
			return false;
	return true;
}

static const struct qmail_serial *serial_of(const struct qmail *qmail, const char *line)
{
	for (size_t i = 0; i < qmail->serial_count; i++)
		if (strcmp(qmail->serial[i].line, line) == 0)
			return &qmail->serial[i];
	return NULL;
}

static bool carry_serial(struct routes *routes, const struct qmail_serial *serial,
			 struct err *err)
{
	const struct import_host *host = find_host(routes->qmail->import, serial->name);
	AUTO_BUF lines = BUF_INIT(LINE_MAX);

	if (!buf_appendf(&lines, "host %s\n", host ? host->host : "HOST") ||
	    (host && host->port && !buf_appendf(&lines, "port %u\n", host->port)))
		return err_permanent(err, "", "--smarthost %s is too long", serial->name);
	add(&routes->smtp, serial->line, strcspn(serial->line, ":"), serial->name);
	return write_smarthost(routes->qmail->import, serial->name, lines.data, err);
}

/* Those that stay virtual; serialmail's become routes. */
static bool carry_virtual(struct routes *routes, struct err *err)
{
	struct qmail *qmail = routes->qmail;
	struct settings_list stay = { 0 };
	bool done = true;

	for (size_t i = 0; done && i < qmail->own.virtualdomains.count; i++) {
		const char *line = qmail->own.virtualdomains.lines[i];
		const struct qmail_serial *serial = serial_of(qmail, line);

		if (serial)
			done = carry_serial(routes, serial, err);
		else
			settings_list_add(&stay, span_of(line), 0);
	}
	done = done && (!stay.count ||
			target_list(qmail->import, "virtualdomains", &stay, true, err));
	settings_list_clear(&stay);
	return done;
}

/* What has no route went straight to the recipient's own server. */
static bool add_direct(struct routes *routes, struct err *err)
{
	for (size_t i = 0; i < routes->smtp.count; i++)
		if (routes->smtp.lines[i][0] == ':')
			return true;
	import_say(routes->qmail->import, IMPORT_NOTE, "smtproutes",
		   "qmail looked for each recipient's own server; smarthost " DIRECT
		   " does so");
	add(&routes->smtp, "", 0, DIRECT);
	return write_smarthost(routes->qmail->import, DIRECT, "type mx\n", err);
}

bool qmail_routes(struct qmail *qmail, struct err *err)
{
	struct routes routes = { .qmail = qmail };
	struct import *import = qmail->import;
	bool done = carry_virtual(&routes, err) &&
		    carry_file(&routes, "smtproutes", &routes.smtp, err) &&
		    carry_file(&routes, "authsenders", &routes.senders, err) &&
		    add_direct(&routes, err) &&
		    target_list(import, "smtproutes", &routes.smtp, true, err) &&
		    (!routes.senders.count ||
		     target_list(import, "senderroutes", &routes.senders, true, err));

	settings_list_clear(&routes.smtp);
	settings_list_clear(&routes.senders);
	return done;
}
