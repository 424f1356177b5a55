/* tcp.smtp: every rule's data is instructions that can be read back, and its key is lower
 * case. */
#include <assert.h>
#include <ctype.h>
#include <stdint.h>

#include "control/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool check(void *ctx, struct span key, struct span data, struct err *err)
{
	struct span variable, value, rest = data;
	size_t *count = ctx;
	char what;

	(void)err;
	for (size_t i = 0; i < key.len; i++)
		assert(!isupper((unsigned char)key.at[i]));
	while ((what = rules_next(&rest, &variable, &value)) != 0) {
		if (what == 'D')
			assert(rest.at <= data.at + 2 || !rest.at);
		else
			assert(what == '+');
	}
	/* A range may be 65,536 rules, and a file many such lines. */
	return ++*count < 100000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t count = 0;
	struct err err = { 0 };

	if (!rules_parse("tcp.smtp", (struct span){ (const char *)data, size }, check,
			 &count, &err))
		assert(err.kind != ERR_NONE || count == 100000);
	return 0;
}
