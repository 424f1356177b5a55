#include "mail/utf8.h"

size_t utf8_take(struct span bytes, uint32_t *code_out)
{
	const unsigned char *at = (const unsigned char *)bytes.at;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = !bytes.len || at[0] >= 0xF5 ? 0
		     : at[0] < 0x80              ? 1
		     : at[0] < 0xC2              ? 0
		     : at[0] < 0xE0              ? 2
		     : at[0] < 0xF0              ? 3
						 : 4;
	uint32_t code;

	if (!len || len > bytes.len)
		return 0;
	code = len > 1 ? at[0] & (0x7FU >> len) : at[0];
	for (size_t i = 1; i < len; i++) {
		if ((at[i] & 0xC0) != 0x80)
			return 0;
		code = code << 6 | (at[i] & 0x3F);
	}
	if (code < least[len] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
		return 0;
	*code_out = code;
	return len;
}

bool utf8_is_text(struct span bytes)
{
	size_t len;
	uint32_t code;

	for (; bytes.len; bytes = span_after(bytes, len)) {
		len = utf8_take(bytes, &code);
		if (!len || code < 32 || (code >= 127 && code < 160))
			return false;
	}
	return true;
}

/* The first byte of a character tells how many follow, and may narrow the next one: no
 * overlong forms, no surrogates, nothing above U+10FFFF. */
static void begin_character(struct utf8_check *check, unsigned char byte)
{
	if (byte < 0x80)
		return;
	check->broken = byte < 0xC2 || byte > 0xF4;
	check->missing = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
	check->low = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
	check->high = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
}

void utf8_check_take(struct utf8_check *check, struct span bytes)
{
	for (size_t i = 0; i < bytes.len && !check->broken; i++) {
		unsigned char byte = (unsigned char)bytes.at[i];

		if (!check->missing) {
			begin_character(check, byte);
			continue;
		}
		check->broken = byte < check->low || byte > check->high;
		check->missing--;
		check->low = 0x80;
		check->high = 0xBF;
	}
}

bool utf8_check_is_good(const struct utf8_check *check)
{
	return !check->broken && !check->missing;
}
