#include "link/peer_memory.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "link/note_file.h"

#define FOLDER   "spool/state/peers"
#define PATH_LEN 400

static const struct note_key keys[] = {
	NOTE_KEY(peer_memory, no_chunking_until, NOTE_TIME),
	NOTE_KEY(peer_memory, no_pipelining_until, NOTE_TIME),
	NOTE_KEY(peer_memory, pipelining_worked, NOTE_FLAG),
	NOTE_KEY(peer_memory, chunking_worked, NOTE_FLAG),
	NOTE_KEY(peer_memory, mechanism, NOTE_TEXT),
	NOTE_KEY(peer_memory, login_worked, NOTE_TIME),
	NOTE_KEY(peer_memory, per_connection, NOTE_NUMBER),
	NOTE_KEY(peer_memory, recipients, NOTE_NUMBER),
	NOTE_KEY(peer_memory, tls, NOTE_NUMBER),
	NOTE_KEY(peer_memory, rate_since, NOTE_TIME),
	NOTE_KEY(peer_memory, rate_count, NOTE_NUMBER),
};

/* A host comes from the DNS: one that would be no file name here is not remembered. */
static bool path_of(const char *smarthost, const char *host, char path_out[PATH_LEN])
{
	int len = snprintf(path_out, PATH_LEN, FOLDER "/%s%s%s", smarthost,
			   host ? "@" : "", host ? host : "");

	return len > 0 && len < PATH_LEN && (!host || !strchr(host, '/'));
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
