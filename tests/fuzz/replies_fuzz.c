/* control/replies and what a server says: rules that are read have names and outcomes, a
 * verdict is one that the policy allows, and a 4xx or what is no SMTP never bounces. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "verdict/reply_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct verdict_rules *rules, const struct verdict_said *said,
		  const struct verdict_known *known)
{
	struct verdict verdict = verdict_of(rules, said, known);
	bool may_bounce =
		verdict.scope == VERDICT_RECIPIENT || verdict.scope == VERDICT_LETTER;

	assert(verdict.rule[0] && verdict.what && verdict.mend);
	if (verdict.action == VERDICT_BOUNCE)
		assert(may_bounce && said->code / 100 == 5);
	if (verdict.action == VERDICT_STOP || verdict.action == VERDICT_SLOW)
		assert(!may_bounce);
	if (verdict.action == VERDICT_SPLIT)
		assert(known->recipients_accepted);
}

static const struct verdict_rules *shipped(void)
{
	static struct verdict_rules *rules;
	struct err err = { 0 };

	if (!rules && !verdict_rules_parse(span_of(""), &rules, &err))
		abort();
	return rules;
}

/* By the rules in `replies`, or the shipped ones alone, which are read once. */
static void check_with(struct span replies, const struct verdict_said *said,
		       const struct verdict_known *known)
{
	struct verdict_rules *rules = NULL;
	struct err err = { 0 };

	if (!replies.len) {
		check(shipped(), said, known);
	} else if (verdict_rules_parse(replies, &rules, &err)) {
		check(rules, said, known);
		verdict_rules_free(rules);
	} else {
		assert(err.kind != ERR_NONE && !rules);
	}
}

/* Input: eight bytes for what is known, the reply, NUL, the text of control/replies. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned codes[] = {
		0, 421, 450, 452, 500, 503, 550, 552, 554, 555
	};
	struct span rest = { (const char *)data, size }, reply;
	struct verdict_said said;
	struct verdict_known known;
	char *text;

	rest = span_after(rest, 8);
	if (size < 8 || !span_cut(&rest, '\0', &reply))
		return 0;
	text = must_alloc(reply.len + 1);
	memcpy(text, reply.at, reply.len);
	said = (struct verdict_said){ .stage = data[0] % (VERDICT_AT_DOT + 1),
				      .code = codes[data[1] % LENGTH(codes)],
				      .status = data[2] & 1 ? "5.7.1" : "",
				      .text = text };
	known = (struct verdict_known){ .is_mx = data[3] & 1,
					.has_login = data[3] & 2,
					.null_sender = data[3] & 4,
					.used_chunking = data[3] & 8,
					.used_pipelining = data[3] & 16,
					.used_parameters = data[3] & 32,
					.sender = "a@b.example",
					.accepted = data[4],
					.recipients_accepted = data[5],
					.other_senders = data[6],
					.times = data[7] };
	check_with(rest.at ? rest : span_of(""), &said, &known);
	free(text);
	return 0;
}
