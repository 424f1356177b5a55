#include "ipc/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "ipc/packet.h"

#define LISTEN_BACKLOG 512

/* run/NAME by way of a descriptor of run/, so that its length never depends on where the
 * root lies. */
static bool address_of(int run_fd, const char *name, struct sockaddr_un *address,
		       struct err *err)
{
	int len;

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	len = snprintf(address->sun_path, sizeof(address->sun_path),
		       "/proc/self/fd/%d/%s", run_fd, name);
	if (len < 0 || (size_t)len >= sizeof(address->sun_path))
		return err_exit(err, EX_USAGE, "the name run/%s is too long", name);
	return true;
}

int channel_connect(int root_fd, const char *name, struct err *err)
{
	AUTO_FD run = openat(root_fd, "run", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct sockaddr_un address;
	int fd;

	if (run < 0) {
		err_errno(err, "open folder run");
		return -1;
	}
	if (!address_of(run, name, &address, err))
		return -1;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	err_errno(err, "connect to run/%s", name);
	if (errno == ENOENT || errno == ECONNREFUSED)
		err->exit_code = EX_UNAVAILABLE;
	file_close(&fd);
	return -1;
}

int channel_listen(int root_fd, const char *name, mode_t mode, struct err *err)
{
	AUTO_FD run = file_open_dir(root_fd, "run", err);
	struct sockaddr_un address;
	int fd;

	if (run < 0 || !address_of(run, name, &address, err))
		return -1;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		err_errno(err, "socket");
		return -1;
	}
	unlinkat(run, name, 0);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    fchmodat(run, name, mode, 0) == 0 && listen(fd, LISTEN_BACKLOG) == 0)
		return fd;
	err_errno(err, "listen on run/%s", name);
	file_close(&fd);
	return -1;
}

bool channel_send(int fd, const struct buf *packet, int pass_fd, struct err *err)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr aligned;
	} control = { 0 };
	struct iovec piece = { packet->data, packet->len };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
	struct cmsghdr *rights;
	ssize_t sent;

	if (pass_fd >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		rights = CMSG_FIRSTHDR(&message);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(rights), &pass_fd, sizeof(int));
	}
	do
		sent = sendmsg(fd, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent >= 0 ? true : err_errno(err, "send to another lontar program");
}

/* The first descriptor that came along; the rest, which we never ask for, are closed. */
static int take_descriptor(struct msghdr *message)
{
	int taken = -1;

	for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at;
	     at = CMSG_NXTHDR(message, at)) {
		size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(at) + i * sizeof(int), sizeof(int));
			if (taken < 0)
				taken = fd;
			else
				close(fd);
		}
	}
	return taken;
}

enum channel_got channel_receive(int fd, struct buf *in, int *fd_out)
{
	union {
		char bytes[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr aligned;
	} control;
	struct iovec piece;
	struct msghdr message = { .msg_iov = &piece,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	ssize_t got;
	int taken;

	buf_reset(in);
	piece = (struct iovec){ buf_reserve(in, PACKET_MAX), PACKET_MAX };
	do
		got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (fd_out)
		*fd_out = -1;
	if (got < 0)
		return errno == EAGAIN ? CHANNEL_EMPTY : CHANNEL_CLOSED;
	taken = take_descriptor(&message);
	/* Of a packet longer than ours may be, the peer is broken or hostile. */
	if (got == 0 || (message.msg_flags & MSG_TRUNC)) {
		file_close(&taken);
		return CHANNEL_CLOSED;
	}
	if (fd_out)
		*fd_out = taken;
	else
		file_close(&taken);
	buf_wrote(in, (size_t)got);
	return CHANNEL_PACKET;
}

enum channel_got channel_wait(int fd, int timeout_ms, struct buf *in, int *fd_out)
{
	int64_t end = clock_monotonic_ms() + timeout_ms;
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	int left = timeout_ms, found;

	do {
		found = poll(&ready, 1, left);
		if (timeout_ms >= 0) {
			int64_t now = clock_monotonic_ms();

			left = now < end ? (int)(end - now) : 0;
		}
	} while (found < 0 && errno == EINTR);
	if (found <= 0) {
		if (fd_out)
			*fd_out = -1;
		return CHANNEL_EMPTY;
	}
	return channel_receive(fd, in, fd_out);
}

bool channel_peer(int fd, uid_t *uid_out, pid_t *pid_out, struct err *err)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return err_errno(err, "who is the peer");
	*uid_out = peer.uid;
	*pid_out = peer.pid;
	return true;
}
