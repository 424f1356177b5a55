#include <assert.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/number.h"
#include "control/lines.h"
#include "control/words.h"
#include "verdict/reply_rules.h"

#define WAIT_MAX_S ((uint64_t)30 * 86400)

/* While a file is read. */
struct reader {
	struct verdict_rules *rules;
	struct reply_rule *rule; /* the one that has begun; NULL before the first */
	char *text;              /* the file: pieces of it are kept and may be changed */
};

static const char *const stage_words[] = {
	[VERDICT_AT_CONNECT] = "connect", [VERDICT_AT_EHLO] = "ehlo",
	[VERDICT_AT_AUTH] = "auth",       [VERDICT_AT_MAIL] = "mail",
	[VERDICT_AT_RCPT] = "rcpt",       [VERDICT_AT_DATA] = "data",
	[VERDICT_AT_DOT] = "dot",
};

static const char *const server_words[] = { "smarthost", "mx" };

#define WORD(word, test) word,
static const char *const fact_words[] = { VERDICT_FACTS(WORD) };
#undef WORD

static const char *const action_words[] = {
	[VERDICT_BOUNCE] = "bounce",       [VERDICT_RETRY] = "retry",
	[VERDICT_STOP] = "stop",           [VERDICT_SLOW] = "slow",
	[VERDICT_RECONNECT] = "reconnect", [VERDICT_SPLIT] = "split",
	[VERDICT_DOWNGRADE] = "downgrade",
};

/* Which scopes an action is for, a bit each. */
#define FOR(scope) (1U << VERDICT_##scope)
static const unsigned action_scopes[] = {
	[VERDICT_BOUNCE] = FOR(RECIPIENT) | FOR(LETTER),
	[VERDICT_RETRY] = FOR(RECIPIENT) | FOR(LETTER),
	[VERDICT_STOP] = FOR(SENDER) | FOR(ACCOUNT) | FOR(PLACE) | FOR(PEER) |
			 FOR(LOGIN) | FOR(CERTIFICATE) | FOR(CLOCK) | FOR(NETWORK),
	[VERDICT_SLOW] = FOR(ACCOUNT) | FOR(PLACE) | FOR(SESSION),
	[VERDICT_RECONNECT] = FOR(SESSION),
	[VERDICT_SPLIT] = FOR(SESSION),
	[VERDICT_DOWNGRADE] = FOR(PEER),
};

static bool word_place(struct span word, const char *const *words, size_t count,
		       size_t *place_out)
{
	for (*place_out = 0; *place_out < count; ++*place_out)
		if (span_is(word, words[*place_out]))
			return true;
	return false;
}

/* Words of a list as bits. */
static bool take_bits(struct span value, const char *const *words, size_t count,
		      unsigned *bits)
{
	struct span word;
	size_t place;

	while (words_next(&value, &word)) {
		if (!word_place(word, words, count, &place))
			return false;
		*bits |= 1U << place;
	}
	return true;
}

/* A piece of the file as a C string: what follows it, a line end, is no longer needed. */
static const char *keep(const struct reader *reader, struct span piece)
{
	char *at = reader->text + (piece.at - reader->text);

	at[piece.len] = '\0';
	return at;
}

static bool is_name(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-", text.at[i]) ||
		    !text.at[i])
			return false;
	return text.len != 0;
}

static const char *take_rule(struct reader *reader, struct span value)
{
	struct verdict_rules *rules = reader->rules;

	if (!is_name(value))
		return "a rule's name is of a to z, 0 to 9 and \"-\"";
	if (reader->rule && !reader->rule->has_outcome)
		return "the rule before has no \"then\"; write what follows from it";
	if ((rules->count & (rules->count - 1)) == 0)
		rules->rules =
			must_resize(rules->rules, rules->count ? 2 * rules->count : 1,
				    sizeof(*rules->rules));
	reader->rule = &rules->rules[rules->count++];
	*reader->rule = (struct reply_rule){ .name = keep(reader, value),
					     .what = "",
					     .mend = "" };
	reader->rule->what = reader->rule->name;
	return NULL;
}

static const char *take_stages(struct reader *reader, struct span value)
{
	return take_bits(value, stage_words, LENGTH(stage_words), &reader->rule->stages)
		       ? NULL
		       : "write connect, ehlo, auth, mail, rcpt, data or dot";
}

static const char *take_servers(struct reader *reader, struct span value)
{
	return take_bits(value, server_words, LENGTH(server_words),
			 &reader->rule->servers)
		       ? NULL
		       : "write smarthost or mx";
}

static const char wrong_fact[] =
	"write null-sender, login, login-worked, chunking, pipelining, parameters, "
	"accepted, sender-accepted, recipient-accepted or other-senders";

static const char *take_facts(struct reader *reader, struct span value)
{
	return take_bits(value, fact_words, LENGTH(fact_words), &reader->rule->facts)
		       ? NULL
		       : wrong_fact;
}

static const char *take_facts_denied(struct reader *reader, struct span value)
{
	return take_bits(value, fact_words, LENGTH(fact_words),
			 &reader->rule->facts_denied)
		       ? NULL
		       : wrong_fact;
}

static bool is_code_mask(struct span word)
{
	return span_is(word, "none") ||
	       (word.len == 3 && (word.at[0] == '4' || word.at[0] == '5') &&
		strchr("0123456789x", word.at[1]) && strchr("0123456789x", word.at[2]));
}

static const char *take_codes(struct reader *reader, struct span value)
{
	struct span rest = value, word;

	while (words_next(&rest, &word))
		if (!is_code_mask(word))
			return "write codes as 550, 55x, 5xx, or none";
	reader->rule->codes = value;
	return NULL;
}

/* mask = part *2( "." part ); part = 1*3digit / "x" */
static bool is_status_mask(struct span word)
{
	struct span part;
	uint64_t number;
	unsigned parts = 0;

	while (span_cut(&word, '.', &part)) {
		if (!span_is(part, "x") && !number_parse(part, 999, &number))
			return false;
		parts++;
	}
	return parts >= 1 && parts <= 3;
}

static const char *take_statuses(struct reader *reader, struct span value)
{
	struct span rest = value, word;

	while (words_next(&rest, &word))
		if (!is_status_mask(word))
			return "write statuses as 5.7.1, 5.7 or x.7.1";
	reader->rule->statuses = value;
	return NULL;
}

static const char *add_pattern(const struct reader *reader, struct span value)
{
	struct verdict_rules *rules = reader->rules;
	struct reply_pattern pattern;
	const char *wrong =
		reply_pattern_add(&rules->book, reader->text + (value.at - reader->text),
				  value.len, &pattern);

	if (wrong)
		return wrong;
	if ((rules->pattern_count & (rules->pattern_count - 1)) == 0)
		rules->patterns =
			must_resize(rules->patterns,
				    rules->pattern_count ? 2 * rules->pattern_count : 1,
				    sizeof(*rules->patterns));
	rules->patterns[rules->pattern_count++] = pattern;
	return NULL;
}

static const char *take_said(struct reader *reader, struct span value)
{
	struct reply_rule *rule = reader->rule;

	if (rule->unsaid_count)
		return "the \"said\" lines of a rule stand before the \"unsaid\" ones";
	if (!rule->said_count)
		rule->said = reader->rules->pattern_count;
	rule->said_count++;
	return add_pattern(reader, value);
}

static const char *take_unsaid(struct reader *reader, struct span value)
{
	struct reply_rule *rule = reader->rule;

	if (!rule->unsaid_count)
		rule->unsaid = reader->rules->pattern_count;
	rule->unsaid_count++;
	return add_pattern(reader, value);
}

static bool take_scope(struct span word, enum verdict_scope *scope_out)
{
	for (unsigned i = 0; i <= VERDICT_NETWORK; i++)
		if (span_is(word, verdict_scope_name((enum verdict_scope)i))) {
			*scope_out = (enum verdict_scope)i;
			return true;
		}
	return false;
}

/* then = scope action [wait] ["unclear"] */
static const char *take_outcome(struct reader *reader, struct span value)
{
	struct reply_rule *rule = reader->rule;
	struct span scope, action, more;
	uint64_t wait_s;
	size_t place;

	if (!words_next(&value, &scope) || !take_scope(scope, &rule->scope))
		return "behind \"then\" stands recipient, letter, sender, account, place, "
		       "session, peer, login, certificate, clock or network";
	if (!words_next(&value, &action) ||
	    !word_place(action, action_words, LENGTH(action_words), &place))
		return "behind the scope stands bounce, retry, stop, slow, reconnect, "
		       "split or downgrade";
	if (!(action_scopes[place] & 1U << rule->scope))
		return "this is not done to this scope; bounce or retry a recipient or a "
		       "letter, stop a sender, account, place or login, slow an account, "
		       "place or session";
	rule->action = (enum verdict_action)place;
	rule->has_outcome = true;
	while (words_next(&value, &more)) {
		if (span_is(more, "unclear"))
			rule->is_ambiguous = true;
		else if (number_parse_seconds(more, WAIT_MAX_S, &wait_s))
			rule->wait_s = (uint32_t)wait_s;
		else
			return "at the end stands a time, as 300, 5m or 4h, or "
			       "\"unclear\"";
	}
	return NULL;
}

static const char *take_what(struct reader *reader, struct span value)
{
	reader->rule->what = keep(reader, value);
	return NULL;
}

static const char *take_mend(struct reader *reader, struct span value)
{
	reader->rule->mend = keep(reader, value);
	return NULL;
}

static const char *take_set(struct reader *reader, struct span value)
{
	struct span name;

	if (!words_next(&value, &name) || !is_name(name))
		return "a set's name is of a to z, 0 to 9 and \"-\"";
	value = span_trim(value);
	return reply_pattern_add_set(&reader->rules->book, name,
				     reader->text + (value.at - reader->text), value.len);
}

static const char *take_told(struct reader *reader, struct span value)
{
	struct verdict_rules *rules = reader->rules;
	struct reply_pattern pattern;
	const char *wrong =
		reply_pattern_add(&rules->book, reader->text + (value.at - reader->text),
				  value.len, &pattern);

	if (wrong)
		return wrong;
	if (!reply_pattern_ends_with_time(&rules->book, pattern))
		return "a \"told\" line ends with <time>";
	rules->told =
		must_resize(rules->told, rules->told_count + 1, sizeof(*rules->told));
	rules->told[rules->told_count++] = pattern;
	return NULL;
}

static const struct {
	const char *word;
	bool is_in_rule;
	const char *(*take)(struct reader *reader, struct span value);
} keys[] = {
	{ "rule", false, take_rule },          { "set", false, take_set },
	{ "told", false, take_told },          { "at", true, take_stages },
	{ "code", true, take_codes },          { "status", true, take_statuses },
	{ "server", true, take_servers },      { "if", true, take_facts },
	{ "unless", true, take_facts_denied }, { "said", true, take_said },
	{ "unsaid", true, take_unsaid },       { "then", true, take_outcome },
	{ "what", true, take_what },           { "mend", true, take_mend },
};

static const char *take_line(struct reader *reader, struct span line)
{
	struct span key;

	if (!words_next(&line, &key))
		return NULL;
	line = span_trim(line);
	for (size_t i = 0; i < LENGTH(keys); i++) {
		if (!span_is(key, keys[i].word))
			continue;
		if (keys[i].is_in_rule && !reader->rule)
			return "no rule has begun; write \"rule NAME\" in front";
		return line.len ? keys[i].take(reader, line)
				: "there is nothing behind the word";
	}
	return "write rule, at, code, status, server, if, unless, said, unsaid, then, "
	       "what, mend, set or told";
}

bool reply_rules_read(struct verdict_rules *rules, const char *path, char *text,
		      struct err *err)
{
	struct reader reader = { .rules = rules, .text = text };
	struct span rest = span_of(text), line;
	unsigned number = 0;
	const char *wrong = NULL;

	while (!wrong && lines_next(&rest, &line, &number)) {
		wrong = take_line(&reader, line);
		if (!wrong && reader.rule && !reader.rule->line)
			reader.rule->line = number;
	}
	if (!wrong && reader.rule && !reader.rule->has_outcome) {
		number = reader.rule->line;
		wrong = "the rule has no \"then\"; write what follows from it";
	}
	return !wrong || err_exit(err, EX_CONFIG, "%s:%u: %s", path, number, wrong);
}
