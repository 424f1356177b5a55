/* What is to be delivered, from lontar-dispatch, and where it is at home. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "ipc/channel.h"
#include "ipc/local.h"
#include "ipc/master.h"
#include "programs/lontar-local/job.h"

#define ORDER_WAIT_MS 30000

static bool nonsense(struct err *err)
{
	return err_temporary(err, "4.3.0", "lontar-dispatch sent nonsense");
}

static bool copy_texts(struct job *job, const struct local_deliver *order)
{
	const struct {
		struct span from;
		char *to;
		size_t room;
	} texts[] = {
		{ order->sender, job->sender, sizeof(job->sender) },
		{ order->recipient, job->recipient, sizeof(job->recipient) },
		{ order->user, job->user.name, sizeof(job->user.name) },
		{ order->home, job->user.home, sizeof(job->user.home) },
		{ order->dash, job->user.dash, sizeof(job->user.dash) },
		{ order->ext, job->user.ext, sizeof(job->user.ext) },
		{ order->me, job->me, sizeof(job->me) },
	};

	for (size_t i = 0; i < LENGTH(texts); i++)
		if (!packet_text_copy(texts[i].from, texts[i].to, texts[i].room))
			return false;
	return buf_append_span(&job->instructions, order->instructions);
}

static bool take_order(struct job *job, struct packet *packet, int fd)
{
	struct local_deliver order;

	if (packet->type != LOCAL_DELIVER || fd < 0 ||
	    !local_deliver_get(packet, &order) || !copy_texts(job, &order) ||
	    order.kind > LOCAL_ALIAS)
		return false;
	job->user.kind = (enum local_kind)order.kind;
	job->timeout_s = order.timeout_s;
	job->letter.fd = fd;
	job->letter.body = (off_t)order.body;
	job->letter.bytes = order.bytes;
	snprintf(job->local, sizeof(job->local), "%.*s",
		 SPAN_ARG(address_local(job->recipient)));
	snprintf(job->host, sizeof(job->host), "%s", address_domain(job->recipient));
	return true;
}

static bool receive_order(struct job *job, struct err *err)
{
	AUTO_BUF in = BUF_INIT(PACKET_MAX);
	struct packet packet;
	AUTO_FD marks_fd = -1;
	int fd = -1;

	if (channel_wait(PRIVATE_FD, ORDER_WAIT_MS, &in, &fd) != CHANNEL_PACKET ||
	    !packet_open(&packet, buf_span(&in)) || !take_order(job, &packet, fd))
		return nonsense(err);
	if (channel_wait(PRIVATE_FD, ORDER_WAIT_MS, &in, &marks_fd) != CHANNEL_PACKET ||
	    !packet_open(&packet, buf_span(&in)) || packet.type != LOCAL_DONE_BEFORE ||
	    !packet_end(&packet) || marks_fd < 0)
		return nonsense(err);
	return marks_read(&job->marks, marks_fd, err);
}

/* An account's home is made with its first message; a person's is mounted, or is not. */
static bool go_home(struct job *job, struct err *err)
{
	char folder[512];
	struct stat st;

	if (job->user.kind == LOCAL_SYSTEM && job->user.home[0] != '/')
		return err_temporary(err, "4.3.5", "the home of %s is not absolute",
				     job->user.name);
	if (chdir(job->user.home) != 0)
		return err_errno(err, "home folder %s", job->user.home);
	job->home_fd = file_open_dir(AT_FDCWD, ".", err);
	if (job->home_fd < 0)
		return false;
	if (job->user.kind == LOCAL_SYSTEM) {
		snprintf(job->home, sizeof(job->home), "%s", job->user.home);
	} else {
		if (!getcwd(folder, sizeof(folder)))
			return err_errno(err, "home folder %s", job->user.home);
		snprintf(job->home, sizeof(job->home), "%s", folder);
	}
	if (job->user.kind == LOCAL_SYSTEM && geteuid() == 0)
		return err_temporary(err, "4.3.5", "nothing is delivered as root");
	return fstat(job->home_fd, &st) == 0 ? true : err_errno(err, "home folder");
}

/* Newlines cannot be in an address; here, as qmail-local, they would be "_". */
static bool write_head(struct job *job, struct err *err)
{
	bool fits = buf_append_text(&job->head, "Return-Path: <") &&
		    address_append(&job->head, job->sender) &&
		    buf_appendf(&job->head, ">\nDelivered-To: %s\n", job->recipient);

	job->letter.head = buf_span(&job->head);
	return fits || err_temporary(err, "4.3.0", "the addresses are too long");
}

bool job_receive(struct job *job, struct err *err)
{
	job->root_fd = file_open_dir(AT_FDCWD, ".", err);
	if (!getcwd(job->root, sizeof(job->root)))
		return err_errno(err, "the root's path");
	if (job->root_fd < 0 || !receive_order(job, err) || !write_head(job, err))
		return false;
	if (go_home(job, err))
		return true;
	/* A disk that is not mounted, a folder that is being moved: never a bounce. */
	err->kind = ERR_TEMPORARY;
	snprintf(err->status, sizeof(err->status), "4.2.1");
	return false;
}
