#include "net/dial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "net/dial_private.h"
#include "net/usage.h"

#define EHLO_MAX      ((size_t)64 * 1024)
#define ADDRESSES_MAX 4096
#define TICKET_MAX    16384

/* Nothing is touched after the handler: it may close us. */
static void finish(struct dial *dial, const struct err *err)
{
	if (dial->ended)
		return;
	dial->ended = true;
	ev_timer_stop(dial->loop, &dial->timer);
	ev_timer_stop(dial->loop, &dial->deadline);
	ev_timer_stop(dial->loop, &dial->begin);
	for (size_t i = 0; i < DIAL_SOCKETS_MAX; i++)
		ev_io_stop(dial->loop, &dial->sockets[i]);
	dial->handler(dial->ctx, dial, err);
}

/*
 * What a failure means. Not listed, and not refused with 5xx: temporary.
 */
static const CURLcode for_a_person[] = {
	CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_USE_SSL_FAILED,
	CURLE_SSL_CERTPROBLEM,          CURLE_SSL_CIPHER,         CURLE_SSL_ISSUER_ERROR,
};

/* Failures that the server put in words of its own. */
static const CURLcode by_refusal[] = {
	CURLE_LOGIN_DENIED,
	CURLE_WEIRD_SERVER_REPLY,
	CURLE_REMOTE_ACCESS_DENIED,
	CURLE_AUTH_ERROR,
};

static bool is_in(const CURLcode *codes, size_t count, CURLcode code)
{
	for (size_t i = 0; i < count; i++)
		if (codes[i] == code)
			return true;
	return false;
}

/* POP3 and IMAP have no codes but these (RFC 2449 8, 3206, 5530): without one, a refused
 * login is final, since trying on may lock the account. BYE is no word about the login.
 */
static bool is_final(const struct dial *dial)
{
	static const char *const later[] = { "[IN-USE]",   "[LOGIN-DELAY]",
					     "[SYS/TEMP]", "[UNAVAILABLE]",
					     "[INUSE]",    "[LIMIT]",
					     "[SERVERBUG]" };

	if (dial->protocol == DIAL_SMTP)
		return dial->refusal[0] == '5';
	for (size_t i = 0; i < LENGTH(later); i++)
		if (strcasestr(dial->refusal, later[i]))
			return false;
	return strncasecmp(dial->refusal, "BYE", 3) != 0;
}

static void end_failed(struct dial *dial, CURLcode code)
{
	const char *story = dial->error[0] ? dial->error : curl_easy_strerror(code);
	bool told = is_in(by_refusal, LENGTH(by_refusal), code) && dial->refusal[0];
	struct err err = { 0 };

	dial->failed_in_tls = code == CURLE_SSL_CONNECT_ERROR;
	if (told)
		story = dial->refusal;
	if (is_in(for_a_person, LENGTH(for_a_person), code) || (told && is_final(dial)) ||
	    (code == CURLE_LOGIN_DENIED && !told))
		err_permanent(&err, "5.7.0", "%s", story);
	else
		err_temporary(&err, "4.4.1", "%s", story);
	err_context(&err, "%s port %u", dial->host, (unsigned)dial->port);
	finish(dial, &err);
}

/* libcurl is content: are we? */
static void end_connected(struct dial *dial)
{
	struct err err = { 0 };

	curl_easy_getinfo(dial->easy, CURLINFO_ACTIVESOCKET, &dial->fd);
	if (dial->fd == CURL_SOCKET_BAD)
		err_temporary(&err, "4.4.2", "%s: the connection closed", dial->host);
	else if (dial->wants_tls && !dial->has_tls)
		err_permanent(&err, "5.7.0",
			      "%s offers no TLS: set tls in its file in control/",
			      dial->host);
	else if (dial->is_let_in)
		err_permanent(&err, "5.7.0",
			      "%s lets everybody in without a login: is it the right "
			      "server?",
			      dial->host);
	else if (dial->wants_login && !dial->logged_in && dial->protocol == DIAL_SMTP)
		err_permanent(
			&err, "5.7.0",
			"%s offers no login that we can do: see user and auth in the "
			"smarthost's file",
			dial->host);
	finish(dial, err.kind == ERR_NONE ? NULL : &err);
}

static void look(struct dial *dial)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(dial->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		if (message->data.result == CURLE_OK)
			end_connected(dial);
		else
			end_failed(dial, message->data.result);
		return;
	}
}

static void act(struct dial *dial, curl_socket_t fd, int events)
{
	int running;

	if (curl_multi_socket_action(dial->multi, fd, events, &running) == CURLM_OK)
		look(dial);
	else
		end_failed(dial, CURLE_FAILED_INIT);
}

static void on_socket(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop;
	act(watcher->data, watcher->fd,
	    ((events & EV_READ) ? CURL_CSELECT_IN : 0) |
		    ((events & EV_WRITE) ? CURL_CSELECT_OUT : 0));
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	act(watcher->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct dial *dial = watcher->data;

	(void)loop;
	(void)events;
	end_failed(dial, CURLE_OPERATION_TIMEDOUT);
}

int dial_want_timer(CURLM *multi, long timeout_ms, void *ctx)
{
	struct dial *dial = ctx;

	(void)multi;
	ev_timer_stop(dial->loop, &dial->timer);
	if (timeout_ms < 0 || dial->ended)
		return 0;
	ev_timer_set(&dial->timer, (double)timeout_ms / 1000., 0.);
	ev_timer_start(dial->loop, &dial->timer);
	return 0;
}

int dial_want_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *unused)
{
	struct dial *dial = ctx;
	ev_io *watcher = NULL;

	(void)easy;
	(void)unused;
	for (size_t i = 0; i < DIAL_SOCKETS_MAX; i++)
		if (dial->sockets[i].fd == fd || (!watcher && dial->sockets[i].fd < 0))
			watcher = &dial->sockets[i];
	if (!watcher)
		return -1;
	ev_io_stop(dial->loop, watcher);
	if (what == CURL_POLL_REMOVE || dial->ended) {
		ev_io_set(watcher, -1, 0);
		return 0;
	}
	ev_io_set(watcher, fd,
		  ((what & CURL_POLL_IN) ? EV_READ : 0) |
			  ((what & CURL_POLL_OUT) ? EV_WRITE : 0));
	ev_io_start(dial->loop, watcher);
	return 0;
}

static void go(struct dial *dial, const char *addresses)
{
	AUTO_BUF entry = BUF_INIT(ADDRESSES_MAX);

	if (!buf_appendf(&entry, "%s:%u:%s", dial->host, (unsigned)dial->port,
			 addresses)) {
		end_failed(dial, CURLE_COULDNT_RESOLVE_HOST);
		return;
	}
	/* A number needs none, and one with colons could not be written so. */
	if (strcmp(addresses, dial->host) != 0) {
		dial->resolved = curl_slist_append(NULL, entry.data);
		curl_easy_setopt(dial->easy, CURLOPT_RESOLVE, dial->resolved);
	}
	if (curl_multi_add_handle(dial->multi, dial->easy) == CURLM_OK)
		act(dial, CURL_SOCKET_TIMEOUT, 0);
	else
		end_failed(dial, CURLE_FAILED_INIT);
}

static void on_resolved(void *ctx, const char *addresses, const struct err *err)
{
	struct dial *dial = ctx;

	if (!addresses)
		finish(dial, err);
	else if (buf_append_text(&dial->addresses, addresses))
		go(dial, addresses);
	else
		end_failed(dial, CURLE_COULDNT_RESOLVE_HOST);
}

/* From the loop: the handler is never called by dial_start itself. */
static void on_begin(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct dial *dial = watcher->data;
	AUTO_BUF addresses = BUF_INIT(ADDRESSES_MAX);

	(void)loop;
	(void)events;
	if (buf_append_span(&addresses, buf_span(&dial->known)))
		go(dial, addresses.data);
}

struct dial *dial_start(struct ev_loop *loop, const struct dial_request *request,
			dial_handler *handler, void *ctx)
{
	struct dial *dial = must_alloc(sizeof(*dial));
	bool ready;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	*dial = (struct dial){ .loop = loop,
			       .handler = handler,
			       .ctx = ctx,
			       .easy = curl_easy_init(),
			       .multi = curl_multi_init(),
			       .protocol = request->protocol,
			       .host = must_copy(request->host),
			       .port = request->port,
			       .wants_tls = request->tls == DIAL_STARTTLS ||
					    request->tls == DIAL_IMPLICIT ||
					    (request->tls == DIAL_TRY && request->user),
			       .wants_login = request->user != NULL,
			       .ehlo = BUF_INIT(EHLO_MAX),
			       .known = BUF_INIT(ADDRESSES_MAX),
			       .addresses = BUF_INIT(ADDRESSES_MAX),
			       .ticket_in = BUF_INIT(TICKET_MAX),
			       .ticket_out = BUF_INIT(TICKET_MAX),
			       .fd = CURL_SOCKET_BAD };
	for (size_t i = 0; i < DIAL_SOCKETS_MAX; i++) {
		ev_io_init(&dial->sockets[i], on_socket, -1, 0);
		dial->sockets[i].data = dial;
	}
	ev_timer_init(&dial->timer, on_timer, 0., 0.);
	ready = dial_set_up(dial, request);
	ev_timer_init(&dial->deadline, on_deadline, ready ? request->timeout_s : 0., 0.);
	ev_timer_init(&dial->begin, on_begin, 0., 0.);
	dial->timer.data = dial->deadline.data = dial->begin.data = dial;
	ev_timer_start(loop, &dial->deadline);
	if (ready && request->addresses &&
	    buf_append_text(&dial->known, request->addresses))
		ev_timer_start(loop, &dial->begin);
	else if (ready)
		dial->resolve = resolve_start(
			loop, request->host,
			&(struct resolve_way){ request->name_servers, request->bind_to },
			on_resolved, dial);
	return dial;
}

static void wipe(struct buf *secret)
{
	if (secret->len)
		explicit_bzero(secret->data, secret->len);
	buf_clear(secret);
}

void dial_close(struct dial *dial)
{
	if (!dial)
		return;
	dial->ended = true;
	resolve_close(dial->resolve);
	if (dial->easy && dial->multi)
		curl_multi_remove_handle(dial->multi, dial->easy);
	curl_easy_cleanup(dial->easy);
	curl_multi_cleanup(dial->multi);
	curl_slist_free_all(dial->resolved);
	ev_timer_stop(dial->loop, &dial->timer);
	ev_timer_stop(dial->loop, &dial->deadline);
	ev_timer_stop(dial->loop, &dial->begin);
	for (size_t i = 0; i < DIAL_SOCKETS_MAX; i++)
		ev_io_stop(dial->loop, &dial->sockets[i]);
	buf_clear(&dial->ehlo);
	buf_clear(&dial->known);
	buf_clear(&dial->addresses);
	wipe(&dial->ticket_in);
	wipe(&dial->ticket_out);
	free(dial->host);
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

bool dial_failed_in_tls(const struct dial *dial)
{
	return dial->failed_in_tls;
}

uint64_t dial_used(const struct dial *dial)
{
	uint64_t bytes = dial->closed_bytes;

	for (size_t i = 0; i < dial->open_count; i++)
		bytes += usage_bytes(dial->open[i]);
	return bytes;
}

int dial_fd(const struct dial *dial)
{
	return dial->fd;
}

const char *dial_greeting(const struct dial *dial)
{
	return dial->greeting;
}

struct span dial_ehlo(const struct dial *dial)
{
	return buf_span(&dial->ehlo);
}

bool dial_has_tls(const struct dial *dial)
{
	return dial->has_tls;
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
	return code == CURLE_OK && moved ? DIAL_DONE : DIAL_CLOSED;
}

enum dial_io dial_send(struct dial *dial, const void *bytes, size_t len,
		       size_t *moved_out)
{
	CURLcode code;

	*moved_out = 0;
	code = curl_easy_send(dial->easy, bytes, len, moved_out);
	return io_of(code, *moved_out);
}

enum dial_io dial_receive(struct dial *dial, void *bytes, size_t room, size_t *moved_out)
{
	CURLcode code;

	*moved_out = 0;
	code = curl_easy_recv(dial->easy, bytes, room, moved_out);
	return io_of(code, *moved_out);
}
