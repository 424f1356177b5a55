/*
 * What became of a message given to a server: an answer for each recipient, over SMTP
 * (smtp/client.h) or QMTP (qmtp/client.h).
 *
 * A result is made when all that was asked is answered, or when the connection has ended
 * and the caller gives the rest up. In the second case the answers that were heard count
 * all the same, and `unanswered` marks the recipients about whom the server said nothing
 * that decides.
 */
#ifndef SMTP_CLIENT_RESULT_H
#define SMTP_CLIENT_RESULT_H

#include <stdbool.h>
#include <stddef.h>

#include "smtp/client_reply.h"

enum smtp_verdict {
	SMTP_TEMPORARY, /* also whatever is not known to be final */
	SMTP_ACCEPTED,
	SMTP_PERMANENT,
};

enum smtp_stage {      /* the command that was answered */
	SMTP_AT_START, /* none: the server does not offer what the message needs */
	SMTP_AT_MAIL,
	SMTP_AT_RCPT,
	SMTP_AT_DATA, /* also BDAT, if it was refused as a command and not as a message */
	SMTP_AT_BODY,
};

struct smtp_client_answer { /* for one recipient */
	enum smtp_verdict verdict;
	enum smtp_stage stage; /* if unanswered: of the reply that did not come */
	bool unanswered;       /* the verdict is SMTP_TEMPORARY then */
	struct smtp_client_reply reply;
};

struct smtp_client_result {
	void *tag;
	size_t count;
	struct smtp_client_answer *answers; /* in the order of the recipients */
	bool again; /* only the conversation was out of step: may be started again */
	/* What may be at fault if the server refuses a command as such. */
	bool used_chunking;   /* the body went, or would have gone, by BDAT */
	bool used_pipelining; /* commands went before the replies to earlier ones */
	bool used_parameters; /* MAIL had SIZE=, BODY= or SMTPUTF8 */
	/* Only if the message was given up: */
	bool in_hand;      /* the server was at work on it when the connection ended */
	bool unclear;      /* the server answered, and the answer has no place: the reply
			    * of the unanswered recipients is what it said */
	bool may_be_taken; /* by the unanswered recipients' server, if the body's last
			    * byte has left; false: it was not taken */
};

/* NULL does nothing. */
void smtp_client_result_free(struct smtp_client_result *result);

/* Fills the answer of a recipient about whom nothing was heard. */
void smtp_client_answer_none(struct smtp_client_answer *answer, enum smtp_stage stage);

#endif
