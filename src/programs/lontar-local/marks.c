#include "programs/lontar-local/marks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "control/signature.h"
#include "ipc/channel.h"
#include "ipc/local.h"
#include "ipc/master.h"

#define ALL_MAX      ((size_t)8 * 1024 * 1024)
#define PIECE_BYTES  ((size_t)16 * 1024)
#define MARK_LEN     16
#define TELL_WAIT_MS 120000

static int compare(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

	return (a > b) - (a < b);
}

/* A torn last line, as a crash leaves it, is none. */
static bool parse(struct span line, uint64_t *mark_out)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t mark = 0;

	if (line.len != MARK_LEN)
		return false;
	for (size_t i = 0; i < line.len; i++) {
		const char *digit = strchr(digits, line.at[i]);

		if (!digit || !line.at[i])
			return false;
		mark = mark << 4 | (uint64_t)(digit - digits);
	}
	*mark_out = mark;
	return true;
}

/* The descriptor came from another user: it cannot be opened again by its name. */
static bool read_all(int fd, struct buf *text, struct err *err)
{
	char *room;
	ssize_t got;

	while ((room = buf_reserve(text, PIECE_BYTES))) {
		got = pread(fd, room, PIECE_BYTES, (off_t)text->len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, "read what was done before");
		if (got == 0)
			return true;
		buf_wrote(text, (size_t)got);
	}
	return err_temporary(err, "4.3.0", "too much was done before");
}

bool marks_read(struct marks *marks, int fd, struct err *err)
{
	AUTO_BUF text = BUF_INIT(ALL_MAX);
	struct span rest, line;
	uint64_t mark;

	if (!read_all(fd, &text, err))
		return false;
	marks->all = must_resize(NULL, text.len / MARK_LEN + 1, sizeof(*marks->all));
	rest = buf_span(&text);
	while (span_cut(&rest, '\n', &line))
		if (parse(line, &mark))
			marks->all[marks->count++] = mark;
	qsort(marks->all, marks->count, sizeof(*marks->all), compare);
	return true;
}

void marks_clear(struct marks *marks)
{
	free(marks->all);
	*marks = (struct marks){ 0 };
}

bool marks_has(const struct marks *marks, uint64_t mark)
{
	return marks->count &&
	       bsearch(&mark, marks->all, marks->count, sizeof(*marks->all), compare);
}

uint64_t mark_of(const struct qmail_line *line, size_t occurrence)
{
	uint64_t mark = signature_number(SIGNATURE_START, line->kind);

	return signature_number(signature_text(mark, line->text), occurrence);
}

uint64_t mark_of_stop(uint64_t mark)
{
	return signature_text(mark, "stop");
}

bool marks_tell(const uint64_t *marks, size_t count, struct err *err)
{
	AUTO_BUF text = BUF_INIT(LOCAL_MARKS_MAX);
	AUTO_BUF packet = BUF_INIT(PACKET_MAX);
	struct packet answer;

	for (size_t i = 0; i < count; i++)
		if (!buf_appendf(&text, "%016" PRIx64 "\n", marks[i]))
			return err_temporary(err, "4.3.0", "too many lines at once");
	local_mark_put(&packet, 0, &(struct local_mark){ buf_span(&text) });
	if (!channel_send(PRIVATE_FD, &packet, -1, err))
		return false;
	if (channel_wait(PRIVATE_FD, TELL_WAIT_MS, &packet, NULL) == CHANNEL_PACKET &&
	    packet_open(&answer, buf_span(&packet)) && answer.type == LOCAL_MARKED)
		return true;
	return err_temporary(err, "4.3.0", "the gateway does not remember what was done");
}
