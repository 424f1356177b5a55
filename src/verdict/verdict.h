/*
 * What a server's refusal means: which scope it is about, and what is to be done. Pure:
 * what was said and what else is known go in, a verdict comes out. The policy is written
 * in front of verdict.c; the words are data (verdict/reply_rules.h).
 *
 * A scope is the smallest set of mail that a refusal is about. Only that set is acted on:
 * one letter, one sender or one bad recipient never stops the others (DESIGN section 2,
 * promise 8), and only what is wrong with this recipient or this letter bounces (promise
 * 10).
 */
#ifndef VERDICT_VERDICT_H
#define VERDICT_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

enum verdict_stage {        /* the command that was answered */
	VERDICT_AT_CONNECT, /* the greeting */
	VERDICT_AT_EHLO,    /* also HELO and STARTTLS */
	VERDICT_AT_AUTH,
	VERDICT_AT_MAIL,
	VERDICT_AT_RCPT,
	VERDICT_AT_DATA, /* DATA itself; also BDAT refused as a command */
	VERDICT_AT_DOT,  /* the end of the body, by dot or BDAT LAST */
};

enum verdict_scope {
	VERDICT_RECIPIENT,
	VERDICT_LETTER,
	VERDICT_SENDER,
	VERDICT_ACCOUNT, /* our quota or suspension at the provider */
	VERDICT_PLACE,   /* our address, network, relaying, block lists */
	VERDICT_SESSION, /* a limit of this connection or this transaction */
	VERDICT_PEER,    /* an offer of the server that does not work */
	VERDICT_LOGIN,
	VERDICT_CERTIFICATE,
	VERDICT_CLOCK,   /* ours: a certificate cannot be judged by it */
	VERDICT_NETWORK, /* a captive portal, a lying name server */
};

enum verdict_action {
	VERDICT_BOUNCE, /* recipient or letter: the sender is told, now */
	VERDICT_RETRY,  /* recipient or letter: it waits, an attempt is counted */
	VERDICT_STOP,   /* nothing of the scope is tried until wait_s is over or the
			 * next link-up; no attempt is counted */
	VERDICT_SLOW,   /* as STOP for the whole smarthost, and fewer letters an hour or
			 * fewer connections afterwards */
	VERDICT_RECONNECT, /* session: go on in a new connection of the same call; the
			    * caller sees to it that each connection made some progress */
	VERDICT_SPLIT,     /* session: the other recipients in the next transaction */
	VERDICT_DOWNGRADE, /* peer: without the offer that does not work, remembered */
};

struct verdict_said {
	enum verdict_stage stage;
	unsigned code;      /* 0: what the server said is not SMTP */
	const char *status; /* RFC 3463, "" if none was given */
	const char *text;   /* without code and status; lines joined by blanks */
};

/* What else is known. All false and zero is a letter alone, over a smarthost. */
struct verdict_known {
	/* The addresses of the letter in hand, for replies that name one: NULL or "" if
	 * they are not known; the recipient at RCPT only. */
	const char *sender;
	const char *recipient;
	bool is_mx;           /* the recipient's own server, which owes us nothing */
	bool has_login;       /* we log in there */
	bool login_worked;    /* with this login, at some time (the server's notes) */
	bool null_sender;     /* MAIL FROM:<> */
	bool clock_in_doubt;  /* ours: see clock.h */
	bool used_chunking;   /* the body went, or would go, by BDAT */
	bool used_pipelining; /* the command was sent before earlier replies had come */
	bool used_parameters; /* BODY=, SMTPUTF8, SIZE= or DSN's on the command */
	unsigned accepted;    /* letters that the server took in this call */
	unsigned sender_accepted;     /* of them of the same sender */
	unsigned recipients_accepted; /* of this transaction, so far */
	unsigned other_senders; /* different senders refused with the same verdict in this
				 * call */
	unsigned times;         /* this scope was stopped so often in a row before */
};

struct verdict {
	enum verdict_scope scope;
	enum verdict_action action;
	bool is_ambiguous; /* a bounce for want of a better reading: nothing in the words
			    * tells whose fault it is */
	uint32_t wait_s;  /* STOP, SLOW, RETRY: at least so long; 0: the usual back-off */
	const char *rule; /* name of the rule that decided, for the log */
	const char *mend; /* what a person may do, a sentence; "" if nothing */
	const char *what; /* in a few words for people: "daily limit of the provider" */
};

/* The table of words. */
struct verdict_rules;
/* The shipped rules and, before them, control/replies if there is one. False: a line
 * there makes no sense (EX_CONFIG, with file, line and mend), or it cannot be read. Free
 * with verdict_rules_free. */
bool verdict_rules_load(int control_fd, struct verdict_rules **rules_out,
			struct err *err) MUST_USE;
/* The shipped rules alone. */
struct verdict_rules *verdict_rules_shipped(void);
void verdict_rules_free(struct verdict_rules *rules);

/* `rules`: see reply_rules.h; the texts of the verdict are borrowed from them. Codes of
 * 2xx and 3xx are not refusals: do not ask. */
struct verdict verdict_of(const struct verdict_rules *rules,
			  const struct verdict_said *said,
			  const struct verdict_known *known) MUST_USE;

/* "recipient", "letter", "sender", "account", ...: as in status --json. */
const char *verdict_scope_name(enum verdict_scope scope);

#endif
