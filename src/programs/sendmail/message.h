/* The message on stdin, as it will be handed in: read, made ready, in a file without a
 * name. */
#ifndef PROGRAMS_SENDMAIL_MESSAGE_H
#define PROGRAMS_SENDMAIL_MESSAGE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "mail/submission.h"

/* Reads in_fd to its end (its lone dot, where dot_ends) and makes the submission find its
 * recipients. The file, the caller's; -1 and err: temporary, or the message is faulty
 * (EX_DATAERR). */
int message_read(int in_fd, bool dot_ends, struct submission *submission,
		 struct err *err) MUST_USE;

#endif
