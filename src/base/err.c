#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool fill(struct err *err, enum err_kind kind, const char *status, const char *fmt,
		 va_list args) PRINTF(4, 0);

static bool fill(struct err *err, enum err_kind kind, const char *status, const char *fmt,
		 va_list args)
{
	err->kind = kind;
	err->exit_code = 0;
	snprintf(err->status, sizeof(err->status), "%s", status);
	vsnprintf(err->text, sizeof(err->text), fmt, args);
	return false;
}

bool err_temporary(struct err *err, const char *status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fill(err, ERR_TEMPORARY, status, fmt, args);
	va_end(args);
	return false;
}

bool err_permanent(struct err *err, const char *status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fill(err, ERR_PERMANENT, status, fmt, args);
	va_end(args);
	return false;
}

/* The one table from errno to a verdict. Not listed: temporary, 4.3.0. */
static const struct {
	int number;
	int exit_code;
	const char *status;
} verdicts[] = {
	{ ENOSPC, 0, "4.3.1" },          { EDQUOT, 0, "4.2.2" },
	{ EFBIG, 0, "4.3.1" },           { EROFS, 0, "4.3.1" },
	{ ENOENT, EX_NOINPUT, "4.3.0" }, { EACCES, EX_NOPERM, "4.3.0" },
	{ EPERM, EX_NOPERM, "4.3.0" },   { ETIMEDOUT, 0, "4.4.1" },
	{ ECONNREFUSED, 0, "4.4.1" },    { EHOSTUNREACH, 0, "4.4.1" },
	{ ENETUNREACH, 0, "4.4.1" },     { ECONNRESET, 0, "4.4.2" },
	{ EPIPE, 0, "4.4.2" },
};

bool err_errno(struct err *err, const char *fmt, ...)
{
	int number = errno;
	size_t used;
	va_list args;

	va_start(args, fmt);
	fill(err, ERR_TEMPORARY, "4.3.0", fmt, args);
	va_end(args);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(number));
	for (size_t i = 0; i < LENGTH(verdicts); i++) {
		if (verdicts[i].number != number)
			continue;
		snprintf(err->status, sizeof(err->status), "%s", verdicts[i].status);
		err->exit_code = verdicts[i].exit_code;
	}
	errno = number;
	return false;
}

bool err_exit(struct err *err, int exit_code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fill(err, ERR_PERMANENT, "", fmt, args);
	va_end(args);
	err->exit_code = exit_code;
	return false;
}

bool err_context(struct err *err, const char *fmt, ...)
{
	char inner[sizeof(err->text)];
	size_t used;
	va_list args;

	memcpy(inner, err->text, sizeof(inner));
	va_start(args, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s", inner);
	return false;
}

int err_exit_code(const struct err *err)
{
	if (err->kind == ERR_NONE)
		return EX_OK;
	if (err->exit_code)
		return err->exit_code;
	return err->kind == ERR_TEMPORARY ? EX_TEMPFAIL : EX_UNAVAILABLE;
}
