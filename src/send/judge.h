/*
 * Decides what the server's answers mean for one message and for all that is around it.
 * It keeps the evidence of one call (which letters and senders the server took or
 * refused, and with which rule), asks the verdict module for each answer, and says what
 * to do. It does nothing itself: no file, no clock, no socket.
 */
#ifndef SEND_JUDGE_H
#define SEND_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "send/disposition.h"
#include "smtp/client.h"
#include "verdict/verdict.h"

/* What follows for more than this message, from narrow to wide. */
enum judge_effect {
	EFFECT_NONE,
	EFFECT_AGAIN,     /* the same letter at once: the other recipients, or the
			   * conversation was out of step */
	EFFECT_LETTER,    /* this letter waits for another place, the others go on */
	EFFECT_SENDER,    /* the sender's letters wait */
	EFFECT_RECONNECT, /* a new connection, in the same call */
	EFFECT_PEER,      /* the same, without the offer that does not work */
	EFFECT_STOP,      /* the whole smarthost stops */
};

struct judge_evidence; /* one refusal of this call */

struct judge {
	const struct verdict_rules *rules;
	bool is_mx;
	bool has_login;
	bool login_worked;
	unsigned times;         /* the smarthost was stopped so often in a row before */
	unsigned accepted;      /* messages of this call, by any recipient */
	unsigned place_refused; /* messages refused for the place since the last accepted
				 */
	struct judge_evidence *evidence;
	size_t evidence_count;
};

struct judgement {
	enum judge_effect effect;
	bool is_suspended;      /* unclear: the message waits for what others are told */
	struct verdict verdict; /* that the effect comes from */
	size_t answer;          /* the place of its answer */
	struct disposition_wait wait;
};

void judge_free(struct judge *judge);

/* Judges all answers of a message: sets each answer's verdict to what is to become of the
 * recipient, and says what else follows. now: wall clock seconds. */
struct judgement judge_result(struct judge *judge, const struct outgoing *message,
			      struct smtp_client_result *result, int64_t now) MUST_USE;

/* The message that was suspended is judged again when the queue is empty: with what the
 * others were told, it is bounced, or the place refuses. */
struct judgement judge_suspended(struct judge *judge, const struct outgoing *message,
				 struct smtp_client_result *result, int64_t now) MUST_USE;

/* One of so many suspended messages that it is no single letter's fault: it is kept, and
 * its sender's mail waits. */
struct judgement judge_unclear_sender(struct smtp_client_result *result) MUST_USE;

#endif
