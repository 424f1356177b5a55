#include "programs/lontar-link/dialled.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "control/smarthost.h"
#include "ipc/link.h"
#include "link/notes.h"
#include "store/parked.h"

#define RETRY_MIN_S 300  /* nobody was reached: the next call after so long, */
#define RETRY_MAX_S 7200 /* and at last so seldom */

struct dialled *dialled_of(struct dialler *dialler, const char *link)
{
	struct dialled *dialled = dialler->first;

	while (dialled && strcmp(dialled->link, link) != 0)
		dialled = dialled->next;
	if (dialled)
		return dialled;
	dialled = must_alloc(sizeof(*dialled));
	*dialled = (struct dialled){ .next = dialler->first, .dialler = dialler };
	snprintf(dialled->link, sizeof(dialled->link), "%s", link);
	dialler->first = dialled;
	return dialled;
}

void dialled_note(const struct dialled *dialled, const struct call_note *note)
{
	struct err err;

	if (!call_note_write(dialled->dialler->root_fd, dialled->link, note, &err))
		log_failure(&err);
}

/* Something was sent or fetched in it, whatever stays. */
static bool did_some_good(const struct dialled *dialled)
{
	const struct dialler *dialler = dialled->dialler;
	struct parked_smarthosts all = { 0 };
	struct settings_list pickups = { 0 };
	struct err ignored;
	bool did = false;

	if (parked_smarthosts(dialler->root_fd, &all, &ignored))
		for (size_t i = 0; i < all.count && !did; i++) {
			struct smarthost_note note;

			smarthost_note_read(dialler->root_fd, all.names[i], &note);
			did = note.last_success >= dialled->began;
		}
	parked_smarthosts_clear(&all);
	if (smarthost_names(dialler->control_fd, "pickups", &pickups, &ignored))
		for (size_t i = 0; i < pickups.count && !did; i++) {
			struct pickup_note note;

			pickup_note_read(dialler->root_fd, pickups.lines[i], &note);
			did = note.last_success >= dialled->began;
		}
	settings_list_clear(&pickups);
	return did;
}

static void on_over(struct dialled *dialled, int exit_code, const char *text)
{
	struct dialler *dialler = dialled->dialler;
	bool good = exit_code == EX_OK || (dialled->reached && did_some_good(dialled));
	struct call_note note;

	dialled->told = true;
	/* Ours has let it go by now: somebody else was faster. */
	if (link_is_called(dialler->root_fd, dialled->link))
		return;
	call_note_read(dialler->root_fd, dialled->link, &note);
	note.ended = clock_wall_s();
	note.failures = good ? 0 : note.failures + 1;
	if (good)
		note.last = dialled->began;
	snprintf(note.last_error, sizeof(note.last_error), "%s", text);
	dialled_note(dialled, &note);
	log_info("call link=%s exit=%d seconds=%lld%s%s", dialled->link, exit_code,
		 (long long)(note.ended - dialled->began), text[0] ? " reason=" : "",
		 text);
}

static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct dialled *dialled = ctx;
	char text[sizeof(((struct call_note *)0)->last_error)];
	struct link_done done;

	(void)peer;
	file_close(&fd);
	if (packet->type != LINK_DONE || dialled->told || !link_done_get(packet, &done))
		return false;
	snprintf(text, sizeof(text), "%.*s", SPAN_ARG(done.text));
	on_over(dialled, (int)done.exit_code, text);
	return true;
}

static void on_closed(void *ctx, struct peer *peer)
{
	struct dialled *dialled = ctx;

	(void)peer;
	dialled->peer = NULL;
	if (!dialled->told)
		on_over(dialled, EX_TEMPFAIL, "the call ended without a word");
	dialled->dialler->on_over(dialled->dialler->ctx);
}

static const struct peer_handler handler = { on_packet, on_closed };

void dialled_call(struct dialled *dialled, const char *why)
{
	struct dialler *dialler = dialled->dialler;
	struct err err;
	int pair[2];

	if (!file_socketpair(pair, &err)) {
		log_failure(&err);
		return;
	}
	log_info("call link=%s because=%s", dialled->link, why);
	dialled->began = clock_wall_s();
	dialled->reached = dialled->told = false;
	dialled->peer = peer_open(dialler->service->loop, pair[0], &handler, dialled);
	service_start(dialler->service, "call", dialled->link, pair[1]);
}

int64_t dialled_retry(const struct call_note *note, int64_t now)
{
	int64_t wait = RETRY_MIN_S;

	if (!note->failures)
		return 0;
	for (uint64_t i = 1; i < note->failures && wait < RETRY_MAX_S; i++)
		wait *= 2;
	if (wait > RETRY_MAX_S)
		wait = RETRY_MAX_S;
	/* A note from the future is that of a clock that was put back. */
	return note->ended > now ? now : note->ended + wait;
}
