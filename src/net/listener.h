/*
 * Listening TCP sockets: made by the master, accepted from by the session workers.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

#define LISTENER_ADDRESS_MAX 64 /* room for an address as text, with or without port */

/* Binds and listens: non-blocking, close-on-exec. address: an IPv4 or IPv6 literal, the
 * latter with or without brackets; "::" takes IPv6 only (list 0.0.0.0 as well). Port 0:
 * the kernel picks, and *port_out says which, so that a service's next address can ask
 * for the same. -1 and err, which names address and port. */
int listener_open(const char *address, uint16_t port, uint16_t *port_out,
		  struct err *err) MUST_USE;

/* "127.0.0.1:25" or "[::1]:25", for people and for MASTER_LISTENER; "?" where fd is no
 * such socket. Returns text_out. */
const char *listener_address(int fd, char text_out[LISTENER_ADDRESS_MAX]);

enum listener_got {
	LISTENER_CLIENT, /* *fd_out is his socket, the caller's to close */
	LISTENER_EMPTY,  /* nobody waits (or he left again): back to the loop */
	LISTENER_FAILED, /* err, temporary: no descriptors, no memory. The client still
			  * waits: try again when something was closed, or later */
};

/* A client's socket: non-blocking, close-on-exec, without Nagle's delay. remote_ip_out:
 * his address; one mapped into IPv6 as plain IPv4, an interface's name left out. */
enum listener_got listener_accept(int fd, int *fd_out,
				  char remote_ip_out[LISTENER_ADDRESS_MAX],
				  struct err *err) MUST_USE;

/* The same of a client's socket that somebody else accepted (inetd); "?" where fd is no
 * such socket. Returns remote_ip_out. */
const char *listener_remote(int fd, char remote_ip_out[LISTENER_ADDRESS_MAX]);

#endif
