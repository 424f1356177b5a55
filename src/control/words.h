/* Words of one line, blanks between. */
#ifndef CONTROL_WORDS_H
#define CONTROL_WORDS_H

#include <stdbool.h>

#include "base/span.h"

/* Takes the next one off the front of *rest; false at its end. */
static inline bool words_next(struct span *rest, struct span *word_out)
{
	size_t len = 0;

	*rest = span_trim(*rest);
	while (len < rest->len && rest->at[len] != ' ' && rest->at[len] != '\t')
		len++;
	*word_out = (struct span){ rest->at, len };
	*rest = span_after(*rest, len);
	return len != 0;
}

#endif
