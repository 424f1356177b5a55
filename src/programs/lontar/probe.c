#include "programs/lontar/probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "control/pickup.h"
#include "control/settings.h"
#include "link/notes.h"
#include "mail/address.h"
#include "programs/lontar/privilege.h"
#include "store/delivery.h"
#include "store/incoming.h"

#define TEXT_MAX ((size_t)16 * 1024)

/* Everything that is known before anything is written. */
struct probe {
	struct command_context *context;
	const struct probe_order *order;
	struct settings settings;
	char smarthost[SMARTHOST_NAME_MAX];
	char addresses[2][ADDRESS_MAX];
	char token[MAILDIR_UNIQUE_MAX];
	char sender[ADDRESS_MAX];
};

static bool take_addresses(struct probe *probe, struct err *err)
{
	for (size_t i = 0; i < LENGTH(probe->addresses); i++) {
		struct span text = span_of(probe->order->addresses[i]);

		if (!address_take_path(&text, probe->addresses[i], err) || text.len ||
		    !address_is_valid(probe->addresses[i]) ||
		    !address_domain(probe->addresses[i])[0])
			return err_exit(err, EX_USAGE, "%s is no mail address",
					probe->order->addresses[i]);
	}
	return !address_same(probe->addresses[0], probe->addresses[1]) ||
	       err_exit(err, EX_USAGE, "two different addresses are needed");
}

static bool take_smarthost(struct probe *probe, struct err *err)
{
	struct smarthost smarthost;
	struct settings_list names;
	const char *wanted = probe->order->smarthost;

	if (!smarthost_names(probe->context->control_fd, "smarthosts", &names, err))
		return false;
	if (!wanted && names.count == 1)
		wanted = names.lines[0];
	snprintf(probe->smarthost, sizeof(probe->smarthost), "%s", wanted ? wanted : "");
	settings_list_clear(&names);
	if (!probe->smarthost[0])
		return err_exit(err, EX_USAGE, "say by which smarthost: --via NAME");
	if (!smarthost_load(probe->context->control_fd, &probe->settings,
			    probe->smarthost, &smarthost, err))
		return false;
	smarthost_clear(&smarthost);
	return true;
}

static bool prepare(struct probe *probe, struct err *err)
{
	struct pickup pickup;
	bool has_field;

	if (!pickup_load(probe->context->control_fd, probe->order->pickup, &pickup, err))
		return false;
	has_field = pickup.multidrop != NULL;
	pickup_clear(&pickup);
	if (!has_field)
		return err_exit(err, EX_CONFIG,
				"control/pickups/%s says no multidrop HEADER: there is "
				"nothing to prove",
				probe->order->pickup);
	if (!settings_load(probe->context->control_fd, &probe->settings, err) ||
	    !take_addresses(probe, err) || !take_smarthost(probe, err))
		return false;
	maildir_unique("probe", probe->token);
	snprintf(probe->sender, sizeof(probe->sender), "postmaster@%s",
		 probe->settings.me);
	return true;
}

static bool put_mail(struct buf *out, const struct probe *probe, size_t mail)
{
	char date[CLOCK_TEXT_MAX];

	if (!buf_appendf(out, "From: Mail gateway <") ||
	    !address_append(out, probe->sender) || !buf_appendf(out, ">\nTo: ") ||
	    !address_append(out, probe->addresses[0]))
		return false;
	if (mail == 1 &&
	    (!buf_appendf(out, ", ") || !address_append(out, probe->addresses[1])))
		return false;
	return buf_appendf(out,
			   "\nDate: %s\nMessage-ID: <%s-%c@%s>\n"
			   "Subject: A test of the mail gateway\n"
			   "Auto-Submitted: auto-generated\n\n"
			   "This letter shows how the provider keeps mail for several\n"
			   "people. It may be deleted.\n",
			   clock_format_rfc5322(clock_wall_s(), date), probe->token,
			   mail == 0 ? 'a' : 'b', probe->settings.me);
}

static bool park(const struct probe *probe, size_t mail, struct err *err)
{
	int root_fd = probe->context->root_fd;
	struct delivery *delivery = delivery_new(root_fd, probe->sender);
	AUTO_FD incoming = incoming_use(root_fd, err);
	AUTO_BUF text = BUF_INIT(TEXT_MAX);
	AUTO_FD draft = -1;
	uint64_t lines = 0;
	bool done = incoming >= 0;

	for (size_t i = 0; i < LENGTH(probe->addresses); i++)
		delivery_add(delivery, DELIVERY_PARKED, probe->smarthost,
			     probe->addresses[i]);
	if (done && !put_mail(&text, probe, mail))
		done = err_temporary(err, "4.3.0", "the letter is too long");
	if (done)
		draft = delivery_open(delivery, probe->settings.me,
				      (struct span){ "", 0 }, text.len, err);
	for (size_t i = 0; i < text.len; i++)
		lines += text.data[i] == '\n';
	done = done && draft >= 0 && file_write(draft, text.data, text.len, err);
	file_close(&draft);
	if (done && delivery_seal(delivery, text.len, lines, false,
				  link_up_seconds(root_fd), err))
		done = delivery_commit_alone(delivery, err);
	else
		done = false;
	if (!done)
		delivery_undo(delivery);
	delivery_free(delivery);
	return done;
}

/* What will be looked for is on record before it can arrive. */
static bool note_and_park(const struct probe *probe, struct err *err)
{
	AUTO_BUF note = BUF_INIT(TEXT_MAX);
	char path[128];

	snprintf(path, sizeof(path), "spool/pickup/_probe.%s", probe->order->pickup);
	return (buf_appendf(&note, "%s\n%s\n%s\n", probe->token, probe->addresses[0],
			    probe->addresses[1]) ||
		err_exit(err, EX_USAGE, "the addresses are too long")) &&
	       file_replace(probe->context->root_fd, path, note.data, note.len, 0640,
			    err) &&
	       park(probe, 0, err) && park(probe, 1, err);
}

/* As the user whose the spool is. */
static int in_child(const struct probe *probe)
{
	struct identity identity;
	struct err err = { 0 };

	identity_find("lontar", "lontarout", &identity);
	if (privilege_become(&identity, &err) && note_and_park(probe, &err))
		_exit(EX_OK);
	fprintf(stderr, "lontar pickup: %s\n", err.text);
	_exit(err_exit_code(&err));
}

static bool run_child(const struct probe *probe, struct err *err)
{
	pid_t pid = fork();
	int status = 0;

	if (pid < 0)
		return err_errno(err, "start a process");
	if (pid == 0)
		in_child(probe);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EX_OK)
		return true;
	err_exit(err, WIFEXITED(status) ? WEXITSTATUS(status) : EX_TEMPFAIL, "not sent");
	err->text[0] = '\0'; /* told already */
	return false;
}

bool probe_send(struct command_context *context, const struct probe_order *order,
		struct err *err)
{
	struct probe probe = { .context = context, .order = order };
	bool done = prepare(&probe, err) && run_child(&probe, err);

	settings_clear(&probe.settings);
	if (done)
		printf("two letters to %s and %s wait for %s; when they have reached the "
		       "provider, say `lontar pickup --probe %s`\n",
		       probe.addresses[0], probe.addresses[1], probe.smarthost,
		       order->pickup);
	return done;
}
