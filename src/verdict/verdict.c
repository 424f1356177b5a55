/*
 * POLICY: whose fault a refusal is, and what follows.
 *
 * A wrong bounce is a lost letter, and a wrong stop is an office without mail. So the
 * words of the reply decide first, then the enhanced status, then the code and the
 * command that was answered. What the rest of the call has shown moves only what these
 * leave open. Words, statuses and codes are rules (shipped.rules, and control/replies in
 * front of them); the first rule that matches decides, and they are ordered so that what
 * tells more comes first and what tells least, a bare 550, comes last.
 *
 * recipient: the mailbox does not exist, is full, is closed. It bounces at once, alone or
 * among others, before a success or after one, and however many are refused alike: two
 * typing errors are not a broken provider.
 *
 * letter: it is too large, spam, a virus, or has a broken header. It bounces at once.
 *
 * sender: the server does not let this address send. The sender's letters wait, the
 * sender and the postmaster are told, and all other mail goes. The null sender of reports
 * and receipts is a sender like any other; some providers never take it.
 *
 * account: our quota is spent, or our account is suspended, so each further letter would
 * be refused too. Everything stops for the time that the server told, else for the rule's
 * time, which doubles each time it comes again, up to a day.
 *
 * place: the server does not want us from here, or not under our name (block lists,
 * relaying, a greeting refused). Another link, a fallback or the next link-up may cure
 * it. It never bounces, not even a lone letter.
 *
 * session: the server is busy, or it has had enough letters or recipients from this
 * connection or in this transaction. We go on slower, in a new connection, or with the
 * other recipients in the next transaction.
 *
 * peer: the server offers what does not work (BDAT, pipelining, a parameter, an AUTH
 * mechanism). The same letter goes again in plainer words.
 *
 * login: user or password are refused. The login is tried again after 15 minutes, after 1
 * hour and then every 4 hours, which is too seldom to lock an account. Whether it ever
 * worked decides only how soon somebody is told, and that is the caller's part.
 *
 * network: what answers does not speak SMTP. It is a portal or another service; we wait.
 * Scopes certificate and clock are decided by the TLS code (send/refusal.h): no reply
 * tells of them.
 *
 * A temporary code (4xx) is the server's own word that time will help. What would bounce,
 * or would stop a sender, is tried again, and a place waits an hour at most.
 *
 * What the rest of the call shows: a refusal without a reason (is_ambiguous), when
 * nothing was taken in this call and a letter of another sender was refused in the same
 * way, is about the place. After a success it is about the letter or the recipient, and
 * bounces. Many letters of one sender prove nothing about the place. Three different
 * senders that are refused as senders, when nothing was taken, are the place's fault too.
 * A refusal without a reason at MAIL stops the sender and does not bounce, since the
 * server has seen nothing yet that could be wrong with the letter. "Too many recipients"
 * for the first recipient of a transaction cannot be split: the server counts over more
 * than this transaction, so we go slower.
 */
#include "verdict/verdict.h"

#include <stdio.h>

#include "verdict/reply_rules.h"

#define DAY_S         86400U
#define LOGIN_MOST_S  (4 * 3600U)
#define PLACE_S       3600U
#define SPLIT_SLOW_S  900U
#define DOUBLINGS_MAX 8U /* 2^8 times the shortest wait is past a day */
#define SENDERS_ALIKE 2U /* beside the one in hand */

static const char senders_mend[] =
	"Ask the provider why it takes mail from none of our senders, or name another "
	"smarthost in smtproutes.";

const char *verdict_scope_name(enum verdict_scope scope)
{
	static const char *const names[] = {
		[VERDICT_RECIPIENT] = "recipient",
		[VERDICT_LETTER] = "letter",
		[VERDICT_SENDER] = "sender",
		[VERDICT_ACCOUNT] = "account",
		[VERDICT_PLACE] = "place",
		[VERDICT_SESSION] = "session",
		[VERDICT_PEER] = "peer",
		[VERDICT_LOGIN] = "login",
		[VERDICT_CERTIFICATE] = "certificate",
		[VERDICT_CLOCK] = "clock",
		[VERDICT_NETWORK] = "network",
	};

	return names[scope];
}

/* "550 5.0.0" says no more than 550 does. */
static bool is_telling(const char *status)
{
	return status[0] && strcmp(status + 1, ".0.0") != 0;
}

/* qmail and its relatives put the status at the end, others in front: "(#5.7.1)". */
static void find_status(const struct verdict_said *said, char *status_out, size_t size)
{
	const char *at = said->text;
	size_t len;

	snprintf(status_out, size, "%s", is_telling(said->status) ? said->status : "");
	while (!status_out[0] && (at = strchr(at, '#')) != NULL) {
		len = strspn(++at, "0123456789.");
		if (len > 4 && at[1] == '.' &&
		    (unsigned)(at[0] - '0') == said->code / 100)
			snprintf(status_out, size, "%.*s", (int)len, at);
	}
}

static void blame_place(struct verdict *verdict)
{
	verdict->scope = VERDICT_PLACE;
	verdict->action = VERDICT_STOP;
	verdict->is_ambiguous = false;
	verdict->wait_s = PLACE_S;
	verdict->rule = "several-senders";
	verdict->what = "the server takes mail from none of our senders";
	verdict->mend = senders_mend;
}

/* A 4xx: the server itself says that time will help. */
static void soften(struct verdict *verdict)
{
	if (verdict->action == VERDICT_BOUNCE || verdict->scope == VERDICT_SENDER) {
		verdict->action = VERDICT_RETRY;
		verdict->wait_s = 0;
		verdict->is_ambiguous = false;
		if (verdict->scope == VERDICT_SENDER)
			verdict->scope = VERDICT_LETTER;
	}
	if (verdict->scope == VERDICT_PLACE && verdict->wait_s > PLACE_S)
		verdict->wait_s = PLACE_S;
}

/* What the rest of the call shows; see the policy. */
static void weigh(struct verdict *verdict, const struct verdict_known *known)
{
	bool is_sender = verdict->scope == VERDICT_SENDER;

	if (verdict->action == VERDICT_SPLIT && !known->recipients_accepted) {
		verdict->action = VERDICT_SLOW;
		verdict->wait_s = SPLIT_SLOW_S;
	}
	if (known->accepted)
		return;
	if ((verdict->is_ambiguous && known->other_senders) ||
	    (is_sender && known->other_senders >= SENDERS_ALIKE))
		blame_place(verdict);
}

/* The wait of a stop grows with each one in a row. */
static uint32_t grown(const struct verdict *verdict, unsigned times)
{
	bool is_login = verdict->scope == VERDICT_LOGIN;
	uint32_t most_s = is_login ? LOGIN_MOST_S : DAY_S;
	uint64_t wait_s = verdict->wait_s;

	if (times > DOUBLINGS_MAX)
		times = DOUBLINGS_MAX;
	wait_s <<= is_login ? 2 * times : times;
	if (most_s < verdict->wait_s)
		most_s = verdict->wait_s;
	return wait_s < most_s ? (uint32_t)wait_s : most_s;
}

static void set_wait(struct verdict *verdict, const struct verdict_rules *rules,
		     const struct reply_tokens *tokens, unsigned times)
{
	uint32_t told_s;
	bool stops = verdict->action == VERDICT_STOP || verdict->action == VERDICT_SLOW;

	if (!stops && verdict->action != VERDICT_RETRY)
		return;
	if (reply_rules_told_wait(rules, tokens, &told_s))
		verdict->wait_s = told_s < DAY_S ? told_s : DAY_S;
	else if (stops)
		verdict->wait_s = grown(verdict, times);
}

struct verdict verdict_of(const struct verdict_rules *rules,
			  const struct verdict_said *said,
			  const struct verdict_known *known)
{
	struct verdict verdict;
	struct reply_tokens tokens;
	const struct reply_rule *rule;
	char status[12];

	reply_tokens_read(&tokens, span_of(said->text));
	tokens.sender = span_of(known->sender ? known->sender : "");
	tokens.recipient = span_of(known->recipient ? known->recipient : "");
	find_status(said, status, sizeof(status));
	rule = reply_rules_find(rules, said, status, known, &tokens);
	verdict = (struct verdict){
		.scope = rule->scope,
		.action = rule->action,
		.is_ambiguous = rule->is_ambiguous,
		.wait_s = rule->wait_s,
		.rule = rule->name,
		.mend = rule->mend,
		.what = rule->what,
	};
	if (said->code / 100 == 4)
		soften(&verdict);
	weigh(&verdict, known);
	set_wait(&verdict, rules, &tokens, known->times);
	return verdict;
}
