#include "mail/header_words.h"

#include <stdio.h>

#include "base/buf.h"
#include "mail/encoded_word.h"
#include "mail/header.h"
#include "mail/quoted.h"

#define TEXT_MAX ((size_t)8192)

void header_words(struct span header, const char *name, char *out, size_t room)
{
	AUTO_BUF value = BUF_INIT(TEXT_MAX);
	AUTO_BUF letters = BUF_INIT(TEXT_MAX);
	AUTO_BUF words = BUF_INIT(TEXT_MAX);
	struct header_field field;

	out[0] = '\0';
	if (header_find(header, name, &field) && header_unfold(field.value, &value) &&
	    encoded_words_decode(buf_span(&value), &letters) &&
	    quoted_words(&words, buf_span(&letters), room - sizeof("..."), true))
		snprintf(out, room, "%s", words.data);
}
