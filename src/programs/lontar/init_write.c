#include "programs/lontar/init.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "control/access.h"
#include "control/accounts.h"
#include "control/routes.h"
#include "deliver/aliases.h"
#include "net/certificate.h"
#include "programs/lontar/init_hostname.h"
#include "programs/lontar/init_listen.h"
#include "programs/lontar/samples.h"
#include "programs/lontar/tree.h"

#define VALUES_MAX ((size_t)64 * 1024)
#define POSTMASTER "postmaster"

/* Not synced: the whole root is, once, before control/me appears. */
static bool write_file(const struct init *init, const char *path, struct span text,
		       mode_t mode, struct err *err)
{
	AUTO_FD fd = openat(init->control_fd, path,
			    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	if (fd < 0)
		return err_errno(err, "create control/%s", path);
	if (fchmod(fd, mode) == 0)
		return file_write(fd, text.at, text.len, err)
			       ? true
			       : err_context(err, "control/%s", path);
	return err_errno(err, "chmod control/%s", path);
}

/* A sample, with what this gateway has behind its comment. */
static bool write_setting(const struct init *init, const char *path, const char *sample,
			  const char *values, struct err *err)
{
	AUTO_BUF text = BUF_INIT(VALUES_MAX);

	if (!buf_append_span(&text, sample_text(sample)) ||
	    !buf_append_text(&text, values))
		return err_exit(err, EX_USAGE, "too much to write into control/%s", path);
	return write_file(init, path, buf_span(&text), 0644, err);
}

enum value {
	LOCALS,
	RCPTHOSTS,
	SMTPROUTES,
	LISTEN,
	DEFAULTDOMAIN,
	PLUSDOMAIN,
	VALUES,
};

static const char *const value_names[VALUES] = {
	[LOCALS] = "locals",
	[RCPTHOSTS] = "rcpthosts",
	[SMTPROUTES] = "smtproutes",
	[LISTEN] = "listen",
	[DEFAULTDOMAIN] = "defaultdomain",
	[PLUSDOMAIN] = "plusdomain",
};

/* What the machine's name says, where it was asked: all its names are ours. */
static bool put_names(const struct init *init, struct buf values[VALUES])
{
	const struct init_hostname *hostname = init->hostname;

	if (!hostname)
		return buf_appendf(&values[LOCALS], "%s\n", init->me) &&
		       buf_appendf(&values[RCPTHOSTS], "%s\n", init->me);
	for (size_t i = 0; i < hostname->names.count; i++)
		if (!buf_appendf(&values[LOCALS], "%s\n", hostname->names.lines[i]) ||
		    !buf_appendf(&values[RCPTHOSTS], "%s\n", hostname->names.lines[i]))
			return false;
	return buf_appendf(&values[DEFAULTDOMAIN], "%s\n", hostname->defaultdomain) &&
	       buf_appendf(&values[PLUSDOMAIN], "%s\n", hostname->plusdomain);
}

static const char *value_of(const struct buf values[VALUES], const char *name)
{
	for (size_t i = 0; i < VALUES; i++)
		if (strcmp(value_names[i], name) == 0)
			return values[i].data;
	return "";
}

static bool write_samples(const struct init *init, const struct buf values[VALUES],
			  struct err *err)
{
	const struct sample *sample;

	for (size_t i = 0; (sample = sample_at(i)) != NULL; i++)
		if (!strchr(sample->name, '/') && strcmp(sample->name, "me") != 0 &&
		    strcmp(sample->name, "accounts") != 0 &&
		    !write_setting(init, sample->name, sample->name,
				   value_of(values, sample->name), err))
			return false;
	return true;
}

/* Those that stand as they are, and those with values. */
static bool write_settings(const struct init *init, struct err *err)
{
	struct buf values[VALUES];
	bool done;

	for (size_t i = 0; i < VALUES; i++)
		values[i] = BUF_INIT(VALUES_MAX);
	done = (put_names(init, values) &&
		buf_append_text(&values[LOCALS], "localhost\n") &&
		(!init->smarthost_count ||
		 buf_appendf(&values[SMTPROUTES], ":%s\n", init->smarthosts[0].name)) &&
		init_listen_lines(&values[LISTEN])) ||
	       err_exit(err, EX_USAGE, "too much to write into control");
	done = done && write_samples(init, values, err);
	for (size_t i = 0; i < VALUES; i++)
		buf_clear(&values[i]);
	return done && access_rebuild(init->control_fd, err) &&
	       aliases_rebuild(init->control_fd, err);
}

static bool write_smarthosts(const struct init *init, struct err *err)
{
	for (size_t i = 0; i < init->smarthost_count; i++) {
		const struct init_smarthost *smarthost = &init->smarthosts[i];
		AUTO_BUF lines = BUF_INIT(1000);
		char path[SMARTHOST_NAME_MAX + 16];

		snprintf(path, sizeof(path), "smarthosts/%s", smarthost->name);
		if (!buf_appendf(&lines, "host %s\n", smarthost->host) ||
		    (smarthost->port &&
		     !buf_appendf(&lines, "port %u\n", smarthost->port)) ||
		    !write_setting(init, path, "smarthosts/example", lines.data, err))
			return false;
	}
	return true;
}

/* Somebody reads what goes to these names: the first user, or, without one, a mailbox
 * that nobody can log in to until `lontar user passwd postmaster`. */
static bool write_aliases(const struct init *init, struct err *err)
{
	static const char *const names[] = { POSTMASTER, "mailer-daemon", "root" };
	const char *reader = init->user_count ? init->users[0].name : POSTMASTER;

	for (size_t i = 0; i < LENGTH(names); i++) {
		AUTO_BUF line = BUF_INIT(200);
		char path[64];

		if (strcmp(names[i], reader) == 0)
			continue;
		snprintf(path, sizeof(path), "alias/.qmail-%s", names[i]);
		if (!buf_appendf(&line, "&%s\n", reader) ||
		    !write_setting(init, path, "alias/.qmail-postmaster", line.data, err))
			return false;
	}
	return true;
}

static bool write_accounts(const struct init *init, struct err *err)
{
	AUTO_BUF text = BUF_INIT(VALUES_MAX);

	if (!buf_append_span(&text, sample_text("accounts")) ||
	    (!init->user_count && !buf_append_text(&text, POSTMASTER ":*:\n")) ||
	    !write_file(init, "accounts", buf_span(&text), 0600, err) ||
	    !accounts_rebuild(init->control_fd, err))
		return false;
	for (size_t i = 0; i < init->user_count; i++)
		if (!account_add(init->control_fd, init->users[i].name,
				 init->users[i].password, err) ||
		    !tree_make_mailbox(init->root_fd, init->users[i].name, err))
			return err_context(err, "--user %s", init->users[i].name);
	return init->user_count || tree_make_mailbox(init->root_fd, POSTMASTER, err);
}

static bool write_certificate(const struct init *init, struct err *err)
{
	AUTO_BUF certificate = BUF_INIT(VALUES_MAX);
	AUTO_BUF key = BUF_INIT(VALUES_MAX);
	bool wrote = certificate_make(init->me, &certificate, &key, err) &&
		     write_file(init, "tls/key.pem", buf_span(&key), 0600, err) &&
		     write_file(init, "tls/cert.pem", buf_span(&certificate), 0644, err);

	if (key.len)
		explicit_bzero(key.data, key.len);
	return wrote;
}

static bool write_me(const struct init *init, struct err *err)
{
	AUTO_BUF text = BUF_INIT(VALUES_MAX);

	if (!buf_append_span(&text, sample_text("me")) ||
	    !buf_appendf(&text, "%s\n", init->me))
		return err_exit(err, EX_USAGE, "--me is too long");
	/* control may be on another file system than the rest. */
	if (syncfs(init->root_fd) != 0 || syncfs(init->control_fd) != 0)
		return err_errno(err, "sync the new root");
	return file_replace(init->control_fd, "me", text.data, text.len, 0644, err);
}

bool init_write(const struct init *init, struct err *err)
{
	return write_settings(init, err) && write_smarthosts(init, err) &&
	       write_aliases(init, err) && write_accounts(init, err) &&
	       write_certificate(init, err) && write_me(init, err);
}
