/*
 * lontar-mailbox USER or system:USER: one POP3 login. Lists the user's mailbox (in the
 * home of a user of the system: whose.h), opens messages and removes them for the
 * session at the other end of PRIVATE_FD (ipc/mailbox.h), which
 * reads a hostile network and may touch no file itself. It does one thing after the
 * other, so it needs no event loop; it ends with the session or with the master.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/args.h"
#include "base/file.h"
#include "base/log.h"
#include "ipc/channel.h"
#include "ipc/mailbox.h"
#include "ipc/master.h"
#include "pop3/messages.h"
#include "programs/lontar-mailbox/whose.h"
#include "store/mailbox.h"

/* A session that was cut off may take a moment to let go of the mailbox. */
#define LOCK_TRIES   40
#define LOCK_WAIT_MS 50

static const char usage[] =
	"usage: lontar-mailbox USER | system:USER\n"
	"Opens a mailbox for one POP3 session; started by `lontar run`.\n";

struct desk {
	struct mailbox *mailbox; /* NULL: nothing has been delivered to this user yet */
	size_t count;
	bool *marked;
	struct buf out;
};

static bool say(struct desk *desk, int pass_fd, struct err *err)
{
	return channel_send(PRIVATE_FD, &desk->out, pass_fd, err);
}

static bool say_plain(struct desk *desk, unsigned type, uint32_t tag, int pass_fd,
		      struct err *err)
{
	packet_begin(&desk->out, type, tag);
	return say(desk, pass_fd, err);
}

/* Behind "-ERR ": why not. */
static bool say_failed(struct desk *desk, uint32_t tag, const char *text, struct err *err)
{
	mailbox_failed_put(&desk->out, tag, &(struct mailbox_failed){ span_of(text) });
	return say(desk, -1, err);
}

static bool lock(struct mailbox *mailbox, struct err *err)
{
	const struct timespec pause = { .tv_nsec = LOCK_WAIT_MS * 1000000L };

	for (int turn = 1; !mailbox_lock(mailbox, err); turn++) {
		if (err->exit_code != EX_TEMPFAIL || turn == LOCK_TRIES)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static bool open_mailbox(struct desk *desk, const char *user, struct err *err)
{
	AUTO_FD root_fd = file_open_dir(AT_FDCWD, ".", err);

	if (root_fd < 0)
		return false;
	desk->mailbox = whose_mailbox(root_fd, user, err);
	if (!desk->mailbox)
		return err->exit_code == EX_NOINPUT;
	if (!lock(desk->mailbox, err) || !mailbox_list(desk->mailbox, err))
		return false;
	desk->count = mailbox_count(desk->mailbox);
	if (desk->count > POP3_MESSAGES_MAX)
		desk->count = POP3_MESSAGES_MAX;
	desk->marked = must_resize(NULL, desk->count + 1, sizeof(*desk->marked));
	for (size_t i = 0; i < desk->count; i++)
		desk->marked[i] = false;
	return true;
}

static bool say_listing(struct desk *desk, struct err *err)
{
	for (size_t i = 0; i < desk->count;) {
		size_t some = desk->count - i;

		if (some > MAILBOX_LISTING_MAX)
			some = MAILBOX_LISTING_MAX;
		packet_begin(&desk->out, MAILBOX_LISTING, 0);
		packet_put_number(&desk->out, some);
		for (; some > 0; some--, i++) {
			char uid[MAILBOX_UID_MAX];

			packet_put_number(&desk->out, mailbox_octets(desk->mailbox, i));
			packet_put_text(&desk->out,
					span_of(mailbox_uid(desk->mailbox, i, uid)));
		}
		if (!say(desk, -1, err))
			return false;
	}
	return say_plain(desk, MAILBOX_LISTED, 0, -1, err);
}

static bool open_message(struct desk *desk, uint32_t tag, struct err *err)
{
	struct err why;
	AUTO_FD fd = mailbox_read(desk->mailbox, tag, &why);

	if (fd >= 0)
		return say_plain(desk, MAILBOX_OPENED, tag, fd, err);
	if (why.exit_code != EX_NOINPUT)
		log_failure(&why);
	return say_failed(desk, tag, why.text, err);
}

static bool mark(struct desk *desk, struct packet *packet)
{
	for (uint64_t left = packet_get_number(packet); left && !packet->bad; left--) {
		uint64_t number = packet_get_number(packet);

		if (packet->bad || number >= desk->count)
			return false;
		desk->marked[number] = true;
	}
	return packet_end(packet);
}

/* Removes as many as it can; one that stays must not keep the others. */
static bool remove_marked(struct desk *desk, uint32_t tag, struct err *err)
{
	struct err why = { 0 };
	bool any = false;

	for (size_t i = 0; i < desk->count; i++) {
		if (!desk->marked[i])
			continue;
		any = true;
		if (!mailbox_remove(desk->mailbox, i, &why))
			log_failure(&why);
	}
	if (any && !mailbox_sync(desk->mailbox, &why))
		log_failure(&why);
	if (desk->mailbox)
		mailbox_unlock(desk->mailbox);
	if (why.kind != ERR_NONE)
		return say_failed(desk, tag, why.text, err);
	return say_plain(desk, MAILBOX_DONE, tag, -1, err);
}

static bool answer(struct desk *desk, struct packet *packet, struct err *err)
{
	switch (packet->type) {
	case MAILBOX_OPEN:
		if (packet_end(packet) && packet->tag < desk->count)
			return open_message(desk, packet->tag, err);
		break;
	case MAILBOX_DELETE:
		if (mark(desk, packet))
			return true;
		break;
	case MAILBOX_QUIT:
		if (packet_end(packet))
			return remove_marked(desk, packet->tag, err);
		break;
	default:
		break;
	}
	return err_temporary(err, "", "the session sent nonsense");
}

/* False: the session or the master is gone. */
static bool wait_for_session(void)
{
	struct pollfd both[] = { { .fd = PRIVATE_FD, .events = POLLIN },
				 { .fd = MASTER_FD } };

	while (poll(both, LENGTH(both), -1) < 0)
		if (errno != EINTR)
			return false;
	return (both[0].revents & POLLIN) && !both[1].revents;
}

static bool serve(struct desk *desk, struct err *err)
{
	AUTO_BUF in = BUF_INIT(PACKET_MAX);

	while (wait_for_session()) {
		struct packet packet;

		if (channel_receive(PRIVATE_FD, &in, NULL) != CHANNEL_PACKET)
			break;
		if (!packet_open(&packet, buf_span(&in)))
			return err_temporary(err, "", "the session sent nonsense");
		if (!answer(desk, &packet, err))
			return false;
	}
	return true;
}

/* The session may be gone before it is told: that is no failure of ours. */
static int refuse(struct desk *desk, const char *user, struct err *why)
{
	struct err ignored;
	bool busy = why->exit_code == EX_TEMPFAIL;
	char text[600];

	snprintf(text, sizeof(text), "%s %s", busy ? "[IN-USE]" : "[SYS/TEMP]",
		 why->text);
	if (!say_failed(desk, 0, text, &ignored) || busy)
		return EX_TEMPFAIL;
	err_context(why, "mailbox of %s", user);
	log_failure(why);
	return err_exit_code(why);
}

int main(int argc, char **argv)
{
	static const struct args_option options[] = { { .name = NULL } };
	struct args args = { argc, argv };
	struct desk desk = { .out = BUF_INIT(PACKET_MAX) };
	struct err err;
	int exit_code = 0;

	log_open("lontar-mailbox");
	signal(SIGPIPE, SIG_IGN);
	if (!args_parse(&args, options, usage, &err) ||
	    !args_count(&args, 1, 1, usage, &err)) {
		log_failure(&err);
		return err_exit_code(&err);
	}
	/* The socket may be shared with whoever made it; a listing is sent with waiting.
	 */
	fcntl(PRIVATE_FD, F_SETFL, fcntl(PRIVATE_FD, F_GETFL) & ~O_NONBLOCK);
	if (!open_mailbox(&desk, args.argv[1], &err)) {
		exit_code = refuse(&desk, args.argv[1], &err);
	} else if (say_listing(&desk, &err) && !serve(&desk, &err)) {
		log_failure(&err);
		exit_code = err_exit_code(&err);
	}
	mailbox_close(desk.mailbox);
	free(desk.marked);
	buf_clear(&desk.out);
	return exit_code;
}
