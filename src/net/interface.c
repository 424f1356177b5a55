#include "net/interface.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/file.h"

#define LOWER_UP 0x10000u /* IFF_LOWER_UP of linux/if.h, which net/if.h excludes */
#define RUNS     (IFF_UP | IFF_RUNNING | LOWER_UP)

/* 169.254/16 (RFC 3927) is what one gives oneself where nobody answers. */
static bool leads_out(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)address;

		return ntohl(in->sin_addr.s_addr) >> 16 != 0xa9fe;
	}
	if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)address;

		return !IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr);
	}
	return false;
}

static void put_address(const struct sockaddr *address, char out[INTERFACE_ADDRESS_MAX])
{
	const struct sockaddr_in *in = (const void *)address;
	const struct sockaddr_in6 *in6 = (const void *)address;
	bool is_four = address->sa_family == AF_INET;

	if (out[0] && !is_four)
		return;
	inet_ntop(address->sa_family,
		  is_four ? (const void *)&in->sin_addr : &in6->sin6_addr, out,
		  INTERFACE_ADDRESS_MAX);
}

enum interface_state interface_look(const char *name,
				    char address_out[INTERFACE_ADDRESS_MAX])
{
	enum interface_state state = INTERFACE_ABSENT;
	struct ifaddrs *all;

	address_out[0] = '\0';
	if (getifaddrs(&all) != 0)
		return INTERFACE_ABSENT;
	for (const struct ifaddrs *at = all; at; at = at->ifa_next) {
		if (strcmp(at->ifa_name, name) != 0)
			continue;
		if (state == INTERFACE_ABSENT)
			state = INTERFACE_DOWN;
		if ((at->ifa_flags & RUNS) != RUNS || !at->ifa_addr ||
		    !leads_out(at->ifa_addr))
			continue;
		state = INTERFACE_UP;
		put_address(at->ifa_addr, address_out);
	}
	freeifaddrs(all);
	return state;
}

int interface_watch(struct err *err)
{
	const struct sockaddr_nl groups = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (const void *)&groups, sizeof(groups)) == 0)
		return fd;
	err_errno(err, "listen to the kernel's news of interfaces");
	file_close(&fd);
	return -1;
}

void interface_heard(int watch_fd)
{
	char news[16384];

	/* ENOBUFS: more than we could take; there is something to look at, as ever. */
	while (recv(watch_fd, news, sizeof(news), 0) >= 0 || errno == ENOBUFS ||
	       errno == EINTR)
		continue;
}
