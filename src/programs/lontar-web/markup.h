/* HTML, put together so that nothing in it can be taken for markup. */
#ifndef LONTAR_WEB_MARKUP_H
#define LONTAR_WEB_MARKUP_H

#include "base/attr.h"
#include "base/buf.h"

void markup_begin(struct buf *body, const char *title);
void markup_end(struct buf *body);
/* Knows %s only, and escapes what it brings. What finds no room is left out. */
void markup(struct buf *body, const char *fmt, ...) PRINTF(2, 3);

#endif
