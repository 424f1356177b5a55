/* bouncesaying ERROR [PROGRAM...]: the message is refused with ERROR, where PROGRAM says
 * 0 or there is none; where it says 111, it is tried again; else nothing happens. */
#include <stdio.h>

#include "deliver/qmail_command.h"

int main(int argc, char **argv)
{
	int exit_code = 0;

	if (argc < 2)
		return qmail_command_misuse("bouncesaying ERROR [PROGRAM [ARGUMENT...]]");
	if (argc > 2)
		exit_code = qmail_command_run(argv + 2);
	if (exit_code != 0)
		return exit_code == QMAIL_EXIT_LATER ? QMAIL_EXIT_LATER : 0;
	printf("%s\n", argv[1]);
	return QMAIL_EXIT_NEVER;
}
