/* Does a link lead to its smarthost? One connection, its greeting, and goodbye: no login
 * and no mail, and TLS only where nothing is said before it. */
#ifndef LONTAR_FLUSH_PROBE_H
#define LONTAR_FLUSH_PROBE_H

/* control/links/LINK says which smarthost. The answer goes to PRIVATE_FD as LINK_DONE;
 * returns the exit code. */
int probe_link(const char *link);

#endif
