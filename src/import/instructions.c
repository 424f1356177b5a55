#include "import/instructions.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Found by their names in the programs of .qmail lines. */
static const char *const ours[] = { "forward",      "condredirect", "bouncesaying",
				    "except",       "preline",      "maildirmake",
				    "maildir2mbox", "qmail-inject", "sendmail",
				    "dot-forward",  "qmail-queue" };

static bool is_ours(struct span name)
{
	for (size_t i = 0; i < LENGTH(ours); i++)
		if (span_is(name, ours[i]))
			return true;
	return false;
}

static size_t name_length(struct span at)
{
	size_t len = 0;

	while (len < at.len &&
	       (isalnum((unsigned char)at.at[len]) || strchr("-_.", at.at[len])))
		len++;
	return len;
}

/* A command without "HOME/bin/" in front of what is found without it. */
static bool put_command(const char *bin, struct span line, struct buf *out,
			struct instructions *done)
{
	size_t len = strlen(bin);

	while (line.len) {
		struct span name = span_after(line, len);

		if (line.len < len || memcmp(line.at, bin, len) != 0) {
			if (!buf_append_byte(out, line.at[0]))
				return false;
			line = span_after(line, 1);
			continue;
		}
		name.len = name_length(name);
		if (is_ours(name)) {
			done->programs++;
			line = span_after(line, len);
			continue;
		}
		snprintf(done->foreign, sizeof(done->foreign), "%.*s", SPAN_ARG(name));
		if (!buf_append(out, line.at, len))
			return false;
		line = span_after(line, len);
	}
	return true;
}

/* "| [PATH/]fastforward [-OPTIONS] MAP" */
static bool is_fastforward(struct span line, struct instructions *done)
{
	struct span rest = span_trim(span_after(line, 1)), word, last = { "", 0 };
	static const char name[] = "fastforward";
	size_t len = sizeof(name) - 1;

	if (!span_cut(&rest, ' ', &word) || word.len < len ||
	    memcmp(word.at + word.len - len, name, len) != 0 ||
	    (word.len > len && word.at[word.len - len - 1] != '/'))
		return false;
	while (span_cut(&rest, ' ', &word)) {
		if (word.len && strchr("|;&<>", word.at[0]))
			return false;
		if (word.len)
			last = word;
	}
	if (!last.len || last.at[0] == '-' || last.len >= sizeof(done->aliases_map))
		return false;
	snprintf(done->aliases_map, sizeof(done->aliases_map), "%.*s", SPAN_ARG(last));
	return true;
}

static bool put_line(const char *home, struct span line, struct buf *out,
		     struct instructions *done)
{
	char bin[600];

	if (line.len && line.at[0] == '|') {
		if (is_fastforward(line, done))
			return true;
		snprintf(bin, sizeof(bin), "%s/bin/", home);
		return put_command(bin, line, out, done) && buf_append_byte(out, '\n');
	}
	if (line.len > 2 && line.at[0] == '.' && line.at[1] == '/') {
		done->paths++;
		return buf_appendf(out, "%s/alias%.*s\n", home,
				   SPAN_ARG(span_after(line, 1)));
	}
	return buf_append_span(out, line) && buf_append_byte(out, '\n');
}

bool instructions_translate(const char *home, struct span text, struct buf *out,
			    struct instructions *done_out)
{
	struct span line;

	*done_out = (struct instructions){ .paths = 0 };
	while (text.len && span_cut(&text, '\n', &line))
		if (!put_line(home, line, out, done_out))
			return false;
	return true;
}

/* The word behind qmail-start; quotes may hold several lines. */
static bool take_word(struct span rest, struct span *word_out)
{
	size_t len = 0;

	while (rest.len && strchr(" \t\\\n", rest.at[0]))
		rest = span_after(rest, 1);
	if (rest.len && strchr("'\"", rest.at[0])) {
		char quote = rest.at[0];

		rest = span_after(rest, 1);
		return memchr(rest.at, quote, rest.len) &&
		       span_cut(&rest, quote, word_out);
	}
	while (len < rest.len && !strchr(" \t\n", rest.at[len]))
		len++;
	*word_out = (struct span){ rest.at, len };
	return true;
}

bool instructions_usual(struct span script, struct buf *out)
{
	static const char start[] = "qmail-start";
	const char *at = NULL;
	struct span line, rest = script, word;

	while (!at && rest.len && span_cut(&rest, '\n', &line)) {
		struct span words = span_trim(line);

		if (words.len && words.at[0] != '#')
			at = memmem(words.at, words.len, start, strlen(start));
	}
	if (!at)
		return false;
	at += strlen(start);
	if (!take_word((struct span){ at, (size_t)(script.at + script.len - at) }, &word))
		return false;
	/* A mailbox, or lines of a .qmail file; what a shell would work out is not. */
	if (!word.len || !strchr("./|", word.at[0]) || memchr(word.at, '$', word.len) ||
	    memchr(word.at, '`', word.len))
		return false;
	return buf_append_span(out, word) && buf_append_byte(out, '\n');
}
