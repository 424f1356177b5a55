/* The answers. All are made from what lontar-link wrote: {"status": as `lontar status
 * --json`, "large": [...]} (report/page.h). */
#ifndef LONTAR_WEB_PAGE_H
#define LONTAR_WEB_PAGE_H

#include "programs/lontar-web/request.h"

/* One line for a person, on a page of its own. */
struct MHD_Response *page_words(const char *text);
/* To the status page, by the browser itself. */
struct MHD_Response *page_go_back(void);
/* fd: what lontar-link gave, the caller's. Never NULL: what cannot be read says so. */
struct MHD_Response *page_of(enum request_page page, const char *user, int fd);

#endif
