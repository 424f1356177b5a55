#include "control/rewrites.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "control/lines.h"
#include "control/routes.h"
#include "control/smarthost.h"

#define SOURCE_MAX   ((size_t)16 * 1024 * 1024)
#define COMPILED_MAX (4 * SOURCE_MAX)

/* One line, in parts. */
struct rewrite {
	char smarthost[SMARTHOST_NAME_MAX]; /* "": all */
	char office[ADDRESS_MAX];           /* or "@domain" */
	char provider[ADDRESS_MAX];
	bool has_star;
};

struct compiling {
	struct buf leaving;
	struct buf coming;
	struct buf patterns;
};

static bool refuse(struct err *err, unsigned number, const char *why)
{
	return err_exit(err, EX_CONFIG, "control/rewrites:%u: %s", number, why);
}

/* Nothing in an address here, quoted or not, that parts columns or begins a comment. */
static bool take_whole(struct span text, char address_out[ADDRESS_MAX])
{
	struct err ignored;

	return address_take_path(&text, address_out, &ignored) && !text.len &&
	       address_domain(address_out)[0] && address_is_valid(address_out) &&
	       !strpbrk(address_out, ":/# \t");
}

static bool take_office(struct span text, char office_out[ADDRESS_MAX])
{
	if (!text.len || text.at[0] != '@')
		return take_whole(text, office_out) && !strchr(office_out, '*');
	if (text.len >= ADDRESS_MAX || !address_domain_is_valid(span_after(text, 1)))
		return false;
	snprintf(office_out, ADDRESS_MAX, "%.*s", SPAN_ARG(text));
	return true;
}

static const char *take_line(struct span line, struct rewrite *rewrite)
{
	struct span first, second, third;

	*rewrite = (struct rewrite){ .has_star = false };
	if (!span_cut(&line, ':', &first) || !span_cut(&line, ':', &second))
		return "write office address:provider's address";
	if (span_cut(&line, ':', &third)) {
		first = span_trim(first);
		if (first.len >= SMARTHOST_NAME_MAX)
			return "the smarthost's name is too long";
		memcpy(rewrite->smarthost, first.at, first.len);
		if (!smarthost_name_is_valid(rewrite->smarthost))
			return "before the first of two \":\" stands a smarthost's name";
		first = second;
		second = third;
	}
	if (line.at)
		return "there are more than two \":\"";
	if (!take_office(span_trim(first), rewrite->office))
		return "the first address is none; write user@domain or @domain";
	if (!take_whole(span_trim(second), rewrite->provider))
		return "the second address is none; write user@domain";
	rewrite->has_star = strchr(rewrite->provider, '*') != NULL;
	if (strchr(address_domain(rewrite->provider), '*') ||
	    (rewrite->has_star && strchr(strchr(rewrite->provider, '*') + 1, '*')))
		return "write one \"*\", in front of the \"@\"";
	if (rewrite->has_star && rewrite->office[0] != '@')
		return "\"*\" stands for what is in front of the \"@\" of any address of "
		       "a domain; write @domain on the left";
	return NULL;
}

static bool put(struct compiling *compiling, const struct rewrite *rewrite)
{
	if (!buf_appendf(&compiling->leaving, "%s/%s:%s\n", rewrite->smarthost,
			 rewrite->office, rewrite->provider))
		return false;
	if (rewrite->has_star)
		return buf_appendf(&compiling->patterns, "%s:%s\n", rewrite->provider,
				   rewrite->office);
	return rewrite->office[0] == '@' ||
	       buf_appendf(&compiling->coming, "%s:%s\n", rewrite->provider,
			   rewrite->office);
}

static bool compile(struct span text, struct compiling *compiling, struct err *err)
{
	struct rewrite rewrite;
	unsigned number = 0;
	struct span line;
	const char *wrong;

	while (lines_next(&text, &line, &number)) {
		wrong = take_line(line, &rewrite);
		if (wrong)
			return refuse(err, number, wrong);
		if (!put(compiling, &rewrite))
			return refuse(err, number, "the file is too large");
	}
	return true;
}

static bool index_all(const struct compiling *compiling, struct rewrites *rewrites,
		      struct err *err)
{
	static const char name[] = "rewrites";

	return settings_list_parse(&rewrites->leaving, name,
				   buf_span(&compiling->leaving), err) &&
	       settings_list_parse(&rewrites->coming, name, buf_span(&compiling->coming),
				   err) &&
	       settings_list_parse(&rewrites->patterns, name,
				   buf_span(&compiling->patterns), err);
}

bool rewrites_parse(struct span text, struct rewrites *rewrites_out, struct err *err)
{
	struct compiling compiling = { BUF_INIT(COMPILED_MAX), BUF_INIT(COMPILED_MAX),
				       BUF_INIT(COMPILED_MAX) };
	bool done;

	*rewrites_out = (struct rewrites){ .leaving.keyed = true,
					   .coming.keyed = true,
					   .patterns.keyed = true };
	done = compile(text, &compiling, err) && index_all(&compiling, rewrites_out, err);
	buf_clear(&compiling.leaving);
	buf_clear(&compiling.coming);
	buf_clear(&compiling.patterns);
	if (!done)
		rewrites_clear(rewrites_out);
	return done;
}

bool rewrites_load(int control_fd, struct rewrites *rewrites_out, struct err *err)
{
	AUTO_BUF text = BUF_INIT(SOURCE_MAX);
	bool found;

	*rewrites_out = (struct rewrites){ .leaving.keyed = true };
	if (!file_read_if_any(control_fd, "rewrites", &text, &found, err))
		return err_context(err, "control");
	return !found || rewrites_parse(buf_span(&text), rewrites_out, err);
}

void rewrites_clear(struct rewrites *rewrites)
{
	settings_list_clear(&rewrites->leaving);
	settings_list_clear(&rewrites->coming);
	settings_list_clear(&rewrites->patterns);
	*rewrites = (struct rewrites){ .leaving.keyed = false };
}

bool rewrites_are_empty(const struct rewrites *rewrites)
{
	return !rewrites->leaving.count;
}

/* What stands behind the key's ":"; NULL: no such line. */
static const char *find(const struct settings_list *list, struct span key)
{
	const char *line = list->count ? settings_list_find(list, key) : NULL;

	return line ? strchr(line, ':') + 1 : NULL;
}

static const char *find_leaving(const struct rewrites *rewrites, const char *smarthost,
				const char *address)
{
	char key[SMARTHOST_NAME_MAX + ADDRESS_MAX];
	int len = snprintf(key, sizeof(key), "%s/%s", smarthost, address);

	return find(&rewrites->leaving, (struct span){ key, (size_t)len });
}

/* `text` with `local` instead of its "*", if any, and `tail` behind it. */
static bool fill(const char *text, struct span local, const char *tail,
		 char address_out[ADDRESS_MAX])
{
	size_t before = strcspn(text, "*");
	const char *after = text[before] ? text + before + 1 : "";
	int len = snprintf(address_out, ADDRESS_MAX, "%.*s%.*s%s%s", (int)before, text,
			   text[before] ? (int)local.len : 0, local.at, after, tail);

	return len > 0 && len < ADDRESS_MAX && address_is_valid(address_out);
}

bool rewrites_leaving(const struct rewrites *rewrites, const char *smarthost,
		      const char *address, char address_out[ADDRESS_MAX])
{
	const char *domain = address_domain(address), *found;
	const char *const names[] = { smarthost, "" };

	if (!domain[0] || !rewrites->leaving.count)
		return false;
	for (size_t i = 0; i < LENGTH(names); i++) {
		found = find_leaving(rewrites, names[i], address);
		if (!found)
			found = find_leaving(rewrites, names[i], domain - 1);
		if (found)
			return fill(found, address_local(address), "", address_out);
	}
	return false;
}

/* The local part that was put for the "*"; false: the pattern did not make this. */
static bool match(const char *pattern, const char *address, struct span *local_out)
{
	size_t before = strcspn(pattern, "*");
	size_t after = strcspn(pattern + before + 1, ":");
	size_t len = strlen(address);

	if (len <= before + after || strncasecmp(pattern, address, before) != 0 ||
	    strncasecmp(pattern + before + 1, address + len - after, after) != 0)
		return false;
	*local_out = (struct span){ address + before, len - before - after };
	return true;
}

bool rewrites_coming(const struct rewrites *rewrites, const char *address,
		     char address_out[ADDRESS_MAX])
{
	const char *found = find(&rewrites->coming, span_of(address));
	struct span local;

	if (found)
		return fill(found, span_of(""), "", address_out);
	for (size_t i = rewrites->patterns.count; i-- > 0;) {
		const char *line = rewrites->patterns.lines[i];

		if (match(line, address, &local))
			return fill("*", local, strchr(line, ':') + 1, address_out);
	}
	return false;
}

void rewrites_each_smarthost(const struct rewrites *rewrites,
			     void (*each)(void *ctx, const char *smarthost), void *ctx)
{
	char name[SMARTHOST_NAME_MAX];

	for (size_t i = 0; i < rewrites->leaving.count; i++) {
		const char *line = rewrites->leaving.lines[i];
		size_t len = strcspn(line, "/");

		if (!len)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)len, line);
		each(ctx, name);
	}
}
