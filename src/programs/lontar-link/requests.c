#include "programs/lontar-link/requests.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "control/smarthost.h"
#include "deliver/operator.h"
#include "ipc/peer.h"
#include "link/large.h"
#include "programs/lontar-link/page.h"
#include "programs/lontar-link/wants.h"
#include "store/parked.h"

#define REQUESTS_MAX         200
#define STRANGERS_MAX        100 /* who may only look: others are always let in */
#define STRANGERS_OF_ONE_MAX 20
#define STRANGER_QUEUE_BYTES ((size_t)64 * 1024)
#define UNKNOWN_MAX          2048

/* One command's connection, and what it waits for. */
struct request {
	struct request *next;
	struct requests *requests;
	struct peer *peer;
	uint32_t tag;
	struct wants wants; /* not done yet */
	bool by_person;
	int exit_code; /* the worst so far, and its text */
	char text[512];
	uint32_t act; /* 0: none; else the tag that a flush answers by */
	char smarthost[SMARTHOST_NAME_MAX], verb[16], id[MAILDIR_UNIQUE_MAX];
};

static void answer(struct request *request, uint32_t tag, int exit_code, const char *text)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	link_done_put(&out, tag,
		      &(struct link_done){ (uint64_t)exit_code, span_of(text) });
	peer_send(request->peer, &out, -1);
}

static void answer_err(struct request *request, uint32_t tag, const struct err *err)
{
	answer(request, tag, err_exit_code(err), err->text);
}

/* The user whose process asks must be root or ours: a flush costs money. */
static bool may_ask(const struct request *request)
{
	uid_t uid = peer_uid(request->peer);

	return uid == 0 || uid == geteuid();
}

/* lontar-web asks for who has logged in there. */
static bool is_web(const struct request *request)
{
	return peer_uid(request->peer) == request->requests->web_uid || may_ask(request);
}

static bool on_event(struct request *request, struct packet *packet)
{
	struct requests *requests = request->requests;
	AUTO_BUF unknown = BUF_INIT(UNKNOWN_MAX);
	char word[SMARTHOST_NAME_MAX];
	struct heard heard = { .word = word };
	struct link_event event;
	struct err err;

	if (!link_event_get(packet, &event))
		return false;
	if (!packet_text_copy(event.name, word, sizeof(word)) ||
	    !smarthost_name_is_valid(word)) {
		answer(request, packet->tag, EX_USAGE, "that is no name for a link");
		return true;
	}
	heard.up = event.up != 0;
	heard.settings = event.settings;
	if (!events_heard(requests->events, &heard, &unknown, &err)) {
		answer_err(request, packet->tag, &err);
		return true;
	}
	/* The hook is let go before the work begins. */
	answer(request, packet->tag, EX_OK, unknown.data);
	events_act(requests->events, &heard);
	return true;
}

static struct wants_place place_of(const struct request *request)
{
	const struct flushes *flushes = request->requests->flushes;

	return (struct wants_place){ flushes->root_fd, flushes->control_fd,
				     &flushes->settings };
}

static bool on_flush(struct request *request, struct packet *packet)
{
	const struct wants_place place = place_of(request);
	struct link_flush flush;
	struct err err;

	if (!link_flush_get(packet, &flush) || request->wants.count)
		return false;
	request->by_person = flush.by_person != 0;
	request->tag = packet->tag;
	if (!wants_flushes(&request->wants, &place, flush.names, &err)) {
		answer_err(request, packet->tag, &err);
		return true;
	}
	if (!request->wants.count)
		answer(request, packet->tag, EX_OK, "nothing waits");
	/* From the end: one that is refused at once is taken out. */
	for (size_t i = request->wants.count; i > 0; i--)
		flushes_force(request->requests->flushes, request->wants.names[i - 1],
			      request->by_person);
	return true;
}

static bool on_pickup(struct request *request, struct packet *packet)
{
	const struct wants_place place = place_of(request);
	struct link_pickup asked;
	struct err err;
	size_t count;

	if (!link_pickup_get(packet, &asked) || request->wants.count)
		return false;
	request->by_person = asked.by_person != 0;
	request->tag = packet->tag;
	if (!wants_pickups(&request->wants, &place, asked.names, &err)) {
		answer_err(request, packet->tag, &err);
		return true;
	}
	count = request->wants.count;
	if (!count)
		answer(request, packet->tag, EX_OK,
		       "no pickup is set: see control/pickups");
	for (size_t i = count; i > 0; i--)
		pickups_force(request->requests->pickups,
			      strchr(request->wants.names[i - 1], ' ') + 1,
			      request->by_person);
	return true;
}

static bool on_show(struct request *request, struct packet *packet)
{
	const struct links *links = request->requests->links;
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	if (!packet_end(packet))
		return false;
	for (size_t i = 0; i < links->count; i++) {
		const struct link_note *note = &links->notes[i];

		link_state_told_put(&out, packet->tag,
				    &(struct link_state_told){
					    .since = (uint64_t)note->since,
					    .name = span_of(note->name),
					    .state = span_of(note->up ? "up" : "down") });
		peer_send(request->peer, &out, -1);
	}
	answer(request, packet->tag, EX_OK, "");
	return true;
}

/* No flush is at work: the lock is ours for the moment. */
static void act_ourselves(struct request *request)
{
	struct requests *requests = request->requests;
	struct err err = { 0 };
	uint64_t gone;

	request->act = 0;
	if (operator_act(requests->flushes->root_fd, request->smarthost, request->verb,
			 request->id, &gone, &err)) {
		if (gone)
			log_info("end msg %" PRIu64, gone);
		log_info("act verb=%s smarthost=%s id=%s", request->verb,
			 request->smarthost, request->id);
		err = (struct err){ 0 };
		flushes_parked(requests->flushes, request->smarthost);
	}
	answer_err(request, request->tag, &err);
}

/* It lies at a provider. */
static void act_on_large(struct request *request, const struct link_act *act,
			 uint32_t tag)
{
	struct requests *requests = request->requests;
	int root_fd = requests->flushes->root_fd;
	char verb[sizeof(request->verb)], id[LARGE_ID_MAX];
	struct err err = { 0 };
	struct large large;

	if (!packet_text_copy(act->verb, verb, sizeof(verb)) ||
	    !packet_text_copy(act->id, id, sizeof(id)))
		err_exit(&err, EX_NOINPUT, "that is no message at a provider");
	else if (large_act(root_fd, verb, id, &err)) {
		err = (struct err){ 0 };
		log_info("act verb=%s id=%s", verb, id);
		if (large_read(root_fd, id, &large) && large.wish != LARGE_WAIT)
			pickups_asked(requests->pickups, large.pickup);
	}
	answer_err(request, tag, &err);
}

static bool on_act(struct request *request, struct packet *packet)
{
	struct requests *requests = request->requests;
	struct link_act act;

	if (request->act || !link_act_get(packet, &act))
		return false;
	if (!act.smarthost.len) {
		act_on_large(request, &act, packet->tag);
		return true;
	}
	if (!packet_text_copy(act.smarthost, request->smarthost,
			      sizeof(request->smarthost)) ||
	    !packet_text_copy(act.verb, request->verb, sizeof(request->verb)) ||
	    !packet_text_copy(act.id, request->id, sizeof(request->id)) ||
	    !(smarthost_name_is_valid(request->smarthost) ||
	      strcmp(request->smarthost, "local") == 0))
		return false;
	request->tag = packet->tag;
	if (++requests->acts == 0)
		++requests->acts;
	request->act = requests->acts;
	if (!flushes_act(requests->flushes, request->act, request->smarthost,
			 request->verb, request->id))
		act_ourselves(request);
	return true;
}

static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct request *request = ctx;

	file_close(&fd);
	if (is_web(request) && packet->type == LINK_PAGE)
		return page_show(request->requests, peer, packet);
	if (is_web(request) && packet->type == LINK_WISH)
		return page_ask(request->requests, peer, packet);
	if (packet->type != LINK_SHOW && !may_ask(request)) {
		answer(request, packet->tag, EX_NOPERM,
		       "only root and the gateway's own user may do that");
		return true;
	}
	switch (packet->type) {
	case LINK_EVENT:
		return on_event(request, packet);
	case LINK_FLUSH:
		return on_flush(request, packet);
	case LINK_PICKUP:
		return on_pickup(request, packet);
	case LINK_SHOW:
		return on_show(request, packet);
	case LINK_ACT:
		return on_act(request, packet);
	default:
		return false;
	}
}

static void on_closed(void *ctx, struct peer *peer)
{
	struct request *request = ctx;
	struct request **at = &request->requests->first;

	(void)peer;
	while (*at != request)
		at = &(*at)->next;
	*at = request->next;
	request->requests->count--;
	request->requests->stranger_count -= !may_ask(request);
	wants_clear(&request->wants);
	free(request);
}

static const struct peer_handler handler = { on_packet, on_closed };

static void on_progress(void *ctx, const struct link_progress *progress)
{
	struct requests *requests = ctx;
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	for (struct request *at = requests->first; at; at = at->next) {
		if (!wants_has(&at->wants, progress->smarthost))
			continue;
		link_progress_put(&out, at->tag, progress);
		peer_send(at->peer, &out, -1);
	}
}

static void on_done(void *ctx, const char *smarthost, const struct link_done *done)
{
	struct requests *requests = ctx;

	for (struct request *at = requests->first; at; at = at->next) {
		if (!wants_remove(&at->wants, span_of(smarthost)))
			continue;
		if (done->exit_code && !at->exit_code) {
			at->exit_code = (int)done->exit_code;
			snprintf(at->text, sizeof(at->text), "%.*s",
				 SPAN_ARG(done->text));
		}
		if (at->wants.count)
			continue;
		answer(at, at->tag, at->exit_code, at->text);
		at->exit_code = 0;
		at->text[0] = '\0';
	}
}

static void on_moved(void *ctx, const char *from, const char *to)
{
	struct requests *requests = ctx;

	for (struct request *at = requests->first; at; at = at->next) {
		if (!wants_has(&at->wants, span_of(from)))
			continue;
		wants_add(&at->wants, to);
		flushes_force(requests->flushes, to, at->by_person);
	}
}

static void on_acted(void *ctx, uint32_t tag, const struct link_done *done)
{
	struct requests *requests = ctx;

	for (struct request *at = requests->first; at; at = at->next) {
		char text[512];

		if (at->act != tag)
			continue;
		if (!done) {
			act_ourselves(at);
			continue;
		}
		at->act = 0;
		snprintf(text, sizeof(text), "%.*s", SPAN_ARG(done->text));
		answer(at, at->tag, (int)done->exit_code, text);
	}
}

void requests_open(struct requests *requests)
{
	const struct passwd *web = getpwnam("lontarweb");

	requests->web_uid = web ? web->pw_uid : geteuid();
	requests->flushes->listener = (struct flush_listener){
		.on_progress = on_progress,
		.on_done = on_done,
		.on_moved = on_moved,
		.on_acted = on_acted,
		.ctx = requests,
	};
	requests->pickups->listener =
		(struct pickup_listener){ on_progress, on_done, requests };
}

static unsigned requests_of(const struct requests *requests, uid_t uid)
{
	unsigned count = 0;

	for (const struct request *at = requests->first; at; at = at->next)
		count += peer_uid(at->peer) == uid;
	return count;
}

static bool has_place(const struct requests *requests, const struct request *request)
{
	if (requests->count >= REQUESTS_MAX)
		return false;
	return may_ask(request) ||
	       (requests->stranger_count < STRANGERS_MAX &&
		requests_of(requests, peer_uid(request->peer)) < STRANGERS_OF_ONE_MAX);
}

void requests_take(struct requests *requests, int fd)
{
	struct request *request = must_alloc(sizeof(*request));

	request->requests = requests;
	request->peer =
		peer_open(requests->flushes->service->loop, fd, &handler, request);
	if (!has_place(requests, request)) {
		peer_close(request->peer);
		free(request);
		return;
	}
	if (!may_ask(request))
		peer_limit(request->peer, STRANGER_QUEUE_BYTES);
	request->next = requests->first;
	requests->first = request;
	requests->count++;
	requests->stranger_count += !may_ask(request);
}
