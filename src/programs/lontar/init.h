/* What `lontar init` was asked for, and the writing of it. */
#ifndef PROGRAMS_LONTAR_INIT_H
#define PROGRAMS_LONTAR_INIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct init_user {
	char *name;
	char *password; /* NULL: not yet known */
};

struct init_smarthost {
	char *name;
	char *host;
	uint16_t port; /* 0: none given */
};

struct init_hostname; /* init_hostname.h */

struct init {
	const char *me;
	const struct init_hostname *hostname; /* NULL: --me says it all */
	struct init_user *users;
	size_t user_count;
	struct init_smarthost *smarthosts;
	size_t smarthost_count;
	int root_fd;
	int control_fd;
};

/* Makes the root at that path and writes it: all that `lontar init` does once it knows
 * what was asked for. root_fd and control_fd are then open; init_close closes them.
 * ERR_EXISTS: there is a gateway already. */
bool init_root(struct init *init, const char *root, struct err *err) MUST_USE;
void init_close(struct init *init);

/* Writes all settings, maps, accounts and the certificate into the folders that are
 * there. control/me comes last and durably, after everything else is on the disk. */
bool init_write(const struct init *init, struct err *err) MUST_USE;

#endif
