/* libcurl on the event loop: it tells which sockets and which time it waits for. */
#include "net/dial_private.h"

static void look(struct dial *dial)
{
	CURLMsg *message;
	double connected_s = 0;
	int left;

	if (dial->try.stage == DIAL_AT_CONNECT &&
	    curl_easy_getinfo(dial->easy, CURLINFO_CONNECT_TIME, &connected_s) ==
		    CURLE_OK &&
	    connected_s > 0)
		dial_enter(dial, dial->is_implicit ? DIAL_AT_TLS : DIAL_AT_GREETING);
	while ((message = curl_multi_info_read(dial->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		if (message->data.result == CURLE_OK)
			dial->events->connected(dial);
		else
			dial_fail(dial, message->data.result);
		return;
	}
}

void dial_curl_act(struct dial *dial, curl_socket_t fd, int events)
{
	int running;

	if (curl_multi_socket_action(dial->multi, fd, events, &running) == CURLM_OK)
		look(dial);
	else
		dial_fail(dial, CURLE_FAILED_INIT);
}

static void on_socket(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop;
	dial_curl_act(watcher->data, watcher->fd,
		      ((events & EV_READ) ? CURL_CSELECT_IN : 0) |
			      ((events & EV_WRITE) ? CURL_CSELECT_OUT : 0));
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	dial_curl_act(watcher->data, CURL_SOCKET_TIMEOUT, 0);
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

void dial_curl_init(struct dial *dial)
{
	for (size_t i = 0; i < DIAL_SOCKETS_MAX; i++) {
		ev_io_init(&dial->sockets[i], on_socket, -1, 0);
		dial->sockets[i].data = dial;
	}
	ev_timer_init(&dial->timer, on_timer, 0., 0.);
	dial->timer.data = dial;
}

void dial_curl_set_up(struct dial *dial)
{
	curl_multi_setopt(dial->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(dial->multi, CURLMOPT_SOCKETDATA, dial);
	curl_multi_setopt(dial->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(dial->multi, CURLMOPT_TIMERDATA, dial);
}

void dial_curl_stop(struct dial *dial)
{
	ev_timer_stop(dial->loop, &dial->timer);
	for (size_t i = 0; i < DIAL_SOCKETS_MAX; i++)
		ev_io_stop(dial->loop, &dial->sockets[i]);
}
