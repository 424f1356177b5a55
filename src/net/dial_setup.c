#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/dial_private.h"
#include "net/usage.h"

#define CONNECT_TIMEOUT_MS 75000L /* of one address: three SYNs over a slow link */
/* What may wait in the kernel unsent: enough for a segment or two, little enough that
 * progress and what is in doubt mean what they say. */
#define NOT_SENT_LOWAT 16384

static void keep_line(char out[DIAL_LINE_MAX], struct span line)
{
	size_t used = 0;

	for (; used < line.len && used + 1 < DIAL_LINE_MAX; used++)
		out[used] = (char)(line.at[used] >= ' ' && line.at[used] <= '~'
					   ? line.at[used]
					   : '?');
	out[used] = '\0';
}

static bool keep_offer(struct dial *dial, struct span line)
{
	return buf_append_span(&dial->ehlo, line) && buf_append_byte(&dial->ehlo, '\n');
}

/* Only a list's lines begin with neither. That of CAPA is the only one before the login.
 */
static bool on_pop3_line(struct dial *dial, struct span line)
{
	if (strncmp(line.at, "-ERR", 4) == 0) {
		keep_line(dial->refusal, line);
	} else if (strncmp(line.at, "+OK", 3) == 0) {
		if (!dial->greeting[0])
			keep_line(dial->greeting, line);
		dial->in_list = true;
	} else if (dial->in_list && line.at[0] != '+') {
		return keep_offer(dial, line);
	}
	return true;
}

/* "CAPABILITY words", or the same in brackets at the start of an OK's text. */
static bool keep_capability(struct dial *dial, struct span text)
{
	static const char name[] = "CAPABILITY ";
	size_t len = sizeof(name) - 1;
	struct span words = text;

	if (text.len && text.at[0] == '[' && span_cut(&text, ']', &words))
		words = span_after(words, 1);
	if (!dial->is_capable || words.len < len || strncasecmp(words.at, name, len) != 0)
		return true;
	buf_reset(&dial->ehlo);
	return keep_offer(dial, span_after(words, len));
}

/* tag SP ("OK" / "NO" / "BAD") SP text; "*" and "+" are tags too. */
static bool on_imap_line(struct dial *dial, struct span line)
{
	struct span rest = line, tag, word;

	if (!span_cut(&rest, ' ', &tag) || !rest.at)
		return true;
	if (span_is(tag, "*") && !dial->greeting[0])
		keep_line(dial->greeting, rest);
	if (span_is(tag, "*") && strncasecmp(rest.at, "CAPABILITY ", 11) == 0) {
		dial->has_capability = true;
		return keep_capability(dial, rest);
	}
	line = rest;
	if (!span_cut(&rest, ' ', &word))
		return true;
	if (span_is_word(word, "BYE") ||
	    (!span_is(tag, "*") && !span_is(tag, "+") && !span_is_word(word, "OK")))
		keep_line(dial->refusal, line);
	if (span_is(tag, "*")) {
		dial->is_let_in |= span_is_word(word, "PREAUTH");
		return true;
	}
	if (span_is_word(word, "OK") && rest.at && !keep_capability(dial, rest))
		return false;
	dial->is_capable = dial->has_capability;
	return true;
}

/* Every line that the server says, until libcurl is done. Only the last EHLO counts: what
 * was offered before TLS may be an attacker's. */
static size_t on_line(const char *bytes, size_t size, size_t count, void *ctx)
{
	struct dial *dial = ctx;
	struct span line = span_trim((struct span){ bytes, size * count });
	bool kept = true;

	if (line.len < 3)
		return size * count;
	if (dial->protocol == DIAL_POP3)
		return on_pop3_line(dial, line) ? size * count : 0;
	if (dial->protocol == DIAL_IMAP)
		return on_imap_line(dial, line) ? size * count : 0;
	if (strncmp(line.at, "220", 3) == 0) {
		if (!dial->greeting[0])
			keep_line(dial->greeting, line);
		buf_reset(&dial->ehlo);
	} else if (strncmp(line.at, "250", 3) == 0 && !dial->login_begun) {
		kept = keep_offer(dial, line);
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

/* libcurl keeps no session from one process to the next, and STARTTLS has no moment of
 * its own to offer one: it is when the handshake begins. */
static void offer_ticket(const struct dial *dial, SSL *ssl)
{
	const unsigned char *bytes = (const unsigned char *)dial->ticket_in.data;
	SSL_SESSION *session;

	if (!dial->ticket_in.len || dial->has_tls)
		return;
	session = d2i_SSL_SESSION(NULL, &bytes, (long)dial->ticket_in.len);
	/* One that cannot be read, or is not taken, costs the turn it would have saved.
	 */
	if (session)
		(void)SSL_set_session(ssl, session);
	SSL_SESSION_free(session);
}

static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
	struct dial *dial = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	int len = dial && SSL_SESSION_is_resumable(session)
			  ? i2d_SSL_SESSION(session, NULL)
			  : 0;
	unsigned char *place;

	if (len <= 0)
		return 0;
	buf_reset(&dial->ticket_out);
	place = (unsigned char *)buf_reserve(&dial->ticket_out, (size_t)len);
	if (place && i2d_SSL_SESSION(session, &place) == len)
		buf_wrote(&dial->ticket_out, (size_t)len);
	return 0; /* the session stays OpenSSL's */
}

static void on_tls_state(const SSL *ssl, int where, int value)
{
	struct dial *dial = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	(void)value;
	if (!dial)
		return;
	if (where & SSL_CB_HANDSHAKE_START)
		offer_ticket(dial, (SSL *)(uintptr_t)ssl);
	if (!(where & SSL_CB_HANDSHAKE_DONE))
		return;
	/* What POP3 or IMAP offered before may be an attacker's; SMTP greets anew. Each
	 * ticket of TLS 1.3 calls again. */
	if (dial->protocol != DIAL_SMTP && !dial->has_tls) {
		buf_reset(&dial->ehlo);
		dial->has_capability = dial->is_capable = false;
	}
	dial->has_tls = true;
}

static CURLcode on_tls(CURL *easy, void *context, void *ctx)
{
	SSL_CTX *tls = context;

	(void)easy;
	SSL_CTX_set_app_data(tls, ctx);
	SSL_CTX_set_info_callback(tls, on_tls_state);
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_CLIENT |
						    SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(tls, on_ticket);
	return CURLE_OK;
}

static int on_opened(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
	static const char cubic[] = "cubic", reno[] = "reno";
	struct dial *dial = ctx;
	int bytes = NOT_SENT_LOWAT;

	(void)purpose;
	if (dial->open_count < DIAL_SOCKETS_MAX)
		dial->open[dial->open_count++] = fd;
	/* Who knows how much the link holds wants no probing and no pacing: measured over
	 * 600 ms, 512 kbit/s, BBR takes half a second longer. Only what every user may
	 * choose. */
	if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, cubic, sizeof(cubic) - 1) != 0)
		(void)!setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, reno,
				  sizeof(reno) - 1);
	/* Not having it costs precision, not mail. */
	(void)!setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof(bytes));
	return CURL_SOCKOPT_OK;
}

static int on_close(void *ctx, curl_socket_t fd)
{
	struct dial *dial = ctx;

	for (size_t i = 0; i < dial->open_count; i++)
		if (dial->open[i] == fd) {
			dial->closed_bytes += usage_bytes(fd);
			dial->open[i] = dial->open[--dial->open_count];
			break;
		}
	return close(fd);
}

static const char *const schemes[][2] = {
	[DIAL_SMTP] = { "smtp", "smtps" },
	[DIAL_POP3] = { "pop3", "pop3s" },
	[DIAL_IMAP] = { "imap", "imaps" },
	[DIAL_QMTP] = { "http", "https" }, /* libcurl does nothing but connect */
};

/* The name in EHLO is the URL's path. */
static bool set_url(struct dial *dial, const struct dial_request *request)
{
	CURLU *url = curl_url();
	char host[300], port[8], path[300];
	bool set;

	snprintf(host, sizeof(host), strchr(request->host, ':') ? "[%s]" : "%s",
		 request->host);
	snprintf(port, sizeof(port), "%u", (unsigned)request->port);
	snprintf(path, sizeof(path), "/%s", request->helo ? request->helo : "");
	set = url &&
	      curl_url_set(url, CURLUPART_SCHEME,
			   schemes[request->protocol][request->tls == DIAL_IMPLICIT],
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
	/* IMAP servers say whether they take it (RFC 4959), and libcurl then does. */
	if (request->protocol != DIAL_IMAP)
		curl_easy_setopt(dial->easy, CURLOPT_SASL_IR, 1L);
	if (request->auth)
		snprintf(options, sizeof(options), "AUTH=%s", request->auth);
	else if (request->is_token)
		snprintf(options, sizeof(options), "AUTH=XOAUTH2");
	for (char *c = options; *c; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
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
	curl_easy_setopt(dial->easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
	if (request->cafile) {
		/* Only these: the system's folder would be trusted beside them. */
		curl_easy_setopt(dial->easy, CURLOPT_CAINFO, request->cafile);
		curl_easy_setopt(dial->easy, CURLOPT_CAPATH, NULL);
	}
}

bool dial_set_up(struct dial *dial, const struct dial_request *request)
{
	if (!dial->easy || !dial->multi || !set_url(dial, request))
		return false;
	curl_multi_setopt(dial->multi, CURLMOPT_SOCKETFUNCTION, dial_want_socket);
	curl_multi_setopt(dial->multi, CURLMOPT_SOCKETDATA, dial);
	curl_multi_setopt(dial->multi, CURLMOPT_TIMERFUNCTION, dial_want_timer);
	curl_multi_setopt(dial->multi, CURLMOPT_TIMERDATA, dial);
	curl_easy_setopt(dial->easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(dial->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(dial->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(dial->easy, CURLOPT_ERRORBUFFER, dial->error);
	curl_easy_setopt(dial->easy, CURLOPT_HEADERFUNCTION, on_line);
	curl_easy_setopt(dial->easy, CURLOPT_HEADERDATA, dial);
	curl_easy_setopt(dial->easy, CURLOPT_SOCKOPTFUNCTION, on_opened);
	curl_easy_setopt(dial->easy, CURLOPT_SOCKOPTDATA, dial);
	curl_easy_setopt(dial->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	curl_easy_setopt(dial->easy, CURLOPT_CLOSESOCKETDATA, dial);
	curl_easy_setopt(dial->easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(dial->easy, CURLOPT_SERVER_RESPONSE_TIMEOUT,
			 (long)request->timeout_s);
	if (request->bind_to)
		curl_easy_setopt(dial->easy, CURLOPT_INTERFACE, request->bind_to);
	set_tls(dial, request);
	if (request->tls != DIAL_TRY &&
	    !buf_append_span(&dial->ticket_in, request->ticket))
		buf_reset(&dial->ticket_in);
	set_login(dial, request);
	return true;
}
