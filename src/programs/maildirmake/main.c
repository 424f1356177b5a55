/* maildirmake FOLDER: a new Maildir. */
#include <fcntl.h>
#include <sys/stat.h>

#include "deliver/qmail_command.h"
#include "store/user_maildir.h"

int main(int argc, char **argv)
{
	struct err err = { 0 };

	if (argc != 2)
		return qmail_command_misuse("maildirmake FOLDER");
	umask(077);
	if (user_maildir_make(AT_FDCWD, argv[1], false, &err))
		return 0;
	err.kind = ERR_TEMPORARY;
	return qmail_command_fail("maildirmake", &err);
}
