/* The functions by which the files of the SMTP server call each other, and nobody else.
 */
#ifndef SMTP_SERVER_VERBS_H
#define SMTP_SERVER_VERBS_H

#include "smtp/server_state.h"

/* server_reply.c */
void smtp_reply(struct smtp_server *server, unsigned code, const char *status,
		const char *fmt, ...) PRINTF(4, 5);
/* As smtp_reply, for what no proper client does: after some of these, 421 and out. */
void smtp_offence(struct smtp_server *server, unsigned code, const char *status,
		  const char *fmt, ...) PRINTF(4, 5);
/* A reply's code, status and text from a LATER or NO. */
struct smtp_reply smtp_reply_of(const struct smtp_verdict *verdict);
void smtp_reply_made(struct smtp_server *server, const struct smtp_reply *reply);
void smtp_hang_up(struct smtp_server *server, const char *status, const char *text);

/* server.c: asks the program; back to EHLO's state without a message. */
void smtp_ask(struct smtp_server *server, enum smtp_event_kind question);
void smtp_forget(struct smtp_server *server);

/* server_command.c: takes one line off rest; false where it has no end yet. */
bool smtp_take_line(struct smtp_server *server, struct span rest);

/* A verb's function gets what stands behind the verb, without blanks at its ends. */
typedef void smtp_verb(struct smtp_server *server, struct span args);
/* server_session.c */
smtp_verb smtp_cmd_ehlo, smtp_cmd_helo, smtp_cmd_rset, smtp_cmd_noop, smtp_cmd_vrfy;
smtp_verb smtp_cmd_expn, smtp_cmd_help, smtp_cmd_quit, smtp_cmd_starttls, smtp_cmd_http;
/* server_mail.c */
smtp_verb smtp_cmd_mail, smtp_cmd_rcpt;
void smtp_recipient_answered(struct smtp_server *server,
			     const struct smtp_verdict *verdict);
/* server_body.c */
smtp_verb smtp_cmd_data, smtp_cmd_bdat;
void smtp_draft_answered(struct smtp_server *server, const struct smtp_verdict *verdict);
void smtp_commit_answered(struct smtp_server *server, const struct smtp_verdict *verdict);
/* Takes some of wire, returns how much; 0 means that more must come. */
size_t smtp_take_data(struct smtp_server *server, struct span wire);
size_t smtp_take_chunk(struct smtp_server *server, struct span wire);
void smtp_body_ended(struct smtp_server *server);
void smtp_fault(struct smtp_server *server, const struct smtp_reply *fault);
/* server_auth.c */
smtp_verb smtp_cmd_auth;
bool smtp_may_log_in(const struct smtp_server *server);
void smtp_login_answered(struct smtp_server *server, const struct smtp_verdict *verdict);

#endif
