#include "transfer/link_path.h"

void link_path_choose(const struct link_path_wish *wish, struct link_path *path_out,
		      struct link_choice *choice_out)
{
	*path_out = (struct link_path){ .bind_to = "" };
	*choice_out = (struct link_choice){ .up = false };
	(void)link_choose(wish->root_fd, wish->control_fd, wish->use, wish->name,
			  wish->now, choice_out);
	if (!choice_out->up)
		return;
	path_out->link = choice_out->link;
	if (!link_bind_to(wish->control_fd, &path_out->link, wish->host,
			  path_out->bind_to))
		path_out->bind_to[0] = '\0';
}
