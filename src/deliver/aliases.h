/*
 * control/aliases: /etc/aliases with fastforward's grammar (deliver/aliases_text.h),
 * compiled by `lontar rebuild` and `newaliases` to aliases.cdb in fastforward's own
 * format: either program reads what the other made. For "user@host" the search goes
 * user@host, @host, user@.
 *
 * An :include: file is read when mail comes: FILE.bin, as newinclude makes it, unless
 * FILE itself was changed later or there is none. It must be readable for everyone.
 */
#ifndef DELIVER_ALIASES_H
#define DELIVER_ALIASES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/settings.h"
#include "mail/address.h"

#define ALIASES_MEMBERS_MAX 100000

enum aliases_found {
	ALIASES_FOUND,
	ALIASES_NONE,
	ALIASES_FAILED, /* err: temporary */
};

struct aliases_members {         /* valid when zeroed */
	char alias[ADDRESS_MAX]; /* that matched: "user@", "user@host", "@host" */
	char owner[ADDRESS_MAX]; /* owner-LIST, whom bounces go to; "": as it was sent */
	char **addresses;        /* each once */
	size_t count;
	char **programs; /* commands for sh; each once */
	size_t program_count;
};

/* Who gets mail for address (user@host). Aliases that lead to other aliases, by their
 * exact address, and lists within lists are followed, each once, so that circles vanish;
 * one that has an owner of its own is a member, for its own bounces. No map is no alias.
 * Clear with aliases_clear in any case. */
enum aliases_found aliases_find(int control_fd, const struct settings *settings,
				const char *address, struct aliases_members *members_out,
				struct err *err) MUST_USE;
void aliases_clear(struct aliases_members *members);

/* Compiles the map; a missing source is fine. An err (EX_CONFIG) names file and line, and
 * the old map stays. */
bool aliases_rebuild(int control_fd, struct err *err) MUST_USE;
bool aliases_are_stale(int control_fd);

#endif
