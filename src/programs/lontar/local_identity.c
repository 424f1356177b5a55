#include "programs/lontar/local_identity.h"

#include <string.h>
#include <unistd.h>

#include "control/accounts.h"
#include "deliver/local_user.h"

static const char system_prefix[] = "system:";

bool local_order_is_valid(const char *order)
{
	if (strncmp(order, "account:", 8) != 0 && strcmp(order, "alias:alias") != 0 &&
	    strncmp(order, system_prefix, strlen(system_prefix)) != 0)
		return false;
	for (; *order; order++)
		if ((unsigned char)*order <= ' ' || *order == '/' || *order == 127)
			return false;
	return true;
}

bool mailbox_order_is_system(const char *order)
{
	return strncmp(order, system_prefix, strlen(system_prefix)) == 0;
}

bool mailbox_order_is_valid(const char *order)
{
	return account_name_is_valid(
		mailbox_order_is_system(order) ? order + strlen(system_prefix) : order);
}

static bool system_identity(int control_fd, const char *local,
			    struct identity *identity_out, struct err *err)
{
	struct local_search search = { .root_fd = -1, .control_fd = control_fd };
	struct local_user user;

	if (!local_system_find(&search, local, &user, err))
		return false;
	if (geteuid() != 0 && user.uid != geteuid())
		return err_temporary(err, "4.3.5",
				     "the gateway was not started by root and cannot "
				     "deliver to user %s",
				     user.name);
	*identity_out = (struct identity){ .is_other = geteuid() == 0,
					   .uid = user.uid,
					   .gid = user.gid,
					   .groups = { user.gid },
					   .group_count = 1 };
	return true;
}

bool local_identity(int control_fd, const char *order, struct identity *identity_out,
		    struct err *err)
{
	if (strncmp(order, system_prefix, strlen(system_prefix)) == 0)
		return system_identity(control_fd, order + strlen(system_prefix),
				       identity_out, err);
	if (strncmp(order, "account:", 8) == 0) {
		/* It becomes the mail tree's owner itself, and leaves behind who runs the
		 * programs as somebody else. */
		identity_root(identity_out);
		return true;
	}
	if (!identity_find("alias", NULL, identity_out))
		identity_find("nobody", NULL, identity_out);
	return true;
}
