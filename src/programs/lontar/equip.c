/* What a child gets before it begins: its sockets, and the certificate. */
#include <fcntl.h>

#include "base/file.h"
#include "ipc/master.h"
#include "programs/lontar/child.h"
#include "programs/lontar/master.h"

#define UNASKED 1 /* the tag of what answers nothing */

static void send_plain(struct child *child, unsigned type, int fd)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	packet_begin(&out, type, UNASKED);
	peer_send(child->peer, &out, fd);
}

static void send_listener(struct child *child, const char *service, const char *address,
			  int fd)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	master_listener_put(
		&out, UNASKED,
		&(struct master_listener){ span_of(service), span_of(address) });
	peer_send(child->peer, &out, fd);
}

/* Opened anew for each, since an offset belongs to the open file. */
void child_certify(struct child *child)
{
	int control_fd = child->master->control_fd;
	AUTO_FD certificate = openat(control_fd, "tls/cert.pem", O_RDONLY | O_CLOEXEC);
	AUTO_FD key = openat(control_fd, "tls/key.pem", O_RDONLY | O_CLOEXEC);

	if (!child->peer || certificate < 0 || key < 0)
		return;
	send_plain(child, MASTER_CERTIFICATE, certificate);
	send_plain(child, MASTER_KEY, key);
}

void child_equip(struct child *child)
{
	const struct ports *ports = &child->master->ports;

	if (roles[child->role].has_socket)
		send_listener(child, roles[child->role].name, "run",
			      child->master->sockets[child->role]);
	for (size_t i = 0; i < ports->count; i++)
		if (role_serves(child->role, ports->items[i].service))
			send_listener(child, ports->items[i].service,
				      ports->items[i].address, ports->items[i].fd);
	if (roles[child->role].is_door)
		child_certify(child);
	send_plain(child, MASTER_GO, -1);
}
