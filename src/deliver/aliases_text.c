#include "deliver/aliases_text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "mail/header.h"

#define INCLUDE      ":include:"
#define COMMANDS_MAX ((size_t)64 * 1024 * 1024)

/* What the recipients of one line become. */
struct compiler {
	const struct qualifier *qualifier;
	bool may_run; /* programs are allowed */
	struct buf *commands;
};

static bool too_long(struct err *err)
{
	return err_exit(err, EX_CONFIG, "too many recipients");
}

static bool put(struct compiler *compiler, char kind, struct span text, const char *end,
		struct err *err)
{
	struct buf *out = compiler->commands;

	return (!kind || buf_append_byte(out, kind)) && buf_append_span(out, text) &&
			       buf_append_text(out, end) && buf_append_byte(out, '\0')
		       ? true
		       : too_long(err);
}

static bool on_address(void *ctx, const char *address, struct span place, struct err *err)
{
	struct compiler *compiler = ctx;
	char whole[ADDRESS_MAX];

	(void)place;
	return qualify_address(compiler->qualifier, address, whole, err) &&
	       put(compiler, '&', span_of(whole), "", err);
}

/* "text" without its quotes; anything else as it is. */
static struct span unquote(struct span text, struct buf *room)
{
	if (text.len < 2 || text.at[0] != '"' || text.at[text.len - 1] != '"')
		return text;
	for (size_t i = 1; i + 1 < text.len; i++) {
		if (text.at[i] == '\\' && i + 2 < text.len)
			i++;
		if (!buf_append_byte(room, text.at[i]))
			return text;
	}
	return buf_span(room);
}

static bool put_include(struct compiler *compiler, struct span name, struct err *err)
{
	name = span_trim(name);
	if (!name.len)
		return err_exit(err, EX_CONFIG, INCLUDE " names no file");
	if (name.at[0] != '/')
		return err_exit(err, EX_CONFIG, INCLUDE "%.*s: write the whole path",
				name.len > 80 ? 80 : (int)name.len, name.at);
	return put(compiler, 0, name, ".bin", err);
}

/* One recipient, without the comma. sendmail's quotes round includes and programs are
 * known; so is its "\user". */
static bool compile_one(struct compiler *compiler, struct span piece, struct err *err)
{
	AUTO_BUF room = BUF_INIT(COMMANDS_MAX);
	struct span plain = unquote(span_trim(piece), &room);

	if (!span_trim(piece).len)
		return true;
	if (plain.len > strlen(INCLUDE) &&
	    span_is_word((struct span){ plain.at, strlen(INCLUDE) }, INCLUDE))
		return put_include(compiler, span_after(plain, strlen(INCLUDE)), err);
	if (plain.at[0] == '|') {
		if (!compiler->may_run)
			return err_exit(err, EX_CONFIG,
					"a list runs no programs; use a .qmail file");
		return put(compiler, '!', span_after(plain, 1), "", err);
	}
	if (plain.at[0] == '/' && !memchr(plain.at, '@', plain.len))
		return err_exit(err, EX_CONFIG,
				"\"%.*s\": nothing is written to files from here; use a "
				".qmail file",
				plain.len > 80 ? 80 : (int)plain.len, plain.at);
	piece = span_trim(piece);
	if (piece.at[0] == '\\')
		piece = span_after(piece, 1);
	if (header_addresses_at(piece, on_address, compiler, err))
		return true;
	err->exit_code = EX_CONFIG;
	return false;
}

/* Where the next mark stands outside quotes, comments and brackets; text.len: nowhere. */
static size_t find_mark(struct span text, char mark)
{
	bool quoted = false;
	int depth = 0, brackets = 0;

	for (size_t i = 0; i < text.len; i++) {
		char at = text.at[i];

		if (at == '\\' && (quoted || depth))
			i++;
		else if (at == '"' && !depth)
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (at == '(')
			depth++;
		else if (at == ')' && depth)
			depth--;
		else if (!depth && (at == '<' || at == '>'))
			brackets = at == '<';
		else if (!depth && !brackets && at == mark)
			return i;
	}
	return text.len;
}

static bool compile_all(struct compiler *compiler, struct span text, struct err *err)
{
	while (text.len) {
		size_t end = find_mark(text, ',');

		if (!compile_one(compiler, (struct span){ text.at, end }, err))
			return false;
		text = span_after(text, end + 1);
	}
	return true;
}

static bool keep_alias(void *ctx, const char *address, struct span place, struct err *err)
{
	char *alias = ctx;
	int len = snprintf(alias, ADDRESS_MAX, "%s%s", address,
			   strchr(address, '@') ? "" : "@");

	(void)place;
	return len > 0 && len < ADDRESS_MAX
		       ? true
		       : err_exit(err, EX_CONFIG, "the alias is too long");
}

static bool read_alias(struct span text, char alias[ADDRESS_MAX], struct err *err)
{
	alias[0] = '\0';
	text = span_trim(text);
	if (text.len && text.at[0] == '@' && text.len < ADDRESS_MAX) {
		snprintf(alias, ADDRESS_MAX, "%.*s", SPAN_ARG(text));
	} else if (!header_addresses_at(text, keep_alias, alias, err)) {
		err->exit_code = EX_CONFIG;
		return false;
	}
	for (char *at = alias; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	return alias[0] ? true : err_exit(err, EX_CONFIG, "no alias before the \":\"");
}

/* Takes one instruction and its continuations; *lines counts them. */
static bool take_instruction(struct span *rest, struct span *out, unsigned *lines)
{
	struct span line;
	const char *begin = rest->at;

	if (!span_cut(rest, '\n', &line))
		return false;
	*lines = 1;
	while (rest->at && (!rest->len || strchr(" \t\r\n", rest->at[0]))) {
		if (!span_cut(rest, '\n', &line))
			break;
		++*lines;
	}
	*out = (struct span){ begin, (size_t)(line.at + line.len - begin) };
	return true;
}

struct target {
	bool (*each)(void *ctx, const char *alias, struct span commands, struct err *err);
	void *ctx;
};

static bool compile_line(struct span line, const struct qualifier *qualifier,
			 const struct target *target, struct err *err)
{
	AUTO_BUF commands = BUF_INIT(COMMANDS_MAX);
	struct compiler compiler = { qualifier, true, &commands };
	size_t colon = find_mark(line, ':');
	char alias[ADDRESS_MAX];

	if (colon == line.len)
		return err_exit(err, EX_CONFIG, "no \":\" behind the alias");
	return read_alias((struct span){ line.at, colon }, alias, err) &&
	       compile_all(&compiler, span_after(line, colon + 1), err) &&
	       target->each(target->ctx, alias, buf_span(&commands), err);
}

bool aliases_text_each(struct span text, const struct qualifier *qualifier,
		       bool (*each)(void *ctx, const char *alias, struct span commands,
				    struct err *err),
		       void *ctx, struct err *err)
{
	const struct target target = { each, ctx };
	struct span line;
	unsigned number = 1, lines;

	for (; take_instruction(&text, &line, &lines); number += lines) {
		if (!span_trim(line).len || line.at[0] == '#')
			continue;
		if (memchr(line.at, '\0', line.len))
			return err_exit(err, EX_CONFIG, "%u: a NUL byte", number);
		if (!compile_line(line, qualifier, &target, err))
			return err_context(err, "%u", number);
	}
	return true;
}

static bool compile_lines(struct compiler *compiler, struct span text, struct err *err)
{
	struct span line;
	unsigned number = 0;

	while (span_cut(&text, '\n', &line)) {
		number++;
		if (!span_trim(line).len || line.at[0] == '#')
			continue;
		if (memchr(line.at, '\0', line.len))
			return err_exit(err, EX_CONFIG, "%u: a NUL byte", number);
		if (!compile_all(compiler, line, err))
			return err_context(err, "%u", number);
	}
	return true;
}

bool aliases_text_list(struct span text, const struct qualifier *qualifier,
		       struct buf *commands, struct err *err)
{
	struct compiler compiler = { qualifier, false, commands };

	return compile_lines(&compiler, text, err);
}

bool aliases_text_forward(struct span text, const struct qualifier *qualifier,
			  struct buf *commands, struct err *err)
{
	struct compiler compiler = { qualifier, true, commands };

	return compile_lines(&compiler, text, err);
}
