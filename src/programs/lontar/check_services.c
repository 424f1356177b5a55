#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "control/accounts.h"
#include "control/linkfile.h"
#include "control/login.h"
#include "control/pickup.h"
#include "control/secret.h"
#include "control/smarthost.h"
#include "link/callwhen.h"
#include "link/fallback.h"
#include "link/notes.h"
#include "programs/lontar/check.h"
#include "programs/lontar/tree.h"
#include "store/parked.h"

static void check_secret(struct check *check, char *secret, const struct err *err)
{
	if (!secret) {
		check_fault_err(check, err);
		return;
	}
	explicit_bzero(secret, strlen(secret));
	free(secret);
}

/* Where the flusher is a user of his own, he must be able to read it. */
static void check_reader(struct check *check, const char *path)
{
	const struct passwd *reader = geteuid() == 0 ? getpwnam(ROLE_OUT) : NULL;
	const char *below = path[0] == '/' ? "" : "control/";
	struct stat st;

	if (!reader || fstatat(check->control_fd, path, &st, 0) != 0 ||
	    (st.st_uid == reader->pw_uid && st.st_mode & S_IRUSR) ||
	    (st.st_gid == reader->pw_gid && st.st_mode & S_IRGRP))
		return;
	check_fault(check,
		    "%s%s: " ROLE_OUT " cannot read it; chgrp " ROLE_OUT
		    " and chmod 640 it",
		    below, path);
}

static void check_ca(struct check *check, const char *folder, const char *name,
		     const char *cafile)
{
	if (cafile && faccessat(check->control_fd, cafile, R_OK, AT_EACCESS) != 0)
		check_fault(check,
			    "control/%s/%s: cafile %s cannot be read; mend the path",
			    folder, name, cafile);
}

/* The login that a smarthost or pickup names. */
static void check_login(struct check *check, const char *folder, const char *name,
			const char *login)
{
	struct login_note note;
	struct login loaded;
	struct err err;

	if (!login)
		return;
	if (!login_load(check->control_fd, login, &loaded, &err)) {
		if (err.exit_code == EX_NOINPUT)
			check_fault(check, "control/%s/%s: %s", folder, name, err.text);
		return;
	}
	login_note_read(check->root_fd, login, &note);
	if (!note.granted || note.refused)
		check_fault(check,
			    "control/%s/%s: nobody is logged in; run `lontar login %s`",
			    folder, name, login);
	login_clear(&loaded);
}

static void check_smarthost(struct check *check, const char *name)
{
	struct smarthost smarthost;
	struct err err;

	if (!smarthost_load(check->control_fd, &check->settings, name, &smarthost,
			    &err)) {
		check_fault_err(check, &err);
		return;
	}
	/* A command that makes tokens may ask a server: not here. */
	if (smarthost.passwordfile)
		check_reader(check, smarthost.passwordfile);
	else if (smarthost.tokenfile)
		check_reader(check, smarthost.tokenfile);
	if (smarthost.passwordfile || smarthost.tokenfile)
		check_secret(check, smarthost_secret(check->control_fd, &smarthost, &err),
			     &err);
	if (smarthost.user && smarthost.tls < SMARTHOST_TLS_STARTTLS)
		check_warning(
			check,
			"control/smarthosts/%s: the password may cross in the clear; "
			"set tls starttls or implicit",
			name);
	check_login(check, "smarthosts", name, smarthost.login);
	check_ca(check, "smarthosts", name, smarthost.cafile);
	if (!fallback_check(check->control_fd, &check->settings, name, &err))
		check_fault_err(check, &err);
	smarthost_clear(&smarthost);
}

static void check_login_file(struct check *check, const char *name)
{
	struct login login;
	struct err err;

	if (!login_load(check->control_fd, name, &login, &err)) {
		check_fault_err(check, &err);
		return;
	}
	if (login.clientsecretfile) {
		check_reader(check, login.clientsecretfile);
		check_secret(check,
			     secret_read(check->control_fd, login.clientsecretfile, &err),
			     &err);
	}
	check_ca(check, "logins", name, login.cafile);
	login_clear(&login);
}

static void check_calls(struct check *check, const struct linkfile *link)
{
	struct callwhen callwhen;
	struct err err;

	if (!callwhen_read(link, &callwhen, &err)) {
		check_fault_err(check, &err);
		return;
	}
	if (callwhen.count && !link->dial)
		check_fault(check,
			    "control/links/%s: callwhen without dial; add a line \"dial "
			    "COMMAND\"",
			    link->name);
	callwhen_clear(&callwhen);
}

static void check_probe(struct check *check, const struct linkfile *link)
{
	struct smarthost smarthost;
	struct err err;

	if (!link->probe)
		return;
	if (!smarthost_load(check->control_fd, &check->settings, link->probe, &smarthost,
			    &err)) {
		if (err.exit_code == EX_NOINPUT)
			check_fault(check, "control/links/%s: probe: %s", link->name,
				    err.text);
		return;
	}
	if (!smarthost.host)
		check_fault(check,
			    "control/links/%s: probe: %s is no one host; name another "
			    "smarthost",
			    link->name, link->probe);
	smarthost_clear(&smarthost);
}

static void tell_fault(void *ctx, const struct err *err)
{
	check_fault_err(ctx, err);
}

static void check_link(struct check *check, const char *name)
{
	struct linkfile link;
	struct err err;

	if (!linkfile_load(check->control_fd, name, &link, NULL, &err)) {
		linkfile_check(check->control_fd, name, tell_fault, check);
		return;
	}
	for (size_t i = 0; i < link.smarthosts.count; i++) {
		struct smarthost smarthost;

		if (smarthost_load(check->control_fd, &check->settings,
				   link.smarthosts.lines[i], &smarthost, &err))
			smarthost_clear(&smarthost);
		else if (err.exit_code == EX_NOINPUT)
			check_fault(check, "control/links/%s:%u: %s", name,
				    link.smarthosts.numbers[i], err.text);
	}
	check_calls(check, &link);
	check_probe(check, &link);
	linkfile_clear(&link);
}

static void check_pickup(struct check *check, const char *name)
{
	struct pickup pickup;
	struct err err;

	if (!pickup_load(check->control_fd, name, &pickup, &err)) {
		check_fault_err(check, &err);
		return;
	}
	if (pickup.passwordfile)
		check_reader(check, pickup.passwordfile);
	else if (pickup.tokenfile)
		check_reader(check, pickup.tokenfile);
	if (pickup.passwordfile || pickup.tokenfile)
		check_secret(check, pickup_secret(check->control_fd, &pickup, &err),
			     &err);
	if (pickup.to &&
	    account_find(check->control_fd, pickup.to, NULL, &err) == ACCOUNT_NO)
		check_fault(check,
			    "control/pickups/%s: to names %s, who has no account; add it "
			    "with `lontar user add %s`",
			    name, pickup.to, pickup.to);
	check_login(check, "pickups", name, pickup.login);
	check_ca(check, "pickups", name, pickup.cafile);
	pickup_clear(&pickup);
}

/* Names that are none are never read: editors' backups and slips of the pen. */
static void check_names(struct check *check, const char *folder)
{
	int fd = openat(check->control_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		file_close(&fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    !smarthost_name_is_valid(entry->d_name))
			check_warning(check,
				      "control/%s/%s: not read; a name is of a-z, 0-9, "
				      "\".\" and \"-\"",
				      folder, entry->d_name);
	closedir(dir);
}

static const struct {
	const char *folder;
	void (*look)(struct check *check, const char *name);
} services[] = {
	{ "smarthosts", check_smarthost },
	{ "links", check_link },
	{ "pickups", check_pickup },
	{ "logins", check_login_file },
};

/* Which link is cheaper can be told in one currency only. */
static void check_currencies(struct check *check)
{
	char first[LINK_CURRENCY_MAX] = "", name[SMARTHOST_NAME_MAX] = "";
	struct settings_list names;
	struct linkfile link;
	struct err ignored;

	if (!smarthost_names(check->control_fd, "links", &names, &ignored))
		return;
	for (size_t i = 0; i < names.count; i++) {
		if (!linkfile_load(check->control_fd, names.lines[i], &link, NULL,
				   &ignored))
			continue;
		if (first[0] && link.price.currency[0] &&
		    strcmp(first, link.price.currency) != 0)
			check_warning(check,
				      "control/links/%s: costs %s, and link %s %s: which "
				      "is cheaper cannot be told; write both in one "
				      "currency",
				      link.name, link.price.currency, name, first);
		if (!first[0]) {
			snprintf(first, sizeof(first), "%s", link.price.currency);
			snprintf(name, sizeof(name), "%s", link.name);
		}
		linkfile_clear(&link);
	}
	settings_list_clear(&names);
}

/* Whose file names the interface first; "": no other's before it. */
static const char *first_at(int control_fd, const struct settings_list *names,
			    const char *interface)
{
	char one[LINKFILE_INTERFACE_MAX];
	size_t i = 0;

	while (linkfile_interface(control_fd, names->lines[i], one) &&
	       strcmp(one, interface) != 0)
		i++;
	return names->lines[i];
}

/* The kernel cannot tell two providers behind one modem apart: a hook must. */
static void check_interfaces(struct check *check)
{
	char interface[LINKFILE_INTERFACE_MAX];
	struct settings_list names;
	struct err ignored;

	if (!smarthost_names(check->control_fd, "links", &names, &ignored))
		return;
	for (size_t i = 0; i < names.count; i++) {
		const char *first;

		if (!linkfile_interface(check->control_fd, names.lines[i], interface) ||
		    !interface[0])
			continue;
		first = first_at(check->control_fd, &names, interface);
		if (strcmp(first, names.lines[i]) != 0)
			check_warning(
				check,
				"control/links/%s: interface %s is link %s's too; a "
				"hook must say `lontar link up %s interface=%s` "
				"when it is this one (pppd's ipparam does), or "
				"name another interface",
				names.lines[i], interface, first, names.lines[i],
				interface);
	}
	settings_list_clear(&names);
}

/* Mail that waits for a smarthost that is gone waits for ever. */
static void check_parked(struct check *check)
{
	struct parked_smarthosts parked;
	struct smarthost smarthost;
	struct err err;

	if (!parked_smarthosts(check->root_fd, &parked, &err)) {
		check_fault_err(check, &err);
		return;
	}
	for (size_t i = 0; i < parked.count; i++) {
		if (strcmp(parked.names[i], "local") == 0)
			continue;
		if (smarthost_load(check->control_fd, &check->settings, parked.names[i],
				   &smarthost, &err))
			smarthost_clear(&smarthost);
		else if (err.exit_code == EX_NOINPUT)
			check_warning(check, "spool/parked/%s: %s", parked.names[i],
				      err.text);
	}
	parked_smarthosts_clear(&parked);
}

void check_services(struct check *check)
{
	struct settings_list names;
	struct err err;

	for (size_t i = 0; i < LENGTH(services); i++) {
		if (!smarthost_names(check->control_fd, services[i].folder, &names,
				     &err)) {
			check_fault_err(check, &err);
			continue;
		}
		for (size_t j = 0; j < names.count; j++)
			services[i].look(check, names.lines[j]);
		settings_list_clear(&names);
		check_names(check, services[i].folder);
	}
	check_currencies(check);
	check_interfaces(check);
	check_parked(check);
}
