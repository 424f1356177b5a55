/*
 * run/master: what `lontar service` asks the master. Only root and the master's own user
 * may.
 */
#ifndef IPC_OPERATE_H
#define IPC_OPERATE_H

#include "ipc/packet.h"

enum operate_packet {
	OPERATE_ACT = 1, /* command: answered by DONE when it has happened */
	OPERATE_SHOW,    /* command: STATE for each process, then DONE; no fields */
	OPERATE_STATE,   /* master */
	OPERATE_DONE,    /* master */
};

/* verb: stop, start, restart or hup; name: of a service, as OPERATE_STATE has it */
#define OPERATE_ACT_FIELDS(NUMBER, TEXT) TEXT(verb) TEXT(name)
PACKET_DEFINE(operate_act, OPERATE_ACT, OPERATE_ACT_FIELDS)

/* pid: 0 while it does not run; seconds: how long it has been so; state: up, starting,
 * down (it is started again soon) or stopped (by the operator) */
#define OPERATE_STATE_FIELDS(NUMBER, TEXT) \
	NUMBER(pid) NUMBER(seconds) TEXT(name) TEXT(state)
PACKET_DEFINE(operate_state, OPERATE_STATE, OPERATE_STATE_FIELDS)

#define OPERATE_DONE_FIELDS(NUMBER, TEXT) NUMBER(exit_code) TEXT(text)
PACKET_DEFINE(operate_done, OPERATE_DONE, OPERATE_DONE_FIELDS)

#endif
