/*
 * qmail-queue: takes a message on descriptor 0 and its envelope on 1 (F sender NUL, T
 * recipient NUL any number of times, NUL), as programs that speak to qmail's hand it
 * over: filters, forwarders, mailers. Its exit codes are qmail-queue's.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/args.h"
#include "base/file.h"
#include "base/log.h"
#include "control/root.h"
#include "deliver/inject.h"
#include "deliver/qmail_command.h"
#include "deliver/queue_exit.h"
#include "mail/address.h"

#define ENVELOPE_MAX   ((size_t)32 * 1024 * 1024)
#define PIECE_BYTES    65536
#define RECIPIENTS_MAX 100000
#define ALARM_S        86400 /* as qmail's: nothing hangs for ever */

static const char usage[] =
	"usage: qmail-queue\n"
	"Hands a message in: the message on descriptor 0, its envelope on 1, as\n"
	"qmail-queue(8) has it. Exit: 0 taken, 11 and 31 refused, else not now.\n";

struct envelope {
	struct buf bytes;
	const char *sender;
	const char **recipients;
	size_t count;
};

static int read_envelope(struct buf *bytes)
{
	ssize_t got = 1;

	while (got != 0) {
		char *room = buf_reserve(bytes, PIECE_BYTES);

		if (!room)
			return QUEUE_EXIT_ENVELOPE;
		got = read(STDOUT_FILENO, room, PIECE_BYTES);
		if (got < 0 && errno != EINTR)
			return QUEUE_EXIT_READ;
		if (got > 0)
			buf_wrote(bytes, (size_t)got);
	}
	return 0;
}

/* envelope = "F" sender NUL *( "T" recipient NUL ) NUL */
static int parse(struct envelope *envelope)
{
	const char *at = envelope->bytes.data, *end = at + envelope->bytes.len;

	if (at == end || *at != 'F')
		return QUEUE_EXIT_ENVELOPE;
	envelope->sender = at + 1;
	for (at += strlen(at) + 1; at < end && *at == 'T'; at += strlen(at) + 1) {
		if (envelope->count == RECIPIENTS_MAX)
			return QUEUE_EXIT_ENVELOPE;
		if (envelope->count % 256 == 0)
			envelope->recipients =
				must_resize(envelope->recipients, envelope->count + 256,
					    sizeof(*envelope->recipients));
		envelope->recipients[envelope->count++] = at + 1;
		if (strlen(at + 1) >= ADDRESS_MAX)
			return QUEUE_EXIT_TOO_LONG;
	}
	/* The NUL that ends it all: what is cut short is nothing. */
	if (at >= end || *at || at + 1 != end)
		return QUEUE_EXIT_ENVELOPE;
	return strlen(envelope->sender) >= ADDRESS_MAX ? QUEUE_EXIT_TOO_LONG : 0;
}

static int exit_code_of(const struct err *err)
{
	log_failure(err);
	if (err->exit_code == EX_CONFIG)
		return QUEUE_EXIT_SETTINGS;
	return err->kind == ERR_PERMANENT ? QUEUE_EXIT_REFUSED : QUEUE_EXIT_LATER;
}

static int hand_in(const struct envelope *envelope, int message_fd, off_t from)
{
	struct err err = { 0 };
	AUTO_FD root_fd = root_open(NULL, &err);
	struct inject inject = { .sender = envelope->sender,
				 .recipients = envelope->recipients,
				 .count = envelope->count,
				 .fd = message_fd,
				 .from = from };

	if (root_fd < 0) {
		log_failure(&err);
		return QUEUE_EXIT_HOME;
	}
	/* qmail's takes a message for nobody, and that is that. */
	if (!envelope->count || inject_message(root_fd, &inject, &err))
		return 0;
	return exit_code_of(&err);
}

int main(int argc, char **argv)
{
	static const struct args_option options[] = { { .name = NULL } };
	struct args args = { argc, argv };
	struct envelope envelope = { .bytes = BUF_INIT(ENVELOPE_MAX) };
	struct err err = { 0 };
	AUTO_FD fd = -1;
	off_t from;
	int code;

	log_open("qmail-queue");
	signal(SIGPIPE, SIG_IGN);
	alarm(ALARM_S);
	if (!args_parse(&args, options, usage, &err) ||
	    !args_count(&args, 0, 0, usage, &err)) {
		log_failure(&err);
		return QUEUE_EXIT_BUG;
	}
	from = lseek(STDIN_FILENO, 0, SEEK_CUR);
	fd = qmail_command_message(&err);
	code = fd < 0 ? QUEUE_EXIT_WRITE : read_envelope(&envelope.bytes);
	if (fd < 0)
		log_failure(&err);
	if (!code)
		code = parse(&envelope);
	if (!code)
		code = hand_in(&envelope, fd, from > 0 ? from : 0);
	free(envelope.recipients);
	buf_clear(&envelope.bytes);
	return code;
}
