#include "programs/lontar/privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/capability.h>
#include <unistd.h>

/* SETPCAP only takes further rights away: from the children. */
static const cap_value_t kept[] = { CAP_NET_BIND_SERVICE, CAP_SETUID, CAP_SETGID,
				    CAP_KILL, CAP_SETPCAP };

/* What a checkpassword program does. */
static const cap_value_t to_become[] = { CAP_SETUID, CAP_SETGID, CAP_KILL };

void identity_root(struct identity *identity_out)
{
	*identity_out = (struct identity){ .may_become = true,
					   .uid = geteuid(),
					   .gid = getegid() };
}

bool identity_find(const char *user, const char *shares_with,
		   struct identity *identity_out)
{
	const struct passwd *entry = geteuid() == 0 ? getpwnam(user) : NULL;
	int count = IDENTITY_GROUPS_MAX - 1;

	*identity_out = (struct identity){ .uid = geteuid(), .gid = getegid() };
	if (!entry)
		return false;
	identity_out->is_other = true;
	identity_out->uid = entry->pw_uid;
	identity_out->gid = entry->pw_gid;
	if (getgrouplist(user, entry->pw_gid, identity_out->groups, &count) < 0)
		count = IDENTITY_GROUPS_MAX - 1;
	entry = shares_with ? getpwnam(shares_with) : NULL;
	if (entry)
		identity_out->groups[count++] = entry->pw_gid;
	identity_out->group_count = count;
	return true;
}

static bool is_in(const cap_value_t *set, size_t count, cap_value_t capability)
{
	for (size_t i = 0; i < count; i++)
		if (set[i] == capability)
			return true;
	return false;
}

/* What exec of a root process would hand back; a container may not let us. */
static void drop_bounding(const cap_value_t *but, size_t count)
{
	for (cap_value_t i = 0; i < cap_max_bits(); i++)
		if (!is_in(but, count, i) && cap_get_bound(i) > 0)
			(void)cap_drop_bound(i);
}

/* Of the set, only what we have: a container's root may have less. */
static bool keep(const cap_value_t *set, size_t count, struct err *err)
{
	cap_t now = cap_get_proc(), wanted = cap_init();
	bool done = now && wanted;

	for (size_t i = 0; done && i < count; i++) {
		cap_flag_value_t has = CAP_CLEAR;

		if (cap_get_flag(now, set[i], CAP_PERMITTED, &has) != 0 || !has)
			continue;
		done = cap_set_flag(wanted, CAP_PERMITTED, 1, &set[i], CAP_SET) == 0 &&
		       cap_set_flag(wanted, CAP_EFFECTIVE, 1, &set[i], CAP_SET) == 0;
	}
	done = done && cap_set_proc(wanted) == 0;
	if (!done)
		err_errno(err, "give up capabilities");
	cap_free(now);
	cap_free(wanted);
	return done;
}

static bool join_groups(const struct identity *started, size_t count, struct err *err)
{
	gid_t groups[IDENTITY_GROUPS_MAX];
	size_t used = 0;

	for (size_t i = 0; i < count && used < IDENTITY_GROUPS_MAX; i++)
		if (started[i].is_other)
			groups[used++] = started[i].gid;
	if (!used || setgroups(used, groups) == 0)
		return true;
	return err_errno(err, "join the groups of the services");
}

bool privilege_drop(const struct identity *started, size_t count, struct err *err)
{
	if (geteuid() != 0)
		return true;
	if (!join_groups(started, count, err))
		return false;
	return keep(kept, LENGTH(kept), err);
}

bool privilege_become(const struct identity *identity, struct err *err)
{
	if (geteuid() != 0)
		return true;
	if (identity->may_become) {
		drop_bounding(to_become, LENGTH(to_become));
		if (setgroups(0, NULL) != 0)
			return err_errno(err, "leave the groups of the services");
		return keep(to_become, LENGTH(to_become), err);
	}
	if (!identity->may_gain)
		drop_bounding(NULL, 0);
	if (identity->is_other &&
	    (setgroups((size_t)identity->group_count, identity->groups) != 0 ||
	     setresgid(identity->gid, identity->gid, identity->gid) != 0 ||
	     setresuid(identity->uid, identity->uid, identity->uid) != 0))
		return err_errno(err, "become user %ld", (long)identity->uid);
	return keep(NULL, 0, err);
}
