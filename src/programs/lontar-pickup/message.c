#include "programs/lontar-pickup/message.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "mail/header.h"

#define MEMORY_MAX ((size_t)1024 * 1024)

void message_init(struct message *message)
{
	*message = (struct message){ .text = BUF_INIT(MEMORY_MAX), .fd = -1 };
}

void message_clear(struct message *message)
{
	buf_reset(&message->text);
	file_close(&message->fd);
	digest_free(message->body);
	*message = (struct message){ .text = message->text, .fd = -1 };
}

static size_t header_len(const struct message *message)
{
	struct span rest = buf_span(&message->text);
	struct header_field field;

	while (header_next(&rest, &field))
		continue;
	return message->text.len - rest.len;
}

static void take_sender(struct message *message, struct span value)
{
	struct err ignored;

	value = span_trim(value);
	if (!address_take_path(&value, message->sender, &ignored) ||
	    !address_is_valid(message->sender))
		message->sender[0] = '\0';
}

/* Only what stands on top is the provider's (RFC 5321 4.4). */
static void take_return_path(struct message *message)
{
	struct span rest = buf_span(&message->text);
	struct header_field field;
	size_t at;

	if (message->has_sender)
		return;
	message->has_sender = true;
	while (header_next(&rest, &field) && !span_is_word(field.name, "Received")) {
		if (!span_is_word(field.name, "Return-Path"))
			continue;
		take_sender(message, field.value);
		at = (size_t)(field.whole.at - message->text.data);
		memmove(message->text.data + at,
			message->text.data + at + field.whole.len,
			message->text.len - at - field.whole.len);
		buf_cut(&message->text, message->text.len - field.whole.len);
		message->bytes -= field.whole.len;
		return;
	}
}

static bool spill(struct message *message, int root_fd, struct err *err)
{
	message->fd =
		openat(root_fd, "spool/pickup", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (message->fd < 0)
		return err_errno(err, "make a file in spool/pickup");
	take_return_path(message);
	message->body = digest_new();
	digest_add(message->body,
		   span_after(buf_span(&message->text), header_len(message)));
	return file_write(message->fd, message->text.data, message->text.len, err);
}

bool message_add(struct message *message, int root_fd, struct span stored,
		 struct err *err)
{
	message->bytes += stored.len;
	if (message->fd < 0 && buf_append_span(&message->text, stored))
		return true;
	if (message->fd < 0 && !spill(message, root_fd, err))
		return false;
	digest_add(message->body, stored);
	return file_write(message->fd, stored.at, stored.len, err);
}

void message_finish(struct message *message)
{
	take_return_path(message);
	if (message->body)
		return;
	message->body = digest_new();
	digest_add(message->body,
		   span_after(buf_span(&message->text), header_len(message)));
}

struct span message_header(const struct message *message)
{
	return (struct span){ message->text.data, header_len(message) };
}

/* Trimmed; empty where it is not there. */
static struct span field_of(struct span header, const char *name)
{
	struct header_field field;

	return header_find(header, name, &field) ? span_trim(field.value)
						 : (struct span){ "", 0 };
}

const char *message_identity(const struct message *message, uint64_t octets,
			     char text_out[DIGEST_TEXT_MAX])
{
	struct span header = message_header(message);
	struct span id = field_of(header, "Message-ID");
	struct digest *digest;
	char size[24];

	text_out[0] = '\0';
	if (!id.len)
		return text_out;
	snprintf(size, sizeof(size), "\n%" PRIu64 "\n", octets);
	digest = digest_new();
	digest_add(digest, id);
	digest_add(digest, span_of(size));
	digest_add(digest, field_of(header, "Date"));
	digest_text(digest, text_out);
	digest_free(digest);
	return text_out;
}

const char *message_digest(const struct message *message, const char *recipient,
			   char text_out[DIGEST_TEXT_MAX])
{
	struct digest *digest = digest_new();
	struct span header = message_header(message);
	struct span id = field_of(header, "Message-ID");

	/* The date: there are programs that give all their mail one Message-ID. */
	if (id.len) {
		digest_add(digest, id);
		digest_add(digest, (struct span){ "\n", 1 });
		header = field_of(header, "Date");
	}
	digest_add(digest, header);
	digest_add(digest, (struct span){ "\n", 1 });
	digest_add(digest, span_of(recipient));
	digest_add(digest, (struct span){ "\n", 1 });
	digest_add(digest, span_of(digest_text(message->body, text_out)));
	digest_text(digest, text_out);
	digest_free(digest);
	return text_out;
}
