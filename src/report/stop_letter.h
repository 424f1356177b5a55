/*
 * The letter that tells the postmaster, once, of a stop that needs a person, and the one
 * that tells a sender of the office: composed here, from the stop alone, and sent by
 * the process that holds the smarthost's lock.
 */
#ifndef REPORT_STOP_LETTER_H
#define REPORT_STOP_LETTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "link/stops.h"

#define STOP_NEWS_S 10 /* nothing is told sooner, unless it was refused again */

struct stop_letter {
	const char *me; /* host name of this gateway */
	const char *smarthost;
	const struct stop *stop;   /* what is told; not for held letters: */
	const struct stops *stops; /* all; those of letters that were not told are */
	int64_t now;               /* wall clock seconds */
	const char *to;            /* the recipient, with its domain */
};

/* It is time to tell the postmaster: not told yet, of a scope that a person has to see
 * to, and no false alarm as far as can be known. ever_sent: the smarthost has taken mail
 * at some time. */
bool stop_is_to_be_told(const struct stop *stop, bool ever_sent, int64_t now);

/* Appends the whole message with LF line ends. False: the buf's ceiling. */
bool stop_letter_for_postmaster(struct buf *out,
				const struct stop_letter *letter) MUST_USE;
/* Of a stop of scope "sender": to that sender. */
bool stop_letter_for_sender(struct buf *out, const struct stop_letter *letter) MUST_USE;
/* Of all letters that are held and were not told: one letter for the postmaster. */
bool stop_letter_of_held(struct buf *out, const struct stop_letter *letter) MUST_USE;

#endif
