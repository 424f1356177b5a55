#include "programs/sendmail/message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "mail/typed.h"

#define PIECE_BYTES ((size_t)64 * 1024)
#define TAIL_BYTES  1000 /* of what was read, at least, are body */

struct reader {
	int fd;
	bool at_end;
	struct typed_decoder decoder;
};

/* Appends another piece, decoded. */
static bool read_piece(struct reader *reader, struct buf *out, struct err *err)
{
	char piece[PIECE_BYTES];
	ssize_t got = read(reader->fd, piece, sizeof(piece));

	if (got < 0)
		return errno == EINTR || err_errno(err, "read the message");
	reader->at_end = got == 0;
	if (reader->at_end ? !typed_finish(&reader->decoder, out)
			   : !typed_decode(&reader->decoder,
					   (struct span){ piece, (size_t)got }, out))
		return err_temporary(err, "4.3.0", "no room for the message");
	reader->at_end = reader->at_end || reader->decoder.ended;
	return true;
}

/* On the disk where that can be, since messages are large: else in memory. */
static int nameless_file(struct err *err)
{
	const char *folder = getenv("TMPDIR");
	int fd = open(folder && *folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC,
		      S_IRUSR | S_IWUSR);

	if (fd < 0)
		fd = memfd_create("message", MFD_CLOEXEC);
	if (fd < 0)
		err_errno(err, "make a file for the message");
	return fd;
}

/* The header, and what was read behind it. */
static bool write_head(struct span head, bool is_all, int fd,
		       struct submission *submission, struct err *err)
{
	AUTO_BUF header = BUF_INIT(2 * SUBMISSION_HEADER_MAX);

	if (!submission_compose(submission, &head, &header, err)) {
		err->exit_code = EX_DATAERR;
		return false;
	}
	/* Then the header's end, half a line perhaps, is still to come. */
	if (!is_all && head.len < TAIL_BYTES)
		return err_exit(err, EX_DATAERR, "the header is larger than %zu bytes",
				SUBMISSION_HEADER_MAX);
	return file_write(fd, header.data, header.len, err) &&
	       file_write(fd, head.at, head.len, err);
}

int message_read(int in_fd, bool dot_ends, struct submission *submission, struct err *err)
{
	struct reader reader = { .fd = in_fd, .decoder = { .dot_ends = dot_ends } };
	AUTO_BUF text = BUF_INIT(SUBMISSION_HEADER_MAX + 2 * PIECE_BYTES);
	int fd = nameless_file(err);
	bool fine = fd >= 0;

	while (fine && !reader.at_end && text.len < SUBMISSION_HEADER_MAX)
		fine = read_piece(&reader, &text, err);
	fine = fine && write_head(buf_span(&text), reader.at_end, fd, submission, err);
	while (fine && !reader.at_end) {
		buf_reset(&text);
		fine = read_piece(&reader, &text, err) &&
		       file_write(fd, text.data, text.len, err);
	}
	if (!fine)
		file_close(&fd);
	return fd;
}
