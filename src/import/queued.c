#include "import/queued.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

static char *copy_of(struct span text)
{
	char *copy = must_alloc(text.len + 1);

	memcpy(copy, text.at, text.len);
	return copy;
}

void queued_sender(struct queued *queued, struct span sender)
{
	if (!queued->sender)
		queued->sender = copy_of(sender);
}

void queued_recipient(struct queued *queued, struct span recipient)
{
	settings_list_add(&queued->recipients, recipient, 0);
}

void queued_clear(struct queued *queued)
{
	free(queued->sender);
	settings_list_clear(&queued->recipients);
	*queued = (struct queued){ .sender = NULL };
}

int queued_file(struct err *err)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);

	if (fd < 0)
		fd = memfd_create("message", MFD_CLOEXEC);
	if (fd < 0)
		err_errno(err, "make a file for a message");
	return fd;
}
