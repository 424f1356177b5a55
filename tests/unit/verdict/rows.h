/* Tables of replies for the tests of the verdict: files of lines whose columns stand
 * between tabs, and what is made of one reply. */
#ifndef TESTS_VERDICT_ROWS_H
#define TESTS_VERDICT_ROWS_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/number.h"
#include "verdict/reply_rules.h"
#include "verdict/verdict.h"

#define ROWS_TEXT_MAX ((size_t)1024 * 1024)

/* The whole file; the caller frees. NULL: there is none. */
static inline char *rows_read(const char *path)
{
	struct buf text = BUF_INIT(ROWS_TEXT_MAX);
	struct err err = { 0 };
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool found = false;

	if (here < 0 || !file_read_if_any(here, path, &text, &found, &err))
		fail_msg("%s", err.text);
	file_close(&here);
	return found ? buf_take(&text) : NULL;
}

/* Parts a line at its marks, in place; columns that it has not are "". Returns how many
 * there are. */
static inline size_t rows_cut(char *line, const char *mark, char **columns, size_t most)
{
	static char none[] = "";
	size_t count = 0;

	while (count < most && line)
		columns[count++] = strsep(&line, mark);
	for (size_t i = count; i < most; i++)
		columns[i] = none;
	return count;
}

static inline enum verdict_stage rows_stage(const char *word)
{
	static const char *const words[] = { "connect", "ehlo", "auth", "mail",
					     "rcpt",    "data", "dot" };

	for (unsigned i = 0; i < LENGTH(words); i++)
		if (strcmp(words[i], word) == 0)
			return (enum verdict_stage)i;
	fail_msg("no stage: %s", word);
	return VERDICT_AT_DOT;
}

/* "-" is no number. */
static inline unsigned rows_number(const char *text)
{
	uint64_t number = 0;

	if (strcmp(text, "-") != 0 && !number_parse(span_of(text), UINT32_MAX, &number))
		fail_msg("no number: %s", text);
	return (unsigned)number;
}

static inline const char *rows_status(const char *text)
{
	return strcmp(text, "-") == 0 ? "" : text;
}

static inline struct verdict_rules *rows_rules(const char *replies)
{
	struct verdict_rules *rules;
	struct err err = { 0 };

	if (!verdict_rules_parse(span_of(replies), &rules, &err))
		fail_msg("%s", err.text);
	return rules;
}

/* "recipient bounce", "letter bounce ?" if unclear, "place stop". */
static inline const char *rows_outcome(const struct verdict *verdict, char *out,
				       size_t size)
{
	static const char *const actions[] = {
		[VERDICT_BOUNCE] = "bounce",       [VERDICT_RETRY] = "retry",
		[VERDICT_STOP] = "stop",           [VERDICT_SLOW] = "slow",
		[VERDICT_RECONNECT] = "reconnect", [VERDICT_SPLIT] = "split",
		[VERDICT_DOWNGRADE] = "downgrade",
	};

	snprintf(out, size, "%s %s%s", verdict_scope_name(verdict->scope),
		 actions[verdict->action],
		 verdict->is_ambiguous && verdict->action == VERDICT_BOUNCE ? " ?" : "");
	return out;
}

/* Whether `word` is one of the words of `list`. */
static inline bool rows_has(const char *list, const char *mark, const char *word)
{
	size_t len = strlen(word);
	const char *at = list;

	while ((at = strstr(at, word)) != NULL) {
		if ((at == list || strchr(mark, at[-1])) &&
		    (!at[len] || strchr(mark, at[len])))
			return true;
		at += len;
	}
	return false;
}

/* Right within a factor of two: careful people do not agree on seconds. */
static inline bool rows_wait_is_near(uint32_t wanted_s, uint32_t wait_s)
{
	return wait_s <= 2 * wanted_s && wanted_s <= 2 * wait_s;
}

#endif
