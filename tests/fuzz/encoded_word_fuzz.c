/* Any header value: what comes out is bounded by what went in, and there is an end. */
#include <assert.h>
#include <stdint.h>

#include "mail/encoded_word.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF out = BUF_INIT((size_t)1024 * 1024);
	struct span text = { (const char *)data, size };

	if (size > 100000)
		return 0;
	assert(encoded_words_decode(text, &out));
	/* One byte of Windows-1252 becomes three at most. */
	assert(out.len <= 3 * size);
	return 0;
}
