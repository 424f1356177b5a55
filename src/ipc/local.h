/*
 * Between lontar-dispatch and the lontar-local that it had the master start: one delivery
 * to one local recipient. The socket is lontar-local's PRIVATE_FD.
 *
 * lontar-local may run as any user, so that what it says is not trusted: it can spoil
 * nothing but this delivery.
 */
#ifndef IPC_LOCAL_H
#define IPC_LOCAL_H

#include "ipc/packet.h"

#define LOCAL_MARKS_MAX ((size_t)32 * 1024) /* in one LOCAL_MARK */

enum local_packet {
	LOCAL_DELIVER = 1, /* dispatch: with the parked file, to read */
	LOCAL_DONE_BEFORE, /* dispatch, next: with the file of all marks; no fields */
	LOCAL_MARK,        /* local: these lines are done, a mark and LF each */
	LOCAL_MARKED,      /* dispatch: and that is durable; no fields */
	LOCAL_RESULT,      /* local, at last */
};

/* kind: enum local_kind; body, bytes: where the message stands in the file; the rest: see
 * deliver/local_user.h. instructions: what counts where there is no .qmail file */
#define LOCAL_DELIVER_FIELDS(NUMBER, TEXT) \
	NUMBER(kind)                       \
	NUMBER(body)                       \
	NUMBER(bytes)                      \
	NUMBER(timeout_s)                  \
	TEXT(sender)                       \
	TEXT(recipient)                    \
	TEXT(user) TEXT(home) TEXT(dash) TEXT(ext) TEXT(me) TEXT(instructions)
PACKET_DEFINE(local_deliver, LOCAL_DELIVER, LOCAL_DELIVER_FIELDS)

#define LOCAL_MARK_FIELDS(NUMBER, TEXT) TEXT(marks)
PACKET_DEFINE(local_mark, LOCAL_MARK, LOCAL_MARK_FIELDS)

/* verdict: enum err_kind; files, forwards, programs: how many it did (of this try) */
#define LOCAL_RESULT_FIELDS(NUMBER, TEXT) \
	NUMBER(verdict)                   \
	NUMBER(files) NUMBER(forwards) NUMBER(programs) TEXT(status) TEXT(text)
PACKET_DEFINE(local_result, LOCAL_RESULT, LOCAL_RESULT_FIELDS)

#endif
