#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/buf.h"

#define HELD_MAX ((size_t)256 * 1024)

static struct {
	const char *program;
	enum log_level level;
	bool holding;
	struct buf held;
	void (*sink)(const char *bytes, size_t len);
} state = {
	.program = "lontar",
	.level = LOG_LEVEL_INFO,
	.held = { .data = buf_empty, .max = HELD_MAX },
};

static const char *const level_names[] = { "error: ", "warning: ", "", "debug: " };

/* inetd gives the client's connection as stderr: nothing of ours belongs there. */
static bool stderr_is_the_client(void)
{
	struct stat in, err;

	return fstat(STDIN_FILENO, &in) == 0 && fstat(STDERR_FILENO, &err) == 0 &&
	       S_ISSOCK(err.st_mode) && in.st_dev == err.st_dev &&
	       in.st_ino == err.st_ino;
}

static void to_syslog(const char *bytes, size_t len)
{
	struct span rest = { bytes, len }, text;

	while (span_cut(&rest, '\n', &text))
		if (text.len)
			syslog(LOG_INFO, "%.*s", SPAN_ARG(text));
}

void log_open(const char *program)
{
	state.program = program;
	/* One that was executed by descriptor would be called by its number. */
	prctl(PR_SET_NAME, program);
	state.level = getenv("LONTAR_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
	if (stderr_is_the_client()) {
		openlog(program, LOG_PID | LOG_NDELAY, LOG_MAIL);
		state.sink = to_syslog;
	}
}

/* A log that cannot be written must not stop the mail. */
static void write_out(const char *bytes, size_t len)
{
	ssize_t ignored;

	if (state.sink) {
		state.sink(bytes, len);
		return;
	}
	ignored = write(STDERR_FILENO, bytes, len);
	(void)ignored;
}

void log_divert(void (*sink)(const char *bytes, size_t len))
{
	state.sink = sink;
}

void log_release(void)
{
	state.holding = false;
	if (state.held.len)
		write_out(state.held.data, state.held.len);
	buf_reset(&state.held);
}

void log_hold(void)
{
	state.holding = true;
}

static void line(enum log_level level, const char *fmt, va_list args) PRINTF(2, 0);

static void line(enum log_level level, const char *fmt, va_list args)
{
	char text[LOG_LINE_MAX + 2];
	int used = 0, wrote;

	if (level > state.level)
		return;
	if (level != LOG_LEVEL_INFO)
		used = snprintf(text, LOG_LINE_MAX, "%s: %s", state.program,
				level_names[level]);
	wrote = vsnprintf(text + used, LOG_LINE_MAX - (size_t)used, fmt, args);
	used += wrote < 0 ? 0 : wrote;
	if (used > LOG_LINE_MAX - 1)
		used = LOG_LINE_MAX - 1;
	for (int i = 0; i < used; i++)
		if ((unsigned char)text[i] < ' ' || (unsigned char)text[i] > '~')
			text[i] = '?';
	text[used++] = '\n';
	if (!state.holding) {
		write_out(text, (size_t)used);
	} else if (!buf_append(&state.held, text, (size_t)used)) {
		log_release();
		write_out(text, (size_t)used);
		log_hold();
	}
}

#define LINE_AT(level)                      \
	do {                                \
		va_list args;               \
		va_start(args, fmt);        \
		line((level), (fmt), args); \
		va_end(args);               \
	} while (0)

void log_error(const char *fmt, ...)
{
	LINE_AT(LOG_LEVEL_ERROR);
}

void log_warning(const char *fmt, ...)
{
	LINE_AT(LOG_LEVEL_WARNING);
}

void log_info(const char *fmt, ...)
{
	LINE_AT(LOG_LEVEL_INFO);
}

void log_debug(const char *fmt, ...)
{
	LINE_AT(LOG_LEVEL_DEBUG);
}

void log_failure(const struct err *err)
{
	if (err->kind == ERR_PERMANENT)
		log_error("%s", err->text);
	else
		log_warning("%s", err->text);
}

const char *log_token(const char *text, char *token_out, unsigned room)
{
	unsigned i = 0;

	for (; text[i] && i + 1 < room; i++) {
		unsigned char c = (unsigned char)text[i];

		token_out[i] = (char)(c == '\n'                       ? '/'
				      : c < 33 || c > 126 || c == '%' ? '_'
								      : c);
	}
	token_out[i] = '\0';
	return token_out;
}
