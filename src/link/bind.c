#include "link/bind.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "control/linkfile.h"

#define INTERFACE_MAX sizeof(((struct link_note *)0)->interface)

static bool is_this_machine(const char *host)
{
	return strcasecmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
	       strcmp(host, "::1") == 0;
}

/* What the hook did not say, the file may. */
static void interface_of(int control_fd, const struct link_note *link,
			 char out[INTERFACE_MAX])
{
	struct linkfile file;
	struct err ignored;

	snprintf(out, INTERFACE_MAX, "%s", link->interface);
	if (out[0] || !linkfile_load(control_fd, link->name, &file, NULL, &ignored))
		return;
	if (file.interface)
		snprintf(out, INTERFACE_MAX, "%s", file.interface);
	linkfile_clear(&file);
}

const char *link_bind_to(int control_fd, const struct link_note *link, const char *host,
			 char out[LINK_BIND_MAX])
{
	char interface[INTERFACE_MAX];

	if (!link->up || is_this_machine(host))
		return NULL;
	interface_of(control_fd, link, interface);
	if (!interface[0] || !if_nametoindex(interface))
		return NULL;
	snprintf(out, LINK_BIND_MAX, "if!%s", interface);
	return out;
}
