#include "deliver/urgency.h"

#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "control/priorities.h"

#define HEADER_MAX ((size_t)32 * 1024) /* what stands further down is not heard */

/* For a link; parked/local has no need of it. */
static bool has_parked(const struct delivery *delivery)
{
	for (size_t i = 0; i < delivery->count; i++)
		if (delivery->targets[i].kind == DELIVERY_PARKED &&
		    strcmp(delivery->targets[i].name, "local") != 0)
			return true;
	return false;
}

static enum mail_priority asked_by_header(const struct delivery *delivery)
{
	AUTO_BUF header = BUF_INIT(HEADER_MAX);
	char *room = buf_reserve(&header, HEADER_MAX);
	ssize_t got = pread(delivery->targets[0].file_fd, room, HEADER_MAX,
			    (off_t)delivery->head.len);

	/* What cannot be read now is no reason to refuse it. */
	if (got > 0)
		buf_wrote(&header, (size_t)got);
	return priority_asked(buf_span(&header));
}

void urgency_decide(struct delivery *delivery, const struct settings *settings,
		    uint64_t bytes)
{
	if (has_parked(delivery))
		delivery->priority =
			priorities_decide(&settings->priorities, delivery->sender, bytes,
					  asked_by_header(delivery));
}
