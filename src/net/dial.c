#include "net/dial.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "net/resolve.h"

#define SOCKETS_MAX     8 /* libcurl tries two addresses at a time */
#define EHLO_MAX        (64 * 1024)
#define LINE_MAX_TEXT   500
#define CONNECT_TIMEOUT 75000L /* ms, of one address: three SYNs over a slow link */
/* What may wait in the kernel unsent: enough for a full segment or two, little enough
 * that progress and what is in doubt mean what they say. */
#define NOT_SENT_LOWAT 16384

struct dial {
	struct ev_loop *loop;
	dial_handler *handler;
	void *ctx;
	CURL *easy;
	CURLM *multi;
	struct curl_slist *resolved;
	struct resolve *resolve;
	ev_io sockets[SOCKETS_MAX];
	ev_timer timer;
	ev_timer deadline;
	char *host;
	uint16_t port;
	bool wants_tls;
	bool wants_login;
	bool has_tls;
	bool logged_in;
	bool login_begun;
	bool ended; /* the handler was called */
	char greeting[LINE_MAX_TEXT];
	char refusal[LINE_MAX_TEXT]; /* the last 4xx or 5xx */
	struct buf ehlo;
	char error[CURL_ERROR_SIZE];
	curl_socket_t fd;
};

/* Nothing is touched after the handler: it may close us. */
static void end(struct dial *dial, const struct err *err)
{
	if (dial->ended)
		return;
	dial->ended = true;
	ev_timer_stop(dial->loop, &dial->timer);
	ev_timer_stop(dial->loop, &dial->deadline);
	for (size_t i = 0; i < SOCKETS_MAX; i++)
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

static void end_failed(struct dial *dial, CURLcode code)
{
	const char *story = dial->error[0] ? dial->error : curl_easy_strerror(code);
	bool told = is_in(by_refusal, LENGTH(by_refusal), code) && dial->refusal[0];
	struct err err = { 0 };

	if (told)
		story = dial->refusal;
	if (is_in(for_a_person, LENGTH(for_a_person), code) ||
	    (told && dial->refusal[0] == '5') || (code == CURLE_LOGIN_DENIED && !told))
		err_permanent(&err, "5.7.0", "%s", story);
	else
		err_temporary(&err, "4.4.1", "%s", story);
	err_context(&err, "%s port %u", dial->host, (unsigned)dial->port);
	end(dial, &err);
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
			      "%s offers no TLS: set tls in the smarthost's file",
			      dial->host);
	else if (dial->wants_login && !dial->logged_in)
		err_permanent(
			&err, "5.7.0",
			"%s offers no login that we can do: see user and auth in the "
			"smarthost's file",
			dial->host);
	end(dial, err.kind == ERR_NONE ? NULL : &err);
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
	    (events & EV_READ ? CURL_CSELECT_IN : 0) |
		    (events & EV_WRITE ? CURL_CSELECT_OUT : 0));
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

static int want_timer(CURLM *multi, long timeout_ms, void *ctx)
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

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *unused)
{
	struct dial *dial = ctx;
	ev_io *watcher = NULL;

	(void)easy;
	(void)unused;
	for (size_t i = 0; i < SOCKETS_MAX; i++)
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
		  (what & CURL_POLL_IN ? EV_READ : 0) |
			  (what & CURL_POLL_OUT ? EV_WRITE : 0));
	ev_io_start(dial->loop, watcher);
	return 0;
}

static void keep_line(char out[LINE_MAX_TEXT], struct span line)
{
	size_t used = 0;

	for (; used < line.len && used + 1 < LINE_MAX_TEXT; used++)
		out[used] = line.at[used] >= ' ' && line.at[used] <= '~' ? line.at[used]
									 : '?';
	out[used] = '\0';
}

/* Every line that the server says, until libcurl is done. Only the last EHLO counts: what
 * was offered before TLS may be an attacker's. */
static size_t on_line(char *bytes, size_t size, size_t count, void *ctx)
{
	struct dial *dial = ctx;
	struct span line = span_trim((struct span){ bytes, size * count });
	bool kept = true;

	if (line.len < 3)
		return size * count;
	if (strncmp(line.at, "220", 3) == 0) {
		if (!dial->greeting[0])
			keep_line(dial->greeting, line);
		buf_reset(&dial->ehlo);
	} else if (strncmp(line.at, "250", 3) == 0 && !dial->login_begun) {
		kept = buf_append_span(&dial->ehlo, line) &&
		       buf_append_byte(&dial->ehlo, '\n');
	} else if (strncmp(line.at, "334", 3) == 0) {
		dial->login_begun = true;
	} else if (strncmp(line.at, "235", 3) == 0) {
		dial->logged_in = dial->login_begun = true;
	} else if (line.at[0] == '4' || line.at[0] == '5') {
		/* EHLO refused: what follows answers HELO and offers nothing. */
		keep_line(dial->refusal, line);
		buf_reset(&dial->ehlo);
	}
	return kept ? size * count : 0;
}

static void on_tls_state(const SSL *ssl, int where, int value)
{
	struct dial *dial = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	(void)value;
	if (dial && (where & SSL_CB_HANDSHAKE_DONE))
		dial->has_tls = true;
}

static CURLcode on_tls(CURL *easy, void *context, void *ctx)
{
	(void)easy;
	SSL_CTX_set_app_data((SSL_CTX *)context, ctx);
	SSL_CTX_set_info_callback((SSL_CTX *)context, on_tls_state);
	return CURLE_OK;
}

static int on_opened(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
	int bytes = NOT_SENT_LOWAT;

	(void)ctx;
	(void)purpose;
	/* Not having it costs precision, not mail. */
	(void)!setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof(bytes));
	return CURL_SOCKOPT_OK;
}

/* The name in EHLO is the URL's path. */
static bool set_url(struct dial *dial, const struct dial_request *request)
{
	CURLU *url = curl_url();
	char host[300], port[8], path[300];
	bool set;

	snprintf(host, sizeof(host), strchr(request->host, ':') ? "[%s]" : "%s",
		 request->host);
	snprintf(port, sizeof(port), "%u", (unsigned)request->port);
	snprintf(path, sizeof(path), "/%s", request->helo);
	set = url &&
	      curl_url_set(url, CURLUPART_SCHEME,
			   request->tls == DIAL_IMPLICIT ? "smtps" : "smtp",
			   0) == CURLUE_OK &&
	      curl_url_set(url, CURLUPART_HOST, host, 0) == CURLUE_OK &&
	      curl_url_set(url, CURLUPART_PORT, port, 0) == CURLUE_OK &&
	      curl_url_set(url, CURLUPART_PATH, path, CURLU_URLENCODE) == CURLUE_OK;
	if (set) {
		char *text = NULL;

		set = curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK &&
		      curl_easy_setopt(dial->easy, CURLOPT_URL, text) == CURLE_OK;
		curl_free(text);
	}
	curl_url_cleanup(url);
	return set;
}

static void set_login(struct dial *dial, const struct dial_request *request)
{
	char options[40] = "";

	if (!request->user)
		return;
	curl_easy_setopt(dial->easy, CURLOPT_USERNAME, request->user);
	curl_easy_setopt(dial->easy,
			 request->is_token ? CURLOPT_XOAUTH2_BEARER : CURLOPT_PASSWORD,
			 request->secret);
	curl_easy_setopt(dial->easy, CURLOPT_SASL_IR, 1L);
	if (request->auth)
		snprintf(options, sizeof(options), "AUTH=%s", request->auth);
	else if (request->is_token)
		snprintf(options, sizeof(options), "AUTH=XOAUTH2");
	for (char *c = options; *c; c++)
		if (*c >= 'a' && *c <= 'z')
			*c -= 'a' - 'A';
	if (options[0])
		curl_easy_setopt(dial->easy, CURLOPT_LOGIN_OPTIONS, options);
}

static void set_tls(struct dial *dial, const struct dial_request *request)
{
	static const long levels[] = {
		[DIAL_PLAIN] = CURLUSESSL_NONE,
		[DIAL_TRY] = CURLUSESSL_TRY,
		[DIAL_STARTTLS] = CURLUSESSL_ALL,
		[DIAL_IMPLICIT] = CURLUSESSL_ALL,
	};
	bool verified = request->tls != DIAL_TRY;

	curl_easy_setopt(dial->easy, CURLOPT_USE_SSL,
			 dial->wants_tls ? (long)CURLUSESSL_ALL : levels[request->tls]);
	curl_easy_setopt(dial->easy, CURLOPT_SSL_VERIFYPEER, verified ? 1L : 0L);
	curl_easy_setopt(dial->easy, CURLOPT_SSL_VERIFYHOST, verified ? 2L : 0L);
	curl_easy_setopt(dial->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(dial->easy, CURLOPT_SSL_CTX_FUNCTION, on_tls);
	curl_easy_setopt(dial->easy, CURLOPT_SSL_CTX_DATA, dial);
	curl_easy_setopt(dial->easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	if (request->cafile) {
		/* Only these: the system's folder would be trusted beside them. */
		curl_easy_setopt(dial->easy, CURLOPT_CAINFO, request->cafile);
		curl_easy_setopt(dial->easy, CURLOPT_CAPATH, NULL);
	}
}

static bool set_up(struct dial *dial, const struct dial_request *request)
{
	if (!dial->easy || !dial->multi || !set_url(dial, request))
		return false;
	curl_multi_setopt(dial->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(dial->multi, CURLMOPT_SOCKETDATA, dial);
	curl_multi_setopt(dial->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(dial->multi, CURLMOPT_TIMERDATA, dial);
	curl_easy_setopt(dial->easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(dial->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(dial->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(dial->easy, CURLOPT_ERRORBUFFER, dial->error);
	curl_easy_setopt(dial->easy, CURLOPT_HEADERFUNCTION, on_line);
	curl_easy_setopt(dial->easy, CURLOPT_HEADERDATA, dial);
	curl_easy_setopt(dial->easy, CURLOPT_SOCKOPTFUNCTION, on_opened);
	curl_easy_setopt(dial->easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT);
	curl_easy_setopt(dial->easy, CURLOPT_SERVER_RESPONSE_TIMEOUT,
			 (long)request->timeout_s);
	if (request->bind_to)
		curl_easy_setopt(dial->easy, CURLOPT_INTERFACE, request->bind_to);
	set_tls(dial, request);
	set_login(dial, request);
	return true;
}

static void on_resolved(void *ctx, const char *addresses, const struct err *err)
{
	struct dial *dial = ctx;
	AUTO_BUF entry = BUF_INIT(4096);

	if (!addresses) {
		end(dial, err);
		return;
	}
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
			       .host = must_copy(request->host),
			       .port = request->port,
			       .wants_tls = request->tls == DIAL_STARTTLS ||
					    request->tls == DIAL_IMPLICIT ||
					    (request->tls == DIAL_TRY && request->user),
			       .wants_login = request->user != NULL,
			       .ehlo = BUF_INIT(EHLO_MAX),
			       .fd = CURL_SOCKET_BAD };
	for (size_t i = 0; i < SOCKETS_MAX; i++) {
		ev_io_init(&dial->sockets[i], on_socket, -1, 0);
		dial->sockets[i].data = dial;
	}
	ev_timer_init(&dial->timer, on_timer, 0., 0.);
	ready = set_up(dial, request);
	ev_timer_init(&dial->deadline, on_deadline, ready ? request->timeout_s : 0., 0.);
	dial->timer.data = dial->deadline.data = dial;
	ev_timer_start(loop, &dial->deadline);
	if (ready)
		dial->resolve = resolve_start(loop, request->host, request->name_servers,
					      on_resolved, dial);
	return dial;
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
	for (size_t i = 0; i < SOCKETS_MAX; i++)
		ev_io_stop(dial->loop, &dial->sockets[i]);
	buf_clear(&dial->ehlo);
	free(dial->host);
	free(dial);
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
