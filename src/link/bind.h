/* The network interface that traffic of a link is bound to, so that it does not go out
 * over another one that costs more. */
#ifndef LINK_BIND_H
#define LINK_BIND_H

#include "link/notes.h"

#define LINK_BIND_MAX 40

/* What CURLOPT_INTERFACE takes (net/dial.h), or NULL: the link is not known or not up,
 * names no interface that is here (its hook's word, else control/links), or the host is
 * this machine itself (a tunnel's end). Any user may bind so (Linux 5.7). */
const char *link_bind_to(int control_fd, const struct link_note *link, const char *host,
			 char out[LINK_BIND_MAX]);

#endif
