#include "programs/lontar-link/look.h"

#include "control/smarthost.h"
#include "store/parked.h"

static bool look_at(void *ctx, const struct parked_name *name)
{
	struct look *look = ctx;

	if ((name->state == PARKED_HELD && !look->held_too) ||
	    (look->limits && !order_fits(name, look->limits)))
		return true;
	look->found = true;
	if (name->not_before < look->due)
		look->due = name->not_before;
	if (name->not_before > look->now && name->not_before < look->later)
		look->later = name->not_before;
	return !look->first_is_enough;
}

void look_through(int root_fd, const char *smarthost, struct look *look)
{
	struct err ignored;
	struct parked *parked = parked_open(root_fd, smarthost, false, &ignored);

	look->due = look->later = INT64_MAX;
	/* What cannot be listed now is no reason to send nothing: what was seen counts.
	 */
	if (parked)
		(void)!parked_each(parked, look_at, look, &ignored);
	parked_close(parked);
}

bool has_mail(int root_fd, const char *smarthost, bool held_too)
{
	struct look look = { .held_too = held_too, .first_is_enough = true };

	if (smarthost_name_is_valid(smarthost))
		look_through(root_fd, smarthost, &look);
	return look.found;
}
