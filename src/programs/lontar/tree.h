/*
 * The folders of a root: which there are, who owns them and who may enter. Made by
 * `lontar init`, looked at by `lontar check`.
 */
#ifndef PROGRAMS_LONTAR_TREE_H
#define PROGRAMS_LONTAR_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

/* Accounts of the operating system that services run as (docs/design.md). */
#define ROLE_MAIL "lontar"
#define ROLE_OUT  "lontarout"

struct tree_folder {
	const char *path; /* below the root */
	mode_t mode;
	const char *owner; /* NULL: who makes it */
	const char *group;
};

/* The i-th folder, parents first; NULL past the last. */
const struct tree_folder *tree_folder(size_t i);

/* Makes what is missing of them all, not synced. Owners are set when root does it and
 * the role's account exists. */
bool tree_make(int root_fd, struct err *err) MUST_USE;
/* One of them, in a root that was made before there was need of it. */
bool tree_make_folder(int root_fd, const char *path, struct err *err) MUST_USE;

/* The same for one user's Maildir. */
bool tree_make_mailbox(int root_fd, const char *user, struct err *err) MUST_USE;

/* path and the folders above it, like mkdir -p. */
bool tree_make_path(const char *path, struct err *err) MUST_USE;

#endif
