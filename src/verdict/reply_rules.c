#include "verdict/reply_rules.h"

#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/file.h"
#include "control/words.h"

#define REPLIES_MAX ((size_t)1024 * 1024)

static char *copy(struct span text)
{
	char *copied = must_alloc(text.len + 1);

	memcpy(copied, text.at, text.len);
	return copied;
}

bool verdict_rules_parse(struct span replies, struct verdict_rules **rules_out,
			 struct err *err)
{
	struct verdict_rules *rules = must_alloc(sizeof(*rules));
	bool is_sound;

	rules->texts[0] = copy(reply_rules_shipped());
	is_sound = reply_rules_read(rules, "shipped.rules", rules->texts[0], err);
	assert(is_sound && "the shipped rules make sense");
	rules->shipped = rules->count;
	rules->texts[1] = copy(replies);
	*rules_out = rules;
	if (reply_rules_read(rules, "control/replies", rules->texts[1], err))
		return true;
	verdict_rules_free(rules);
	*rules_out = NULL;
	return false;
}

struct verdict_rules *verdict_rules_shipped(void)
{
	struct verdict_rules *rules;
	struct err err;
	bool is_sound = verdict_rules_parse(span_of(""), &rules, &err);

	assert(is_sound && "the shipped rules make sense");
	(void)is_sound;
	return rules;
}

bool verdict_rules_load(int control_fd, struct verdict_rules **rules_out, struct err *err)
{
	AUTO_BUF text = BUF_INIT(REPLIES_MAX);
	bool found;

	*rules_out = NULL;
	if (!file_read_if_any(control_fd, "replies", &text, &found, err))
		return err_context(err, "control");
	return verdict_rules_parse(buf_span(&text), rules_out, err);
}

void verdict_rules_free(struct verdict_rules *rules)
{
	if (!rules)
		return;
	reply_pattern_book_clear(&rules->book);
	free(rules->patterns);
	free(rules->told);
	free(rules->rules);
	free(rules->texts[0]);
	free(rules->texts[1]);
	free(rules);
}

/* "55x" and 550: an "x" is any digit. */
static bool is_code(struct span mask, unsigned code)
{
	if (code == 0)
		return span_is(mask, "none");
	for (size_t i = mask.len; i-- > 0; code /= 10)
		if (mask.at[i] != 'x' && (unsigned)(mask.at[i] - '0') != code % 10)
			return false;
	return code == 0;
}

/* "5.1" is all of 5.1.x; an "x" between dots is any number. */
static bool is_status(struct span mask, const char *status)
{
	struct span rest = span_of(status), wanted, part;

	if (!status[0])
		return false;
	while (span_cut(&mask, '.', &wanted))
		if (!span_cut(&rest, '.', &part) ||
		    (!span_is(wanted, "x") &&
		     (wanted.len != part.len ||
		      memcmp(wanted.at, part.at, part.len) != 0)))
			return false;
	return true;
}

static bool has_code(struct span masks, unsigned code)
{
	struct span mask;
	bool is_open = masks.len == 0;

	while (!is_open && words_next(&masks, &mask))
		is_open = is_code(mask, code);
	return is_open;
}

static bool has_status(struct span masks, const char *status)
{
	struct span mask;
	bool is_open = masks.len == 0;

	while (!is_open && words_next(&masks, &mask))
		is_open = is_status(mask, status);
	return is_open;
}

static bool any_found(const struct verdict_rules *rules, size_t first, size_t count,
		      const struct reply_tokens *tokens)
{
	for (size_t i = first; i < first + count; i++)
		if (reply_pattern_is_found(&rules->book, rules->patterns[i], tokens))
			return true;
	return false;
}

static unsigned facts_of(const struct verdict_known *known)
{
	unsigned facts = 0, bit = 1;

#define TEST(word, test)           \
	facts |= (test) ? bit : 0; \
	bit <<= 1;
	VERDICT_FACTS(TEST)
#undef TEST
	return facts;
}

static bool matches(const struct verdict_rules *rules, const struct reply_rule *rule,
		    const struct verdict_said *said, const char *status,
		    const struct verdict_known *known, const struct reply_tokens *tokens)
{
	unsigned server = known->is_mx ? REPLY_RULE_MX : REPLY_RULE_SMARTHOST;
	unsigned facts = facts_of(known);

	if (rule->stages && !(rule->stages & 1U << said->stage))
		return false;
	if (rule->servers && !(rule->servers & server))
		return false;
	if ((facts & rule->facts) != rule->facts || (facts & rule->facts_denied))
		return false;
	if (!has_code(rule->codes, said->code) || !has_status(rule->statuses, status))
		return false;
	if (rule->said_count && !any_found(rules, rule->said, rule->said_count, tokens))
		return false;
	return !any_found(rules, rule->unsaid, rule->unsaid_count, tokens);
}

const struct reply_rule *reply_rules_find(const struct verdict_rules *rules,
					  const struct verdict_said *said,
					  const char *status,
					  const struct verdict_known *known,
					  const struct reply_tokens *tokens)
{
	for (size_t i = 0; i < rules->count; i++) {
		/* The operator's first. */
		const struct reply_rule *rule =
			&rules->rules[(i + rules->shipped) % rules->count];

		if (matches(rules, rule, said, status, known, tokens))
			return rule;
	}
	return &rules->rules[rules->shipped - 1];
}

bool reply_rules_told_wait(const struct verdict_rules *rules,
			   const struct reply_tokens *tokens, uint32_t *seconds_out)
{
	for (size_t i = 0; i < rules->told_count; i++)
		if (reply_pattern_find_time(&rules->book, rules->told[i], tokens,
					    seconds_out))
			return true;
	return false;
}
