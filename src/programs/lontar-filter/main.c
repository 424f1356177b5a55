/*
 * lontar-filter: runs a program in qmail-queue's place for lontar-deliver, as the user
 * whom the network's servers run as: the message on its descriptor 0, the envelope on 1.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/args.h"
#include "base/file.h"
#include "base/log.h"
#include "deliver/queue_exit.h"
#include "ipc/channel.h"
#include "ipc/filter.h"
#include "ipc/master.h"
#include "programs/lontar-filter/program.h"

#define WAIT_MS 60000

static const char usage[] = "usage: lontar-filter ID\n"
			    "Runs a filter for one message; started by `lontar run`.\n";

static bool copy(struct buf *out, struct span text)
{
	return buf_append_span(out, text);
}

/* NAME=value lines of the environment, each ended by a NUL. */
static bool put_variable(struct buf *out, const char *name, struct span value)
{
	return buf_appendf(out, "%s=", name) && copy(out, value) &&
	       buf_append_byte(out, '\0');
}

static bool put_environment(struct buf *out, const struct filter_told *message)
{
	char root[4096] = "";
	bool login = message->login.len > 0;
	const char *path = getenv("PATH");

	if (!getcwd(root, sizeof(root)))
		root[0] = '\0';
	return put_variable(out, "PROTO", span_of("TCP")) &&
	       put_variable(out, "PATH", span_of(path ? path : "/usr/bin:/bin")) &&
	       put_variable(out, "LONTAR_ROOT", span_of(root)) &&
	       put_variable(out, "TCPREMOTEIP", message->remote_ip) &&
	       put_variable(out, "TCPREMOTEHOST", span_of("unknown")) &&
	       put_variable(out, "TCPLOCALHOST", message->me) &&
	       put_variable(out, "HELOHOST", message->helo) &&
	       (!login || put_variable(out, "TCPREMOTEINFO", message->login)) &&
	       (!(login || message->may_relay) ||
		put_variable(out, "RELAYCLIENT", span_of("")));
}

/* What lontar-deliver says first. */
static bool take_message(struct program *program, struct packet *packet, int fd)
{
	struct filter_told message;

	file_close(&program->message_fd);
	program->message_fd = fd;
	return packet->type == FILTER_MESSAGE && filter_told_get(packet, &message) &&
	       fd >= 0 &&
	       packet_text_copy(message.program, program->path, sizeof(program->path)) &&
	       program->path[0] == '/' &&
	       put_environment(&program->environment, &message) &&
	       buf_append_byte(&program->envelope, 'F') &&
	       copy(&program->envelope, message.sender) &&
	       buf_append_byte(&program->envelope, '\0') &&
	       (program->from = (off_t)message.from, true) &&
	       (program->timeout_s = message.timeout_s, true);
}

static bool take_recipient(struct program *program, struct packet *packet)
{
	struct filter_recipient recipient;

	return packet->type == FILTER_RECIPIENT &&
	       filter_recipient_get(packet, &recipient) &&
	       buf_append_byte(&program->envelope, 'T') &&
	       copy(&program->envelope, recipient.recipient) &&
	       buf_append_byte(&program->envelope, '\0');
}

static bool receive(struct program *program, struct err *err)
{
	AUTO_BUF in = BUF_INIT(PACKET_MAX);
	bool told = false, sound = true, over = false;

	while (sound && !over) {
		struct packet packet;
		int fd = -1;

		sound = channel_wait(PRIVATE_FD, WAIT_MS, &in, &fd) == CHANNEL_PACKET &&
			packet_open(&packet, buf_span(&in));
		if (!sound)
			break;
		over = told && packet.type == FILTER_GO;
		if (!told)
			sound = take_message(program, &packet, fd);
		else if (!over)
			sound = take_recipient(program, &packet);
		told = true;
	}
	return (sound && buf_append_byte(&program->envelope, '\0')) ||
	       err_temporary(err, "4.3.0", "lontar-deliver does not say what to do");
}

int main(int argc, char **argv)
{
	static const struct args_option options[] = { { .name = NULL } };
	struct args args = { argc, argv };
	static struct program program;
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct filter_result result = { .exit_code = QUEUE_EXIT_LATER };
	char text[QUEUE_EXIT_TEXT_MAX] = "";
	struct err err = { 0 };

	log_open("lontar-filter");
	signal(SIGPIPE, SIG_IGN);
	if (!args_parse(&args, options, usage, &err) ||
	    !args_count(&args, 1, 1, usage, &err)) {
		log_failure(&err);
		return err_exit_code(&err);
	}
	program_init(&program);
	if (receive(&program, &err))
		result.exit_code = program_run(&program, text);
	else
		log_failure(&err);
	result.text = span_of(text);
	filter_result_put(&out, 0, &result);
	program_clear(&program);
	return channel_send(PRIVATE_FD, &out, -1, &err) ? EX_OK : EX_TEMPFAIL;
}
