#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char letters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Four letters to three bytes, fewer where the last one or two are "=". */
static bool decode_group(const char *at, bool last, struct buf *out)
{
	unsigned pads = 0;
	uint32_t bits = 0;
	char bytes[3];

	if (last && at[3] == '=')
		pads = at[2] == '=' ? 2 : 1;
	for (unsigned i = 0; i < 4 - pads; i++) {
		const char *letter = at[i] ? strchr(letters, at[i]) : NULL;

		if (!letter)
			return false;
		bits |= (uint32_t)(letter - letters) << (18 - 6 * i);
	}
	/* Bits that stand for nothing must not say anything. */
	if (bits & ((1U << (8 * pads)) - 1))
		return false;
	bytes[0] = (char)(bits >> 16);
	bytes[1] = (char)(bits >> 8);
	bytes[2] = (char)bits;
	return buf_append(out, bytes, 3 - pads);
}

bool base64_decode(struct span text, struct buf *out)
{
	if (text.len % 4)
		return false;
	for (size_t i = 0; i < text.len; i += 4)
		if (!decode_group(text.at + i, i + 4 == text.len, out))
			return false;
	return true;
}

/* One to three bytes to four letters. */
static bool encode_group(const unsigned char *at, size_t count, struct buf *out)
{
	uint32_t bits = (uint32_t)at[0] << 16;
	char text[4] = "====";

	bits |= count > 1 ? (uint32_t)at[1] << 8 : 0;
	bits |= count > 2 ? at[2] : 0;
	for (size_t i = 0; i <= count; i++)
		text[i] = letters[(bits >> (18 - 6 * i)) & 63];
	return buf_append(out, text, sizeof(text));
}

bool base64_encode(struct span bytes, struct buf *out)
{
	const unsigned char *at = (const unsigned char *)bytes.at;

	for (size_t i = 0; i < bytes.len; i += 3)
		if (!encode_group(at + i, bytes.len - i < 3 ? bytes.len - i : 3, out))
			return false;
	return true;
}
