/*
 * What root's rights are used for: to bind, to become another user and to signal him.
 * Whoever is started has none of them.
 */
#ifndef PROGRAMS_LONTAR_PRIVILEGE_H
#define PROGRAMS_LONTAR_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

#define IDENTITY_GROUPS_MAX 16

struct identity {
	bool is_other;   /* a user to become; else whoever the master is */
	bool may_become; /* stays root, with no right but to become another user */
	bool may_gain;   /* has no right, but what set-id programs that he starts gain
			    (pppd)   is theirs */
	uid_t uid;
	gid_t gid;
	gid_t groups[IDENTITY_GROUPS_MAX];
	int group_count;
};

/* Root as he is, who may only become another user, and signal him. */
void identity_root(struct identity *identity_out);

/* The user's ids, if we are root and there is such a user, with the group of another one
 * (may be NULL); false: there is none, or we are not root, and *identity_out has the
 * caller's own. */
bool identity_find(const char *user, const char *shares_with,
		   struct identity *identity_out);

/* Gives up what root has beyond the above; what is shared with those whom we start is
 * reached as a member of their groups. What a set-id program might gain is left for those
 * who may start one; all others give it up in privilege_become. Not root: does nothing.
 */
bool privilege_drop(const struct identity *started, size_t count,
		    struct err *err) MUST_USE;

/* In the child, before exec: becomes him, with no capability left and none to come, but
 * for one that may become others. */
bool privilege_become(const struct identity *identity, struct err *err) MUST_USE;

#endif
