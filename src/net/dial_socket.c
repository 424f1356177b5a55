/* What TCP is told of the line, and what it tells: does anything move, does it stall? */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/dial_private.h"
#include "net/usage.h"

/* What may wait in the kernel unsent: enough for a segment or two, little enough that
 * progress and what is in doubt mean what they say. */
#define NOT_SENT_LOWAT 16384
#define TICK_S         1.
#define ESTABLISHED    1 /* <netinet/tcp.h>'s TCP_ESTABLISHED, which <linux/tcp.h> lacks */
#define RESOLVE_MS     120000 /* c-ares gives up sooner */

/* An option that is not to be had costs time or bytes, never mail. */
static void set(int fd, int level, int option, unsigned value)
{
	int number = (int)value;

	(void)!setsockopt(fd, level, option, &number, sizeof(number));
}

static void set_keepalive(const struct dial *dial, int fd, bool on)
{
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, dial->limits.keepalive_idle_s);
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL, dial->limits.keepalive_interval_s);
	set(fd, SOL_SOCKET, SO_KEEPALIVE, on);
}

static int on_opened(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
	static const char cubic[] = "cubic", reno[] = "reno";
	struct dial *dial = ctx;

	(void)purpose;
	if (dial->open_count < DIAL_SOCKETS_MAX)
		dial->open[dial->open_count++] = fd;
	/* Who knows how much the link holds wants no probing and no pacing: measured over
	 * 600 ms, 512 kbit/s, BBR takes half a second longer. Only what every user may
	 * choose. */
	if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, cubic, sizeof(cubic) - 1) != 0)
		(void)!setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, reno,
				  sizeof(reno) - 1);
	set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOT_SENT_LOWAT);
	/* libcurl would wait two minutes for each of the host's addresses. */
	set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, dial->limits.connect_ms);
	if (dial->mss)
		set(fd, IPPROTO_TCP, TCP_MAXSEG, dial->mss);
	set_keepalive(dial, fd, true);
	dial->try.moved_ms = clock_monotonic_ms();
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

void dial_set_sockets(struct dial *dial)
{
	curl_easy_setopt(dial->easy, CURLOPT_SOCKOPTFUNCTION, on_opened);
	curl_easy_setopt(dial->easy, CURLOPT_SOCKOPTDATA, dial);
	curl_easy_setopt(dial->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	curl_easy_setopt(dial->easy, CURLOPT_CLOSESOCKETDATA, dial);
}

uint64_t dial_used(const struct dial *dial)
{
	uint64_t bytes = dial->closed_bytes;

	for (size_t i = 0; i < dial->open_count; i++)
		bytes += usage_bytes(dial->open[i]);
	return bytes;
}

unsigned dial_mss(const struct dial *dial)
{
	return dial->mss;
}

/* Of the connection, or while there is none of the newest attempt at one. */
static bool tcp_info(const struct dial *dial, struct tcp_info *info_out)
{
	socklen_t len = sizeof(*info_out);
	int fd = dial->open_count ? dial->open[dial->open_count - 1] : -1;

	*info_out = (struct tcp_info){ 0 };
	if (dial->try.fd != CURL_SOCKET_BAD)
		fd = dial->try.fd;
	return fd >= 0 && getsockopt(fd, IPPROTO_TCP, TCP_INFO, info_out, &len) == 0;
}

/* Called at each tick, since the kernel does not tell when a segment was out of order. */
static bool is_stalled(struct dial *dial, const struct tcp_info *info)
{
	struct dial_try *try = &dial->try;

	if (info->tcpi_bytes_received != try->received)
		try->out_of_order = info->tcpi_rcv_ooopack;
	try->received = info->tcpi_bytes_received;
	return line_is_stalled(&(struct line_signs){
		.retransmits = info->tcpi_retransmits,
		.mss = info->tcpi_snd_mss,
		.unacked = info->tcpi_bytes_sent - info->tcpi_bytes_retrans -
			   info->tcpi_bytes_acked,
		.acked = info->tcpi_bytes_acked,
		.delivered = info->tcpi_delivered,
		.out_of_order = info->tcpi_rcv_ooopack - try->out_of_order,
		.silent_ms = info->tcpi_last_data_recv,
		.rtt_ms = info->tcpi_rtt / 1000,
	});
}

bool dial_is_stalled(const struct dial *dial)
{
	return dial->is_stalled;
}

void dial_set_line(struct dial *dial, const struct line *line)
{
	dial->line = *line;
	dial->limits = line_limits(line);
	for (size_t i = 0; i < dial->open_count; i++)
		set(dial->open[i], IPPROTO_TCP, TCP_USER_TIMEOUT,
		    dial->limits.user_timeout_ms);
}

void dial_keepalive(const struct dial *dial, bool on)
{
	if (dial->try.fd != CURL_SOCKET_BAD)
		set_keepalive(dial, dial->try.fd, on);
}

static unsigned limit_ms(const struct dial *dial)
{
	switch (dial->try.stage) {
	case DIAL_AT_RESOLVE:
		return RESOLVE_MS;
	case DIAL_AT_CONNECT:
		/* TCP gives up by itself; then libcurl tries the next address. */
		return dial->limits.connect_ms + dial->limits.reply_ms;
	case DIAL_AT_TLS:
	case DIAL_AT_CERTIFICATE:
		return dial->limits.handshake_ms;
	case DIAL_AT_GREETING:
	case DIAL_AT_EHLO:
	case DIAL_AT_AUTH:
		break;
	}
	return dial->limits.reply_ms;
}

static void measure(struct dial *dial, const struct tcp_info *info)
{
	struct line line = dial->line;

	if (info->tcpi_state != ESTABLISHED || !info->tcpi_rtt)
		return;
	if (info->tcpi_rtt / 1000 > line.rtt_ms)
		line.rtt_ms = info->tcpi_rtt / 1000;
	dial_set_line(dial, &line);
}

void dial_measure(struct dial *dial)
{
	struct tcp_info info;

	if (tcp_info(dial, &info))
		measure(dial, &info);
}

static void on_stalled(struct dial *dial)
{
	if (!dial->ended) {
		dial->mss = LINE_MSS_SAFE;
		dial->events->again(dial);
		return;
	}
	dial->is_stalled = true;
	ev_timer_stop(dial->loop, &dial->tick);
	(void)!shutdown(dial->try.fd, SHUT_RDWR);
}

/* True: the try, or the connection, is over. */
static bool look_at_tcp(struct dial *dial, int64_t now_ms)
{
	bool in_handshake = dial->try.stage == DIAL_AT_TLS && !dial->ended;
	struct tcp_info info;
	uint64_t moved;
	bool stalled;

	if (!tcp_info(dial, &info))
		return false;
	if (!dial->ended)
		measure(dial, &info);
	moved = info.tcpi_bytes_received + info.tcpi_bytes_acked;
	if (moved != dial->try.moved)
		dial->try.moved_ms = now_ms;
	dial->try.moved = moved;
	stalled = is_stalled(dial, &info) ||
		  (in_handshake &&
		   now_ms - dial->try.moved_ms > (int64_t)dial->limits.small_ms);
	stalled = stalled && !dial->mss;
	if (stalled)
		on_stalled(dial);
	return stalled;
}

static void on_tick(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct dial *dial = watcher->data;
	int64_t now_ms = clock_monotonic_ms();

	(void)loop;
	(void)events;
	if (look_at_tcp(dial, now_ms) || dial->ended)
		return;
	if (now_ms - dial->try.moved_ms > limit_ms(dial))
		dial_fail_silent(dial, limit_ms(dial));
}

void dial_tick_init(struct dial *dial)
{
	ev_timer_init(&dial->tick, on_tick, TICK_S, TICK_S);
	dial->tick.data = dial;
}
