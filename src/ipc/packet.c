#include "ipc/packet.h"

#include <assert.h>
#include <string.h>

#define HEAD_BYTES 8 /* type and tag, four bytes each */

/* What goes into a packet has been checked against far smaller limits before. */
static void must_fit(bool fits)
{
	assert(fits);
	(void)fits;
}

static void put_bytes(struct buf *out, uint64_t number, size_t bytes)
{
	unsigned char text[8];

	for (size_t i = 0; i < bytes; i++)
		text[i] = (unsigned char)(number >> (8 * i));
	must_fit(buf_append(out, text, bytes));
}

static uint64_t get_bytes(struct packet *packet, size_t bytes)
{
	uint64_t number = 0;

	if (packet->bad || packet->rest.len < bytes) {
		packet->bad = true;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++)
		number |= (uint64_t)(unsigned char)packet->rest.at[i] << (8 * i);
	packet->rest = span_after(packet->rest, bytes);
	return number;
}

void packet_begin(struct buf *out, unsigned type, uint32_t tag)
{
	buf_reset(out);
	put_bytes(out, type, 4);
	put_bytes(out, tag, 4);
}

void packet_put_number(struct buf *out, uint64_t number)
{
	put_bytes(out, number, 8);
}

void packet_put_text(struct buf *out, struct span text)
{
	put_bytes(out, text.len, 4);
	if (text.len)
		must_fit(buf_append_span(out, text));
}

bool packet_open(struct packet *packet, struct span bytes)
{
	*packet = (struct packet){ .rest = bytes };
	packet->type = (unsigned)get_bytes(packet, HEAD_BYTES / 2);
	packet->tag = (uint32_t)get_bytes(packet, HEAD_BYTES / 2);
	return !packet->bad;
}

uint64_t packet_get_number(struct packet *packet)
{
	return get_bytes(packet, 8);
}

struct span packet_get_text(struct packet *packet)
{
	size_t len = get_bytes(packet, 4);
	struct span text;

	if (packet->bad || packet->rest.len < len) {
		packet->bad = true;
		return (struct span){ "", 0 };
	}
	text = (struct span){ packet->rest.at, len };
	packet->rest = span_after(packet->rest, len);
	return text;
}

bool packet_end(const struct packet *packet)
{
	return !packet->bad && packet->rest.len == 0;
}

bool packet_text_copy(struct span text, char *out, size_t room)
{
	if (text.len >= room || (text.len && memchr(text.at, '\0', text.len)))
		return false;
	if (text.len)
		memcpy(out, text.at, text.len);
	out[text.len] = '\0';
	return true;
}
