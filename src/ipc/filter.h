/*
 * Between lontar-deliver and the lontar-filter that it had the master start: one message
 * that came over a network, for a program in qmail-queue's place (QMAILQUEUE). The socket
 * is lontar-filter's PRIVATE_FD.
 */
#ifndef IPC_FILTER_H
#define IPC_FILTER_H

#include "ipc/packet.h"

enum filter_packet {
	FILTER_MESSAGE = 1, /* deliver: with the draft, to read */
	FILTER_RECIPIENT,   /* deliver, for each */
	FILTER_GO,          /* deliver: all is told; no fields */
	FILTER_RESULT,      /* filter */
};

/* program: its path; from: where in the file the message begins (its envelope's lines are
 * before that); the rest: who sent it, for the program's environment */
#define FILTER_MESSAGE_FIELDS(NUMBER, TEXT) \
	NUMBER(from)                        \
	NUMBER(timeout_s)                   \
	NUMBER(may_relay)                   \
	TEXT(program) TEXT(sender) TEXT(remote_ip) TEXT(helo) TEXT(login) TEXT(me)
PACKET_DEFINE(filter_told, FILTER_MESSAGE, FILTER_MESSAGE_FIELDS)

#define FILTER_RECIPIENT_FIELDS(NUMBER, TEXT) TEXT(recipient)
PACKET_DEFINE(filter_recipient, FILTER_RECIPIENT, FILTER_RECIPIENT_FIELDS)

/* exit_code: 128 + N where signal N ended it; text: what it said on descriptor 4 or 6 */
#define FILTER_RESULT_FIELDS(NUMBER, TEXT) NUMBER(exit_code) TEXT(text)
PACKET_DEFINE(filter_result, FILTER_RESULT, FILTER_RESULT_FIELDS)

#endif
