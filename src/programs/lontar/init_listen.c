#include "programs/lontar/init_listen.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "control/listen.h"

static const struct {
	enum listen_service service;
	unsigned port;
	unsigned high_port;
} offers[] = {
	{ LISTEN_SMTP, 25, 2525 },   { LISTEN_SUBMISSION, 587, 2587 },
	{ LISTEN_SMTPS, 465, 2465 }, { LISTEN_POP3, 110, 2110 },
	{ LISTEN_POP3S, 995, 2995 },
};

static bool has_ipv6(void)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	AUTO_FD fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0;
}

bool init_listen_lines(struct buf *out)
{
	bool is_root = geteuid() == 0, with_ipv6 = is_root && has_ipv6();

	for (size_t i = 0; i < LENGTH(offers); i++) {
		const char *name = listen_service_name(offers[i].service);

		if (!buf_appendf(out, "%s %s:%u\n", name,
				 is_root ? "0.0.0.0" : "127.0.0.1",
				 is_root ? offers[i].port : offers[i].high_port) ||
		    (with_ipv6 &&
		     !buf_appendf(out, "%s [::]:%u\n", name, offers[i].port)))
			return false;
	}
	return true;
}
