#include "programs/lontar-pickup/oversize_notice.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/number.h"
#include "control/linkfile.h"
#include "deliver/inject.h"
#include "link/budget.h"
#include "link/cost.h"
#include "mail/header_words.h"
#include "mail/quoted.h"
#include "programs/lontar-pickup/deliver.h"
#include "programs/lontar-pickup/larges.h"

#define TEXT_MAX ((size_t)16 * 1024)

/* The price of fetching it over the present link, rounded up to cents; "" if the price is
 * not known, or nothing. The call itself is paid for already. */
static void take_cost(const struct remote_mailbox *mailbox, uint64_t octets, char *out,
		      size_t room)
{
	const struct link_note *link = &mailbox->path.link;
	struct link_budget money = { .unit = LINK_MONEY };
	uint64_t bytes = remote_mailbox_cost(octets), price;
	char text[BUDGET_TEXT_MAX];
	struct linkfile file;
	struct err ignored;

	out[0] = '\0';
	if (!link->name[0] ||
	    !linkfile_load(mailbox->control_fd, link->name, &file, NULL, &ignored))
		return;
	file.price.per_call = 0;
	if (!link->speed_bps)
		file.price.per_time = 0;
	price = cost_of_call(&file.price, bytes,
			     link->speed_bps ? bytes * 8 / link->speed_bps + 1 : 0);
	snprintf(money.currency, sizeof(money.currency), "%s", file.price.currency);
	linkfile_clear(&file);
	if (price)
		snprintf(out, room, "about %s over %s",
			 budget_format(&money, price + LINK_MONEY_ONE / 100 - 1, text),
			 link->name);
}

/* Writes the record. It keeps its token, so that a reply to any earlier notice of this
 * message is understood too. */
static bool record(const struct remote_mailbox *mailbox,
		   const struct oversize_notice *notice, struct large *large_out,
		   struct err *err)
{
	char id[LARGE_ID_MAX];

	larges_id(mailbox->pickup.name, notice->key, id);
	if (!large_read(mailbox->root_fd, id, large_out)) {
		*large_out = (struct large){ 0 };
		snprintf(large_out->id, sizeof(large_out->id), "%s", id);
		if (!large_new_token(large_out->token, err))
			return false;
	}
	snprintf(large_out->pickup, sizeof(large_out->pickup), "%s",
		 mailbox->pickup.name);
	snprintf(large_out->key, sizeof(large_out->key), "%s", notice->key);
	large_out->octets = notice->octets;
	large_out->since = clock_wall_s();
	if (!deliver_find_recipient(mailbox, notice->header, large_out->recipient))
		snprintf(large_out->recipient, sizeof(large_out->recipient), "%s",
			 mailbox->pickup.unmatched);
	header_words(notice->header, "From", large_out->from, sizeof(large_out->from));
	header_words(notice->header, "Subject", large_out->subject,
		     sizeof(large_out->subject));
	header_words(notice->header, "Date", large_out->date, sizeof(large_out->date));
	take_cost(mailbox, notice->octets, large_out->cost, sizeof(large_out->cost));
	return large_write(mailbox->root_fd, large_out, err);
}

static bool put_line(struct buf *out, const char *name, const char *text)
{
	return !text[0] || buf_appendf(out, "  %-8s %s\n", name, text);
}

static bool put_head(struct buf *out, const struct remote_mailbox *mailbox,
		     const struct large *large)
{
	const char *at = address_domain(large->recipient)[0] ? "" : "@";
	char date[CLOCK_TEXT_MAX], local[LARGE_LOCAL_MAX];
	const char *me = mailbox->settings.me;

	large_local_part(large, local);
	return buf_appendf(out,
			   "From: Mail gateway <%s@%s>\n"
			   "Reply-To: <%s@%s>\n"
			   "To: ",
			   mailbox->settings.bouncefrom, mailbox->settings.bouncehost,
			   local, me) &&
	       address_append(out, large->recipient) &&
	       buf_appendf(out,
			   "%s%s\n"
			   "Date: %s\n"
			   "Message-ID: <%s-%" PRIx64 "@%s>\n"
			   "Subject: A large message waits at the provider\n"
			   "Auto-Submitted: auto-generated\n"
			   "MIME-Version: 1.0\n"
			   "Content-Type: text/plain; charset=utf-8\n"
			   "Content-Transfer-Encoding: 8bit\n\n",
			   at, at[0] ? me : "", clock_format_rfc5322(large->since, date),
			   large->id, (uint64_t)clock_wall_us(), me);
}

/* Why it was not fetched: by its pickup's maxsize, or only by the link's. */
static bool put_why(struct buf *out, const struct remote_mailbox *mailbox,
		    const struct large *large)
{
	bool by_link =
		!mailbox->pickup.maxsize || large->octets <= mailbox->pickup.maxsize;
	char limit[NUMBER_TEXT_MAX];

	number_format_bytes(mailbox->most_octets, limit);
	if (!by_link)
		return buf_appendf(
			out,
			"A message has arrived for you that is larger than what is\n"
			"fetched without asking (%s). It waits at %s.\n\n",
			limit, mailbox->pickup.host);
	return buf_appendf(
		out,
		"A message has arrived for you that is larger than what is fetched\n"
		"over the present link (%s). It waits at %s,\n"
		"and comes by itself over a link that takes it.\n\n",
		limit, mailbox->pickup.host);
}

static bool put_text(struct buf *out, const struct remote_mailbox *mailbox,
		     const struct large *large, const char *to)
{
	char size[NUMBER_TEXT_MAX];

	return put_why(out, mailbox, large) && put_line(out, "From:", large->from) &&
	       put_line(out, "To:", to) && put_line(out, "Subject:", large->subject) &&
	       put_line(out, "Date:", large->date) &&
	       put_line(out, "Size:", number_format_bytes(large->octets, size)) &&
	       put_line(out, "Cost:", large->cost) &&
	       buf_appendf(
		       out,
		       "\nTo have it, reply to this message; what you write does not "
		       "matter.\n"
		       "It is then fetched before other mail, at once or when the link "
		       "is up.\n"
		       "The gateway's status page can do that too, or whoever looks\n"
		       "after the gateway, with:  lontar release %s\n\n"
		       "If you do not want it, there is nothing to do: it stays "
		       "there.\n",
		       large->id);
}

static bool compose(struct buf *text, const struct remote_mailbox *mailbox,
		    const struct large *large, const char *to, struct err *err)
{
	buf_reset(text);
	return (put_head(text, mailbox, large) && put_text(text, mailbox, large, to)) ||
	       err_temporary(err, "4.3.0", "a notice is too long");
}

static bool send(const struct remote_mailbox *mailbox, const struct large *large,
		 struct span text, struct err *err)
{
	const char *recipient = large->recipient;
	struct inject inject = { .sender = "",
				 .recipients = &recipient,
				 .count = 1,
				 .only_ours = true,
				 .bounce = true,
				 .text = text };

	return inject_message(mailbox->root_fd, &inject, err) ||
	       err_context(err, "%s", recipient);
}

/* The recipient does not exist: the message itself would go to the mailbox for unmatched
 * mail, and so does its notice. */
static bool send_to_holder(const struct remote_mailbox *mailbox, struct large *large,
			   const char *to, struct err *err)
{
	AUTO_BUF text = BUF_INIT(TEXT_MAX);

	snprintf(large->recipient, sizeof(large->recipient), "%s",
		 mailbox->pickup.unmatched);
	return large_write(mailbox->root_fd, large, err) &&
	       compose(&text, mailbox, large, to, err) &&
	       send(mailbox, large, buf_span(&text), err);
}

bool oversize_notice_send(const struct remote_mailbox *mailbox,
			  const struct oversize_notice *notice, struct err *err)
{
	AUTO_BUF text = BUF_INIT(TEXT_MAX);
	char to[LARGE_WORDS_MAX];
	struct large large;

	header_words(notice->header, "To", to, sizeof(to));
	if (!record(mailbox, notice, &large, err) ||
	    !compose(&text, mailbox, &large, to, err))
		return false;
	if (!send(mailbox, &large, buf_span(&text), err) &&
	    (err->kind != ERR_PERMANENT || !send_to_holder(mailbox, &large, to, err)))
		return false;
	log_info("pickup name=%s large id=%s bytes=%" PRIu64 " recipient=%s",
		 mailbox->pickup.name, large.id, large.octets, large.recipient);
	return true;
}
