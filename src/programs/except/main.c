/* except PROGRAM...: the other way round: refused where PROGRAM says 0, fine where it
 * does not; 111 stays 111. */
#include "deliver/qmail_command.h"

int main(int argc, char **argv)
{
	int exit_code;

	if (argc < 2)
		return qmail_command_misuse("except PROGRAM [ARGUMENT...]");
	exit_code = qmail_command_run(argv + 1);
	if (exit_code == 0)
		return QMAIL_EXIT_NEVER;
	return exit_code == QMAIL_EXIT_LATER ? QMAIL_EXIT_LATER : 0;
}
