/*
 * sink: an SMTP server that takes everything and keeps nothing, for the benchmarks.
 *
 *   sink ADDRESS PORT [nochunking] [nopipelining]
 *
 * Offers PIPELINING, CHUNKING, 8BITMIME and SIZE, waits for nobody, and answers all that
 * came in one read with one write (TCP_NODELAY). On stdin, a line each:
 *
 *   expect N   counts from zero; "done COUNTS" once N messages were taken
 *   report     "counts COUNTS"
 *
 * COUNTS: messages=N connections=N bytes=N first_connect=S first_mail=S last=S, times in
 * seconds of CLOCK_MONOTONIC. Says "ready"; ends when stdin closes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define IN_MAX      65536
#define OUT_MAX     65536
#define CLIENTS_MAX 1024

enum mode {
	COMMAND,
	BODY, /* behind DATA */
	CHUNK
};

struct client {
	enum mode mode;
	unsigned dot; /* how much of CR LF "." CR LF has been seen */
	uint64_t chunk_left;
	bool chunk_last, closing;
	size_t in_len, out_len;
	char in[IN_MAX], out[OUT_MAX];
};

static struct client *clients[CLIENTS_MAX]; /* by descriptor */
static bool no_chunking, no_pipelining;
static int poller;
static struct {
	uint64_t messages, connections, bytes, expected;
	double first_connect, first_mail, last;
} counts;

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void print_counts(const char *word)
{
	printf("%s messages=%" PRIu64 " connections=%" PRIu64 " bytes=%" PRIu64
	       " first_connect=%.6f first_mail=%.6f last=%.6f\n",
	       word, counts.messages, counts.connections, counts.bytes,
	       counts.first_connect, counts.first_mail, counts.last);
	fflush(stdout);
}

static void reply(struct client *client, const char *text)
{
	size_t len = strlen(text);

	if (len > sizeof(client->out) - client->out_len) {
		client->closing = true; /* it sends, and never reads what we say */
		return;
	}
	memcpy(client->out + client->out_len, text, len);
	client->out_len += len;
}

static void take_message(struct client *client)
{
	client->mode = COMMAND;
	reply(client, "250 2.0.0 taken\r\n");
	counts.messages++;
	counts.last = now_s();
	if (counts.messages == counts.expected)
		print_counts("done");
}

static void say_hello(struct client *client)
{
	reply(client, "250-sink.example\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n");
	if (!no_pipelining)
		reply(client, "250-PIPELINING\r\n");
	if (!no_chunking)
		reply(client, "250-CHUNKING\r\n");
	reply(client, "250 SIZE 0\r\n");
}

static void begin_chunk(struct client *client, const char *words)
{
	char *rest;

	client->chunk_left = strtoull(words, &rest, 10);
	client->chunk_last = strcasestr(rest, "LAST") != NULL;
	client->mode = CHUNK;
}

static void obey(struct client *client, const char *line)
{
	if (strncasecmp(line, "MAIL", 4) == 0) {
		if (counts.first_mail == 0)
			counts.first_mail = now_s();
		reply(client, "250 2.1.0 ok\r\n");
	} else if (strncasecmp(line, "RCPT", 4) == 0) {
		reply(client, "250 2.1.5 ok\r\n");
	} else if (strncasecmp(line, "DATA", 4) == 0) {
		client->mode = BODY;
		client->dot = 2;
		reply(client, "354 go on\r\n");
	} else if (strncasecmp(line, "BDAT ", 5) == 0) {
		begin_chunk(client, line + 5);
	} else if (strncasecmp(line, "EHLO", 4) == 0) {
		say_hello(client);
	} else if (strncasecmp(line, "QUIT", 4) == 0) {
		reply(client, "221 2.0.0 bye\r\n");
		client->closing = true;
	} else {
		reply(client, "250 2.0.0 ok\r\n");
	}
}

/* Each returns how much of the bytes it has used; 0: more are needed. */
static size_t take_command(struct client *client, char *bytes, size_t len)
{
	char *end = memchr(bytes, '\n', len);

	if (!end)
		return 0;
	*end = '\0';
	obey(client, bytes);
	return (size_t)(end + 1 - bytes);
}

static size_t take_body(struct client *client, const char *bytes, size_t len)
{
	static const char end[] = "\r\n.\r\n";

	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == end[client->dot])
			client->dot++;
		else
			client->dot = bytes[i] == '\r';
		if (client->dot == sizeof(end) - 1) {
			take_message(client);
			return i + 1;
		}
	}
	return len;
}

static size_t take_chunk(struct client *client, size_t len)
{
	size_t part = client->chunk_left < len ? (size_t)client->chunk_left : len;

	client->chunk_left -= part;
	if (client->chunk_left == 0) {
		client->mode = COMMAND;
		if (client->chunk_last)
			take_message(client);
		else
			reply(client, "250 2.0.0 more\r\n");
	}
	return part;
}

/* False: more bytes are needed. */
static bool take_some(struct client *client, size_t *used)
{
	char *bytes = client->in + *used;
	size_t len = client->in_len - *used, step = 0;
	bool empty_chunk = client->mode == CHUNK && client->chunk_left == 0;

	switch (client->mode) {
	case COMMAND:
		step = take_command(client, bytes, len);
		break;
	case BODY:
		step = take_body(client, bytes, len);
		break;
	case CHUNK:
		if (len || empty_chunk)
			step = take_chunk(client, len);
		break;
	}
	*used += step;
	return step || empty_chunk;
}

static void take_all(struct client *client)
{
	size_t used = 0;

	while (!client->closing && take_some(client, &used))
		;
	client->in_len -= used;
	memmove(client->in, client->in + used, client->in_len);
}

static void hang_up(int fd)
{
	free(clients[fd]);
	clients[fd] = NULL;
	close(fd);
}

/* Writes what there is; false: the client is gone. */
static bool say(int fd)
{
	struct client *client = clients[fd];
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
	ssize_t sent = 0;

	if (client->out_len)
		sent = send(fd, client->out, client->out_len,
			    MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0 && errno != EAGAIN)
		return false;
	if (sent > 0) {
		client->out_len -= (size_t)sent;
		memmove(client->out, client->out + sent, client->out_len);
	}
	if (client->out_len)
		event.events |= EPOLLOUT;
	epoll_ctl(poller, EPOLL_CTL_MOD, fd, &event);
	return client->out_len > 0 || !client->closing;
}

static void on_client(int fd)
{
	struct client *client = clients[fd];
	ssize_t got;

	if (client->in_len == sizeof(client->in)) { /* a line of 64 KiB */
		hang_up(fd);
		return;
	}
	got = recv(fd, client->in + client->in_len, sizeof(client->in) - client->in_len,
		   MSG_DONTWAIT);
	if (got == 0 || (got < 0 && errno != EAGAIN)) {
		hang_up(fd);
		return;
	}
	if (got > 0) {
		client->in_len += (size_t)got;
		counts.bytes += (uint64_t)got;
		take_all(client);
	}
	if (!say(fd))
		hang_up(fd);
}

static void on_listener(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), one = 1;
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (fd < 0)
		return;
	if (fd >= CLIENTS_MAX || !(clients[fd] = calloc(1, sizeof(struct client)))) {
		close(fd);
		return;
	}
	if (counts.connections++ == 0)
		counts.first_connect = now_s();
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
	reply(clients[fd], "220 sink.example ESMTP\r\n");
	if (!say(fd))
		hang_up(fd);
}

/* False: stdin has closed. One line a read is all that the benchmarks write. */
static bool on_order(void)
{
	char line[128];
	ssize_t got = read(STDIN_FILENO, line, sizeof(line) - 1);

	if (got <= 0)
		return false;
	line[got] = '\0';
	if (strncmp(line, "expect ", 7) == 0) {
		memset(&counts, 0, sizeof(counts));
		counts.expected = strtoull(line + 7, NULL, 10);
		print_counts("counts");
	} else {
		print_counts("counts");
	}
	return true;
}

static int listen_on(const char *address, const char *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)strtoul(port, NULL, 10)) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (inet_pton(AF_INET, address, &at.sin_addr) != 1 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 1024) != 0) {
		fprintf(stderr, "sink: %s:%s: %s\n", address, port, strerror(errno));
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	struct epoll_event events[64], event = { .events = EPOLLIN };
	int listener;

	if (argc < 3) {
		fprintf(stderr, "usage: sink ADDRESS PORT [nochunking] [nopipelining]\n");
		return 64;
	}
	for (int i = 3; i < argc; i++) {
		no_chunking |= strcmp(argv[i], "nochunking") == 0;
		no_pipelining |= strcmp(argv[i], "nopipelining") == 0;
	}
	listener = listen_on(argv[1], argv[2]);
	poller = epoll_create1(EPOLL_CLOEXEC);
	event.data.fd = listener;
	epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
	event.data.fd = STDIN_FILENO;
	epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &event);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		int count = epoll_wait(poller, events, 64, -1);

		for (int i = 0; i < count; i++) {
			int fd = events[i].data.fd;

			if (fd == listener)
				on_listener(listener);
			else if (fd == STDIN_FILENO && !on_order())
				return 0;
			else if (fd != STDIN_FILENO && clients[fd])
				on_client(fd);
		}
	}
}
