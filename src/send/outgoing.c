#include "send/outgoing.h"

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

void outgoing_rewind(struct outgoing *message, bool dots)
{
	message->header_at = 0;
	message->read_at = message->envelope.body + message->header_bytes;
	message->encoder = (struct wire_encoder){ .stuff_dots = dots };
	message->encoded = 0;
	message->all_read = false;
	buf_reset(&message->converted);
	if (message->converter)
		converter_rewind(message->converter);
}

/* As it is stored, but for the header. Empty at the end. */
static bool stored_piece(struct outgoing *message, char *room, size_t want,
			 struct span *piece_out, struct err *err)
{
	struct span header = span_after(buf_span(&message->header), message->header_at);
	ssize_t got;

	if (header.len) {
		*piece_out =
			(struct span){ header.at, header.len < want ? header.len : want };
		message->header_at += piece_out->len;
		return true;
	}
	got = pread(message->fd, room, want, message->read_at);
	if (got < 0)
		return err_errno(err, "read %s", message->name.id);
	*piece_out = (struct span){ room, (size_t)got };
	message->read_at += got;
	return true;
}

/* Converted, if it has to be. Empty at the end. */
static bool next_piece(struct outgoing *message, char *room, size_t want,
		       struct span *piece_out, struct err *err)
{
	bool fits = true;

	if (!message->converter)
		return stored_piece(message, room, want, piece_out, err);
	while (!message->converted.len && !message->all_read) {
		char bytes[CONVERTED_BYTES];
		struct span stored = { bytes, 0 };

		if (!stored_piece(message, bytes, sizeof(bytes), &stored, err))
			return false;
		message->all_read = stored.len == 0;
		fits = message->all_read
			       ? converter_finish(message->converter, &message->converted)
			       : converter_feed(message->converter, stored,
						&message->converted);
		if (!fits)
			return err_temporary(err, "4.3.0", "%s: no room to convert it",
					     message->name.id);
	}
	if (want > message->converted.len)
		want = message->converted.len;
	memcpy(room, message->converted.data, want);
	buf_consume(&message->converted, want);
	*piece_out = (struct span){ room, want };
	return true;
}

bool outgoing_encode(struct outgoing *message, size_t room, struct buf *out,
		     bool *end_out, struct err *err)
{
	char piece[PIECE_BYTES];
	size_t want = room / 2 + 1 < sizeof(piece) ? room / 2 + 1 : sizeof(piece);
	size_t before = out->len;
	struct span stored = { piece, 0 };

	if (!next_piece(message, piece, want, &stored, err))
		return false;
	*end_out = stored.len == 0;
	if (!(*end_out ? wire_finish(&message->encoder, out)
		       : wire_encode(&message->encoder, stored, out)))
		return err_temporary(err, "4.3.0", "%s: no room to encode it",
				     message->name.id);
	message->encoded += out->len - before;
	if (message->encoder.stuff_dots || !message->wire_bytes ||
	    (*end_out ? message->encoded == message->wire_bytes
		      : message->encoded <= message->wire_bytes))
		return true;
	return err_temporary(err, "4.3.0", "%s changed while it was sent",
			     message->name.id);
}

/* What is counted here is what will be sent: the same file through the same encoder. */
static bool measure(struct outgoing *message, struct err *err)
{
	AUTO_BUF encoded = BUF_INIT(ENCODED_ROOM);
	uint64_t bytes = 0;
	bool end = false;

	outgoing_rewind(message, false);
	message->wire_bytes = 0;
	message->limits = (struct limits_check){ .eight_bit = false };
	while (!end) {
		buf_reset(&encoded);
		if (!outgoing_encode(message, ENCODED_ROOM, &encoded, &end, err))
			return false;
		bytes += encoded.len;
		limits_check_take(&message->limits, buf_span(&encoded));
	}
	message->wire_bytes = bytes;
	return true;
}

/* Whether a conversion is needed is known only when all of it has been read. */
static bool look_for_conversion(struct outgoing *message, const struct convert_need *need,
				struct err *err)
{
	char bytes[PIECE_BYTES];
	struct span piece = { bytes, 0 };

	outgoing_rewind(message, false);
	message->converter = converter_new(need);
	do {
		if (!stored_piece(message, bytes, sizeof(bytes), &piece, err))
			return false;
		converter_look(message->converter, piece);
	} while (piece.len);
	return true;
}

/* What the server does not take is changed, and its size counted anew. What has to stay,
 * or what control/smarthosts/NAME wants to stay, is sent as it is. */
static bool convert(struct outgoing *message, const struct convert_need *need,
		    struct err *err)
{
	struct convert_need here = {
		.seven_bit = need->seven_bit && message->limits.eight_bit,
		.short_lines = need->short_lines && message->limits.long_line,
	};
	enum convert_left left;

	if (!here.seven_bit && !here.short_lines)
		return true;
	if (!look_for_conversion(message, &here, err))
		return false;
	if (!converter_decide(message->converter)) {
		left = converter_left(message->converter);
		converter_free(message->converter);
		message->converter = NULL;
	} else if (measure(message, err)) {
		left = converter_left(message->converter);
	} else {
		return false;
	}
	/* A header line without a blank cannot be folded. */
	if (left == LEFT_NOTHING && need->short_lines && message->limits.long_line)
		left = LEFT_OTHER;
	message->left_why = convert_left_words(left);
	return true;
}

static void gather(struct outgoing *message, uint64_t most)
{
	if (!most || most > SMTP_CLIENT_RECIPIENTS_MAX)
		most = SMTP_CLIENT_RECIPIENTS_MAX;
	for (size_t i = 0; i < message->envelope.count; i++) {
		struct envelope_recipient *recipient = &message->envelope.recipients[i];

		if (recipient->settled)
			continue;
		if (message->count == most) {
			message->more = true;
			return;
		}
		message->recipients[message->count] = recipient->address;
		message->unsettled[message->count++] = recipient;
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
static bool read_header(const struct outgoing *message, struct buf *text,
			struct span *header_out, struct err *err)
{
	char *room = buf_reserve(text, HEADER_MAX);
	ssize_t got = pread(message->fd, room, HEADER_MAX, message->envelope.body);
	struct header_field field;
	struct span rest;
	size_t whole = 0;

	if (got < 0)
		return err_errno(err, "read %s", message->name.id);
	buf_wrote(text, (size_t)got);
	rest = buf_span(text);
	while (header_next(&rest, &field) && (rest.len || text->len < HEADER_MAX))
		whole = text->len - rest.len;
	*header_out = (struct span){ text->data, whole };
	return true;
}

static bool rewrite(struct outgoing *message, const struct leaving *leaving,
		    struct err *err)
{
	AUTO_BUF text = BUF_INIT(HEADER_MAX);
	char sender[ADDRESS_MAX];
	struct span header = { "", 0 };

	if (exchange(leaving, message->sender, sender)) {
		free(message->sender);
		message->sender = must_copy(sender);
	}
	if (!read_header(message, &text, &header, err))
		return false;
	message->header = BUF_INIT(8 * HEADER_MAX);
	if (header_rewrite(header, exchange, leaving, &message->header))
		message->header_bytes = (off_t)header.len;
	return true;
}

/* qmail's mark for "tell nobody" is no address: on the wire it is the null sender. */
static char *sender_on_wire(const struct outgoing *message, const char *null_sender)
{
	const char *sender = message->envelope.sender;

	if (strcmp(sender, BOUNCE_DOUBLE_SENDER) == 0)
		sender = "";
	return must_copy(!sender[0] && null_sender ? null_sender : sender);
}

struct outgoing *outgoing_open(struct parked *parked, const struct parked_name *name,
			       const struct outgoing_terms *terms, struct err *err)
{
	struct leaving leaving = { terms->rewrites, parked_smarthost(parked) };
	struct outgoing *message = must_alloc(sizeof(*message));
	struct stat st;

	message->name = *name;
	message->header = BUF_INIT(0);
	message->converted = BUF_INIT(CONVERTER_ROOM(CONVERTED_BYTES));
	message->fd = parked_read(parked, name, &message->envelope, err);
	if (message->fd >= 0 && fstat(message->fd, &st) == 0) {
		message->inode = st.st_ino;
		gather(message, terms->most_recipients);
		message->sender = sender_on_wire(message, terms->null_sender);
		if ((rewrites_are_empty(terms->rewrites) ||
		     rewrite(message, &leaving, err)) &&
		    measure(message, err) && convert(message, &terms->need, err))
			return message;
	}
	outgoing_free(message);
	return NULL;
}

void outgoing_free(struct outgoing *message)
{
	if (!message)
		return;
	file_close(&message->fd);
	envelope_clear(&message->envelope);
	buf_clear(&message->header);
	converter_free(message->converter);
	buf_clear(&message->converted);
	free(message->sender);
	smtp_client_result_free(message->result);
	free(message);
}
