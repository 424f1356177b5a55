#include "link/peer_memory.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "link/note_file.h"

#define FOLDER   "spool/state/peers"
#define PATH_LEN (sizeof(FOLDER) + NAME_MAX - 20) /* a new file's name is longer */

static const struct note_key keys[] = {
	NOTE_KEY(peer_memory, no_chunking_until, NOTE_TIME),
	NOTE_KEY(peer_memory, no_pipelining_until, NOTE_TIME),
	NOTE_KEY(peer_memory, pipelining_worked, NOTE_FLAG),
	NOTE_KEY(peer_memory, chunking_worked, NOTE_FLAG),
	NOTE_KEY(peer_memory, mechanism, NOTE_TEXT),
	NOTE_KEY(peer_memory, login_worked, NOTE_TIME),
	NOTE_KEY(peer_memory, per_connection, NOTE_NUMBER),
	NOTE_KEY(peer_memory, recipients, NOTE_NUMBER),
	NOTE_KEY(peer_memory, limits_until, NOTE_TIME),
	NOTE_KEY(peer_memory, tls, NOTE_NUMBER),
	NOTE_KEY(peer_memory, rate_since, NOTE_TIME),
	NOTE_KEY(peer_memory, rate_count, NOTE_NUMBER),
};

/* A host comes from the DNS: one that would be no file name here is not remembered. */
static bool path_of(const char *smarthost, const char *host, char path_out[PATH_LEN])
{
	int len = snprintf(path_out, PATH_LEN, FOLDER "/%s%s%s", smarthost,
			   host ? "@" : "", host ? host : "");

	return len > 0 && (size_t)len < PATH_LEN && (!host || !strchr(host, '/'));
}

void peer_memory_read(int root_fd, const char *smarthost, const char *host,
		      struct peer_memory *memory_out)
{
	char path[PATH_LEN];

	*memory_out = (struct peer_memory){ 0 };
	if (path_of(smarthost, host, path))
		note_read(root_fd, path, keys, LENGTH(keys), memory_out);
}

bool peer_memory_write(int root_fd, const char *smarthost, const char *host,
		       const struct peer_memory *memory, struct err *err)
{
	char path[PATH_LEN];

	if (!path_of(smarthost, host, path))
		return true;
	return file_make_dir(root_fd, FOLDER, 0755, err) &&
	       note_write(root_fd, path, keys, LENGTH(keys), memory, err);
}

/* Each use writes the file anew. */
static bool is_old(int folder_fd, const char *name, int64_t now)
{
	struct stat st;

	return fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       now - st.st_mtime >= PEER_MEMORY_S;
}

void peer_memory_forget_old(int root_fd, const char *smarthost, int64_t now)
{
	size_t len = strlen(smarthost);
	struct dirent *entry;
	struct err ignored;
	int fd = file_open_dir(root_fd, FOLDER, &ignored);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);

	if (!folder) {
		file_close(&fd);
		return;
	}
	while ((entry = readdir(folder)))
		if (strncmp(entry->d_name, smarthost, len) == 0 &&
		    entry->d_name[len] == '@' && is_old(fd, entry->d_name, now))
			(void)unlinkat(fd, entry->d_name, 0);
	closedir(folder);
}
