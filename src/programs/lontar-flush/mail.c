#include "programs/lontar-flush/mail.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "deliver/bounce.h"
#include "mail/header.h"
#include "mail/header_rewrite.h"

#define PIECE_BYTES     (32 * 1024)
#define HEADER_MAX      ((size_t)256 * 1024)  /* what is further down stays as it is */
#define ENCODED_ROOM    (2 * PIECE_BYTES + 8) /* every byte a line end or a dot */
#define CONVERTED_BYTES ((size_t)4096)

void mail_rewind(struct mail *mail, bool dots)
{
	mail->header_at = 0;
	mail->read_at = mail->envelope.body + mail->header_bytes;
	mail->encoder = (struct wire_encoder){ .stuff_dots = dots };
	mail->encoded = 0;
	mail->all_read = false;
	buf_reset(&mail->converted);
	if (mail->converter)
		converter_rewind(mail->converter);
}

/* As it is stored, but for the header. Empty at the end. */
static bool stored_piece(struct mail *mail, char *room, size_t want,
			 struct span *piece_out, struct err *err)
{
	struct span header = span_after(buf_span(&mail->header), mail->header_at);
	ssize_t got;

	if (header.len) {
		*piece_out =
			(struct span){ header.at, header.len < want ? header.len : want };
		mail->header_at += piece_out->len;
		return true;
	}
	got = pread(mail->fd, room, want, mail->read_at);
	if (got < 0)
		return err_errno(err, "read %s", mail->name.id);
	*piece_out = (struct span){ room, (size_t)got };
	mail->read_at += got;
	return true;
}

/* Converted, if it has to be. Empty at the end. */
static bool next_piece(struct mail *mail, char *room, size_t want, struct span *piece_out,
		       struct err *err)
{
	bool fits = true;

	if (!mail->converter)
		return stored_piece(mail, room, want, piece_out, err);
	while (!mail->converted.len && !mail->all_read) {
		char bytes[CONVERTED_BYTES];
		struct span stored = { bytes, 0 };

		if (!stored_piece(mail, bytes, sizeof(bytes), &stored, err))
			return false;
		mail->all_read = stored.len == 0;
		fits = mail->all_read
			       ? converter_finish(mail->converter, &mail->converted)
			       : converter_feed(mail->converter, stored,
						&mail->converted);
		if (!fits)
			return err_temporary(err, "4.3.0", "%s: no room to convert it",
					     mail->name.id);
	}
	if (want > mail->converted.len)
		want = mail->converted.len;
	memcpy(room, mail->converted.data, want);
	buf_consume(&mail->converted, want);
	*piece_out = (struct span){ room, want };
	return true;
}

bool mail_encode(struct mail *mail, size_t room, struct buf *out, bool *end_out,
		 struct err *err)
{
	char piece[PIECE_BYTES];
	size_t want = room / 2 + 1 < sizeof(piece) ? room / 2 + 1 : sizeof(piece);
	size_t before = out->len;
	struct span stored = { piece, 0 };

	if (!next_piece(mail, piece, want, &stored, err))
		return false;
	*end_out = stored.len == 0;
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
	mail->wire_bytes = 0;
	mail->limits = (struct limits_check){ .eight_bit = false };
	while (!end) {
		buf_reset(&encoded);
		if (!mail_encode(mail, ENCODED_ROOM, &encoded, &end, err))
			return false;
		bytes += encoded.len;
		limits_check_take(&mail->limits, buf_span(&encoded));
	}
	mail->wire_bytes = bytes;
	return true;
}

/* Whether a conversion is needed is known only when all of it has been read. */
static bool look_for_conversion(struct mail *mail, const struct convert_need *need,
				struct err *err)
{
	char bytes[PIECE_BYTES];
	struct span piece = { bytes, 0 };

	mail_rewind(mail, false);
	mail->converter = converter_new(need);
	do {
		if (!stored_piece(mail, bytes, sizeof(bytes), &piece, err))
			return false;
		converter_look(mail->converter, piece);
	} while (piece.len);
	return true;
}

/* What the server does not take is changed, and its size counted anew. What has to stay,
 * or what control/smarthosts/NAME wants to stay, is sent as it is. */
static bool convert(struct mail *mail, const struct convert_need *need, struct err *err)
{
	struct convert_need here = {
		.seven_bit = need->seven_bit && mail->limits.eight_bit,
		.short_lines = need->short_lines && mail->limits.long_line,
	};
	enum convert_left left;

	if (!here.seven_bit && !here.short_lines)
		return true;
	if (!look_for_conversion(mail, &here, err))
		return false;
	if (!converter_decide(mail->converter)) {
		left = converter_left(mail->converter);
		converter_free(mail->converter);
		mail->converter = NULL;
	} else if (measure(mail, err)) {
		left = converter_left(mail->converter);
	} else {
		return false;
	}
	/* A header line without a blank cannot be folded. */
	if (left == LEFT_NOTHING && need->short_lines && mail->limits.long_line)
		left = LEFT_OTHER;
	mail->left_why = convert_left_words(left);
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

struct leaving { /* what an address becomes for this smarthost */
	const struct rewrites *rewrites;
	const char *smarthost;
};

static bool exchange(const void *ctx, const char *address, char address_out[ADDRESS_MAX])
{
	const struct leaving *leaving = ctx;

	return rewrites_leaving(leaving->rewrites, leaving->smarthost, address,
				address_out);
}

/* The whole fields at the beginning; a field that is larger than all we look at ends
 * them. */
static bool read_header(const struct mail *mail, struct buf *text,
			struct span *header_out, struct err *err)
{
	char *room = buf_reserve(text, HEADER_MAX);
	ssize_t got = pread(mail->fd, room, HEADER_MAX, mail->envelope.body);
	struct header_field field;
	struct span rest;
	size_t whole = 0;

	if (got < 0)
		return err_errno(err, "read %s", mail->name.id);
	buf_wrote(text, (size_t)got);
	rest = buf_span(text);
	while (header_next(&rest, &field) && (rest.len || text->len < HEADER_MAX))
		whole = text->len - rest.len;
	*header_out = (struct span){ text->data, whole };
	return true;
}

static bool rewrite(struct mail *mail, const struct leaving *leaving, struct err *err)
{
	AUTO_BUF text = BUF_INIT(HEADER_MAX);
	char sender[ADDRESS_MAX];
	struct span header = { "", 0 };

	if (exchange(leaving, mail->sender, sender)) {
		free(mail->sender);
		mail->sender = must_copy(sender);
	}
	if (!read_header(mail, &text, &header, err))
		return false;
	mail->header = BUF_INIT(8 * HEADER_MAX);
	if (header_rewrite(header, exchange, leaving, &mail->header))
		mail->header_bytes = (off_t)header.len;
	return true;
}

/* qmail's mark for "tell nobody" is no address: on the wire it is the null sender. */
static char *sender_on_wire(const struct mail *mail)
{
	const char *sender = mail->envelope.sender;

	return must_copy(strcmp(sender, BOUNCE_DOUBLE_SENDER) == 0 ? "" : sender);
}

struct mail *mail_open(struct parked *parked, const struct parked_name *name,
		       const struct rewrites *rewrites, const struct convert_need *need,
		       struct err *err)
{
	struct leaving leaving = { rewrites, parked_smarthost(parked) };
	struct mail *mail = must_alloc(sizeof(*mail));
	struct stat st;

	mail->name = *name;
	mail->header = BUF_INIT(0);
	mail->converted = BUF_INIT(CONVERTER_ROOM(CONVERTED_BYTES));
	mail->fd = parked_read(parked, name, &mail->envelope, err);
	if (mail->fd >= 0 && fstat(mail->fd, &st) == 0) {
		mail->inode = st.st_ino;
		gather(mail);
		mail->sender = sender_on_wire(mail);
		if ((rewrites_are_empty(rewrites) || rewrite(mail, &leaving, err)) &&
		    measure(mail, err) && convert(mail, need, err))
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
	buf_clear(&mail->header);
	converter_free(mail->converter);
	buf_clear(&mail->converted);
	free(mail->sender);
	smtp_client_result_free(mail->result);
	free(mail);
}
