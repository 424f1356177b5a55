#include "net/dial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "net/dial_private.h"

#define EHLO_MAX      ((size_t)64 * 1024)
#define ADDRESSES_MAX 4096
#define TICKET_MAX    16384
#define LOGIN_MAX     ((size_t)64 * 1024)

static void stop(struct dial *dial)
{
	dial->ended = true;
	dial_curl_stop(dial);
	dial_login_stop(dial);
	ev_timer_stop(dial->loop, &dial->deadline);
	ev_timer_stop(dial->loop, &dial->begin);
	ev_timer_stop(dial->loop, &dial->tick);
}

static void finish(struct dial *dial, const struct err *err)
{
	if (dial->ended)
		return;
	stop(dial);
	if (!err)
		ev_timer_start(dial->loop, &dial->tick); /* still: does it stall? */
	dial->handler(dial->ctx, dial, err);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	dial_fail(watcher->data, CURLE_OPERATION_TIMEDOUT);
}

static void go(struct dial *dial, const char *addresses)
{
	AUTO_BUF entry = BUF_INIT(ADDRESSES_MAX);

	if (!buf_appendf(&entry, "%s:%u:%s", dial->host, (unsigned)dial->port,
			 addresses)) {
		dial_fail(dial, CURLE_COULDNT_RESOLVE_HOST);
		return;
	}
	/* A number needs none, and one with colons could not be written so. */
	if (strcmp(addresses, dial->host) != 0 && !dial->resolved) {
		dial->resolved = curl_slist_append(NULL, entry.data);
		curl_easy_setopt(dial->easy, CURLOPT_RESOLVE, dial->resolved);
	}
	dial_enter(dial, DIAL_AT_CONNECT);
	if (curl_multi_add_handle(dial->multi, dial->easy) == CURLM_OK)
		dial_curl_act(dial, CURL_SOCKET_TIMEOUT, 0);
	else
		dial_fail(dial, CURLE_FAILED_INIT);
}

static void on_resolved(void *ctx, const char *addresses, const struct err *err)
{
	struct dial *dial = ctx;

	if (!addresses)
		finish(dial, err);
	else if (buf_append_text(&dial->addresses, addresses))
		go(dial, addresses);
	else
		dial_fail(dial, CURLE_COULDNT_RESOLVE_HOST);
}

/* From the loop: the handler is never called by dial_start itself. */
static void on_begin(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct dial *dial = watcher->data;
	AUTO_BUF addresses = BUF_INIT(ADDRESSES_MAX);
	const struct buf *from = dial->known.len ? &dial->known : &dial->addresses;

	(void)loop;
	(void)events;
	if (buf_append_span(&addresses, buf_span(from)))
		go(dial, addresses.data);
}

static void reset_try(struct dial *dial)
{
	dial->try = (struct dial_try){ .fd = CURL_SOCKET_BAD,
				       .moved_ms = clock_monotonic_ms() };
	buf_reset(&dial->offer);
	buf_reset(&dial->ehlo);
	curl_easy_setopt(dial->easy, CURLOPT_ERRORBUFFER, dial->try.error);
}

static void again(struct dial *dial)
{
	dial_login_stop(dial);
	curl_multi_remove_handle(dial->multi, dial->easy);
	/* What this server gave is newer than what was remembered. */
	if (dial->ticket_in.len && dial->ticket_out.len) {
		buf_reset(&dial->ticket_in);
		if (!buf_append_span(&dial->ticket_in, buf_span(&dial->ticket_out)))
			buf_reset(&dial->ticket_in);
	}
	reset_try(dial);
	ev_timer_start(dial->loop, &dial->begin);
}

static void on_connected(struct dial *dial)
{
	curl_easy_getinfo(dial->easy, CURLINFO_ACTIVESOCKET, &dial->try.fd);
	dial_measure(dial);
	if (dial->try.fd == CURL_SOCKET_BAD) {
		dial_fail(dial, CURLE_GOT_NOTHING);
	} else if (dial->wants_tls && !dial->try.has_tls) {
		dial_fail_missing(dial, DIAL_AT_TLS,
				  "offers no TLS: set tls in its file in control/");
	} else if (dial->try.is_let_in) {
		dial_fail_missing(dial, DIAL_AT_AUTH,
				  "lets everybody in without a login: is it the right "
				  "server?");
	} else if (dial->wants_login) {
		dial_log_in(dial);
	} else {
		finish(dial, NULL);
	}
}

static const struct dial_events events = { on_connected, again, finish };

static struct dial *new_dial(struct ev_loop *loop, const struct dial_request *request)
{
	struct dial *dial = must_alloc(sizeof(*dial));

	*dial = (struct dial){
		.events = &events,
		.loop = loop,
		.easy = curl_easy_init(),
		.multi = curl_multi_init(),
		.protocol = request->protocol,
		.host = must_copy(request->host),
		.port = request->port,
		.is_implicit = request->tls == DIAL_IMPLICIT,
		.wants_tls = request->tls == DIAL_STARTTLS ||
			     request->tls == DIAL_IMPLICIT ||
			     (request->tls == DIAL_TRY && request->user),
		.wants_login = request->user != NULL,
		.clock_in_doubt = request->clock_in_doubt,
		.line = request->line,
		.limits = line_limits(&request->line),
		.user = must_copy(request->user ? request->user : ""),
		.secret = must_copy(request->secret ? request->secret : ""),
		.choice = { .is_token = request->is_token,
			    .only = mechanism_named(request->auth),
			    .good = mechanism_named(request->mechanism) },
		.offer = BUF_INIT(EHLO_MAX),
		.ehlo = BUF_INIT(EHLO_MAX),
		.known = BUF_INIT(ADDRESSES_MAX),
		.addresses = BUF_INIT(ADDRESSES_MAX),
		.ticket_in = BUF_INIT(TICKET_MAX),
		.ticket_out = BUF_INIT(TICKET_MAX),
		.login_in = BUF_INIT(LOGIN_MAX),
		.login_out = BUF_INIT(LOGIN_MAX),
	};
	dial->mss = request->mss ? request->mss : dial->limits.mss;
	return dial;
}

struct dial *dial_start(struct ev_loop *loop, const struct dial_request *request,
			dial_handler *handler, void *ctx)
{
	struct dial *dial;
	bool ready;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	dial = new_dial(loop, request);
	dial->handler = handler;
	dial->ctx = ctx;
	dial_curl_init(dial);
	dial_tick_init(dial);
	ev_timer_init(&dial->begin, on_begin, 0., 0.);
	ready = dial_set_up(dial, request);
	reset_try(dial);
	ev_timer_init(&dial->deadline, on_deadline,
		      !ready               ? 0.
		      : request->timeout_s ? request->timeout_s
					   : dial->limits.whole_ms / 1000.,
		      0.);
	dial->deadline.data = dial->begin.data = dial;
	ev_timer_start(loop, &dial->deadline);
	ev_timer_start(loop, &dial->tick);
	if (ready && request->addresses &&
	    buf_append_text(&dial->known, request->addresses))
		ev_timer_start(loop, &dial->begin);
	else if (ready)
		dial->resolve = resolve_start(
			loop, request->host,
			&(struct resolve_way){ .servers = request->name_servers,
					       .bind_to = request->bind_to,
					       .timeout_ms = dial->limits.name_ms },
			on_resolved, dial);
	return dial;
}

static void wipe(struct buf *secret)
{
	if (secret->room)
		explicit_bzero(secret->data, secret->room);
	buf_clear(secret);
}

void dial_close(struct dial *dial)
{
	if (!dial)
		return;
	stop(dial);
	resolve_close(dial->resolve);
	if (dial->easy && dial->multi)
		curl_multi_remove_handle(dial->multi, dial->easy);
	curl_easy_cleanup(dial->easy);
	curl_multi_cleanup(dial->multi);
	curl_slist_free_all(dial->resolved);
	buf_clear(&dial->offer);
	buf_clear(&dial->ehlo);
	buf_clear(&dial->known);
	buf_clear(&dial->addresses);
	wipe(&dial->ticket_in);
	wipe(&dial->ticket_out);
	buf_clear(&dial->login_in);
	wipe(&dial->login_out);
	explicit_bzero(dial->secret, strlen(dial->secret));
	free(dial->secret);
	free(dial->user);
	free(dial->host);
	free(dial->cafile);
	free(dial);
}

const char *dial_addresses(const struct dial *dial)
{
	return dial->addresses.data;
}

struct span dial_ticket(const struct dial *dial)
{
	return buf_span(&dial->ticket_out);
}

int dial_fd(const struct dial *dial)
{
	return dial->try.fd;
}

const char *dial_greeting(const struct dial *dial)
{
	return dial->try.greeting;
}

struct span dial_ehlo(const struct dial *dial)
{
	return buf_span(dial->protocol == DIAL_IMAP ? &dial->ehlo : &dial->offer);
}

bool dial_has_tls(const struct dial *dial)
{
	return dial->try.has_tls;
}

bool dial_offers_login(const struct dial *dial)
{
	return mechanisms_offered(dial->protocol, buf_span(&dial->offer),
				  dial->try.greeting) != 0;
}

bool dial_is_trusted(const struct dial *dial)
{
	return dial->try.is_trusted;
}

const char *dial_certificate_name(const struct dial *dial)
{
	return dial->try.certificate_name;
}

const char *dial_mechanism(const struct dial *dial)
{
	return mechanism_name(dial->try.login.mechanism);
}

const char *dial_address(const struct dial *dial)
{
	char *address = NULL;

	curl_easy_getinfo(dial->easy, CURLINFO_PRIMARY_IP, &address);
	return address ? address : "";
}

static enum dial_io io_of(CURLcode code, size_t moved)
{
	if (code == CURLE_AGAIN)
		return DIAL_AGAIN;
	if (code == CURLE_OK)
		return moved ? DIAL_DONE : DIAL_FINISHED;
	return DIAL_CLOSED;
}

enum dial_io dial_send(struct dial *dial, const void *bytes, size_t len,
		       size_t *moved_out)
{
	CURLcode code;

	*moved_out = 0;
	code = curl_easy_send(dial->easy, bytes, len, moved_out);
	return io_of(code, *moved_out);
}

/* What came behind the last reply of the login is first. */
enum dial_io dial_receive(struct dial *dial, void *bytes, size_t room, size_t *moved_out)
{
	CURLcode code;

	*moved_out = dial->login_in.len < room ? dial->login_in.len : room;
	if (*moved_out) {
		memcpy(bytes, dial->login_in.data, *moved_out);
		buf_consume(&dial->login_in, *moved_out);
		return DIAL_DONE;
	}
	code = curl_easy_recv(dial->easy, bytes, room, moved_out);
	return io_of(code, *moved_out);
}
