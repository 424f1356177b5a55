#include "programs/lontar/ear.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "programs/lontar/history.h"

#define LINE_MAX_BYTES ((size_t)4 * LOG_LINE_MAX)
#define READ_BYTES     ((size_t)4096)
#define SAID_MAX       (LINE_MAX_BYTES + READ_BYTES + 1)

/* Whole lines go on; one without an end is cut. At most READ_BYTES. */
static void hear(struct ear *ear, const char *bytes, size_t len)
{
	struct buf *said = &ear->said;
	const char *end;

	if (!buf_append(said, bytes, len))
		abort();
	end = memrchr(said->data, '\n', said->len);
	if (!end && said->len > LINE_MAX_BYTES) {
		if (!buf_append_byte(said, '\n'))
			abort();
		end = said->data + said->len - 1;
	}
	if (!end)
		return;
	history_write(said->data, (size_t)(end - said->data) + 1);
	buf_consume(said, (size_t)(end - said->data) + 1);
}

static void leave(struct ear *ear)
{
	if (ear->said.len)
		hear(ear, "\n", 1);
	buf_clear(&ear->said);
	ev_io_stop(ear->loop, &ear->io);
	file_close(&ear->fd);
}

static ssize_t listen_once(struct ear *ear)
{
	char bytes[READ_BYTES];
	ssize_t got = read(ear->fd, bytes, sizeof(bytes));

	if (got > 0)
		hear(ear, bytes, (size_t)got);
	return got;
}

static void on_said(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct ear *ear = watcher->data;

	(void)loop;
	(void)events;
	if (listen_once(ear) == 0)
		leave(ear);
}

void ear_open(struct ear *ear, struct ev_loop *loop, int fd)
{
	*ear = (struct ear){ .loop = loop, .fd = fd, .said = BUF_INIT(SAID_MAX) };
	/* Others may hold its other end, so that its end is not told. */
	fcntl(fd, F_SETFL, O_NONBLOCK);
	ev_io_init(&ear->io, on_said, fd, EV_READ);
	ear->io.data = ear;
	ev_io_start(loop, &ear->io);
}

void ear_close(struct ear *ear)
{
	while (ear->fd >= 0 && listen_once(ear) > 0)
		continue;
	if (ear->fd >= 0)
		leave(ear);
}
