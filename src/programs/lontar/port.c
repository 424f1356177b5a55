#include "programs/lontar/port.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "control/listen.h"

#define PUBLISHED_MAX ((size_t)64 * 1024)
/* A port that was free for a service's first address may be taken for its second. */
#define FREE_PORT_TRIES 20

static void describe(const struct listen_entry *entry, struct port *port_out)
{
	const void *ip =
		entry->address.ss_family == AF_INET6
			? (const void *)&((const struct sockaddr_in6 *)&entry->address)
				  ->sin6_addr
			: (const void *)&((const struct sockaddr_in *)&entry->address)
				  ->sin_addr;

	*port_out = (struct port){ .service = listen_service_name(entry->service),
				   .wanted_port = entry->port,
				   .number = entry->port,
				   .fd = -1 };
	if (!inet_ntop(entry->address.ss_family, ip, port_out->wanted,
		       sizeof(port_out->wanted)))
		abort();
}

/* What an earlier address of the same service got, where both ask for any. */
static uint16_t port_so_far(const struct ports *ports, const struct port *port)
{
	for (size_t i = 0; i < ports->count; i++) {
		const struct port *other = &ports->items[i];

		if (other->fd >= 0 && other->wanted_port == 0 &&
		    other->service == port->service)
			return other->number;
	}
	return 0;
}

static bool take_over(const struct ports *old, struct port *port)
{
	for (size_t i = 0; i < old->count; i++) {
		const struct port *other = &old->items[i];

		if (other->service == port->service &&
		    other->wanted_port == port->wanted_port &&
		    strcmp(other->wanted, port->wanted) == 0) {
			*port = *other;
			return true;
		}
	}
	return false;
}

static bool bind_one(struct port *port, uint16_t number, struct err *err)
{
	port->fd = listener_open(port->wanted, number, &port->number, err);
	if (port->fd < 0)
		return false;
	listener_address(port->fd, port->address);
	return true;
}

/* Of one service that asks for any port: all its addresses on the same one. is_first:
 * nobody has been told a number yet. */
static bool bind_free(struct ports *ports, size_t i, bool is_first, struct err *err)
{
	struct port *port = &ports->items[i];
	uint16_t number = port_so_far(ports, port);

	for (int turn = 0; turn < FREE_PORT_TRIES; turn++) {
		if (bind_one(port, number, err))
			return true;
		if (!number || !is_first)
			return false;
		/* Begin again with another number: all that share it so far. */
		number = 0;
		for (size_t k = 0; k < i; k++) {
			struct port *other = &ports->items[k];

			if (other->service != port->service || other->wanted_port != 0)
				continue;
			file_close(&other->fd);
			if (!bind_one(other, number, err))
				return false;
			number = other->number;
		}
	}
	return false;
}

static bool is_in(const struct ports *ports, int fd)
{
	for (size_t i = 0; i < ports->count; i++)
		if (ports->items[i].fd == fd)
			return true;
	return false;
}

/* Closes what is not in the other one too. */
static void drop(struct ports *ports, const struct ports *but)
{
	for (size_t i = 0; i < ports->count; i++)
		if (!is_in(but, ports->items[i].fd))
			file_close(&ports->items[i].fd);
	free(ports->items);
	*ports = (struct ports){ 0 };
}

void ports_clear(struct ports *ports)
{
	drop(ports, &(struct ports){ 0 });
}

static void describe_all(const struct listen *listen, struct ports *fresh)
{
	fresh->items = must_resize(NULL, listen->count + 1, sizeof(*fresh->items));
	for (size_t i = 0; i < listen->count; i++)
		describe(&listen->entries[i], &fresh->items[fresh->count++]);
}

bool ports_bind(int control_fd, struct ports *ports, bool *changed_out, struct err *err)
{
	struct ports fresh = { 0 };
	struct listen listen;

	if (!listen_read(control_fd, &listen, err))
		return false;
	describe_all(&listen, &fresh);
	listen_clear(&listen);
	*changed_out = fresh.count != ports->count;
	for (size_t i = 0; i < fresh.count; i++) {
		struct port *port = &fresh.items[i];
		bool bound = take_over(ports, port);

		if (bound)
			continue;
		*changed_out = true;
		bound = port->wanted_port ? bind_one(port, port->wanted_port, err)
					  : bind_free(&fresh, i, ports->count == 0, err);
		if (!bound) {
			drop(&fresh, ports);
			return err_context(err, "control/listen");
		}
	}
	drop(ports, &fresh);
	*ports = fresh;
	return true;
}

bool ports_publish(const struct ports *ports, int root_fd, struct err *err)
{
	AUTO_BUF text = BUF_INIT(PUBLISHED_MAX);

	for (size_t i = 0; i < ports->count; i++)
		if (!buf_appendf(&text, "%s %s\n", ports->items[i].service,
				 ports->items[i].address))
			break; /* control/listen has a limit of its own */
	return file_replace(root_fd, "run/listen", text.data, text.len, 0644, err);
}
