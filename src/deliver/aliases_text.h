/*
 * /etc/aliases as fastforward's newaliases reads it, and :include: files:
 *
 *   alias: recipient, recipient
 *
 * alias is user, user@host or @host. A recipient is an address (RFC 822; what has no
 * domain is made whole), a "|program", or :include:file. A line that begins with a blank,
 * or is empty, continues the one before; so it does a comment ("#").
 *
 * What comes out are fastforward's commands, each with a NUL behind it: &address,
 * /file.bin or ./file.bin, !program.
 */
#ifndef DELIVER_ALIASES_TEXT_H
#define DELIVER_ALIASES_TEXT_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "mail/qualify.h"

/* Calls back for each alias, in lower case, as fastforward looks it up: "user@",
 * "user@host", "@host". Stops at the first false. An err (EX_CONFIG) begins with the
 * line's number. */
bool aliases_text_each(struct span text, const struct qualifier *qualifier,
		       bool (*each)(void *ctx, const char *alias, struct span commands,
				    struct err *err),
		       void *ctx, struct err *err) MUST_USE;

/* An :include: file: any number of addresses and further includes a line, no programs.
 * Appends their commands. */
bool aliases_text_list(struct span text, const struct qualifier *qualifier,
		       struct buf *commands, struct err *err) MUST_USE;

/* A ~/.forward file (dot-forward(1)): as a list, and with programs. */
bool aliases_text_forward(struct span text, const struct qualifier *qualifier,
			  struct buf *commands, struct err *err) MUST_USE;

#endif
