/* lontar listen, lontar service: the running gateway seen and steered from outside. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "ipc/channel.h"
#include "ipc/operate.h"
#include "programs/lontar/command.h"

#define LISTEN_FILE_MAX ((size_t)64 * 1024)
#define ANSWER_WAIT_MS  30000 /* a service may take its time to stop */

static bool is_locked(int root_fd)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	AUTO_FD fd = openat(root_fd, "run/lock", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &all) == 0 && all.l_type != F_UNLCK;
}

static bool is_down(const struct command_context *context, struct err *err)
{
	return err_exit(err, EX_TEMPFAIL,
			"the gateway at %s does not run: start it with `lontar run`",
			context->root);
}

bool command_listen(struct command_context *context, struct err *err)
{
	static const char usage[] =
		"usage: lontar listen\n"
		"Prints the ports in use, a line \"service address:port\" each.\n";
	static const struct args_option none[] = { { .name = NULL } };
	AUTO_BUF text = BUF_INIT(LISTEN_FILE_MAX);
	bool found = false;

	if (!args_parse(&context->args, none, usage, err) ||
	    !args_count(&context->args, 0, 0, usage, err))
		return false;
	if (!is_locked(context->root_fd))
		return is_down(context, err);
	if (!file_read_if_any(context->root_fd, "run/listen", &text, &found, err))
		return false;
	if (!found)
		return is_down(context, err);
	fputs(text.data, stdout);
	return true;
}

static bool hear(int master, struct err *err)
{
	AUTO_BUF in = BUF_INIT(PACKET_MAX);

	while (channel_wait(master, ANSWER_WAIT_MS, &in, NULL) == CHANNEL_PACKET) {
		struct operate_state state;
		struct operate_done done;
		struct packet packet;
		char since[CLOCK_TEXT_MAX];

		if (!packet_open(&packet, buf_span(&in)))
			break;
		if (packet.type == OPERATE_STATE) {
			if (!operate_state_get(&packet, &state))
				break;
			printf("%-16.*s %-9.*s pid %-7llu %s\n", SPAN_ARG(state.name),
			       SPAN_ARG(state.state), (unsigned long long)state.pid,
			       clock_format_duration((int64_t)state.seconds, since));
			continue;
		}
		if (packet.type != OPERATE_DONE || !operate_done_get(&packet, &done))
			break;
		if (done.exit_code == 0)
			return true;
		return err_exit(err, (int)done.exit_code, "%.*s", SPAN_ARG(done.text));
	}
	return err_temporary(err, "", "the master gave no answer");
}

bool command_service(struct command_context *context, struct err *err)
{
	static const char usage[] =
		"usage: lontar service [stop|start|restart|hup NAME]\n"
		"Lists the processes of the running gateway, or does that to a service:\n"
		"auth, deliver, link, smtpd or pop3d.\n";
	static const struct args_option none[] = { { .name = NULL } };
	static const char verbs[][8] = { "stop", "start", "restart", "hup" };
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	const struct args *args = &context->args;
	AUTO_FD master = -1;
	bool known = false;

	if (!args_parse(&context->args, none, usage, err) ||
	    !args_count(args, 0, 2, usage, err))
		return false;
	for (size_t i = 0; i < LENGTH(verbs) && args->argc > 1; i++)
		known |= strcmp(verbs[i], args->argv[1]) == 0;
	if (args->argc == 2 || (args->argc == 3 && !known))
		return err_exit(err, EX_USAGE,
				"say stop, start, restart or hup and a service's name");
	if (args->argc == 3)
		operate_act_put(&out, 1,
				&(struct operate_act){ span_of(args->argv[1]),
						       span_of(args->argv[2]) });
	else
		packet_begin(&out, OPERATE_SHOW, 1);
	master = channel_connect(context->root_fd, "master", err);
	if (master < 0) {
		if (err->exit_code == EX_UNAVAILABLE) {
			is_down(context, err);
			err->exit_code = EX_UNAVAILABLE;
		}
		return false;
	}
	return channel_send(master, &out, -1, err) && hear(master, err);
}
