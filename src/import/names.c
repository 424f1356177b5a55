#include "import/names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"

bool names_in(int folder_fd, const char *what, struct settings_list *names_out,
	      struct err *err)
{
	int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	*names_out = (struct settings_list){ 0 };
	if (!dir) {
		err_errno(err, "read %s", what);
		file_close(&fd);
		return false;
	}
	while (errno = 0, (entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			settings_list_add(names_out, span_of(entry->d_name), 0);
	if (errno) {
		err_errno(err, "read %s", what);
		closedir(dir);
		settings_list_clear(names_out);
		return false;
	}
	closedir(dir);
	settings_list_sort(names_out);
	return true;
}
