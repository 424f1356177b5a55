/*
 * What is to be changed in a message so that a server takes it, part by part. The policy
 * is written in front of plan.c.
 */
#ifndef MIME_PLAN_H
#define MIME_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/utf8.h"
#include "mime/recoder.h"
#include "mime/walk.h"

struct convert_need {
	bool seven_bit;   /* the server does not offer 8BITMIME (RFC 6152) */
	bool short_lines; /* it may refuse lines of over 998 octets (RFC 5321 4.5.3.1.6)
			   */
};

enum convert_left { /* what needed a change and got none, and why */
	LEFT_NOTHING,
	LEFT_SIGNED, /* signed or encrypted: a change would break it */
	LEFT_OTHER   /* nothing is known that would not damage it */
};

enum plan_label { /* the new Content-Transfer-Encoding */
	LABEL_STAYS,
	LABEL_QUOTED_PRINTABLE,
	LABEL_BASE64,
	LABEL_7BIT
};

enum plan_type { /* the new Content-Type, for a part that has none */
	TYPE_STAYS,
	TYPE_UTF8,
	TYPE_UNKNOWN
};

struct plan_part { /* first what was seen, then what is decided */
	struct mime_part part;
	uint64_t bytes;   /* of its body, CRLF line ends */
	uint64_t escapes; /* of them: those that quoted-printable writes as three */
	struct utf8_check utf8;
	bool eight_bit; /* in its body ... */
	bool long_line;
	bool header_eight_bit; /* ... and in its header */
	bool divided;          /* a boundary of this multipart was there */

	enum recoding body;
	enum plan_label label;
	enum plan_type type;
	bool add_version;
	bool stays_eight_bit; /* its body, with all inside it, does not become 7-bit */
	bool changes;         /* a label in it or inside it changes */
};

struct plan {
	struct convert_need need;
	struct plan_part *parts;
	size_t count, room;
	bool folds; /* a header line is too long */
	enum convert_left left;
};

void plan_init(struct plan *plan, const struct convert_need *need);
void plan_clear(struct plan *plan);

/* Takes note of the next line, which the walk found to be `step`. */
void plan_look(struct plan *plan, const struct walk *walk, const struct walk_step *step,
	       const struct text_line *line);
/* After the last line. False: nothing is to be changed. */
bool plan_decide(struct plan *plan);

/* NULL where there is nothing to do with it. */
const struct plan_part *plan_part(const struct plan *plan, size_t number);

#endif
