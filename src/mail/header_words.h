/* A header field's words as people read them: unfolded, encoded words decoded (RFC 2047),
 * cleaned so that they stay one line of letters. */
#ifndef MAIL_HEADER_WORDS_H
#define MAIL_HEADER_WORDS_H

#include <stddef.h>

#include "base/span.h"

#define HEADER_WORDS_MAX 300

/* As many words of the first field of that name as there is room for; "" if there is no
 * such field. header: the message's first bytes. */
void header_words(struct span header, const char *name, char *out, size_t room);

#endif
