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

static void format_address(const struct sockaddr *address,
			   char out[INTERFACE_ADDRESS_MAX])
{
	const struct sockaddr_in *in = (const void *)address;
	const struct sockaddr_in6 *in6 = (const void *)address;

	inet_ntop(address->sa_family,
		  address->sa_family == AF_INET ? (const void *)&in->sin_addr
						: &in6->sin6_addr,
		  out, INTERFACE_ADDRESS_MAX);
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
		if (!address_out[0] || at->ifa_addr->sa_family == AF_INET)
			format_address(at->ifa_addr, address_out);
	}
	freeifaddrs(all);
	return state;
}

bool interface_has(const char *name, const char *address)
{
	char one[INTERFACE_ADDRESS_MAX];
	struct ifaddrs *all;
	bool found = false;

	if (getifaddrs(&all) != 0)
		return false;
	for (const struct ifaddrs *at = all; at && !found; at = at->ifa_next) {
		if (strcmp(at->ifa_name, name) != 0 || !at->ifa_addr ||
		    !leads_out(at->ifa_addr))
			continue;
		format_address(at->ifa_addr, one);
		found = strcmp(one, address) == 0;
	}
	freeifaddrs(all);
	return found;
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

/* NULL: the message says something else. One of another family than AF_UNSPEC speaks of a
 * bridge's port, which stays an interface. */
static const char *removed_by(struct nlmsghdr *message)
{
	struct ifinfomsg *about = NLMSG_DATA(message);
	int len = (int)message->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*about));

	if (message->nlmsg_type != RTM_DELLINK || len < 0 ||
	    about->ifi_family != AF_UNSPEC)
		return NULL;
	for (struct rtattr *at = IFLA_RTA(about); RTA_OK(at, len); at = RTA_NEXT(at, len))
		if (at->rta_type == IFLA_IFNAME && RTA_PAYLOAD(at) > 0 &&
		    memchr(RTA_DATA(at), '\0', RTA_PAYLOAD(at)))
			return RTA_DATA(at);
	return NULL;
}

void interface_heard(int watch_fd, void (*on_gone)(void *ctx, const char *name),
		     void *ctx)
{
	_Alignas(struct nlmsghdr) char news[16384];
	ssize_t taken;

	/* ENOBUFS: more than we could take; there is something to look at, as ever. */
	while ((taken = recv(watch_fd, news, sizeof(news), 0)) >= 0 || errno == ENOBUFS ||
	       errno == EINTR) {
		struct nlmsghdr *message = (void *)news;
		unsigned len = taken < 0 ? 0 : (unsigned)taken;

		for (; NLMSG_OK(message, len); message = NLMSG_NEXT(message, len)) {
			const char *name = removed_by(message);

			if (name && on_gone)
				on_gone(ctx, name);
		}
	}
}
