#include "programs/lontar-pickup/deliver.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/number.h"
#include "deliver/inject.h"
#include "mail/header.h"
#include "mail/quoted.h"

#define HOPS_MAX   100 /* RFC 5321 6.3 */
#define HEADER_MAX ((size_t)2 * 1024 * 1024)

/* What the trace says of where a message has been. */
struct travels {
	unsigned hops;
	unsigned rounds; /* through this very pickup */
};

static bool has_word(struct span text, const char *word)
{
	return memmem(text.at, text.len, word, strlen(word)) != NULL;
}

static struct travels look_back(const struct work *work, struct span header)
{
	struct travels travels = { 0 };
	struct header_field field;
	char ours[300], id[SMARTHOST_NAME_MAX + 16];

	snprintf(ours, sizeof(ours), " by %s with ", work->settings.me);
	snprintf(id, sizeof(id), " id pickup-%s-", work->pickup.name);
	while (header_next(&header, &field)) {
		if (!span_is_word(field.name, "Received"))
			continue;
		travels.hops++;
		travels.rounds +=
			has_word(field.value, ours) && has_word(field.value, id);
	}
	return travels;
}

/* The position-th field of its name above the topmost trace line, which is the
 * provider's: what is below may be forged. */
static bool find_recipient(const struct work *work, struct span header,
			   char recipient_out[ADDRESS_MAX])
{
	struct header_field field;
	uint64_t position = 0;
	struct err ignored;
	struct span value;

	while (header_next(&header, &field) && !span_is_word(field.name, "Received")) {
		if (!span_is_word(field.name, work->pickup.multidrop) ||
		    ++position != work->pickup.multidrop_position)
			continue;
		value = span_trim(field.value);
		/* One address and nothing else: of several, whose copy is it? */
		return address_take_path(&value, recipient_out, &ignored) &&
		       !span_trim(value).len && recipient_out[0] &&
		       address_is_valid(recipient_out);
	}
	return false;
}

static bool inject_to(struct work *work, const struct deliver_from *from,
		      const struct message *message, const char *recipient,
		      struct err *err)
{
	char session[SMARTHOST_NAME_MAX + 40];
	struct inject_origin origin = { from->protocol, work->pickup.host, from->address,
					session };
	struct inject inject = { .sender = message->sender,
				 .recipients = &recipient,
				 .count = 1,
				 .only_ours = true,
				 .origin = &origin,
				 .fd = message->fd };

	snprintf(session, sizeof(session), "pickup-%s-%" PRIx64, work->pickup.name,
		 (uint64_t)clock_wall_us());
	if (message->fd < 0)
		inject.text = buf_span(&message->text);
	if (inject_message(work->root_fd, &inject, err))
		return true;
	if (err->kind != ERR_PERMANENT || !message->sender[0])
		return false;
	/* It may be the sender that is not welcome here; the mail has come all the same.
	 */
	inject.sender = "";
	return inject_message(work->root_fd, &inject, err);
}

static bool hold(struct work *work, const struct deliver_from *from,
		 const struct message *message, const char *why, struct err *err)
{
	const char *holder = work->pickup.unmatched;

	if (!inject_to(work, from, message, holder, err))
		return err_context(err, "%s", holder);
	log_warning("pickup name=%s held mailbox=%s reason=%s", work->pickup.name, holder,
		    why);
	return true;
}

static bool deliver_to(struct work *work, const struct deliver_from *from,
		       const struct message *message, const char *recipient,
		       struct err *err)
{
	char why[sizeof(err->text)];

	if (!recipient)
		return hold(work, from, message, "no one recipient is named", err);
	if (inject_to(work, from, message, recipient, err))
		return true;
	if (err->kind != ERR_PERMANENT)
		return err_context(err, "%s", recipient);
	snprintf(why, sizeof(why), "%s", err->text);
	return hold(work, from, message, why, err);
}

enum delivered deliver(struct work *work, const struct deliver_from *from,
		       const struct message *message, char digest_out[DIGEST_TEXT_MAX],
		       struct err *err)
{
	struct span header = message_header(message);
	struct travels travels = look_back(work, header);
	char found[ADDRESS_MAX];
	const char *recipient = work->pickup.to;
	bool done;

	if (work->pickup.multidrop)
		recipient = find_recipient(work, header, found) ? found : NULL;
	message_digest(message, recipient ? recipient : "", digest_out);
	if (seen_has_digest(work->seen, digest_out))
		return DELIVERED_BEFORE;
	if (travels.hops > HOPS_MAX || travels.rounds > 1) {
		err_temporary(err, "4.4.6", "a message goes round in a circle");
		return DELIVER_LOOP;
	}
	done = travels.rounds ? hold(work, from, message, "it was fetched before", err)
			      : deliver_to(work, from, message, recipient, err);
	return done ? DELIVERED : DELIVER_FAILED;
}

static bool put_field(struct buf *out, struct span header, const char *name)
{
	AUTO_BUF value = BUF_INIT(HEADER_MAX);
	struct header_field field;

	if (!header_find(header, name, &field))
		return true;
	return header_unfold(field.value, &value) && buf_appendf(out, "  %s: ", name) &&
	       quoted_words(out, buf_span(&value), 300, true) &&
	       buf_append_byte(out, '\n');
}

static bool put_notice(struct buf *out, const struct work *work, struct span header,
		       uint64_t octets)
{
	char date[CLOCK_TEXT_MAX], size[NUMBER_TEXT_MAX], limit[NUMBER_TEXT_MAX];
	const char *me = work->settings.me;
	int64_t now = clock_wall_s();

	return buf_appendf(
		       out,
		       "From: Mail gateway <%s@%s>\n"
		       "To: %s\n"
		       "Date: %s\n"
		       "Message-ID: <pickup-%s-%" PRIx64 "@%s>\n"
		       "Subject: A large message waits at the provider\n"
		       "Auto-Submitted: auto-generated\n"
		       "MIME-Version: 1.0\n"
		       "Content-Type: text/plain; charset=utf-8\n"
		       "Content-Transfer-Encoding: 8bit\n\n"
		       "A message of %s has arrived for you. It is larger than what is\n"
		       "fetched without asking (%s), so it stays at %s.\n\n",
		       work->settings.bouncefrom, work->settings.bouncehost,
		       work->pickup.to ? work->pickup.to : work->pickup.unmatched,
		       clock_format_rfc5322(now, date), work->pickup.name,
		       (uint64_t)clock_wall_us(), me, number_format_bytes(octets, size),
		       number_format_bytes(work->pickup.maxsize, limit),
		       work->pickup.host) &&
	       put_field(out, header, "From") && put_field(out, header, "To") &&
	       put_field(out, header, "Subject") && put_field(out, header, "Date") &&
	       buf_append_text(out, "\nWhoever looks after the gateway can have it "
				    "fetched, by a larger maxsize.\n");
}

bool deliver_notice(struct work *work, const struct message *header, uint64_t octets,
		    struct err *err)
{
	AUTO_BUF text = BUF_INIT(HEADER_MAX);
	char found[ADDRESS_MAX];
	const char *recipient = work->pickup.to;
	struct inject inject = { .sender = "",
				 .recipients = &recipient,
				 .count = 1,
				 .only_ours = true,
				 .bounce = true };

	if (work->pickup.multidrop)
		recipient = find_recipient(work, message_header(header), found)
				    ? found
				    : work->pickup.unmatched;
	if (!put_notice(&text, work, message_header(header), octets))
		return err_temporary(err, "4.3.0", "a notice is too long");
	inject.text = buf_span(&text);
	if (inject_message(work->root_fd, &inject, err))
		return true;
	if (err->kind != ERR_PERMANENT)
		return false;
	recipient = work->pickup.unmatched;
	return inject_message(work->root_fd, &inject, err);
}
