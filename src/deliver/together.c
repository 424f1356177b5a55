#include "deliver/together.h"

#include <string.h>

bool together_add(struct together *together, bool fine, const struct err *err)
{
	if (fine) {
		together->fine++;
		return true;
	}
	if (!together->refused++)
		together->why = *err;
	together->has_ended =
		strcmp(err->status, "5.4.6") == 0 || strcmp(err->status, "5.1.6") == 0;
	if (together->has_ended)
		together->why = *err;
	return !together->has_ended;
}

bool together_end(const struct together *together, struct destinations *out,
		  bool *apart_out, struct err *err)
{
	*apart_out = together->refused && together->fine && !together->has_ended;
	if (!together->refused)
		return true;
	out->count = together->before;
	if (*apart_out)
		return true;
	*err = together->why;
	return false;
}
