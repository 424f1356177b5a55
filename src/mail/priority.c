#include "mail/priority.h"

#include <stddef.h>

#include "mail/header.h"

const char *const priority_words[] = {
	[PRIORITY_NORMAL] = "normal",
	[PRIORITY_HIGH] = "high",
	[PRIORITY_URGENT] = "urgent",
	[PRIORITY_URGENT + 1] = NULL,
};

/* A field, how its value begins (NULL: in any way), and what that asks for. */
static const struct wish {
	const char *field;
	const char *value;
	enum mail_priority priority;
} wishes[] = {
	{ "X-Priority", "1", PRIORITY_URGENT },
	{ "X-Priority", "2", PRIORITY_HIGH },
	{ "Priority", "urgent", PRIORITY_URGENT },
	{ "Importance", "high", PRIORITY_HIGH },
	{ "X-MSMail-Priority", "high", PRIORITY_HIGH },
};

static const struct wish never[] = {
	{ "Precedence", "bulk", PRIORITY_NORMAL },
	{ "Precedence", "list", PRIORITY_NORMAL },
	{ "Precedence", "junk", PRIORITY_NORMAL },
	{ "Delivered-To", NULL, PRIORITY_NORMAL },
};

bool priority_parse(struct span word, enum mail_priority *priority_out)
{
	for (unsigned i = 0; priority_words[i]; i++)
		if (span_is_word(word, priority_words[i])) {
			*priority_out = (enum mail_priority)i;
			return true;
		}
	return false;
}

/* "1", "1 (Highest)", "High": the first word, or digits. */
static bool says(const struct header_field *field, const struct wish *wish)
{
	struct span value = span_trim(field->value), word;

	if (!span_is_word(field->name, wish->field))
		return false;
	return !wish->value || (span_cut(&value, ' ', &word) &&
				span_is_word(span_trim(word), wish->value));
}

enum mail_priority priority_asked(struct span header)
{
	enum mail_priority asked = PRIORITY_NORMAL;
	struct header_field field;

	while (header_next(&header, &field)) {
		for (size_t i = 0; i < LENGTH(never); i++)
			if (says(&field, &never[i]))
				return PRIORITY_NORMAL;
		for (size_t i = 0; i < LENGTH(wishes); i++)
			if (says(&field, &wishes[i]) && wishes[i].priority > asked)
				asked = wishes[i].priority;
	}
	return asked;
}
