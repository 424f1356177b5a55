#include "mail/utf8.h"

#include <stdint.h>

/* Bytes of the character that begins here, 0 where none does. */
static size_t character(const unsigned char *at, size_t len, uint32_t *code_out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t bytes = at[0] < 0x80   ? 1
		       : at[0] < 0xC2 ? 0
		       : at[0] < 0xE0 ? 2
		       : at[0] < 0xF0 ? 3
		       : at[0] < 0xF5 ? 4
				      : 0;
	uint32_t code = bytes > 1 ? at[0] & (0x7FU >> bytes) : at[0];

	if (!bytes || bytes > len)
		return 0;
	for (size_t i = 1; i < bytes; i++) {
		if ((at[i] & 0xC0) != 0x80)
			return 0;
		code = code << 6 | (at[i] & 0x3F);
	}
	if (code < least[bytes] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
		return 0;
	*code_out = code;
	return bytes;
}

bool utf8_is_text(struct span bytes)
{
	const unsigned char *at = (const unsigned char *)bytes.at;
	size_t step;
	uint32_t code;

	for (size_t i = 0; i < bytes.len; i += step) {
		step = character(at + i, bytes.len - i, &code);
		if (!step || code < 32 || (code >= 127 && code < 160))
			return false;
	}
	return true;
}
