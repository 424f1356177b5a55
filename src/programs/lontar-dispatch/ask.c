/* A reply to the notice of a large message: nobody's mail, but a wish. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "deliver/asking.h"
#include "ipc/channel.h"
#include "ipc/link.h"
#include "programs/lontar-dispatch/dispatch.h"

#define HEADER_MAX ((size_t)256 * 1024)

bool ask_is_one(const struct message *message, size_t recipient)
{
	char id[LARGE_ID_MAX], token[LARGE_TOKEN_MAX];

	return asking_is_address(&message->dispatch->settings,
				 message->envelope.recipients[recipient].address, id,
				 token);
}

static bool read_header(const struct message *message, struct buf *header,
			struct err *err)
{
	char *at = buf_reserve(header, HEADER_MAX);
	ssize_t got = pread(message->fd, at, HEADER_MAX, message->envelope.body);

	if (got < 0)
		return err_errno(err, "read it");
	buf_wrote(header, (size_t)got);
	return true;
}

/* It is written down already; lontar-link has it fetched now where a link is up. */
static void tell_link(const struct dispatch *dispatch, const struct large *large)
{
	AUTO_BUF packet = BUF_INIT(PACKET_MAX);
	struct err ignored;
	AUTO_FD fd = channel_connect(dispatch->root_fd, "link", &ignored);

	link_act_put(&packet, 1,
		     &(struct link_act){ span_of(""), span_of("release"),
					 span_of(large->id) });
	if (fd >= 0 && !channel_send(fd, &packet, -1, &ignored))
		log_failure(&ignored);
}

bool ask_take(const struct message *message, size_t recipient, struct err *err)
{
	struct dispatch *dispatch = message->dispatch;
	struct asking_mail mail = {
		.sender = message->envelope.sender,
		.recipient = message->envelope.recipients[recipient].address,
	};
	uint64_t number = run_announce(dispatch, message->inode, mail.recipient);
	AUTO_BUF header = BUF_INIT(HEADER_MAX);
	struct large large;
	char said[64];

	if (!read_header(message, &header, err))
		return false;
	mail.header = buf_span(&header);
	switch (asking_take(dispatch->root_fd, &dispatch->settings, &mail, &large, err)) {
	case ASKING_DONE:
		snprintf(said, sizeof(said), "%s will be fetched", large.id);
		run_report(number, "success", said);
		tell_link(dispatch, &large);
		return true;
	case ASKING_NOT:
		run_report(number, "success", "ignored: a program wrote that");
		return true;
	case ASKING_REFUSED:
		break;
	}
	run_report(number, err->kind == ERR_PERMANENT ? "failure" : "deferral",
		   err->text);
	return false;
}
