#include "programs/lontar-deliver/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "control/access.h"
#include "deliver/queue_exit.h"
#include "ipc/filter.h"

#define LOOK_MS   1000
#define RULES_MAX ((size_t)1024 * 1024)
#define SLACK_S   30. /* beyond its own time */

struct filter { /* one at work */
	struct peer *peer;
	ev_timer deadline;
	struct ev_loop *loop;
	char *program;
	void (*done)(void *ctx, const struct err *err);
	void *ctx;
};

/* Whether tcp.smtp names any is looked at now and then: rules are asked for each message
 * only where it does. */
static bool have_rules(struct filters *filters)
{
	AUTO_BUF text = BUF_INIT(RULES_MAX);
	int64_t now_ms = clock_monotonic_ms();
	struct err ignored;
	bool found;

	if (filters->looked_ms && now_ms - filters->looked_ms < LOOK_MS)
		return filters->has_rules;
	filters->looked_ms = now_ms;
	/* One that cannot be read may name some. */
	filters->has_rules = !file_read_if_any(filters->control_fd, "tcp.smtp", &text,
					       &found, &ignored) ||
			     strstr(text.data, "QMAILQUEUE") != NULL;
	return filters->has_rules;
}

bool filters_find(struct filters *filters, const struct settings *settings,
		  const char *remote_ip, char program_out[256], struct err *err)
{
	struct access access = { .has_filter = false };

	program_out[0] = '\0';
	if (have_rules(filters) &&
	    !access_find(filters->control_fd, remote_ip, &access, err))
		return err_context(err, "which filter mail from %s goes to", remote_ip);
	if (access.has_filter)
		snprintf(program_out, 256, "%s", access.filter);
	else if (settings->qmailqueue && strlen(settings->qmailqueue) >= 256)
		return err_temporary(err, "4.3.5", "control/qmailqueue: too long");
	else if (settings->qmailqueue)
		snprintf(program_out, 256, "%s", settings->qmailqueue);
	return true;
}

static char *copy(struct span text)
{
	char *out = must_alloc(text.len + 1);

	if (text.len)
		memcpy(out, text.at, text.len);
	return out;
}

struct filter_order *filter_order_new(const char *program, struct span remote_ip,
				      struct span helo, struct span login)
{
	struct filter_order *order = must_alloc(sizeof(*order));

	*order = (struct filter_order){ must_copy(program), copy(remote_ip), copy(helo),
					copy(login) };
	return order;
}

void filter_order_free(struct filter_order *order)
{
	if (!order)
		return;
	free(order->program);
	free(order->remote_ip);
	free(order->helo);
	free(order->login);
	free(order);
}

static void end(struct filter *filter, const struct err *err)
{
	void (*done)(void *ctx, const struct err *err) = filter->done;
	void *ctx = filter->ctx;

	ev_timer_stop(filter->loop, &filter->deadline);
	peer_close(filter->peer);
	free(filter->program);
	free(filter);
	done(ctx, err);
}

static void lose(struct filter *filter, const char *why)
{
	struct err err = { 0 };

	log_error("filter=%s: %s", filter->program, why);
	err_temporary(&err, "4.3.0", "the message cannot be looked at now");
	end(filter, &err);
}

static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct filter *filter = ctx;
	struct filter_result result;
	char text[QUEUE_EXIT_TEXT_MAX];
	struct err err = { 0 };

	(void)peer;
	file_close(&fd);
	if (packet->type != FILTER_RESULT || !filter_result_get(packet, &result) ||
	    !packet_text_copy(result.text, text, sizeof(text)))
		return false;
	if (queue_exit_verdict((unsigned)result.exit_code, text, &err)) {
		end(filter, NULL);
		return true;
	}
	log_info("filter=%s exit=%u text=%s", filter->program, (unsigned)result.exit_code,
		 err.text);
	end(filter, &err);
	return true;
}

static void on_closed(void *ctx, struct peer *peer)
{
	struct filter *filter = ctx;

	(void)peer;
	filter->peer = NULL;
	lose(filter, "it ended without a word");
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	lose(watcher->data, "it took too long");
}

static void tell(struct filter *filter, const struct settings *settings,
		 const struct filter_order *order, const struct filter_message *message)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct span rest = message->recipients, recipient;

	filter_told_put(&out, 0,
			&(struct filter_told){ .from = message->from,
					       .timeout_s = settings->timeoutlocal_s,
					       .may_relay = message->may_relay,
					       .program = span_of(order->program),
					       .sender = span_of(message->sender),
					       .remote_ip = span_of(order->remote_ip),
					       .helo = span_of(order->helo),
					       .login = span_of(order->login),
					       .me = span_of(settings->me) });
	peer_send(filter->peer, &out, message->fd);
	while (rest.len && span_cut(&rest, '\0', &recipient)) {
		filter_recipient_put(&out, 0, &(struct filter_recipient){ recipient });
		peer_send(filter->peer, &out, -1);
	}
	packet_begin(&out, FILTER_GO, 0);
	peer_send(filter->peer, &out, -1);
}

static void on_no_socket(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	lose(watcher->data, "it cannot be started");
}

void filter_start(struct filters *filters, const struct settings *settings,
		  const struct filter_order *order, const struct filter_message *message,
		  void (*done)(void *ctx, const struct err *err), void *ctx)
{
	static const struct peer_handler handler = { on_packet, on_closed };
	struct filter *filter = must_alloc(sizeof(*filter));
	struct err err = { 0 };
	int pair[2];

	*filter = (struct filter){ .loop = filters->service->loop,
				   .program = must_copy(order->program),
				   .done = done,
				   .ctx = ctx };
	if (!file_socketpair(pair, &err)) {
		log_failure(&err);
		ev_timer_init(&filter->deadline, on_no_socket, 0., 0.);
	} else {
		filter->peer = peer_open(filter->loop, pair[0], &handler, filter);
		tell(filter, settings, order, message);
		service_start(filters->service, "filter", message->id, pair[1]);
		ev_timer_init(&filter->deadline, on_deadline,
			      (double)settings->timeoutlocal_s + SLACK_S, 0.);
	}
	filter->deadline.data = filter;
	ev_timer_start(filter->loop, &filter->deadline);
}
