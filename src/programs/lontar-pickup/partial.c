#include "programs/lontar-pickup/partial.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"
#include "control/routes.h"
#include "net/digest.h"

#define FOLDER     "spool/pickup"
#define LINE_BYTES 63 /* three numbers of 20 digits, two blanks, a line end */
#define SYNC_BYTES ((uint64_t)256 * 1024)
/* Of a message: its part, itself while it is read, itself delivered; and one for others.
 * Less where its part is there already. */
#define ROOM_TIMES 4
#define ROOM_LEFT  2

struct part {
	char key[DIGEST_TEXT_MAX];
	uint64_t octets;
	uint64_t total;
	uint64_t bytes;
};

struct partials {
	int root_fd;
	char prefix[SMARTHOST_NAME_MAX + 16];
	struct part *parts;
	size_t count;
	int fd; /* of the one at work; -1: none, or nothing is kept of it */
	struct part now;
	uint64_t synced;
};

static const char *path_of(const struct partials *partials, const char *key,
			   char path_out[256])
{
	snprintf(path_out, 256, FOLDER "/%s%s", partials->prefix, key);
	return path_out;
}

static bool read_line(int fd, struct part *part)
{
	char line[LINE_BYTES];
	struct span rest = { line, sizeof(line) - 1 }, word;
	uint64_t *const numbers[] = { &part->octets, &part->total, &part->bytes };

	if (pread(fd, line, sizeof(line), 0) != sizeof(line) ||
	    line[sizeof(line) - 1] != '\n')
		return false;
	for (size_t i = 0; i < LENGTH(numbers); i++)
		if (!span_cut(&rest, ' ', &word) ||
		    !number_parse(word, INT64_MAX, numbers[i]))
			return false;
	return true;
}

static bool write_line(int fd, const struct part *part)
{
	char line[LINE_BYTES + 1];

	snprintf(line, sizeof(line), "%020" PRIu64 " %020" PRIu64 " %020" PRIu64 "\n",
		 part->octets, part->total, part->bytes);
	return pwrite(fd, line, LINE_BYTES, 0) == LINE_BYTES;
}

/* What the line says must be there. */
static bool is_sound(int fd, struct part *part)
{
	struct stat st;

	return fd >= 0 && read_line(fd, part) && fstat(fd, &st) == 0 &&
	       S_ISREG(st.st_mode) && part->bytes && part->bytes <= part->total &&
	       (uint64_t)st.st_size >= part->bytes + LINE_BYTES;
}

static void find_one(struct partials *partials, const char *key)
{
	struct part part = { 0 };
	char path[256];
	AUTO_FD fd = -1;

	if (strlen(key) != DIGEST_TEXT_MAX - 1 ||
	    strspn(key, "0123456789abcdef") != strlen(key))
		return;
	path_of(partials, key, path);
	fd = openat(partials->root_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (!is_sound(fd, &part)) {
		(void)unlinkat(partials->root_fd, path, 0);
		return;
	}
	snprintf(part.key, sizeof(part.key), "%s", key);
	partials->parts = must_resize(partials->parts, partials->count + 1, sizeof(part));
	partials->parts[partials->count++] = part;
}

struct partials *partials_open(int root_fd, const char *name)
{
	struct partials *partials = must_alloc(sizeof(*partials));
	int fd = openat(root_fd, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	size_t len;

	*partials = (struct partials){ .root_fd = root_fd, .fd = -1 };
	snprintf(partials->prefix, sizeof(partials->prefix), "_part.%s.", name);
	len = strlen(partials->prefix);
	if (!dir) {
		file_close(&fd);
		return partials;
	}
	while ((entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, partials->prefix, len) == 0)
			find_one(partials, entry->d_name + len);
	closedir(dir);
	return partials;
}

static struct part *find(const struct partials *partials, const char *key)
{
	for (size_t i = 0; i < partials->count; i++)
		if (strcmp(partials->parts[i].key, key) == 0)
			return &partials->parts[i];
	return NULL;
}

void partials_drop(struct partials *partials, const char *key)
{
	struct part *part = find(partials, key);
	char path[256];

	if (!part)
		return;
	(void)unlinkat(partials->root_fd, path_of(partials, key, path), 0);
	*part = partials->parts[--partials->count];
}

/* What was not synced before is, and only then does the line say so. */
static bool make_durable(struct partials *partials)
{
	if (fdatasync(partials->fd) != 0 || !write_line(partials->fd, &partials->now))
		return false;
	partials->synced = partials->now.bytes;
	return true;
}

void partials_end(struct partials *partials)
{
	char path[256];

	if (partials->fd >= 0)
		(void)unlinkat(partials->root_fd,
			       path_of(partials, partials->now.key, path), 0);
	file_close(&partials->fd);
}

static void put_away(struct partials *partials)
{
	if (partials->fd < 0)
		return;
	if (partials->now.bytes && make_durable(partials) && fdatasync(partials->fd) == 0)
		file_close(&partials->fd);
	else
		partials_end(partials);
}

void partials_close(struct partials *partials)
{
	put_away(partials);
	free(partials->parts);
	free(partials);
}

size_t partials_count(const struct partials *partials)
{
	return partials->count;
}

const char *partials_key(const struct partials *partials, size_t i)
{
	return partials->parts[i].key;
}

uint64_t partials_bytes(const struct partials *partials, const char *key, uint64_t octets)
{
	const struct part *part = find(partials, key);

	return part && part->octets == octets ? part->bytes : 0;
}

static bool has_room(int fd, uint64_t total, unsigned times)
{
	struct statvfs fs;

	return fstatvfs(fd, &fs) == 0 &&
	       (uint64_t)fs.f_bavail * fs.f_frsize / times > total;
}

void partials_begin(struct partials *partials, const char *key, uint64_t octets,
		    uint64_t total)
{
	char path[256];

	partials_end(partials);
	partials_drop(partials, key);
	if (total < PARTIAL_MIN_BYTES)
		return;
	partials->now = (struct part){ .octets = octets, .total = total };
	snprintf(partials->now.key, sizeof(partials->now.key), "%s", key);
	partials->synced = 0;
	partials->fd = openat(partials->root_fd, path_of(partials, key, path),
			      O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0660);
	if (partials->fd < 0)
		return;
	/* Past the umask: alone it is another user's, of the same group. */
	(void)!fchmod(partials->fd, 0660);
	if (!has_room(partials->fd, total, ROOM_TIMES) ||
	    !write_line(partials->fd, &partials->now))
		partials_end(partials);
}

bool partials_resume(struct partials *partials, const char *key, uint64_t total)
{
	const struct part *part = find(partials, key);
	char path[256];

	partials_end(partials);
	if (!part)
		return false;
	partials->now = *part;
	partials->synced = part->bytes;
	partials->fd = openat(partials->root_fd, path_of(partials, key, path),
			      O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (partials->fd >= 0 && part->total == total &&
	    has_room(partials->fd, total, ROOM_LEFT) &&
	    ftruncate(partials->fd, (off_t)(part->bytes + LINE_BYTES)) == 0)
		return true;
	partials_end(partials);
	partials_drop(partials, key);
	return false;
}

struct span partials_read(const struct partials *partials, uint64_t at, size_t len,
			  char piece[PARTIAL_PIECE_MAX])
{
	ssize_t got;

	if (len > PARTIAL_PIECE_MAX)
		len = PARTIAL_PIECE_MAX;
	got = partials->fd < 0
		      ? 0
		      : pread(partials->fd, piece, len, (off_t)(at + LINE_BYTES));
	return (struct span){ piece, got > 0 ? (size_t)got : 0 };
}

void partials_add(struct partials *partials, struct span wire)
{
	off_t at = (off_t)(partials->now.bytes + LINE_BYTES);

	if (partials->fd < 0)
		return;
	if (pwrite(partials->fd, wire.at, wire.len, at) != (ssize_t)wire.len) {
		partials_end(partials);
		return;
	}
	partials->now.bytes += wire.len;
	if (partials->now.bytes - partials->synced >= SYNC_BYTES &&
	    !make_durable(partials))
		partials_end(partials);
}
