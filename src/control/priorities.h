/*
 * control/priorities: whose mail is how urgent. "address:word" or "@domain:word" decides
 * whatever the header asks for; ">size:word" is the most that a larger message gets. The
 * words are mail/priority.h's.
 */
#ifndef CONTROL_PRIORITIES_H
#define CONTROL_PRIORITIES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "control/settings_list.h"
#include "mail/priority.h"

/* lines: the file, read keyed. asked: by the header; bytes: of the message. */
enum mail_priority priorities_decide(const struct settings_list *lines,
				     const char *sender, uint64_t bytes,
				     enum mail_priority asked);

/* NULL: the line makes sense; else what is wrong with it, with the mend. */
const char *priorities_judge(const char *line);

#endif
