#include "deliver/aliases.h"

#include <ctype.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "control/map.h"
#include "deliver/aliases_text.h"

#define SOURCE    "aliases"
#define MAP       "aliases.cdb"
#define VALUE_MAX ((size_t)64 * 1024 * 1024)
#define BIN       ".bin"
#define DEPTH_MAX 50 /* aliases and lists within each other */

/* One search: a command that was met is not obeyed again. */
struct search {
	int control_fd;
	struct qualifier qualifier;
	struct aliases_members *members;
	void *met; /* tsearch's tree of commands */
	unsigned depth;
	struct err *err;
};

static int compare(const void *one, const void *other)
{
	return strcmp(one, other);
}

/* True once for each text; the tree keeps a copy. */
static bool is_new(void **tree, const char *text)
{
	char *copy = must_copy(text);
	char **place = tsearch(copy, tree, compare);
	bool fresh = !place || *place == copy;

	if (!fresh)
		free(copy);
	return fresh;
}

static void lower(char *text)
{
	for (; *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

static struct qualifier qualifier_of(const struct settings *settings)
{
	return (struct qualifier){ settings->me, settings->defaultdomain,
				   settings->plusdomain };
}

static enum map_found look_up(const struct search *search, char kind, const char *alias,
			      struct buf *value)
{
	char key[ADDRESS_MAX + 2];
	enum map_found found;
	struct err *err = search->err;

	snprintf(key, sizeof(key), "%c%s", kind, alias);
	found = map_get(search->control_fd, MAP, span_of(key), value, err);
	/* Nobody wrote one. */
	if (found == MAP_FAILED && err->exit_code == EX_NOINPUT) {
		*err = (struct err){ 0 };
		return MAP_MISSING;
	}
	return found;
}

static bool add(char ***list, size_t *count, const char *text, struct err *err)
{
	if (*count >= ALIASES_MEMBERS_MAX)
		return err_temporary(err, "4.3.5", "more than %d members",
				     ALIASES_MEMBERS_MAX);
	/* Room is always a power of two, so it need not be stored. */
	if ((*count & (*count - 1)) == 0)
		*list = must_resize(*list, *count ? *count * 2 : 1, sizeof(char *));
	(*list)[(*count)++] = must_copy(text);
	return true;
}

static bool obey_all(struct search *search, struct span commands);

/* Another alias is followed, by its exact address; one with an owner gets its own mail.
 */
static bool obey_address(struct search *search, const char *address)
{
	struct aliases_members *members = search->members;
	AUTO_BUF commands = BUF_INIT(VALUE_MAX);
	AUTO_BUF owner = BUF_INIT(ADDRESS_MAX);
	char alias[ADDRESS_MAX];

	snprintf(alias, sizeof(alias), "%s", address);
	lower(alias);
	switch (look_up(search, ':', alias, &commands)) {
	case MAP_FAILED:
		return false;
	case MAP_MISSING:
		return add(&members->addresses, &members->count, address, search->err);
	case MAP_FOUND:
		break;
	}
	switch (look_up(search, '?', alias, &owner)) {
	case MAP_FAILED:
		return false;
	case MAP_FOUND:
		return add(&members->addresses, &members->count, address, search->err);
	case MAP_MISSING:
		break;
	}
	return obey_all(search, buf_span(&commands));
}

static bool read_list(const struct search *search, const char *path, bool compiled,
		      struct buf *commands)
{
	AUTO_BUF text = BUF_INIT(VALUE_MAX);

	if (!file_read(AT_FDCWD, path, compiled ? commands : &text, search->err))
		return false;
	return compiled ||
	       aliases_text_list(buf_span(&text), &search->qualifier, commands,
				 search->err) ||
	       err_context(search->err, "%s", path);
}

static bool is_for_everyone(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_mode & S_IROTH;
}

/* name: with or without ".bin", whoever compiled it. */
static bool obey_list(struct search *search, const char *name)
{
	AUTO_BUF commands = BUF_INIT(VALUE_MAX);
	AUTO_BUF path = BUF_INIT(4096);
	size_t len = strlen(name);
	struct stat text, bin;
	bool has_text, has_bin, done;

	if (len > strlen(BIN) && strcmp(name + len - strlen(BIN), BIN) == 0)
		len -= strlen(BIN);
	if (!buf_appendf(&path, "%.*s" BIN, (int)len, name))
		return err_temporary(search->err, "4.3.5", "a list's name is too long");
	has_bin = stat(path.data, &bin) == 0 && is_for_everyone(&bin);
	buf_cut(&path, len);
	has_text = stat(path.data, &text) == 0 && is_for_everyone(&text);
	if (!has_bin && !has_text)
		return err_temporary(search->err, "4.3.5",
				     "list %s: missing, or not readable for everyone",
				     path.data);
	done = !has_bin || (has_text && text.st_mtime > bin.st_mtime)
		       ? read_list(search, path.data, false, &commands)
		       : buf_append_text(&path, BIN) &&
				 read_list(search, path.data, true, &commands);
	return done && obey_all(search, buf_span(&commands));
}

static bool obey(struct search *search, const char *command)
{
	struct aliases_members *members = search->members;

	if (!is_new(&search->met, command))
		return true;
	switch (command[0]) {
	case '&':
		return obey_address(search, command + 1);
	case '.':
	case '/':
		return obey_list(search, command);
	case '|':
	case '!':
		return add(&members->programs, &members->program_count, command,
			   search->err);
	default:
		return err_temporary(search->err, "4.3.5",
				     "control/" MAP
				     " has unknown instructions; make it with "
				     "`lontar rebuild`");
	}
}

/* Commands with a NUL behind each. */
static bool obey_all(struct search *search, struct span commands)
{
	struct span command;
	bool done = true;

	if (search->depth >= DEPTH_MAX)
		return err_temporary(search->err, "4.3.5",
				     "aliases lead to each other more than %d deep",
				     DEPTH_MAX);
	search->depth++;
	while (done && span_cut(&commands, '\0', &command) && commands.at)
		done = obey(search, command.at);
	search->depth--;
	return done;
}

/* user@host, @host, user@. */
static enum map_found find_alias(const struct search *search, const char *address,
				 struct buf *commands)
{
	char *alias = search->members->alias;
	char whole[ADDRESS_MAX];
	const char *at;
	enum map_found found;

	snprintf(whole, sizeof(whole), "%s", address);
	lower(whole);
	at = strrchr(whole, '@');
	snprintf(alias, ADDRESS_MAX, "%s", whole);
	found = look_up(search, ':', alias, commands);
	if (found != MAP_MISSING || !at)
		return found;
	snprintf(alias, ADDRESS_MAX, "%s", at);
	found = look_up(search, ':', alias, commands);
	if (found != MAP_MISSING)
		return found;
	snprintf(alias, ADDRESS_MAX, "%.*s@", (int)(at - whole), whole);
	return look_up(search, ':', alias, commands);
}

static bool find_owner(const struct search *search)
{
	AUTO_BUF owner = BUF_INIT(ADDRESS_MAX - 1);

	if (look_up(search, '?', search->members->alias, &owner) == MAP_FAILED)
		return false;
	snprintf(search->members->owner, ADDRESS_MAX, "%s", owner.data);
	return true;
}

enum aliases_found aliases_find(int control_fd, const struct settings *settings,
				const char *address, struct aliases_members *members_out,
				struct err *err)
{
	AUTO_BUF commands = BUF_INIT(VALUE_MAX);
	struct search search = { .control_fd = control_fd,
				 .qualifier = qualifier_of(settings),
				 .members = members_out,
				 .err = err };
	bool done = false;

	*members_out = (struct aliases_members){ 0 };
	*err = (struct err){ 0 };
	switch (find_alias(&search, address, &commands)) {
	case MAP_MISSING:
		return ALIASES_NONE;
	case MAP_FOUND:
		done = find_owner(&search) && obey_all(&search, buf_span(&commands));
		break;
	case MAP_FAILED:
		break;
	}
	tdestroy(search.met, free);
	if (done)
		return ALIASES_FOUND;
	/* Whatever is wrong with a file of ours is no reason to refuse mail. */
	err->kind = ERR_TEMPORARY;
	snprintf(err->status, sizeof(err->status), "4.3.5");
	err_context(err, "control/" SOURCE);
	return ALIASES_FAILED;
}

static void clear_list(char **list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(list[i]);
	free(list);
}

void aliases_clear(struct aliases_members *members)
{
	clear_list(members->addresses, members->count);
	clear_list(members->programs, members->program_count);
	*members = (struct aliases_members){ 0 };
}
