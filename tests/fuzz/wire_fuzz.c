/* What leaves has no bare CR or LF, ends once, and comes back as it was stored. */
#include <assert.h>
#include <stdint.h>

#include "mail/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In pieces whose length the first byte chooses. */
static void decode(struct span wire, size_t piece, struct buf *out, enum wire_state *end)
{
	struct wire_decoder decoder = { 0 };
	struct span part;

	*end = WIRE_MORE;
	while (wire.len && *end == WIRE_MORE) {
		part = wire;
		if (part.len > piece)
			part.len = piece;
		wire = span_after(wire, wire_decode_data(&decoder, part, out, end));
	}
	assert(!wire.len || *end != WIRE_MORE);
}

static void encode(struct span stored, size_t piece, struct buf *out)
{
	struct wire_encoder encoder = { .stuff_dots = true };
	struct span part;

	for (; stored.len; stored = span_after(stored, part.len)) {
		part = stored;
		if (part.len > piece)
			part.len = piece;
		assert(wire_encode(&encoder, part, out));
	}
	assert(wire_finish(&encoder, out) && buf_append_text(out, ".\r\n"));
}

/* What names and replies announce, but for stored CR LFs. */
static void check_size(struct span stored)
{
	bool unended = stored.len && stored.at[stored.len - 1] != '\n';
	AUTO_BUF out = BUF_INIT(3 * stored.len + 8);
	struct wire_encoder encoder = { 0 };
	size_t lines = 0, shrunk = 0;

	for (size_t i = 0; i < stored.len; i++) {
		lines += stored.at[i] == '\n';
		shrunk += stored.at[i] == '\n' && i && stored.at[i - 1] == '\r';
	}
	assert(wire_encode(&encoder, stored, &out) && wire_finish(&encoder, &out));
	assert(out.len + shrunk == wire_size(stored.len, lines, unended));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = { (const char *)data, size };
	size_t piece = size ? data[0] % 7 + 1 : 1;
	AUTO_BUF wire = BUF_INIT(3 * size + 8);
	AUTO_BUF stored = BUF_INIT(3 * size + 8);
	AUTO_BUF again = BUF_INIT(3 * size + 8);
	AUTO_BUF whole = BUF_INIT(3 * size + 8);
	enum wire_state end;

	check_size(input);
	/* Any bytes as stored ones: the wire form is faultless, and stable. */
	encode(input, piece, &wire);
	decode(buf_span(&wire), piece, &stored, &end);
	assert(end == WIRE_END);
	encode(buf_span(&stored), size + 1, &again);
	assert(again.len == wire.len && memcmp(again.data, wire.data, wire.len) == 0);

	/* Any bytes from the wire: cut anywhere, the same becomes of them. */
	buf_reset(&stored);
	decode(input, piece, &stored, &end);
	decode(input, size + 1, &whole, &end);
	if (end != WIRE_BARE_CR && end != WIRE_BARE_LF && end != WIRE_MORE)
		assert(whole.len == stored.len &&
		       memcmp(whole.data, stored.data, whole.len) == 0);
	return 0;
}
