/*
 * smtpload: the same load on any SMTP server.
 *
 *   smtpload HOST PORT CLIENTS MESSAGES PER_CONNECTION BYTES SENDER RECIPIENT...
 *
 * CLIENTS at once send MESSAGES in all, PER_CONNECTION to a connection, one command at a
 * time, each waiting for its reply; recipients take turns. Prints one line:
 *
 *   accepted=N refused=N failed=N seconds=S p50_ms=.. p99_ms=.. max_ms=..
 *
 * where the times are from the body's last byte to the reply. A connection that gets no
 * reply for 5 s counts as failed and is begun anew.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TIMEOUT_S 5.0

enum stage {
	CLOSED,
	GREETING,
	EHLO,
	MAIL,
	RCPT,
	DATA,
	BODY,
	QUIT
};

struct client {
	int fd;
	enum stage stage;
	unsigned left; /* messages this connection still sends */
	double asked_at;
	char in[4096];
	size_t in_len;
};

static struct addrinfo *server;
static const char *sender;
static char **recipients;
static unsigned recipient_count, per_connection, to_start, next_recipient;
static unsigned accepted, refused, failed;
static char *body;
static size_t body_len;
static double *times;

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void make_body(size_t bytes)
{
	static const char head[] = "From: load@bench.example\r\nTo: you@bench.example\r\n"
				   "Subject: load\r\n\r\n";
	static const char line[] =
		"The quick brown fox jumps over the lazy dog, again and again.\r\n";

	body = malloc(bytes + sizeof(line) + 8);
	body_len = (size_t)sprintf(body, "%s", head);
	while (body_len < bytes) {
		memcpy(body + body_len, line, sizeof(line) - 1);
		body_len += sizeof(line) - 1;
	}
	memcpy(body + body_len, (const char[]){ '.', '\r', '\n' }, 3);
	body_len += 3;
}

static void say(struct client *client, const char *bytes, size_t len)
{
	while (len) {
		ssize_t sent = send(client->fd, bytes, len, MSG_NOSIGNAL);

		if (sent < 0 && errno == EAGAIN) {
			struct pollfd ready = { client->fd, POLLOUT, 0 };

			poll(&ready, 1, 1000);
			continue;
		}
		if (sent <= 0)
			return;
		bytes += sent;
		len -= (size_t)sent;
	}
}

static void hang_up(struct client *client)
{
	close(client->fd);
	client->fd = -1;
	client->stage = CLOSED;
}

static void give_up(struct client *client)
{
	failed++;
	to_start += client->left;
	hang_up(client);
}

static void begin(struct client *client)
{
	int one = 1;

	client->fd = socket(server->ai_family, SOCK_STREAM, 0);
	client->left = to_start < per_connection ? to_start : per_connection;
	to_start -= client->left;
	client->in_len = 0;
	client->stage = GREETING;
	client->asked_at = now_s();
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(client->fd, server->ai_addr, server->ai_addrlen) != 0)
		give_up(client);
}

static void ask(struct client *client, enum stage stage)
{
	char text[1024];
	int len = 0;

	client->stage = stage;
	client->asked_at = now_s();
	switch (stage) {
	case EHLO:
		len = snprintf(text, sizeof(text), "EHLO load.bench.example\r\n");
		break;
	case MAIL:
		len = snprintf(text, sizeof(text), "MAIL FROM:<%s>\r\n", sender);
		break;
	case RCPT:
		len = snprintf(text, sizeof(text), "RCPT TO:<%s>\r\n",
			       recipients[next_recipient++ % recipient_count]);
		break;
	case DATA:
		len = snprintf(text, sizeof(text), "DATA\r\n");
		break;
	case BODY:
		say(client, body, body_len);
		client->asked_at = now_s();
		return;
	case QUIT:
		len = snprintf(text, sizeof(text), "QUIT\r\n");
		break;
	case CLOSED:
	case GREETING:
		return;
	}
	say(client, text, (size_t)len);
}

static void on_body_reply(struct client *client, bool yes)
{
	if (yes)
		times[accepted++] = now_s() - client->asked_at;
	else
		refused++;
	client->left--;
	ask(client, client->left ? MAIL : QUIT);
}

static void on_reply(struct client *client, char first)
{
	static const enum stage next[] = { [GREETING] = EHLO,
					   [EHLO] = MAIL,
					   [MAIL] = RCPT,
					   [RCPT] = DATA,
					   [DATA] = BODY };
	bool yes = first == '2' || first == '3';

	if (client->stage == BODY) {
		on_body_reply(client, yes);
	} else if (client->stage == QUIT) {
		hang_up(client);
	} else if (yes) {
		ask(client, next[client->stage]);
	} else if (client->stage == MAIL || client->stage == RCPT ||
		   client->stage == DATA) {
		refused++;
		client->left--;
		hang_up(client);
		to_start += client->left;
	} else {
		give_up(client);
	}
}

/* Takes whole lines; the last line of a reply has a blank behind its code. */
static void take_lines(struct client *client)
{
	char *end;

	while (client->stage != CLOSED &&
	       (end = memchr(client->in, '\n', client->in_len))) {
		size_t len = (size_t)(end + 1 - client->in);
		char first = client->in[0];
		bool last = len >= 4 && client->in[3] != '-';

		memmove(client->in, end + 1, client->in_len - len);
		client->in_len -= len;
		if (last)
			on_reply(client, first);
	}
}

static void on_readable(struct client *client)
{
	ssize_t got = recv(client->fd, client->in + client->in_len,
			   sizeof(client->in) - client->in_len, MSG_DONTWAIT);

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		if (client->stage == QUIT)
			hang_up(client);
		else
			give_up(client);
		return;
	}
	client->in_len += (size_t)got;
	take_lines(client);
}

static int compare(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

static bool turn(struct client *clients, struct pollfd *ready, unsigned count)
{
	bool busy = false;

	for (unsigned i = 0; i < count; i++) {
		if (clients[i].stage == CLOSED && to_start)
			begin(&clients[i]);
		busy |= clients[i].stage != CLOSED;
		ready[i] = (struct pollfd){ clients[i].fd, POLLIN, 0 };
	}
	if (!busy)
		return false;
	poll(ready, count, 1000);
	for (unsigned i = 0; i < count; i++) {
		if (ready[i].fd >= 0 && ready[i].revents)
			on_readable(&clients[i]);
		else if (clients[i].stage != CLOSED &&
			 now_s() - clients[i].asked_at > TIMEOUT_S)
			give_up(&clients[i]);
	}
	return true;
}

int main(int argc, char **argv)
{
	struct client *clients;
	struct pollfd *ready;
	unsigned count, messages;
	double begun;

	if (argc < 9) {
		fprintf(stderr,
			"usage: smtpload HOST PORT CLIENTS MESSAGES PER_CONNECTION "
			"BYTES SENDER RECIPIENT...\n");
		return 64;
	}
	if (getaddrinfo(argv[1], argv[2],
			&(struct addrinfo){ .ai_socktype = SOCK_STREAM }, &server) != 0)
		return 1;
	count = (unsigned)strtoul(argv[3], NULL, 10);
	messages = to_start = (unsigned)strtoul(argv[4], NULL, 10);
	per_connection = (unsigned)strtoul(argv[5], NULL, 10);
	make_body(strtoul(argv[6], NULL, 10));
	sender = argv[7];
	recipients = argv + 8;
	recipient_count = (unsigned)argc - 8;
	clients = calloc(count, sizeof(*clients));
	ready = calloc(count, sizeof(*ready));
	times = calloc(messages + 1, sizeof(*times));
	for (unsigned i = 0; i < count; i++)
		clients[i].fd = -1;
	begun = now_s();
	while (turn(clients, ready, count) && failed < 10000)
		;
	qsort(times, accepted, sizeof(*times), compare);
	printf("accepted=%u refused=%u failed=%u seconds=%.3f p50_ms=%.2f p99_ms=%.2f "
	       "max_ms=%.2f\n",
	       accepted, refused, failed, now_s() - begun,
	       accepted ? times[accepted / 2] * 1e3 : 0,
	       accepted ? times[accepted * 99 / 100] * 1e3 : 0,
	       accepted ? times[accepted - 1] * 1e3 : 0);
	free(clients);
	free(ready);
	return accepted == messages ? 0 : 1;
}
