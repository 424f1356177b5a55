/* lontar stats: qmailanalog's questions answered from a mail log. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"
#include "control/root.h"
#include "programs/lontar/command.h"
#include "report/stats.h"

#define PIECE_BYTES ((size_t)256 * 1024)
#define LINE_MAX    ((size_t)64 * 1024) /* longer ones are taken in pieces */
#define TOP         20

static const char usage[] =
	"usage: lontar stats [--json] [--table NAME] [--top N] [FILE...]\n"
	"What the log says of the mail: how much, from and to whom, how long it took, what\n"
	"failed and why. Without a FILE: the gateway's own log. A FILE may be a folder that\n"
	"multilog keeps, or - for stdin; lines may be stamped by multilog, splogger, syslog\n"
	"or journald. Name older files first.\n"
	"  --table NAME  one table: overall, ddist, failures, deferrals, successes,\n"
	"                senders, recipients, rhosts, rxdelay or suids\n"
	"  --top N       at most N rows a table (default: 20, with --json all; 0: all)\n";

/* The tables do not want NULs in their names. */
static void take_line(struct stats *stats, char *line, size_t len)
{
	for (char *at = line; (at = memchr(at, '\0', len - (size_t)(at - line)));)
		*at = '?';
	if (len && line[len - 1] == '\r')
		len--;
	stats_line(stats, (struct span){ line, len });
}

/* Takes the whole lines; what is left of the last one stays. */
static void take_lines(struct stats *stats, struct buf *text)
{
	size_t begin = 0;
	const char *end;

	while ((end = memchr(text->data + begin, '\n', text->len - begin))) {
		size_t len = (size_t)(end - text->data) - begin;

		take_line(stats, text->data + begin, len);
		begin += len + 1;
	}
	if (!begin && text->len > LINE_MAX) {
		take_line(stats, text->data, text->len);
		begin = text->len;
	}
	buf_consume(text, begin);
}

static bool read_open(struct stats *stats, int fd, const char *name, struct err *err)
{
	AUTO_BUF text = BUF_INIT(PIECE_BYTES + LINE_MAX + 1);

	for (;;) {
		char *room = buf_reserve(&text, PIECE_BYTES);
		ssize_t got = room ? read(fd, room, PIECE_BYTES) : -1;

		if (got < 0)
			return err_errno(err, "read %s", name);
		if (got == 0)
			break;
		buf_wrote(&text, (size_t)got);
		take_lines(stats, &text);
	}
	if (text.len)
		take_line(stats, text.data, text.len);
	return true;
}

static bool read_file(struct stats *stats, int at, const char *name, struct err *err)
{
	AUTO_FD fd = openat(at, name, O_RDONLY | O_CLOEXEC);
	bool is_missing = fd < 0 && errno == ENOENT;

	if (fd >= 0)
		return read_open(stats, fd, name, err);
	err_errno(err, "open %s", name);
	if (is_missing)
		err->exit_code = EX_NOINPUT;
	return false;
}

/* multilog's finished files; .u are those that an outage cut. */
static int is_finished(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] == '@' && len > 2 && entry->d_name[len - 2] == '.' &&
	       strchr("su", entry->d_name[len - 1]);
}

static int by_name(const struct dirent **one, const struct dirent **other)
{
	return strcmp((*one)->d_name, (*other)->d_name);
}

/* Their stamps sort by time; a file may be rotated away while we look. */
static bool read_folder(struct stats *stats, int folder_fd, const char *name,
			struct err *err)
{
	struct dirent **entries = NULL;
	int count = scandirat(folder_fd, ".", &entries, is_finished, by_name);
	bool fine = count >= 0 ? true : err_errno(err, "list %s", name);

	for (int i = 0; i < count; i++) {
		if (fine && !read_file(stats, folder_fd, entries[i]->d_name, err))
			fine = err->exit_code == EX_NOINPUT;
		free(entries[i]);
	}
	free(entries);
	return fine && (read_file(stats, folder_fd, "current", err) ||
			err->exit_code == EX_NOINPUT);
}

static bool read_named(struct stats *stats, const char *name, struct err *err)
{
	struct stat st;
	AUTO_FD folder = -1;

	if (strcmp(name, "-") == 0)
		return read_open(stats, STDIN_FILENO, "stdin", err);
	if (stat(name, &st) != 0 || !S_ISDIR(st.st_mode))
		return read_file(stats, AT_FDCWD, name, err);
	folder = file_open_dir(AT_FDCWD, name, err);
	return folder >= 0 && read_folder(stats, folder, name, err);
}

static bool read_own(struct stats *stats, const char *root, struct err *err)
{
	AUTO_FD root_fd = root_open(root, err);
	AUTO_FD folder = -1;

	if (root_fd < 0)
		return false;
	folder = file_open_dir(root_fd, "log", err);
	return folder >= 0 && read_folder(stats, folder, "log", err);
}

static bool read_all(struct stats *stats, const struct command_context *context,
		     struct err *err)
{
	const struct args *args = &context->args;

	if (args->argc == 1)
		return read_own(stats, context->root, err);
	for (int i = 1; i < args->argc; i++)
		if (!read_named(stats, args->argv[i], err))
			return false;
	return true;
}

bool command_stats(struct command_context *context, struct err *err)
{
	const char *table = NULL, *top_text = NULL;
	bool json = false, fine;
	const struct args_option options[] = { { .name = "json", .flag_out = &json },
					       { .name = "table", .value_out = &table },
					       { .name = "top", .value_out = &top_text },
					       { .name = NULL } };
	struct stats stats;
	uint64_t top;

	if (!args_parse(&context->args, options, usage, err))
		return false;
	top = json ? 0 : TOP;
	if (top_text && !number_parse(span_of(top_text), UINT32_MAX, &top))
		return err_exit(err, EX_USAGE, "--top %s: not a number", top_text);
	if (json && table)
		return err_exit(err, EX_USAGE,
				"--json has every table: leave --table out");
	stats_init(&stats, clock_wall_s());
	fine = read_all(&stats, context, err);
	stats_end(&stats);
	if (fine && json)
		fine = stats_print_json(&stats, top, stdout, err);
	else if (fine && !stats_print(&stats, table, top, stdout))
		fine = err_exit(err, EX_USAGE, "no table %s: there are %s", table,
				stats_tables());
	stats_clear(&stats);
	return fine;
}
