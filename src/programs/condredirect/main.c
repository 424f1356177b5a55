/* condredirect ADDRESS PROGRAM...: where PROGRAM says 0, the message goes to ADDRESS and
 * nowhere else; where it says 111, it is tried again; else nothing happens. */
#include "deliver/qmail_command.h"

int main(int argc, char **argv)
{
	struct err err = { 0 };
	int exit_code;

	if (argc < 3)
		return qmail_command_misuse("condredirect ADDRESS PROGRAM [ARGUMENT...]");
	exit_code = qmail_command_run(argv + 2);
	if (exit_code != 0)
		return exit_code == QMAIL_EXIT_LATER ? QMAIL_EXIT_LATER : 0;
	if (qmail_command_forward("SENDER", argv + 1, 1, &err))
		return QMAIL_EXIT_STOP;
	return qmail_command_fail("condredirect", &err);
}
