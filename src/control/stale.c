#include "control/stale.h"

#include <stddef.h>

#include "control/accounts.h"
#include "control/map.h"

#define LOOK_MS 1000
#define TELL_MS 60000

static const char *find(int control_fd)
{
	if (accounts_are_stale(control_fd))
		return "control/accounts is newer than its maps, which are used as they "
		       "were; run `lontar rebuild`";
	if (map_is_stale(control_fd, "tcp.smtp", "tcp.smtp.cdb"))
		return "control/tcp.smtp is newer than tcp.smtp.cdb, which is used as it "
		       "was; run `lontar rebuild`";
	if (map_is_stale(control_fd, "aliases", "aliases.cdb"))
		return "control/aliases is newer than aliases.cdb, which is used as it "
		       "was; run `lontar rebuild`";
	return NULL;
}

const char *stale_watch(struct stale_watch *watch, int control_fd, int64_t now_ms)
{
	const char *text;

	if ((watch->looked_ms && now_ms - watch->looked_ms < LOOK_MS) ||
	    (watch->told_ms && now_ms - watch->told_ms < TELL_MS))
		return NULL;
	watch->looked_ms = now_ms;
	text = find(control_fd);
	if (text)
		watch->told_ms = now_ms;
	return text;
}
