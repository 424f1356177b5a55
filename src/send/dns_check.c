#include "send/dns_check.h"

#include "base/log.h"

#define KNOWN_NAME "a.root-servers.net"

static void on_answer(void *ctx, const char *addresses, const struct err *err)
{
	struct dns_check *check = ctx;

	if (check->truth == DNS_ASKING)
		check->truth = addresses ? DNS_TELLS_TRUTH : DNS_LIES;
	if (check->truth == DNS_LIES)
		log_warning("name servers are not believed: " KNOWN_NAME ": %s",
			    err->text);
	check->done(check->ctx);
}

void dns_check_start(struct dns_check *check, struct ev_loop *loop,
		     const struct resolve_way *way, void (*done)(void *ctx), void *ctx)
{
	if (check->truth != DNS_NOT_ASKED)
		return;
	check->truth = DNS_ASKING;
	check->done = done;
	check->ctx = ctx;
	check->resolve = resolve_start(loop, KNOWN_NAME, way, on_answer, check);
}

void dns_check_found(struct dns_check *check)
{
	check->truth = DNS_TELLS_TRUTH;
}

void dns_check_close(struct dns_check *check)
{
	resolve_close(check->resolve);
	check->resolve = NULL;
}
