/*
 * The table of words: what servers say, and what it is about. The shipped rules
 * (shipped.rules) are part of the program; those of control/replies go before them. The
 * first rule that matches decides. control/replies of the samples is the manual of the
 * format; it is the same for both.
 */
#ifndef VERDICT_REPLY_RULES_H
#define VERDICT_REPLY_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"
#include "verdict/reply_pattern.h"
#include "verdict/reply_tokens.h"
#include "verdict/verdict.h"

/* What a rule may ask beside the words: X(word, test on `known`). */
#define VERDICT_FACTS(X)                                        \
	X("null-sender", known->null_sender)                    \
	X("login", known->has_login)                            \
	X("login-worked", known->login_worked)                  \
	X("chunking", known->used_chunking)                     \
	X("pipelining", known->used_pipelining)                 \
	X("parameters", known->used_parameters)                 \
	X("accepted", known->accepted > 0)                      \
	X("sender-accepted", known->sender_accepted > 0)        \
	X("recipient-accepted", known->recipients_accepted > 0) \
	X("other-senders", known->other_senders > 0)

struct reply_rule { /* texts are borrowed from the rules */
	const char *name;
	const char *what;
	const char *mend;
	unsigned line;         /* of its file */
	unsigned stages;       /* a bit each; 0: all */
	unsigned servers;      /* REPLY_RULE_SMARTHOST, REPLY_RULE_MX; 0: both */
	unsigned facts;        /* all of them hold, a bit each */
	unsigned facts_denied; /* none of them holds */
	struct span codes;     /* "550 55x none"; "": all */
	struct span statuses;  /* "5.1.1 5.7"; "": all */
	/* Places in verdict_rules' patterns: one of the first is found, if there are any,
	 * and none of the others. */
	size_t said;
	size_t said_count;
	size_t unsaid;
	size_t unsaid_count;
	bool has_outcome;
	bool is_ambiguous;
	enum verdict_scope scope;
	enum verdict_action action;
	uint32_t wait_s;
};

#define REPLY_RULE_SMARTHOST 1U
#define REPLY_RULE_MX        2U

struct verdict_rules {
	char *texts[2]; /* the shipped rules and the operator's */
	struct reply_pattern_book book;
	struct reply_pattern *patterns;
	size_t pattern_count;
	struct reply_pattern *told; /* phrases that tell how long to wait */
	size_t told_count;
	struct reply_rule *rules;
	size_t count;
	size_t shipped; /* so many rules are shipped; the operator's follow */
};

/* As verdict_rules_load, with the text of control/replies. */
bool verdict_rules_parse(struct span replies, struct verdict_rules **rules_out,
			 struct err *err) MUST_USE;

/* Adds the rules of one file; `text` is changed and must live as long as the rules. */
bool reply_rules_read(struct verdict_rules *rules, const char *path, char *text,
		      struct err *err) MUST_USE;

/* The rule that decides; there always is one, for the shipped rules end with such that
 * ask for nothing but the code. `status` as in verdict_said, or found in the text. */
const struct reply_rule *reply_rules_find(const struct verdict_rules *rules,
					  const struct verdict_said *said,
					  const char *status,
					  const struct verdict_known *known,
					  const struct reply_tokens *tokens) MUST_USE;

/* "Try again in 5 minutes": how long the server wants us to wait. */
bool reply_rules_told_wait(const struct verdict_rules *rules,
			   const struct reply_tokens *tokens,
			   uint32_t *seconds_out) MUST_USE;

/* The text of shipped.rules. */
struct span reply_rules_shipped(void);

#endif
