#include "programs/lontar-pickup/deliver.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "deliver/inject.h"
#include "mail/header.h"
#include "mail/header_rewrite.h"

#define HOPS_MAX 100 /* RFC 5321 6.3 */
#define HEAD_MAX ((size_t)8 * 1024 * 1024)

/* A message that is being handed to lontar-deliver. */
struct injection {
	const struct remote_mailbox *mailbox;
	const struct deliver_from *from;
	const struct message *message;
	struct seen_line line;
	struct buf head; /* in place of its header; empty if control/rewrites changes
			    nothing */
};

/* Where a message has been before, by its trace. */
struct past_hops {
	unsigned hops;
	unsigned rounds; /* through this very pickup */
};

static bool has_word(struct span text, const char *word)
{
	return memmem(text.at, text.len, word, strlen(word)) != NULL;
}

static struct past_hops look_back(const struct remote_mailbox *mailbox,
				  struct span header)
{
	struct past_hops past = { 0 };
	struct header_field field;
	char ours[300], id[SMARTHOST_NAME_MAX + 16];

	snprintf(ours, sizeof(ours), " by %s with ", mailbox->settings.me);
	snprintf(id, sizeof(id), " id pickup-%s-", mailbox->pickup.name);
	while (header_next(&header, &field)) {
		if (!span_is_word(field.name, "Received"))
			continue;
		past.hops++;
		past.rounds += has_word(field.value, ours) && has_word(field.value, id);
	}
	return past;
}

/* The position-th field of its name above the topmost trace line, which is the
 * provider's: what is below may be forged. */
static bool find_named(const struct remote_mailbox *mailbox, struct span header,
		       char recipient_out[ADDRESS_MAX])
{
	struct header_field field;
	uint64_t position = 0;
	struct err ignored;
	struct span value;

	while (header_next(&header, &field) && !span_is_word(field.name, "Received")) {
		if (!span_is_word(field.name, mailbox->pickup.multidrop) ||
		    ++position != mailbox->pickup.multidrop_position)
			continue;
		value = span_trim(field.value);
		/* One address and nothing else: of several it would be uncertain which
		 * one this copy is for. */
		return address_take_path(&value, recipient_out, &ignored) &&
		       !span_trim(value).len && recipient_out[0] &&
		       address_is_valid(recipient_out);
	}
	return false;
}

bool deliver_find_recipient(const struct remote_mailbox *mailbox, struct span header,
			    char recipient_out[ADDRESS_MAX])
{
	char named[ADDRESS_MAX];

	if (mailbox->pickup.multidrop) {
		if (!find_named(mailbox, header, named))
			return false;
		if (!rewrites_coming(&mailbox->rewrites, named, recipient_out))
			memcpy(recipient_out, named, sizeof(named));
		return true;
	}
	snprintf(recipient_out, ADDRESS_MAX, "%s", mailbox->pickup.to);
	return true;
}

static bool exchange(const void *ctx, const char *address, char address_out[ADDRESS_MAX])
{
	return rewrites_coming(ctx, address, address_out);
}

/* The office's own names again, in what the recipient reads and answers. */
static void make_head(struct injection *injection, struct span header)
{
	const struct rewrites *rewrites = &injection->mailbox->rewrites;

	injection->head = BUF_INIT(HEAD_MAX);
	if (!rewrites_are_empty(rewrites) &&
	    !header_rewrite(header, exchange, rewrites, &injection->head))
		buf_reset(&injection->head);
}

static bool inject_to(const struct injection *injection, const char *recipient,
		      struct err *err)
{
	const struct deliver_from *from = injection->from;
	const struct message *message = injection->message;
	const struct remote_mailbox *mailbox = injection->mailbox;
	size_t instead_of = injection->head.len ? message_header(message).len : 0;
	char session[SMARTHOST_NAME_MAX + 40];
	struct inject_origin origin = { from->protocol, mailbox->pickup.host,
					from->address, session };
	struct inject inject = { .sender = message->sender,
				 .recipients = &recipient,
				 .count = 1,
				 .only_ours = true,
				 .origin = &origin,
				 .head = buf_span(&injection->head),
				 .record_line = { injection->line.text,
						  injection->line.len },
				 .record_fd = seen_fd(mailbox->seen),
				 .fd = message->fd,
				 .from = (off_t)instead_of };

	snprintf(session, sizeof(session), "pickup-%s-%" PRIx64, mailbox->pickup.name,
		 (uint64_t)clock_wall_us());
	if (message->fd < 0)
		inject.text = span_after(buf_span(&message->text), instead_of);
	if (inject_message(mailbox->root_fd, &inject, err))
		return true;
	if (err->kind != ERR_PERMANENT || !message->sender[0])
		return false;
	/* It may be the sender that is not welcome here; the mail has come all the same.
	 */
	inject.sender = "";
	return inject_message(mailbox->root_fd, &inject, err);
}

static bool hold(const struct injection *injection, const char *why, struct err *err)
{
	const struct pickup *pickup = &injection->mailbox->pickup;

	if (!inject_to(injection, pickup->unmatched, err))
		return err_context(err, "%s", pickup->unmatched);
	log_warning("pickup name=%s held mailbox=%s reason=%s", pickup->name,
		    pickup->unmatched, why);
	return true;
}

static bool deliver_to(const struct injection *injection, const char *recipient,
		       struct err *err)
{
	char why[sizeof(err->text)];

	if (!recipient)
		return hold(injection, "no one recipient is named", err);
	if (inject_to(injection, recipient, err))
		return true;
	if (err->kind != ERR_PERMANENT)
		return err_context(err, "%s", recipient);
	snprintf(why, sizeof(why), "%s", err->text);
	return hold(injection, why, err);
}

enum delivered deliver(const struct remote_mailbox *mailbox,
		       const struct deliver_from *from, const struct message *message,
		       struct seen_entry *entry, struct err *err)
{
	struct injection injection = { .mailbox = mailbox,
				       .from = from,
				       .message = message };
	struct span header = message_header(message);
	struct past_hops past = look_back(mailbox, header);
	char found[ADDRESS_MAX];
	const char *recipient =
		deliver_find_recipient(mailbox, header, found) ? found : NULL;
	bool done;

	message_digest(message, recipient ? recipient : "", entry->digest);
	if (seen_has_digest(mailbox->seen, entry->digest))
		return DELIVERED_BEFORE;
	if (past.hops > HOPS_MAX || past.rounds > 1) {
		err_temporary(err, "4.4.6", "a message goes round in a circle");
		return DELIVER_LOOP;
	}
	seen_compose(mailbox->seen, entry, &injection.line);
	make_head(&injection, header);
	done = past.rounds ? hold(&injection, "it was fetched before", err)
			   : deliver_to(&injection, recipient, err);
	buf_clear(&injection.head);
	return done && seen_confirm(mailbox->seen, entry, &injection.line, err)
		       ? DELIVERED
		       : DELIVER_FAILED;
}
