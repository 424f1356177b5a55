#include <stdio.h>

#include "net/dial_private.h"

/* Our own timers are sooner than any of libcurl's, which would count from the dial to the
 * end of the handshake. */
#define NEVER_MS 86400000L
#define NEVER_S  86400L

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

bool dial_set_up(struct dial *dial, const struct dial_request *request)
{
	if (!dial->easy || !dial->multi || !set_url(dial, request))
		return false;
	dial_curl_set_up(dial);
	dial_set_sockets(dial);
	curl_easy_setopt(dial->easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(dial->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(dial->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(dial->easy, CURLOPT_HEADERFUNCTION, dial_hear);
	curl_easy_setopt(dial->easy, CURLOPT_HEADERDATA, dial);
	curl_easy_setopt(dial->easy, CURLOPT_CONNECTTIMEOUT_MS, NEVER_MS);
	curl_easy_setopt(dial->easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, NEVER_S);
	if (request->bind_to)
		curl_easy_setopt(dial->easy, CURLOPT_INTERFACE, request->bind_to);
	dial_set_tls(dial, request);
	if (request->tls != DIAL_TRY &&
	    !buf_append_span(&dial->ticket_in, request->ticket))
		buf_reset(&dial->ticket_in);
	return true;
}
