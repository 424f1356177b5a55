/*
 * Files by descriptor and name below an open folder (openat), and the durable ways to
 * make one appear. After a failed sync nothing is tried again on the same file: the
 * kernel may have dropped the pages and marked them clean (ATC'20, "Can Applications
 * Recover from fsync Failures?").
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

/* A descriptor that closes itself at the end of its scope: AUTO_FD fd = -1; */
#define AUTO_FD AUTO(file_close) int
void file_close(int *fd);

/* A folder, O_DIRECTORY | O_CLOEXEC; at may be AT_FDCWD. -1 and err. */
int file_open_dir(int at, const char *name, struct err *err) MUST_USE;

/* All of a file into buf (appended), refusing more than the buf's ceiling. A missing file
 * is a failure with exit code EX_NOINPUT; see file_read_if_any. */
bool file_read(int at, const char *name, struct buf *buf, struct err *err) MUST_USE;
/* As file_read; a missing file is no failure: *found_out says. */
bool file_read_if_any(int at, const char *name, struct buf *buf, bool *found_out,
		      struct err *err) MUST_USE;

/* All bytes, through EINTR and short writes. */
bool file_write(int fd, const void *bytes, size_t len, struct err *err) MUST_USE;

/* Copies `bytes` bytes from from_fd at offset to the end of to_fd. */
bool file_copy(int from_fd, off_t offset, uint64_t bytes, int to_fd,
	       struct err *err) MUST_USE;

/* fdatasync; fsync for a folder. `what` names it in the err. */
bool file_sync(int fd, const char *what, struct err *err) MUST_USE;
bool file_sync_dir(int fd, const char *what, struct err *err) MUST_USE;

/* Replaces or creates `name` with these bytes, durably: written beside, synced, renamed
 * over, folder synced. A reader sees the old file or the new one. */
bool file_replace(int at, const char *name, const void *bytes, size_t len, mode_t mode,
		  struct err *err) MUST_USE;

/* mkdir and sync of its parent; an existing folder is fine. */
bool file_make_dir(int at, const char *name, mode_t mode, struct err *err) MUST_USE;

/* Two descriptors joined; SOCK_SEQPACKET, close-on-exec. */
bool file_socketpair(int pair_out[2], struct err *err) MUST_USE;

#endif
