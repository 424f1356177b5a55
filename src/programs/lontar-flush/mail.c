#include "programs/lontar-flush/mail.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define PIECE_BYTES  (32 * 1024)
#define ENCODED_ROOM (2 * PIECE_BYTES + 8) /* every byte a line end or a dot */

static bool has_eight_bit(struct span piece)
{
	for (size_t i = 0; i < piece.len; i++)
		if ((unsigned char)piece.at[i] > 127)
			return true;
	return false;
}

void mail_rewind(struct mail *mail, bool dots)
{
	mail->read_at = mail->envelope.body;
	mail->encoder = (struct wire_encoder){ .stuff_dots = dots };
	mail->encoded = 0;
}

bool mail_encode(struct mail *mail, size_t room, struct buf *out, bool *end_out,
		 struct err *err)
{
	char piece[PIECE_BYTES];
	size_t want = room / 2 + 1 < sizeof(piece) ? room / 2 + 1 : sizeof(piece);
	ssize_t got = pread(mail->fd, piece, want, mail->read_at);
	struct span stored;

	size_t before = out->len;

	if (got < 0)
		return err_errno(err, "read %s", mail->name.id);
	stored = (struct span){ piece, (size_t)got };
	mail->read_at += got;
	*end_out = got == 0;
	if (!(*end_out ? wire_finish(&mail->encoder, out)
		       : wire_encode(&mail->encoder, stored, out)))
		return err_temporary(err, "4.3.0", "%s: no room to encode it",
				     mail->name.id);
	mail->encoded += out->len - before;
	if (mail->encoder.stuff_dots || !mail->wire_bytes ||
	    (*end_out ? mail->encoded == mail->wire_bytes
		      : mail->encoded <= mail->wire_bytes))
		return true;
	return err_temporary(err, "4.3.0", "%s changed while it was sent", mail->name.id);
}

/* What is counted here is what will be sent: the same file through the same encoder. */
static bool measure(struct mail *mail, struct err *err)
{
	AUTO_BUF encoded = BUF_INIT(ENCODED_ROOM);
	uint64_t bytes = 0;
	bool end = false;

	mail_rewind(mail, false);
	while (!end) {
		buf_reset(&encoded);
		if (!mail_encode(mail, ENCODED_ROOM, &encoded, &end, err))
			return false;
		bytes += encoded.len;
		mail->eight_bit = mail->eight_bit || has_eight_bit(buf_span(&encoded));
	}
	mail->wire_bytes = bytes;
	return true;
}

static void gather(struct mail *mail)
{
	for (size_t i = 0; i < mail->envelope.count; i++) {
		struct envelope_recipient *recipient = &mail->envelope.recipients[i];

		if (recipient->settled)
			continue;
		if (mail->count == SMTP_CLIENT_RECIPIENTS_MAX) {
			mail->more = true;
			return;
		}
		mail->recipients[mail->count] = recipient->address;
		mail->unsettled[mail->count++] = recipient;
	}
}

struct mail *mail_open(struct parked *parked, const struct parked_name *name,
		       struct err *err)
{
	struct mail *mail = must_alloc(sizeof(*mail));
	struct stat st;

	mail->name = *name;
	mail->fd = parked_read(parked, name, &mail->envelope, err);
	if (mail->fd >= 0 && fstat(mail->fd, &st) == 0) {
		mail->inode = st.st_ino;
		gather(mail);
		if (measure(mail, err))
			return mail;
	}
	mail_free(mail);
	return NULL;
}

void mail_free(struct mail *mail)
{
	if (!mail)
		return;
	file_close(&mail->fd);
	envelope_clear(&mail->envelope);
	smtp_client_result_free(mail->result);
	free(mail);
}
