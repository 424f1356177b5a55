#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/wire.h"

/* A string with its length, for bytes that include NULs. */
#define BYTES(text)                      \
	{                                \
		(text), sizeof(text) - 1 \
	}

static const struct {
	const char *title;
	struct span stored;
	struct span wire;
	bool stuff_dots;
} encodings[] = {
	{ "an empty message is empty on the wire", BYTES(""), BYTES(""), false },
	{ "LF leaves as CR LF", BYTES("a\nb\n"), BYTES("a\r\nb\r\n"), false },
	{ "a missing last line end is added", BYTES("a"), BYTES("a\r\n"), false },
	{ "a stored CR LF does not become CR CR LF", BYTES("a\r\nb\r\n"),
	  BYTES("a\r\nb\r\n"), false },
	{ "a bare CR leaves as a blank", BYTES("a\rb\r\rc\n"), BYTES("a b  c\r\n"),
	  false },
	{ "CR CR LF leaves as a blank and a line end", BYTES("a\r\r\n"), BYTES("a \r\n"),
	  false },
	{ "a CR as the very last byte leaves as a blank", BYTES("a\r"), BYTES("a \r\n"),
	  false },
	{ "a smuggled end of data does not leave", BYTES("a\r.\r\nb\n.\r\n"),
	  BYTES("a .\r\nb\r\n..\r\n"), true },
	{ "a dot that starts a line is doubled", BYTES(".\n..\na.\n.a"),
	  BYTES("..\r\n...\r\na.\r\n..a\r\n"), true },
	{ "dots stay single where they need not be doubled", BYTES(".\n"), BYTES(".\r\n"),
	  false },
	{ "NULs stay", BYTES("a\0b\n\0\n"), BYTES("a\0b\r\n\0\r\n"), false },
	{ "empty lines stay empty", BYTES("\n\n\r\n"), BYTES("\r\n\r\n\r\n"), false },
};

static void encode_in_pieces(struct span stored, size_t piece, bool stuff_dots,
			     struct buf *out)
{
	struct wire_encoder encoder = { .stuff_dots = stuff_dots };
	struct span part;

	for (size_t at = 0; at < stored.len; at += piece) {
		part = span_after(stored, at);
		if (part.len > piece)
			part.len = piece;
		assert_true(wire_encode(&encoder, part, out));
	}
	assert_true(wire_finish(&encoder, out));
}

static void encoding(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	struct span stored = encodings[row].stored, wire = encodings[row].wire;

	for (size_t piece = 1; piece <= stored.len + 1; piece++) {
		AUTO_BUF out = BUF_INIT(1000);

		encode_in_pieces(stored, piece, encodings[row].stuff_dots, &out);
		assert_int_equal(out.len, wire.len);
		assert_memory_equal(out.data, wire.at, wire.len);
	}
}

static const struct {
	const char *title;
	struct span wire;
	struct span stored;
	struct span left; /* behind the end */
	enum wire_state state;
} decodings[] = {
	{ "a message ends at its lone dot", BYTES("a\r\nb\r\n.\r\nMAIL"), BYTES("a\nb\n"),
	  BYTES("MAIL"), WIRE_END },
	{ "an empty message is a dot alone", BYTES(".\r\n"), BYTES(""), BYTES(""),
	  WIRE_END },
	{ "doubled dots become single", BYTES("..\r\n...\r\n.a\r\na..\r\n.\r\n"),
	  BYTES(".\n..\na\na..\n"), BYTES(""), WIRE_END },
	{ "NULs and 8-bit bytes stay", BYTES("a\0\xFF\r\n.\r\n"), BYTES("a\0\xFF\n"),
	  BYTES(""), WIRE_END },
	{ "half a message asks for more", BYTES("a\r\n."), BYTES("a\n"), BYTES(""),
	  WIRE_MORE },
	{ "LF . LF is no end", BYTES("a\n.\nMAIL\r\n.\r\n"), BYTES(""), BYTES(""),
	  WIRE_BARE_LF },
	{ "LF . CR LF is no end", BYTES("a\n.\r\nMAIL\r\n.\r\nQUIT"), BYTES(""),
	  BYTES("QUIT"), WIRE_BARE_LF },
	{ "CR LF . LF is no end", BYTES("a\r\n.\nMAIL\r\n.\r\n"), BYTES("a\n"), BYTES(""),
	  WIRE_BARE_LF },
	{ "CR . CR is no end", BYTES("a\r.\rMAIL\r\n.\r\n"), BYTES("a"), BYTES(""),
	  WIRE_BARE_CR },
	{ "CR LF . CR is no end", BYTES("a\r\n.\rMAIL\r\n.\r\n"), BYTES("a\n"), BYTES(""),
	  WIRE_BARE_CR },
	{ "CR LF . CR CR LF is no end", BYTES("a\r\n.\r\r\nMAIL\r\n.\r\n"), BYTES("a\n"),
	  BYTES(""), WIRE_BARE_CR },
	{ "LF . CR is no end", BYTES("a\n.\rMAIL\r\n.\r\n"), BYTES(""), BYTES(""),
	  WIRE_BARE_LF },
	{ "CR . CR LF is no end", BYTES("a\r.\r\nMAIL\r\n.\r\n"), BYTES("a"), BYTES(""),
	  WIRE_BARE_CR },
	{ "CR LF NUL . CR LF is no end", BYTES("a\r\n\0.\r\nb\r\n.\r\n"),
	  BYTES("a\n\0.\nb\n"), BYTES(""), WIRE_END },
	{ "CR CR LF is a fault", BYTES("a\r\r\n.\r\n"), BYTES("a"), BYTES(""),
	  WIRE_BARE_CR },
	{ "a message that begins with LF is a fault", BYTES("\n.\r\n\r\n.\r\n"),
	  BYTES(""), BYTES(""), WIRE_BARE_LF },
};

/* Fed in pieces, as a client may send it. Bytes that no piece takes are left. */
static size_t decode_in_pieces(struct span wire, size_t piece, struct buf *out,
			       enum wire_state *state_out)
{
	struct wire_decoder decoder = { 0 };
	size_t at = 0;
	struct span part;

	*state_out = WIRE_MORE;
	while (at < wire.len && *state_out == WIRE_MORE) {
		part = span_after(wire, at);
		if (part.len > piece)
			part.len = piece;
		at += wire_decode_data(&decoder, part, out, state_out);
	}
	return at;
}

static void decoding(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	struct span wire = decodings[row].wire, stored = decodings[row].stored;
	bool is_fault = decodings[row].state == WIRE_BARE_LF ||
			decodings[row].state == WIRE_BARE_CR;
	enum wire_state end;
	size_t taken;

	for (size_t piece = 1; piece <= wire.len; piece++) {
		AUTO_BUF out = BUF_INIT(1000);

		taken = decode_in_pieces(wire, piece, &out, &end);
		assert_int_equal(end, decodings[row].state);
		assert_int_equal(taken, wire.len - decodings[row].left.len);
		if (is_fault)
			continue; /* what was kept before it is of no use */
		assert_int_equal(out.len, stored.len);
		assert_memory_equal(out.data, stored.at, stored.len);
	}
}

static void decoding_stops_at_the_ceiling(void **state)
{
	AUTO_BUF out = BUF_INIT(4);
	struct wire_decoder decoder = { 0 };
	struct span wire = span_of("abc\r\ndef\r\n.\r\n");
	enum wire_state end = WIRE_MORE;
	size_t taken, all = 0;

	(void)state;
	while (end == WIRE_MORE) {
		taken = wire_decode_data(&decoder, span_after(wire, all), &out, &end);
		assert_in_range(taken, 1, 4);
		all += taken;
		buf_reset(&out);
	}
	assert_int_equal(end, WIRE_END);
	assert_int_equal(all, wire.len);
}

static const struct {
	const char *title;
	struct span chunks[3];
	struct span stored;
	enum wire_state end;
	bool keep_bare;
} chunkings[] = {
	{ "a chunk's dots are text",
	  { BYTES(".\r\n..\r\n") },
	  BYTES(".\n..\n"),
	  WIRE_END,
	  false },
	{ "a line end may be cut by a chunk's end",
	  { BYTES("a\r"), BYTES("\nb\r\n") },
	  BYTES("a\nb\n"),
	  WIRE_END,
	  false },
	{ "a last line may have no end",
	  { BYTES("a\r\nb") },
	  BYTES("a\nb"),
	  WIRE_END,
	  false },
	{ "a chunk with a bare LF is a fault",
	  { BYTES("a\nb") },
	  BYTES(""),
	  WIRE_BARE_LF,
	  false },
	{ "a CR at one chunk's end and no LF at the next is a fault",
	  { BYTES("a\r"), BYTES("b") },
	  BYTES("a"),
	  WIRE_BARE_CR,
	  false },
	{ "a CR at the last chunk's end is a fault",
	  { BYTES("a\r") },
	  BYTES("a"),
	  WIRE_BARE_CR,
	  false },
	{ "where bare ones are kept, they stay, whatever piece they are in",
	  { BYTES("a\nb\r"), BYTES("c\r\r"), BYTES("\n\r\n.\n") },
	  BYTES("a\nb\rc\r\n\n.\n"),
	  WIRE_END,
	  true },
	{ "a CR that is left over at the end is told of",
	  { BYTES("a\r") },
	  BYTES("a"),
	  WIRE_BARE_CR,
	  true },
};

static void chunking(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	struct wire_decoder decoder = { .keep_bare = chunkings[row].keep_bare };
	AUTO_BUF out = BUF_INIT(1000);
	bool is_fault = false;

	for (size_t i = 0; i < LENGTH(chunkings[row].chunks); i++)
		is_fault = wire_decode_chunk(&decoder, chunkings[row].chunks[i], &out) !=
			   WIRE_MORE;
	assert_int_equal(wire_decode_end(&decoder), chunkings[row].end);
	assert_true(!is_fault || chunkings[row].end != WIRE_END);
	assert_int_equal(out.len, chunkings[row].stored.len);
	assert_memory_equal(out.data, chunkings[row].stored.at, out.len);
}

static void an_encoder_without_room_is_unchanged(void **state)
{
	AUTO_BUF out = BUF_INIT(8);
	struct wire_encoder encoder = { .stuff_dots = true };

	(void)state;
	assert_true(wire_encode(&encoder, span_of("ab\r"), &out));
	assert_false(wire_encode(&encoder, span_of("\ncd\nefgh"), &out));
	assert_string_equal(out.data, "ab");
	assert_true(encoder.after_cr);
	assert_true(wire_encode(&encoder, span_of("\n"), &out));
	assert_string_equal(out.data, "ab\r\n");
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(encodings) + LENGTH(decodings) +
				LENGTH(chunkings) + 2] = { 0 };
	size_t count = 0;

	for (size_t i = 0; i < LENGTH(encodings); i++)
		tests[count++] =
			(struct CMUnitTest){ .name = encodings[i].title,
					     .test_func = encoding,
					     .initial_state = (void *)(uintptr_t)i };
	for (size_t i = 0; i < LENGTH(decodings); i++)
		tests[count++] =
			(struct CMUnitTest){ .name = decodings[i].title,
					     .test_func = decoding,
					     .initial_state = (void *)(uintptr_t)i };
	for (size_t i = 0; i < LENGTH(chunkings); i++)
		tests[count++] =
			(struct CMUnitTest){ .name = chunkings[i].title,
					     .test_func = chunking,
					     .initial_state = (void *)(uintptr_t)i };
	tests[count++] = (struct CMUnitTest){
		.name = "a decoder takes no more than there is room for",
		.test_func = decoding_stops_at_the_ceiling
	};
	tests[count++] =
		(struct CMUnitTest){ .name = "an encoder without room stays as it was",
				     .test_func = an_encoder_without_room_is_unchanged };
	return cmocka_run_group_tests_name("mail wire", tests, NULL, NULL);
}
