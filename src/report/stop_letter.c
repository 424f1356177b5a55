/*
 * Who is told of a stop, and when.
 *
 * A letter that asks for nothing is the one after which letters are not read any more. So
 * a stop is told when time has had its chance:
 *
 *   certificate, sender, held letter   after STOP_NEWS_S: they do not get better by
 *                                      themselves, but a person who is at the keyboard
 *                                      may mend them before the letter is written
 *   login, place                       likewise, if the smarthost never took mail of ours
 *                                      and so is set up wrongly; else when the feeler was
 *                                      refused too, or after an hour without one: a
 *                                      provider's bad minute, or one bad address of a
 *                                      mobile network, is over by then
 *   account, network, clock            if it lasts for more than a day
 *   peer, session                      never: the gateway needs no person for them
 *
 * There is one letter a stop: it stays told until the server takes mail again.
 */
#include "report/stop_letter.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "mail/address.h"
#include "mail/quoted.h"
#include "report/stop_text.h"

#define LAST_WORDS \
	"\nThis is told once. `lontar status` and `lontar check` show how it stands.\n"
#define HELD_MAX    20 /* are listed in one letter */
#define HOUR_S      3600
#define HALF_DAY_S  43200
#define DAY_S       86400
#define LINE_MAX    72
#define WORDS_MAX   800
#define SUBJECT_MAX 60

static bool is_scope(const struct stop *stop, const char *scope)
{
	return strcmp(stop->scope, scope) == 0;
}

bool stop_is_to_be_told(const struct stop *stop, bool ever_sent, int64_t now)
{
	int64_t lasted = now - stop->since;

	if (stop->told || stop_is_only_counted(stop))
		return false;
	/* One letter that another place may take: its sender hears that it waits. */
	if (is_scope(stop, "place") && stop->key[0])
		return false;
	if (is_scope(stop, "peer") || is_scope(stop, "session"))
		return false;
	if (!stop_needs_person(stop))
		return lasted > DAY_S;
	if (stop->times > 1 || lasted > HOUR_S)
		return true;
	if (ever_sent && (is_scope(stop, "place") || is_scope(stop, "login")))
		return false;
	return lasted >= STOP_NEWS_S;
}

/* One line of somebody else's words. */
static bool put_words(struct buf *out, const char *words)
{
	return quoted_words(out, span_of(words), WORDS_MAX, true);
}

/* A paragraph, folded between words. */
static bool put_folded(struct buf *out, const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column && column + 1 + len > LINE_MAX) {
			if (!buf_append_byte(out, '\n'))
				return false;
			column = 0;
		}
		if ((column && !buf_append_byte(out, ' ')) || !buf_append(out, text, len))
			return false;
		column += len + (column > 0);
		text += len;
		text += strspn(text, " ");
	}
	return buf_append_text(out, "\n\n");
}

static bool put_head(struct buf *out, const struct stop_letter *letter,
		     const char *subject)
{
	char date[CLOCK_TEXT_MAX];

	return buf_appendf(out, "From: Mail gateway <postmaster@%s>\nTo: ", letter->me) &&
	       address_append(out, letter->to) && buf_append_text(out, "\nSubject: ") &&
	       quoted_words(out, span_of(subject), SUBJECT_MAX, false) &&
	       buf_appendf(out,
			   "\nDate: %s\nMessage-ID: <stop-%s-%" PRIx64 "@%s>\n"
			   "Auto-Submitted: auto-generated\nMIME-Version: 1.0\n"
			   "Content-Type: text/plain; charset=utf-8\n"
			   "Content-Transfer-Encoding: 8bit\n\n",
			   clock_format_rfc5322(letter->now, date), letter->smarthost,
			   (uint64_t)clock_wall_us(), letter->me);
}

/* What is kept, since when, why, in the server's words. */
static bool put_what(struct buf *out, const struct stop_letter *letter)
{
	const struct stop *stop = letter->stop;
	char since[CLOCK_TEXT_MAX], text[WORDS_MAX];
	bool is_recent = letter->now - stop->since < HALF_DAY_S;

	/* A time without a date is clear in the near past too. */
	clock_format_local(stop->since, is_recent ? stop->since : letter->now, since);
	if (is_scope(stop, "sender"))
		snprintf(
			text, sizeof(text),
			"Mail from %s for the smarthost %s has been waiting since %s: %s. Mail of "
			"other senders goes on.",
			stop->key[0] ? stop->key : "<> (reports and receipts)",
			letter->smarthost, since, stop_what(stop));
	else
		snprintf(
			text, sizeof(text),
			"All mail for the smarthost %s has been waiting since %s: %s. Nothing is "
			"lost and nothing was returned to its sender.",
			letter->smarthost, since, stop_what(stop));
	return put_folded(out, text) &&
	       (!stop->reason[0] ||
		(buf_append_text(out, "The reason, as the gateway heard it:\n\n    ") &&
		 put_words(out, stop->reason) && buf_append_text(out, "\n\n")));
}

static bool put_ends(struct buf *out, const struct stop_letter *letter)
{
	char when[STOP_WHEN_MAX];

	stop_when(letter->stop, letter->now, when);
	return buf_appendf(out,
			   "The gateway tries %s,\nby itself. To try at once:\n\n"
			   "    lontar flush %s\n",
			   when, letter->smarthost);
}

/* What a person may do, and what happens without one. */
static bool put_mend(struct buf *out, const struct stop_letter *letter)
{
	const char *mend = stop_mend(letter->stop);

	return (!mend[0] || put_folded(out, mend)) && put_ends(out, letter) &&
	       buf_append_text(out, LAST_WORDS);
}

bool stop_letter_for_postmaster(struct buf *out, const struct stop_letter *letter)
{
	const struct stop *stop = letter->stop;
	char subject[WORDS_MAX];

	if (is_scope(stop, "sender"))
		snprintf(subject, sizeof(subject), "Mail from %s waits",
			 stop->key[0] ? stop->key : "<>");
	else
		snprintf(subject, sizeof(subject), "Mail waits: smarthost %s is stopped",
			 letter->smarthost);
	return put_head(out, letter, subject) && put_what(out, letter) &&
	       put_mend(out, letter);
}

bool stop_letter_for_sender(struct buf *out, const struct stop_letter *letter)
{
	const struct stop *stop = letter->stop;
	char text[WORDS_MAX], when[STOP_WHEN_MAX];

	stop_when(stop, letter->now, when);
	snprintf(text, sizeof(text),
		 "Your mail to the outside waits, because the server that takes the "
		 "office's mail does not take it from your address, %s. You need not "
		 "send it again: the gateway tries %s, by itself.",
		 stop->key, when);
	return put_head(out, letter, "Your mail to the outside waits") &&
	       put_folded(out, text) &&
	       (!stop->reason[0] ||
		(buf_append_text(out, "It said:\n\n    ") &&
		 put_words(out, stop->reason) && buf_append_text(out, "\n\n"))) &&
	       put_folded(out, "The person who looks after this gateway has been told "
			       "what helps.");
}

static bool put_held(struct buf *out, const struct stop *stop)
{
	return buf_appendf(out, "    %s\n        ", stop->key) &&
	       put_words(out, stop->reason) && buf_append_byte(out, '\n');
}

bool stop_letter_of_held(struct buf *out, const struct stop_letter *letter)
{
	const struct stops *stops = letter->stops;
	char text[WORDS_MAX];
	size_t count = 0;

	snprintf(text, sizeof(text),
		 "The gateway holds messages for the smarthost %s, because it cannot "
		 "tell what became of them. Each stays until somebody decides: `lontar "
		 "release ID` sends it again, `lontar drop ID` returns it to its sender, "
		 "`lontar queue %s` shows more. Other mail goes on.",
		 letter->smarthost, letter->smarthost);
	if (!put_head(out, letter, "Messages are held") || !put_folded(out, text))
		return false;
	for (size_t i = 0; i < stops->count; i++) {
		const struct stop *stop = &stops->items[i];

		if (stop->told || !is_scope(stop, "person") || !stop->key[0])
			continue;
		if (count++ < HELD_MAX && !put_held(out, stop))
			return false;
	}
	return (count <= HELD_MAX ||
		buf_appendf(out, "    and %zu more\n", count - HELD_MAX)) &&
	       buf_append_text(out, LAST_WORDS);
}
