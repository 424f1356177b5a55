#include "programs/lontar/history.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"

/* TAI64 labels: seconds since 1970 TAI, which began 10 s before UTC's, plus 2^62. */
#define TAI_OFFSET ((UINT64_C(1) << 62) + 10)

static struct {
	int folder_fd;
	int file_fd;
	size_t bytes;
	struct buf stamped;
	bool is_quiet;
} history = { -1, -1, 0, { .data = buf_empty, .max = (size_t)1024 * 1024 }, false };

const char *history_stamp(int64_t wall_us, char text_out[HISTORY_STAMP_MAX])
{
	snprintf(text_out, HISTORY_STAMP_MAX, "@%016" PRIx64 "%08x",
		 TAI_OFFSET + (uint64_t)(wall_us / 1000000),
		 (unsigned)(wall_us % 1000000) * 1000U);
	return text_out;
}

static int open_current(void)
{
	return openat(history.folder_fd, "current",
		      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
}

bool history_open(int root_fd, bool on_stderr, struct err *err)
{
	struct stat info;

	if (!file_make_dir(root_fd, "log", 0755, err))
		return false;
	history.folder_fd = file_open_dir(root_fd, "log", err);
	if (history.folder_fd < 0)
		return false;
	history.file_fd = open_current();
	if (history.file_fd < 0 || fstat(history.file_fd, &info) != 0)
		return err_errno(err, "open log/current");
	history.bytes = (size_t)info.st_size;
	history.is_quiet = !on_stderr;
	return true;
}

void history_close(void)
{
	file_close(&history.file_fd);
	file_close(&history.folder_fd);
	buf_clear(&history.stamped);
}

static bool is_old(const char *name)
{
	return name[0] == '@' && strlen(name) == HISTORY_STAMP_MAX - 1 + 2 &&
	       strcmp(name + HISTORY_STAMP_MAX - 1, ".s") == 0;
}

/* The stamps sort by time. False: there are few enough, or it cannot be removed. */
static bool remove_oldest(void)
{
	int fd = openat(history.folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	char oldest[HISTORY_STAMP_MAX + 3] = "";
	unsigned count = 0;

	if (!folder) {
		file_close(&fd);
		return false;
	}
	for (struct dirent *entry; (entry = readdir(folder));) {
		if (!is_old(entry->d_name))
			continue;
		count++;
		if (!oldest[0] || strcmp(entry->d_name, oldest) < 0)
			snprintf(oldest, sizeof(oldest), "%.*s", (int)sizeof(oldest) - 1,
				 entry->d_name);
	}
	closedir(folder);
	return count >= HISTORY_FILES && unlinkat(history.folder_fd, oldest, 0) == 0;
}

static void rotate(void)
{
	char name[HISTORY_STAMP_MAX + 3], stamp[HISTORY_STAMP_MAX];
	int fresh;

	snprintf(name, sizeof(name), "%s.s", history_stamp(clock_wall_us(), stamp));
	fdatasync(history.file_fd);
	if (renameat(history.folder_fd, "current", history.folder_fd, name) != 0)
		return;
	fresh = open_current();
	if (fresh < 0)
		return; /* what is open goes on growing, and the next turn tries again */
	fchmod(history.file_fd, 0744); /* multilog's mark of a complete one */
	file_close(&history.file_fd);
	history.file_fd = fresh;
	history.bytes = 0;
	while (remove_oldest())
		continue;
}

/* As far as it goes: nothing here can be told to anybody. */
static void write_out(int fd, const char *bytes, size_t len)
{
	struct err ignored;

	if (!file_write(fd, bytes, len, &ignored))
		return;
}

void history_write(const char *lines, size_t len)
{
	struct span rest = { lines, len }, line;
	char stamp[HISTORY_STAMP_MAX];

	if (!history.is_quiet)
		write_out(STDERR_FILENO, lines, len);
	if (history.file_fd < 0)
		return;
	history_stamp(clock_wall_us(), stamp);
	buf_reset(&history.stamped);
	while (span_cut(&rest, '\n', &line) && rest.at)
		if (!buf_appendf(&history.stamped, "%s %.*s\n", stamp, SPAN_ARG(line)))
			break;
	write_out(history.file_fd, history.stamped.data, history.stamped.len);
	history.bytes += history.stamped.len;
	if (history.bytes >= HISTORY_BYTES)
		rotate();
}
