#include "deliver/received.h"

#include <ctype.h>
#include <string.h>

#include "base/clock.h"

#define WORD_MAX 255

/* Bytes that mean nothing in a header's syntax, or "?" in their place. */
static bool append_word(struct buf *out, struct span word)
{
	static const char safe[] = "-._:[]+=@";

	if (word.len > WORD_MAX)
		word.len = WORD_MAX;
	if (!word.len)
		return buf_append_text(out, "unknown");
	for (size_t i = 0; i < word.len; i++) {
		unsigned char c = (unsigned char)word.at[i];

		if (!buf_append_byte(out, isalnum(c) || (c && strchr(safe, c)) ? (char)c
									       : '?'))
			return false;
	}
	return true;
}

/* An address literal says which family it is of (RFC 5321 4.1.3). */
static bool append_client(struct buf *out, const struct received *received)
{
	struct span ip = received->remote_ip;
	bool is_v6 = ip.len && memchr(ip.at, ':', ip.len);

	return buf_append_text(out, "Received: from ") &&
	       append_word(out, received->helo) &&
	       buf_append_text(out, is_v6 ? " ([IPv6:" : " ([") &&
	       append_word(out, received->remote_ip) && buf_append_text(out, "]) by ") &&
	       buf_append_text(out, received->me) && buf_append_text(out, " with ") &&
	       append_word(out, received->protocol) && buf_append_text(out, " id ") &&
	       append_word(out, received->session) && buf_append_text(out, ";\n\t");
}

static bool append_local(struct buf *out, const struct received *received)
{
	if (!buf_append_text(out, "Received: by ") || !buf_append_text(out, received->me))
		return false;
	if (received->login.len &&
	    (!buf_append_text(out, " (user ") || !append_word(out, received->login) ||
	     !buf_append_text(out, ")")))
		return false;
	return buf_append_text(out, " id ") && append_word(out, received->session) &&
	       buf_append_text(out, "; ");
}

bool received_append(struct buf *out, const struct received *received)
{
	char date[CLOCK_TEXT_MAX];

	return (received->protocol.len ? append_client(out, received)
				       : append_local(out, received)) &&
	       buf_append_text(out, clock_format_rfc5322(received->now, date)) &&
	       buf_append_byte(out, '\n');
}
