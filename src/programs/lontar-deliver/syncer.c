#include "programs/lontar-deliver/syncer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "ipc/channel.h"

/* Data that is on its way before syncfs begins costs the journal one commit less: two
 * flushes for a group instead of three or four, on ext4. */
static int write_out(int fd)
{
	return sync_file_range(fd, 0, 0,
			       SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
				       SYNC_FILE_RANGE_WAIT_AFTER);
}

static int sync_one(unsigned type, int fd)
{
	int failed;

	switch (type) {
	case SYNCER_WRITE:
		failed = write_out(fd);
		break;
	case SYNCER_FILE:
		failed = fdatasync(fd);
		break;
	case SYNCER_FOLDER:
		failed = fsync(fd);
		break;
	case SYNCER_SYSTEM:
		failed = syncfs(fd);
		break;
	default:
		return EINVAL;
	}
	return failed ? errno : 0;
}

static _Noreturn void serve(int fd)
{
	AUTO_BUF in = BUF_INIT(PACKET_MAX);
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct packet packet;
	struct err ignored;
	int target, unwritten = 0;

	/* Who ends the whole group at once wants what is under way to be finished first.
	 */
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	while (channel_receive(fd, &in, &target) == CHANNEL_PACKET &&
	       packet_open(&packet, buf_span(&in))) {
		int64_t begun = clock_monotonic_ms();
		int number = sync_one(packet.type, target);

		file_close(&target);
		if (packet.type == SYNCER_WRITE) {
			unwritten = number ? number : unwritten;
			continue;
		}
		if (packet.type == SYNCER_SYSTEM && !number)
			number = unwritten;
		unwritten = 0;
		syncer_done_put(&out, packet.tag,
				&(struct syncer_done){
					(uint64_t)number,
					(uint64_t)(clock_monotonic_ms() - begun) });
		if (!channel_send(fd, &out, -1, &ignored))
			break;
	}
	_exit(0);
}

int syncer_start(pid_t *pid_out, struct err *err)
{
	int pair[2];
	pid_t child;

	if (!file_socketpair(pair, err))
		return -1;
	child = fork();
	if (child == 0) {
		close(pair[0]);
		serve(pair[1]);
	}
	close(pair[1]);
	*pid_out = child;
	if (child > 0)
		return pair[0];
	err_errno(err, "fork");
	close(pair[0]);
	return -1;
}
