#include "programs/lontar-link/page.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "control/accounts.h"
#include "link/large.h"
#include "report/page.h"

static void answer(struct peer *peer, uint32_t tag, const struct err *err, int fd)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	link_done_put(
		&out, tag,
		&(struct link_done){ (uint64_t)err_exit_code(err), span_of(err->text) });
	peer_send(peer, &out, fd);
}

/* In memory: more than a packet holds. The descriptor, or -1 and err. */
static int write_page(const struct flushes *flushes, const char *user, struct err *err)
{
	int fd = memfd_create("page", MFD_CLOEXEC);
	int copy = fd < 0 ? -1 : dup(fd);
	FILE *to = copy < 0 ? NULL : fdopen(copy, "w");
	bool written;

	if (!to) {
		err_errno(err, "write the status page");
		file_close(&copy);
		file_close(&fd);
		return -1;
	}
	written = page_print(flushes->root_fd, flushes->control_fd, &flushes->settings,
			     user, to, err);
	if (fclose(to) != 0 && written)
		written = err_errno(err, "write the status page");
	if (!written)
		file_close(&fd);
	return fd;
}

bool page_show(struct requests *requests, struct peer *peer, struct packet *packet)
{
	struct flushes *flushes = requests->flushes;
	char user[ACCOUNT_NAME_MAX];
	struct link_page asked;
	struct err err = { 0 };
	AUTO_FD fd = -1;

	if (!link_page_get(packet, &asked) ||
	    !packet_text_copy(asked.user, user, sizeof(user)))
		return false;
	if (settings_refresh(flushes->control_fd, &flushes->settings, NULL, &err))
		fd = write_page(flushes, user, &err);
	if (fd < 0)
		log_failure(&err);
	answer(peer, packet->tag, &err, fd);
	return true;
}

/* The token is the page's own proof: another site's page, to which the browser would give
 * the password as well, does not know it. */
bool page_ask(struct requests *requests, struct peer *peer, struct packet *packet)
{
	struct flushes *flushes = requests->flushes;
	int root_fd = flushes->root_fd;
	char user[ACCOUNT_NAME_MAX], id[LARGE_ID_MAX], token[LARGE_TOKEN_MAX];
	struct link_wish asked;
	struct large large;
	struct err err = { 0 };

	if (!link_wish_get(packet, &asked) ||
	    !packet_text_copy(asked.user, user, sizeof(user)) ||
	    !packet_text_copy(asked.id, id, sizeof(id)) ||
	    !packet_text_copy(asked.token, token, sizeof(token)))
		return false;
	if (!large_id_is_valid(span_of(id)) || !large_read(root_fd, id, &large) ||
	    strcmp(large.token, token) != 0 ||
	    !page_is_for(&flushes->settings, &large, user)) {
		err_exit(&err, EX_NOINPUT,
			 "That message is not at the provider any more.");
	} else if (large_act(root_fd, "release", id, &err)) {
		err = (struct err){ 0 };
		log_info("act verb=release id=%s by=%s", id, user);
		pickups_asked(requests->pickups, large.pickup);
	}
	answer(peer, packet->tag, &err, -1);
	return true;
}
