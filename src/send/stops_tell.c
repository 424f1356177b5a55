#include "send/stops_tell.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "control/routes.h"
#include "deliver/inject.h"
#include "link/notes.h"
#include "mail/address.h"
#include "report/stop_letter.h"

#define TEXT_MAX ((size_t)32768)

typedef bool compose(struct buf *out, const struct stop_letter *letter);

/* Never over the link: only to a mailbox here. */
static bool send(int root_fd, const struct stop_letter *letter, compose *text_of,
		 struct err *err)
{
	AUTO_BUF text = BUF_INIT(TEXT_MAX);
	struct inject inject = { .sender = "",
				 .recipients = &letter->to,
				 .count = 1,
				 .only_ours = true,
				 .bounce = true };

	if (!text_of(&text, letter))
		return err_temporary(err, "4.3.0", "a letter about a stop is too long");
	inject.text = buf_span(&text);
	return inject_message(root_fd, &inject, err) ||
	       err_context(err, "tell %s", letter->to);
}

/* A refusal for good is a wrong setting and no reason to try at each flush. */
static bool send_or_log(int root_fd, const struct stop_letter *letter, compose *text_of,
			struct err *err)
{
	if (send(root_fd, letter, text_of, err))
		return true;
	if (err->kind != ERR_PERMANENT)
		return false;
	log_failure(err);
	return true;
}

/* The sender is told if that is possible; the postmaster knows in any case. */
static void tell_sender(int root_fd, const struct settings *settings,
			const struct stop_letter *told)
{
	const char *sender = told->stop->key;
	struct stop_letter letter = *told;
	struct err err;

	if (strcmp(told->stop->scope, "sender") != 0 || !sender[0] ||
	    !routes_is_local(settings, address_domain(sender)))
		return;
	letter.to = sender;
	if (!send(root_fd, &letter, stop_letter_for_sender, &err))
		log_failure(&err);
}

static bool is_held_letter(const struct stop *stop)
{
	return strcmp(stop->scope, "person") == 0 && stop->key[0];
}

static void mark_told(struct stops *stops, struct stop *told, int64_t now)
{
	for (size_t i = 0; is_held_letter(told) && i < stops->count; i++)
		if (is_held_letter(&stops->items[i]) && !stops->items[i].told)
			stops->items[i].told = now;
	told->told = now;
}

static bool tell(int root_fd, const struct settings *settings,
		 const struct stop_letter *about, struct err *err)
{
	const struct stop *stop = about->stop;
	char postmaster[ADDRESS_MAX];
	struct stop_letter letter = *about;

	snprintf(postmaster, sizeof(postmaster), "postmaster@%s", settings->me);
	letter.to = postmaster;
	if (!send_or_log(root_fd, &letter,
			 is_held_letter(stop) ? stop_letter_of_held
					      : stop_letter_for_postmaster,
			 err))
		return false;
	log_warning("told smarthost=%s scope=%s key=%s reason=%s", letter.smarthost,
		    stop->scope, stop->key, stop->reason);
	tell_sender(root_fd, settings, &letter);
	return true;
}

bool stops_tell(int root_fd, const struct settings *settings, const char *smarthost,
		struct stops *stops, int64_t now, struct err *err)
{
	struct smarthost_note note;
	bool done = true, changed = false;

	if (!stops->count)
		return true;
	smarthost_note_read(root_fd, smarthost, &note);
	for (size_t i = 0; done && i < stops->count; i++) {
		struct stop *stop = &stops->items[i];
		const struct stop_letter letter = { .me = settings->me,
						    .smarthost = smarthost,
						    .stop = stop,
						    .stops = stops,
						    .now = now };

		if (!stop_is_to_be_told(stop, note.last_success != 0, now))
			continue;
		done = tell(root_fd, settings, &letter, err);
		if (done)
			mark_told(stops, stop, now);
		changed |= done;
	}
	return (!changed || stops_write(root_fd, smarthost, stops, err)) && done;
}
