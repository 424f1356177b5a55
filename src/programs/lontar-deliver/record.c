#include "programs/lontar-deliver/record.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"

/* Nothing that could make us wait, and nothing that is there is overwritten. */
static bool is_appended_to(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	return flags >= 0 && (flags & O_APPEND) && (flags & O_ACCMODE) != O_RDONLY &&
	       fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

bool record_take(struct record *record, int *fd, struct span line)
{
	if (record->fd >= 0 || *fd < 0 || line.len > sizeof(record->line) ||
	    !is_appended_to(*fd))
		return false;
	memcpy(record->line, line.at, line.len);
	record->len = line.len;
	record->fd = *fd;
	*fd = -1;
	return true;
}

void record_write(struct record *record)
{
	struct err err;

	if (record->fd >= 0 && !file_write(record->fd, record->line, record->len, &err)) {
		err_context(&err, "a pickup's record");
		log_failure(&err);
	}
	record_drop(record);
}

void record_drop(struct record *record)
{
	file_close(&record->fd);
}
