#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "control/map.h"
#include "deliver/aliases.h"
#include "deliver/aliases_text.h"

#define SOURCE     "aliases"
#define MAP        "aliases.cdb"
#define SOURCE_MAX ((size_t)64 * 1024 * 1024)

struct making {
	struct map_maker *maker;
	const char *me;
	void *names; /* tsearch's tree of all aliases */
};

static int compare(const void *one, const void *other)
{
	return strcmp(one, other);
}

static bool note(void *ctx, const char *alias, struct span commands, struct err *err)
{
	struct making *making = ctx;
	char *copy = must_copy(alias);
	char **place = tsearch(copy, &making->names, compare);

	(void)commands;
	(void)err;
	if (place && *place != copy)
		free(copy);
	return true;
}

/* owner-LIST, where there is such an alias, is LIST's owner. */
static bool put_owner(const struct making *making, const char *alias, struct err *err)
{
	char owner[ADDRESS_MAX + 8], key[ADDRESS_MAX + 2], whole[2 * ADDRESS_MAX];
	size_t len = strlen(alias);

	snprintf(owner, sizeof(owner), "owner-%s", alias);
	if (!tfind(owner, &making->names, compare))
		return true;
	snprintf(key, sizeof(key), "?%s", alias);
	snprintf(whole, sizeof(whole), "%s%s", owner,
		 alias[len - 1] == '@' ? making->me : "");
	return map_put(making->maker, span_of(key), span_of(whole), err);
}

static bool put(void *ctx, const char *alias, struct span commands, struct err *err)
{
	const struct making *making = ctx;
	char key[ADDRESS_MAX + 2];

	snprintf(key, sizeof(key), ":%s", alias);
	return map_put(making->maker, span_of(key), commands, err) &&
	       put_owner(making, alias, err);
}

static bool compile(struct making *making, struct span text,
		    const struct qualifier *qualifier, struct err *err)
{
	return aliases_text_each(text, qualifier, note, making, err) &&
	       aliases_text_each(text, qualifier, put, making, err);
}

static bool make(int control_fd, const struct settings *settings, struct span text,
		 struct err *err)
{
	const struct qualifier qualifier = { settings->me, settings->defaultdomain,
					     settings->plusdomain };
	struct making making = { .me = settings->me };
	struct err ignored;
	bool fine;

	making.maker = map_make(control_fd, MAP, &(struct map_source){ SOURCE, text },
				NULL, err);
	if (!making.maker)
		return false;
	fine = compile(&making, text, &qualifier, err);
	tdestroy(making.names, free);
	if (!fine)
		err_context(err, "control/" SOURCE);
	return map_finish(making.maker, fine, fine ? err : &ignored) && fine;
}

static bool refuse(void *ctx, const char *alias, struct span commands, struct err *err)
{
	(void)ctx;
	(void)alias;
	(void)commands;
	(void)err;
	return false;
}

/* As `lontar init` writes it, before there are settings. */
static bool is_all_comments(struct span text)
{
	const struct qualifier nobody = { "", "", "" };
	struct err ignored;

	return aliases_text_each(text, &nobody, refuse, NULL, &ignored);
}

bool aliases_rebuild(int control_fd, struct err *err)
{
	AUTO_BUF text = BUF_INIT(SOURCE_MAX);
	struct settings settings = { 0 };
	bool found, done;

	if (!file_read_if_any(control_fd, SOURCE, &text, &found, err))
		return err_context(err, "control");
	if (!found)
		return true;
	if (!is_all_comments(buf_span(&text)) &&
	    !settings_load(control_fd, &settings, err))
		return false;
	done = make(control_fd, &settings, buf_span(&text), err);
	settings_clear(&settings);
	return done;
}

bool aliases_are_stale(int control_fd)
{
	return map_is_stale(control_fd, SOURCE, MAP);
}
