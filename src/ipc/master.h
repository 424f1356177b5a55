/*
 * Descriptor 3 of every program that `lontar run` starts: the master's end of it sends
 * sockets and certificates and starts others; when it closes, the master is dead and the
 * program ends (ipc/service.h does all that).
 */
#ifndef IPC_MASTER_H
#define IPC_MASTER_H

#include "ipc/packet.h"

#define MASTER_FD  3 /* of a started program: this protocol */
#define PRIVATE_FD 4 /* of one started for somebody (mailbox, flush, ...): his socket */

enum master_packet {
	MASTER_LISTENER = 1, /* master: with a listening socket */
	MASTER_CERTIFICATE,  /* master: with a file, the chain in PEM; no fields */
	MASTER_KEY,          /* master: with a file, the key in PEM; no fields */
	MASTER_GO,           /* master: you have everything of the above; no fields */
	MASTER_READY,        /* child: my listeners are served; no fields */
	MASTER_START,        /* child: start this for me, with the socket it gets as
			      * PRIVATE_FD (lontar-auth: mailbox; lontar-link: flush, pickup,
			      * probe, call) */
	MASTER_ENDED,        /* master: what you had me start has ended */
};

/* service: its name in control/listen, or auth, deliver, link for those in run/ */
#define MASTER_LISTENER_FIELDS(NUMBER, TEXT) TEXT(service) TEXT(address)
PACKET_DEFINE(master_listener, MASTER_LISTENER, MASTER_LISTENER_FIELDS)

/* role: mailbox, flush, pickup, probe, call, ...; name: the user, the smarthost, the
 * pickup or the link */
#define MASTER_START_FIELDS(NUMBER, TEXT) TEXT(role) TEXT(name)
PACKET_DEFINE(master_start, MASTER_START, MASTER_START_FIELDS)

/* exit_code: 128 + N where signal N ended it */
#define MASTER_ENDED_FIELDS(NUMBER, TEXT) NUMBER(exit_code) TEXT(role) TEXT(name)
PACKET_DEFINE(master_ended, MASTER_ENDED, MASTER_ENDED_FIELDS)

#endif
