#include "programs/lontar-flush/probe.h"

#include <ev.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "control/linkfile.h"
#include "control/smarthost.h"
#include "ipc/channel.h"
#include "ipc/link.h"
#include "ipc/master.h"
#include "ipc/service.h"
#include "link/notes.h"
#include "net/dial.h"
#include "store/parked.h"
#include "transfer/remote_account.h"

#define TIMEOUT_S 20 /* a satellite phone's first answer may take ten */

struct probe {
	struct peer *master; /* open until the end: who closes it is told to end */
	struct ev_loop *loop;
	int root_fd, control_fd;
	struct linkfile link;
	struct settings settings;
	struct smarthost smarthost;
	struct smarthost_note note;
	struct link_path path;
	struct dial *dial;
	bool by_memory; /* at the addresses that were remembered */
	struct err err;
};

static void start(struct probe *probe);

/* For the next one; not where a flush is at work, who does it himself. */
static void remember(struct probe *probe, const char *addresses)
{
	struct smarthost_note *note = &probe->note;
	struct err ignored;
	struct parked *parked;

	if (!addresses[0] || strlen(addresses) >= sizeof(note->addresses) ||
	    strlen(probe->smarthost.host) >= sizeof(note->host))
		return;
	parked = parked_open(probe->root_fd, probe->smarthost.name, true, &ignored);
	if (parked && parked_lock(parked, &ignored)) {
		smarthost_note_read(probe->root_fd, probe->smarthost.name, note);
		snprintf(note->addresses, sizeof(note->addresses), "%s", addresses);
		snprintf(note->host, sizeof(note->host), "%s", probe->smarthost.host);
		if (!smarthost_note_write(probe->root_fd, probe->smarthost.name, note,
					  &ignored))
			note->addresses[0] = '\0'; /* asked for again */
	}
	parked_close(parked);
}

static void on_dialled(void *ctx, struct dial *dial, const struct err *err)
{
	struct probe *probe = ctx;
	size_t sent;

	if (err && probe->by_memory) {
		/* They may be somebody else's by now. */
		probe->note.addresses[0] = '\0';
		dial_close(dial);
		start(probe);
		return;
	}
	if (err) {
		probe->err = *err;
	} else {
		/* If there is no room for it, it goes without. */
		if (dial_send(dial, "QUIT\r\n", 6, &sent) != DIAL_DONE)
			sent = 0;
		remember(probe, dial_addresses(dial));
	}
	ev_break(probe->loop, EVBREAK_ALL);
}

/* Only the connection and its greeting: no login, and TLS only if nothing is said before
 * it. */
static void start(struct probe *probe)
{
	const struct smarthost *smarthost = &probe->smarthost;
	struct remote_account account =
		remote_account_of_smarthost(smarthost, probe->settings.helohost);
	char cafile[PATH_MAX];
	struct dial_request request;

	account.user = NULL;
	request = remote_account_request(&account, &probe->path, NULL, cafile);
	request.timeout_s = TIMEOUT_S;
	if (request.tls != DIAL_IMPLICIT)
		request.tls = DIAL_PLAIN;
	if (probe->note.addresses[0] && strcmp(probe->note.host, smarthost->host) == 0)
		request.addresses = probe->note.addresses;
	probe->by_memory = request.addresses != NULL;
	probe->dial = dial_start(probe->loop, &request, on_dialled, probe);
}

static bool prepare(struct probe *probe, const char *link, struct err *err)
{
	probe->root_fd = file_open_dir(AT_FDCWD, ".", err);
	if (probe->root_fd < 0)
		return false;
	probe->control_fd = file_open_dir(probe->root_fd, "control", err);
	if (probe->control_fd < 0 ||
	    !settings_load(probe->control_fd, &probe->settings, err) ||
	    !linkfile_load(probe->control_fd, link, &probe->link, NULL, err))
		return false;
	if (!probe->link.probe)
		return err_exit(err, EX_CONFIG, "control/links/%s has no probe", link);
	if (!smarthost_load(probe->control_fd, &probe->settings, probe->link.probe,
			    &probe->smarthost, err))
		return false;
	if (!probe->smarthost.host)
		return err_exit(err, EX_CONFIG,
				"control/links/%s: probe names %s, which is no one host",
				link, probe->smarthost.name);
	smarthost_note_read(probe->root_fd, probe->smarthost.name, &probe->note);
	link_note_read(probe->root_fd, link, &probe->path.link);
	/* Whether it is up is to be found out: the path is the same. */
	probe->path.link.up = true;
	if (!link_bind_to(probe->control_fd, &probe->path.link, probe->smarthost.host,
			  probe->path.bind_to))
		probe->path.bind_to[0] = '\0';
	return true;
}

static void tell(const struct err *err)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct link_done done = { (uint64_t)err_exit_code(err), span_of(err->text) };
	struct err ignored;

	link_done_put(&out, 0, &done);
	if (!channel_send(PRIVATE_FD, &out, -1, &ignored))
		return; /* lontar-link is gone; its next one asks anew */
}

int probe_link(const char *link)
{
	struct probe probe = { .root_fd = -1, .control_fd = -1 };

	signal(SIGPIPE, SIG_IGN);
	probe.loop = ev_default_loop(EVFLAG_AUTO);
	probe.master = service_tie(probe.loop);
	if (prepare(&probe, link, &probe.err)) {
		start(&probe);
		ev_run(probe.loop, 0);
		dial_close(probe.dial);
	}
	tell(&probe.err);
	smarthost_clear(&probe.smarthost);
	linkfile_clear(&probe.link);
	settings_clear(&probe.settings);
	file_close(&probe.control_fd);
	file_close(&probe.root_fd);
	return err_exit_code(&probe.err);
}
