/* forward ADDRESS...: the message of a .qmail line goes to these, from NEWSENDER. */
#include "deliver/qmail_command.h"

int main(int argc, char **argv)
{
	struct err err = { 0 };

	if (argc < 2)
		return qmail_command_misuse("forward ADDRESS...");
	if (qmail_command_forward("NEWSENDER", argv + 1, (size_t)argc - 1, &err))
		return 0;
	return qmail_command_fail("forward", &err);
}
