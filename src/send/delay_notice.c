#include "send/delay_notice.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "deliver/bounce.h"
#include "report/why.h"
#include "send/stops_tell.h"

/* So long: a flush may want the lock, and waits a second. The others at the next time. */
#define TURN_MS 600

struct round {
	struct outbound *outbound;
	struct smarthost_status smarthost; /* as far as why_it_waits looks */
	struct stops_now now;
	uint64_t link_up_s;
	struct parked_list list;
};

/* With a domain that is here: those of rcpthosts may be of another server, further on. */
static bool is_here(const struct settings *settings, const char *sender)
{
	const char *domain = address_domain(sender), *line;
	char user[ADDRESS_MAX];

	return routes_is_local(settings, domain) ||
	       routes_virtual(settings, sender, user, sizeof(user), &line);
}

/* Messages that go first. */
static size_t count_before(const struct round *round, const struct parked_name *name,
			   int64_t now)
{
	const struct parked_list *list = &round->list;
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++)
		count += list->names[i].state == PARKED_WAITING &&
			 order_compare(&list->names[i], name, now) < 0;
	return count;
}

/* As `lontar queue` says it, but for the words that only the operator knows. */
static void explain(const struct round *round, const struct parked_name *name,
		    const char *sender, struct why *why_out)
{
	const struct stop *stop =
		stops_keeping(&round->outbound->stops, &round->now, sender, name->id,
			      name->state == PARKED_HELD);
	int64_t now = clock_wall_s();
	size_t before, used;

	why_it_waits(&round->smarthost, stop, name, now, why_out);
	if (name->state == PARKED_WAITING && stop && stop_needs_person(stop))
		snprintf(why_out->text, sizeof(why_out->text),
			 "the server that takes our mail refuses it, and the person who "
			 "looks after this gateway has to act: %s",
			 stop->reason);
	else if (name->state == PARKED_HELD)
		snprintf(why_out->text, sizeof(why_out->text),
			 "the person who looks after this gateway keeps it back");
	before = name->state == PARKED_WAITING ? count_before(round, name, now) : 0;
	used = strlen(why_out->text);
	if (before)
		snprintf(why_out->text + used, sizeof(why_out->text) - used,
			 "; before it go %zu other message%s", before,
			 before == 1 ? "" : "s");
}

static bool send_notice(const struct round *round, const struct parked_name *name,
			const struct envelope *envelope, int message_fd, struct err *err)
{
	struct dsn_recipient told[ENVELOPE_RECIPIENTS_MAX] = { 0 };
	struct bounce bounce = { .root_fd = round->outbound->root_fd,
				 .settings = &round->outbound->settings,
				 .name = name,
				 .envelope = envelope,
				 .message_fd = message_fd,
				 .action = DSN_DELAYED,
				 .recipients = told };
	struct why why;

	explain(round, name, envelope->sender, &why);
	for (size_t i = 0; i < envelope->count && bounce.count < LENGTH(told); i++)
		if (!envelope->recipients[i].settled)
			told[bounce.count++] = (struct dsn_recipient){
				.address = envelope->recipients[i].address,
				.why = why.text,
			};
	if (!bounce.count)
		return true;
	if (!bounce_send(&bounce, err))
		return false;
	log_info("notice smarthost=%s id=%s sender=%s reason=%s", round->smarthost.name,
		 name->id, envelope->sender, why.text);
	return true;
}

/* False: the sender could not be told now. */
static bool tell(const struct round *round, struct parked_name *name, struct err *err)
{
	struct outbound *outbound = round->outbound;
	struct parked_name to = *name;
	struct envelope envelope = { 0 };
	AUTO_FD fd = parked_read(outbound->parked, name, &envelope, err);
	bool done;

	/* Gone, or a file that the next flush will hold. */
	if (fd < 0)
		return true;
	done = !is_here(&outbound->settings, envelope.sender) ||
	       send_notice(round, name, &envelope, fd, err);
	envelope_clear(&envelope);
	to.told = true;
	return done && queue_rename(&outbound->queue, name, &to, err);
}

/* Its time has come. If the count has not begun yet, it begins now. */
static bool is_due(const struct round *round, struct parked_name *name, struct err *err)
{
	struct outbound *outbound = round->outbound;
	struct parked_name to = *name;

	if (name->told || name->state == PARKED_SENDING)
		return false;
	/* Its time will not come as long as nothing changes. */
	if (link_calls_are_short(&round->smarthost.allowance, name))
		return true;
	if (name->link_up_s && name->link_up_s <= round->link_up_s)
		return order_waited_s(name, round->link_up_s) >=
		       outbound->settings.delaynotice_s;
	to.link_up_s = round->link_up_s;
	if (!queue_rename(&outbound->queue, name, &to, err))
		log_failure(err);
	return false;
}

static void begin(struct round *round, struct outbound *outbound)
{
	struct smarthost_status *smarthost = &round->smarthost;
	struct link_choice choice;

	*round = (struct round){ .outbound = outbound,
				 .link_up_s = link_up_seconds(outbound->root_fd) };
	snprintf(smarthost->name, sizeof(smarthost->name), "%s",
		 parked_smarthost(outbound->parked));
	(void)link_choose(outbound->root_fd, outbound->control_fd, LINK_FOR_SMARTHOST,
			  smarthost->name, clock_wall_s(), &choice);
	smarthost->link_up = choice.up;
	if (!choice.up)
		(void)link_outlook(outbound->root_fd, outbound->control_fd,
				   LINK_FOR_SMARTHOST, smarthost->name, clock_wall_s(),
				   &choice);
	smarthost->link = choice.link;
	smarthost->allowance = choice.allowance;
	smarthost->note = outbound->note;
	round->now =
		smarthost_status_now(outbound->root_fd, outbound->control_fd, smarthost);
}

/* The postmaster hears of stops that last, or that a flush had no time to tell. */
static void tell_stops(struct round *round)
{
	struct outbound *outbound = round->outbound;
	struct err err;

	if (!stops_tell(outbound->root_fd, &outbound->settings, round->smarthost.name,
			&round->outbound->stops, clock_wall_s(), &err))
		log_failure(&err);
}

static void tell_senders(struct round *round)
{
	struct outbound *outbound = round->outbound;
	int64_t until_ms = clock_monotonic_ms() + TURN_MS;
	struct err err = { 0 };

	if (!outbound->settings.delaynotice_s || !round->link_up_s)
		return;
	if (!parked_list(outbound->parked, &round->list, &err)) {
		log_failure(&err);
		return;
	}
	for (size_t i = 0; i < round->list.count && clock_monotonic_ms() < until_ms;
	     i++) {
		if (!is_due(round, &round->list.names[i], &err))
			continue;
		if (!tell(round, &round->list.names[i], &err)) {
			log_failure(&err);
			break;
		}
	}
	parked_list_clear(&round->list);
}

void delay_notice_send_all(struct outbound *outbound)
{
	struct round round;
	struct err err;

	begin(&round, outbound);
	tell_stops(&round);
	tell_senders(&round);
	if (!queue_sync(&outbound->queue, &err))
		log_failure(&err);
}

int delay_notice_run(const char *smarthost)
{
	struct outbound outbound = { .root_fd = -1, .control_fd = -1 };
	struct err err = { 0 };

	if (outbound_open(&outbound, smarthost, NULL, &err))
		delay_notice_send_all(&outbound);
	else if (err.exit_code != EX_TEMPFAIL)
		log_failure(&err);
	outbound_close(&outbound);
	return err_exit_code(&err);
}
