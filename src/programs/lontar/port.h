/* The TCP listeners of control/listen, bound by the master. */
#ifndef PROGRAMS_LONTAR_PORT_H
#define PROGRAMS_LONTAR_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "net/listener.h"

struct port {
	const char *service;                /* control/listen's word, static */
	char wanted[LISTENER_ADDRESS_MAX];  /* the address, as the file has it */
	uint16_t wanted_port;               /* 0: any */
	char address[LISTENER_ADDRESS_MAX]; /* with the port in use */
	uint16_t number;
	int fd;
};

struct ports {
	struct port *items;
	size_t count;
};

/* Reads control/listen and binds all of it; what `ports` holds already is taken over.
 * *changed_out: there was something to do. After an err `ports` is as it was. Clear with
 * ports_clear, also before the first use: a zeroed one is empty. */
bool ports_bind(int control_fd, struct ports *ports, bool *changed_out,
		struct err *err) MUST_USE;
void ports_clear(struct ports *ports);

/* run/listen, which `lontar listen` prints: "service address:port" lines. */
bool ports_publish(const struct ports *ports, int root_fd, struct err *err) MUST_USE;

#endif
