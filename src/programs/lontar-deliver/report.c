#include "programs/lontar-deliver/report.h"

#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "mail/address.h"

static void report_new(const struct delivery *delivery, uint64_t number)
{
	char sender[ADDRESS_MAX];

	log_info("new msg %" PRIu64, number);
	log_info("info msg %" PRIu64 ": bytes %" PRIu64 " from <%s> qp %d uid %u", number,
		 delivery->bytes, log_token(delivery->sender, sender, sizeof(sender)),
		 (int)getpid(), (unsigned)getuid());
}

/* What waits for smarthosts is lontar-flush's. */
static void report_status(const struct settings *settings, unsigned local)
{
	log_info("status: local %u/%" PRIu64 " remote 0/%" PRIu64, local,
		 settings->concurrencylocal, settings->concurrencyremote);
}

static void report_mailbox(const struct delivery_target *target,
			   const struct settings *settings, uint64_t number,
			   uint64_t delivery)
{
	char recipient[ADDRESS_MAX];

	log_info("starting delivery %" PRIu64 ": msg %" PRIu64 " to local %s", delivery,
		 number, log_token(target->recipients[0], recipient, sizeof(recipient)));
	report_status(settings, 1);
	log_info("delivery %" PRIu64 ": success: did_1+0+0/", delivery);
	report_status(settings, 0);
}

/* A parked file is a message of its own from here on; lontar-flush logs its end. */
static void report_parked(const struct delivery *delivery,
			  const struct delivery_target *target)
{
	struct stat st;

	report_new(delivery, fstat(target->file_fd, &st) == 0 ? st.st_ino : 0);
	log_info("parked smarthost=%s id=%s size=%" PRIu64 " recipients=%zu",
		 target->name, target->id, target->wire_bytes, target->count);
}

void report_delivery(const struct delivery *delivery, const struct settings *settings,
		     uint64_t *deliveries)
{
	bool local = delivery->targets[0].kind == DELIVERY_MAILBOX;

	if (local)
		report_new(delivery, delivery->inode);
	for (size_t i = 0; i < delivery->count; i++) {
		const struct delivery_target *target = &delivery->targets[i];

		if (target->kind == DELIVERY_MAILBOX)
			report_mailbox(target, settings, delivery->inode, ++*deliveries);
		else
			report_parked(delivery, target);
	}
	if (local)
		log_info("end msg %" PRIu64, delivery->inode);
}
