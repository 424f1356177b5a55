/* Whatever the message: its readers see the same before and after, the form is what was
 * wanted unless something was left, and neither depends on the pieces. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "../unit/mime/decoded.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Letters that become longer, so that a short input holds long lines. */
static void grow(struct span input, struct buf *message)
{
	for (size_t i = 0; i < input.len; i++)
		for (size_t n = input.at[i] == '@' ? 999 : 1; n; n--)
			assert(buf_append_byte(message, input.at[i]));
}

static void check(struct span message, const struct convert_need *need, size_t piece)
{
	size_t room = CONVERTER_ROOM(message.len);
	AUTO_BUF out = BUF_INIT(room);
	AUTO_BUF again = BUF_INIT(room);
	AUTO_BUF before = BUF_INIT(room);
	AUTO_BUF after = BUF_INIT(room);
	enum convert_left left, left_again;
	bool seven_bit, short_lines;

	if (!convert_message(message, need, message.len + 1, &out, &left))
		assert(out.len == message.len &&
		       memcmp(out.data, message.at, message.len) == 0);
	convert_message(message, need, piece, &again, &left_again);
	assert(left == left_again && out.len == again.len &&
	       memcmp(out.data, again.data, out.len) == 0);
	decode_message(message, &before, &seven_bit, &short_lines);
	decode_message(buf_span(&out), &after, &seven_bit, &short_lines);
	assert(before.len == after.len &&
	       memcmp(before.data, after.data, after.len) == 0);
	assert(left != LEFT_NOTHING ||
	       ((!need->seven_bit || seven_bit) && (!need->short_lines || short_lines)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF message = BUF_INIT(1000 * size);
	struct convert_need need = { true, true };

	if (!size)
		return 0;
	need.seven_bit = data[0] & 1;
	need.short_lines = data[0] & 2;
	grow((struct span){ (const char *)data + 1, size - 1 }, &message);
	check(buf_span(&message), &need, data[0] / 4 + 1);
	return 0;
}
