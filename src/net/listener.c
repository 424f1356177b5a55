#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"

#define BACKLOG 512

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static bool parse(const char *text, uint16_t port, union address *address_out,
		  socklen_t *len_out)
{
	char bare[LISTENER_ADDRESS_MAX];
	size_t len = strlen(text);

	memset(address_out, 0, sizeof(*address_out));
	if (len >= sizeof(bare))
		return false;
	memcpy(bare, text, len + 1);
	if (bare[0] == '[' && bare[len - 1] == ']') {
		memmove(bare, bare + 1, len - 2);
		bare[len - 2] = '\0';
	} else if (inet_pton(AF_INET, bare, &address_out->v4.sin_addr) == 1) {
		address_out->v4.sin_family = AF_INET;
		address_out->v4.sin_port = htons(port);
		*len_out = sizeof(address_out->v4);
		return true;
	}
	if (inet_pton(AF_INET6, bare, &address_out->v6.sin6_addr) != 1)
		return false;
	address_out->v6.sin6_family = AF_INET6;
	address_out->v6.sin6_port = htons(port);
	*len_out = sizeof(address_out->v6);
	return true;
}

static uint16_t port_of(const union address *address)
{
	return ntohs(address->any.sa_family == AF_INET ? address->v4.sin_port
						       : address->v6.sin6_port);
}

/* -1, and errno, which says why. */
static int bind_and_listen(const union address *address, socklen_t len)
{
	int family = address->any.sa_family;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const int on = 1;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    (family == AF_INET ||
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
	    bind(fd, &address->any, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	file_close(&fd);
	return -1;
}

int listener_open(const char *address, uint16_t port, uint16_t *port_out, struct err *err)
{
	union address wanted, got = { 0 };
	socklen_t len, got_len = sizeof(got);
	int fd;

	if (!parse(address, port, &wanted, &len)) {
		err_exit(err, EX_CONFIG,
			 "\"%s\" is not an IPv4 or IPv6 address: names are not looked up",
			 address);
		return -1;
	}
	fd = bind_and_listen(&wanted, len);
	if (fd >= 0 && getsockname(fd, &got.any, &got_len) == 0) {
		*port_out = port_of(&got);
		return fd;
	}
	err_errno(err, "listen on %s port %u", address, (unsigned)port);
	file_close(&fd);
	return -1;
}

const char *listener_address(int fd, char text_out[LISTENER_ADDRESS_MAX])
{
	union address address = { 0 };
	socklen_t len = sizeof(address);
	char ip[INET6_ADDRSTRLEN] = "";

	memcpy(text_out, "?", 2);
	if (getsockname(fd, &address.any, &len) != 0)
		return text_out;
	if (address.any.sa_family == AF_INET &&
	    inet_ntop(AF_INET, &address.v4.sin_addr, ip, sizeof(ip)))
		snprintf(text_out, LISTENER_ADDRESS_MAX, "%s:%u", ip,
			 (unsigned)port_of(&address));
	if (address.any.sa_family == AF_INET6 &&
	    inet_ntop(AF_INET6, &address.v6.sin6_addr, ip, sizeof(ip)))
		snprintf(text_out, LISTENER_ADDRESS_MAX, "[%s]:%u", ip,
			 (unsigned)port_of(&address));
	return text_out;
}

static void write_ip(const union address *address, char text_out[LISTENER_ADDRESS_MAX])
{
	const struct in6_addr *v6 = &address->v6.sin6_addr;
	const char *written;

	if (address->any.sa_family == AF_INET)
		written = inet_ntop(AF_INET, &address->v4.sin_addr, text_out,
				    LISTENER_ADDRESS_MAX);
	else if (IN6_IS_ADDR_V4MAPPED(v6))
		written = inet_ntop(AF_INET, &v6->s6_addr[12], text_out,
				    LISTENER_ADDRESS_MAX);
	else
		written = inet_ntop(AF_INET6, v6, text_out, LISTENER_ADDRESS_MAX);
	if (!written)
		memcpy(text_out, "?", 2);
}

enum listener_got listener_accept(int fd, int *fd_out,
				  char remote_ip_out[LISTENER_ADDRESS_MAX],
				  struct err *err)
{
	union address remote = { 0 };
	socklen_t len = sizeof(remote);
	const int on = 1;
	int client = accept4(fd, &remote.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	*fd_out = -1;
	if (client < 0) {
		/* Only these mean that the queue cannot be served; the rest are about
		 * one client who is gone, or the network's errors (accept(2)). */
		if (errno != EMFILE && errno != ENFILE && errno != ENOMEM &&
		    errno != ENOBUFS && errno != EINVAL && errno != EBADF)
			return LISTENER_EMPTY;
		err_errno(err, "accept a connection");
		return LISTENER_FAILED;
	}
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	write_ip(&remote, remote_ip_out);
	*fd_out = client;
	return LISTENER_CLIENT;
}

const char *listener_remote(int fd, char remote_ip_out[LISTENER_ADDRESS_MAX])
{
	union address remote = { 0 };
	socklen_t len = sizeof(remote);

	memcpy(remote_ip_out, "?", 2);
	if (getpeername(fd, &remote.any, &len) == 0 &&
	    (remote.any.sa_family == AF_INET || remote.any.sa_family == AF_INET6))
		write_ip(&remote, remote_ip_out);
	return remote_ip_out;
}
