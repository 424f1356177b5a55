/* Lines of callwhen: whatever they say, a verdict names a time that comes, and at that
 * time there is a call. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "link/callwhen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const struct callwhen *callwhen, const uint8_t seed[8])
{
	struct callwhen_facts facts = {
		.now = 1000000000 + ((int64_t)seed[0] << 22) + ((int64_t)seed[1] << 14) +
		       ((int64_t)seed[2] << 6),
		.messages = seed[3],
	};
	struct callwhen_verdict verdict;

	facts.last = facts.now + ((int64_t)seed[4] - 200) * 3000;
	facts.oldest = seed[5] ? facts.now + ((int64_t)seed[5] - 200) * 1000 : 0;
	facts.urgent = seed[6] & 1 ? facts.oldest : 0;
	callwhen_decide(callwhen, &facts, &verdict);
	assert(verdict.call == (verdict.again <= facts.now));
	assert((verdict.again == INT64_MAX) == !verdict.why[0]);
	if (verdict.call || verdict.again == INT64_MAX)
		return;
	/* Times of a clock that was put back count from now on: then they are past. */
	if (facts.last > facts.now)
		facts.last = facts.now;
	if (facts.oldest > facts.now)
		facts.oldest = facts.now;
	facts.now = verdict.again;
	callwhen_decide(callwhen, &facts, &verdict);
	assert(verdict.call);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[] = "x";
	struct linkfile link = { .name = name };
	struct span rest, line;
	struct callwhen callwhen;
	struct err err = { 0 };
	char *text;

	if (size < 8)
		return 0;
	setenv("TZ", data[7] & 1 ? "CET-1CEST,M3.5.0,M10.5.0/3" : "UTC0", 1);
	text = malloc(size);
	memcpy(text, data + 8, size - 8);
	text[size - 8] = '\0';
	rest = span_of(text);
	for (unsigned i = 1; span_cut(&rest, '\n', &line) && i < 20; i++)
		settings_list_add(&link.callwhen, span_trim(line), i);
	if (callwhen_read(&link, &callwhen, &err)) {
		judge(&callwhen, data);
		callwhen_clear(&callwhen);
	} else {
		assert(err.exit_code == EX_CONFIG);
		assert(strncmp(err.text, "control/links/x:", 16) == 0);
	}
	settings_list_clear(&link.callwhen);
	free(text);
	return 0;
}
