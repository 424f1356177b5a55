#include "deliver/qmail_environment.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mail/address.h"
#include "store/mbox.h"

#define VALUE_MAX ((size_t)8192)

static void add(struct environment *out, struct buf *line)
{
	out->items = must_resize(out->items, out->count + 2, sizeof(*out->items));
	out->items[out->count++] = buf_take(line);
	out->items[out->count] = NULL;
}

static char harmless(char c, bool is_first)
{
	if ((unsigned char)c < 32 || c == 127 || (is_first && c == '('))
		return '_';
	return c;
}

/* A value that is longer than any address is cut. */
static void put(struct environment *out, const char *name, struct span value)
{
	AUTO_BUF line = BUF_INIT(VALUE_MAX);
	bool fits = buf_appendf(&line, "%s=", name);

	for (size_t i = 0; fits && i < value.len; i++)
		fits = buf_append_byte(&line, harmless(value.at[i], i == 0));
	add(out, &line);
}

static void put_text(struct environment *out, const char *name, const char *value)
{
	put(out, name, span_of(value));
}

/* HOST2: before the last dot, HOST3 before the last but one, ...; all, where there are
 * not so many. */
static void put_hosts(struct environment *out, const char *host)
{
	static const char *const names[] = { "HOST2", "HOST3", "HOST4" };
	size_t len = strlen(host);

	for (size_t i = 0; i < LENGTH(names); i++) {
		size_t dot = len;

		while (dot > 0 && host[dot - 1] != '.')
			dot--;
		if (dot > 0)
			len = dot - 1;
		put(out, names[i], (struct span){ host, len });
	}
}

/* EXT2: behind the first dash, ...; empty, where there are not so many. */
static void put_exts(struct environment *out, const char *ext)
{
	static const char *const names[] = { "EXT2", "EXT3", "EXT4" };

	for (size_t i = 0; i < LENGTH(names); i++) {
		const char *dash = strchr(ext, '-');

		ext = dash ? dash + 1 : ext + strlen(ext);
		put_text(out, names[i], ext);
	}
}

/* name=begin value end LF, the one line end that is meant. */
static void put_line(struct environment *out, const char *name, const char *begin,
		     struct span value, const char *end)
{
	AUTO_BUF line = BUF_INIT(VALUE_MAX);
	bool fits = buf_appendf(&line, "%s=%s", name, begin);

	for (size_t i = 0; fits && i < value.len; i++)
		fits = buf_append_byte(&line, harmless(value.at[i], false));
	if (!fits || !buf_appendf(&line, "%s\n", end))
		buf_reset(&line);
	if (line.len)
		add(out, &line);
}

static void put_lines(struct environment *out, const struct qmail_context *context,
		      const char *recipient)
{
	AUTO_BUF sender = BUF_INIT(ADDRESS_WIRE_MAX);
	AUTO_BUF from = BUF_INIT(VALUE_MAX);

	put_line(out, "DTLINE", "Delivered-To: ", span_of(recipient), "");
	if (!address_append(&sender, context->sender))
		buf_reset(&sender);
	put_line(out, "RPLINE", "Return-Path: <", buf_span(&sender), ">");
	if (mbox_from_line(&from, context->sender, context->now))
		put_line(out, "UFLINE", "", (struct span){ from.data, from.len - 1 }, "");
}

void qmail_environment(struct environment *out, const struct qmail_context *context)
{
	AUTO_BUF recipient = BUF_INIT((size_t)2 * ADDRESS_MAX);

	*out = (struct environment){ 0 };
	if (!buf_appendf(&recipient, "%s@%s", context->local, context->host))
		buf_reset(&recipient);
	put_text(out, "PATH", context->path);
	put_text(out, "LONTAR_ROOT", context->root);
	put_text(out, "SENDER", context->sender);
	put_text(out, "NEWSENDER", context->new_sender);
	put(out, "RECIPIENT", buf_span(&recipient));
	put_text(out, "USER", context->user);
	put_text(out, "HOME", context->home);
	put_text(out, "HOST", context->host);
	put_text(out, "LOCAL", context->local);
	put_text(out, "EXT", context->ext);
	if (context->rest)
		put_text(out, "DEFAULT", context->rest);
	put_hosts(out, context->host);
	put_exts(out, context->ext);
	put_lines(out, context, recipient.data);
}

void environment_clear(struct environment *environment)
{
	for (size_t i = 0; i < environment->count; i++)
		free(environment->items[i]);
	free(environment->items);
	*environment = (struct environment){ 0 };
}

const char *environment_get(const struct environment *environment, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < environment->count; i++)
		if (strncmp(environment->items[i], name, len) == 0 &&
		    environment->items[i][len] == '=')
			return environment->items[i] + len + 1;
	return NULL;
}
