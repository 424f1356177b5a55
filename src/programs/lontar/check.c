/* lontar check: every setting, path, permission and map, and what is stopped. */
#include "programs/lontar/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "programs/lontar/command.h"

static const char usage[] =
	"usage: lontar check\n"
	"Looks at every setting, path, permission and map, and at what is stopped or held,\n"
	"and prints a line for each fault, with its mend. Exits 0 where there is none, else\n"
	"78; a line that begins with \"warning:\" is no fault.\n";

/* One line, whatever was in a file's name or line. */
static void print_line(const char *text)
{
	for (; *text; text++)
		putchar((unsigned char)*text < ' ' || *text == 127 ? '?' : *text);
	putchar('\n');
}

void check_fault(struct check *check, const char *fmt, ...)
{
	char text[2000];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	print_line(text);
	check->faults++;
}

void check_fault_err(struct check *check, const struct err *err)
{
	check_fault(check, "%s", err->text);
}

void check_warning(const struct check *check, const char *fmt, ...)
{
	char text[2000] = "warning: ";
	size_t used = strlen(text);
	va_list args;

	(void)check;
	va_start(args, fmt);
	vsnprintf(text + used, sizeof(text) - used, fmt, args);
	va_end(args);
	print_line(text);
}

bool command_check(struct command_context *context, struct err *err)
{
	struct check check = { .root_fd = context->root_fd,
			       .control_fd = context->control_fd };

	if (!args_parse(&context->args, NULL, usage, err) ||
	    !args_count(&context->args, 0, 0, usage, err))
		return false;
	check_folders(&check);
	check_settings(&check);
	check_listen(&check);
	check_tls(&check);
	check_maps(&check);
	check_aliases(&check);
	check_services(&check);
	check_stops(&check);
	check_files(&check);
	settings_clear(&check.settings);
	return check.faults ? err_exit(err, EX_CONFIG, "%s", "") : true;
}
