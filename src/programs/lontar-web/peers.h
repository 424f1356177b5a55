/* lontar-auth and lontar-link: what they are asked for a request, by its tag. If one is
 * lost, the program ends and the master starts it anew. */
#ifndef LONTAR_WEB_PEERS_H
#define LONTAR_WEB_PEERS_H

#include "programs/lontar-web/web.h"

/* Before the sandbox. */
bool peers_connect(struct web *web, struct err *err) MUST_USE;
void peers_close(struct web *web);

void peers_hello(struct web *web, uint32_t tag, const char *ip);
void peers_login(struct web *web, uint32_t tag, const char *user, const char *password);
void peers_bye(struct web *web, uint32_t tag);
/* What waits, and the user's large messages: the answer comes with a descriptor. */
void peers_status(struct web *web, uint32_t tag, const char *user);
void peers_ask(struct web *web, uint32_t tag, const char *user, const char *id,
	       const char *token);

#endif
