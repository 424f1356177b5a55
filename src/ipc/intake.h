/*
 * run/deliver: how a message comes in, from a session worker, sendmail, a pickup or a
 * bounce. Anyone on this machine may ask (peer credentials tell who).
 *
 * The tag is the asker's number for one transaction; the first INTAKE_RCPT opens it.
 * RCPT any number of times, then DRAFT, append the message to the descriptor, close it,
 * COMMIT. Each is answered by one INTAKE_VERDICT (DRAFT, when granted, by INTAKE_OPEN);
 * asks may be sent without waiting for earlier answers, which come in order. A
 * transaction ends with COMMIT's verdict or with RESET (no answer).
 */
#ifndef IPC_INTAKE_H
#define IPC_INTAKE_H

#include "ipc/packet.h"

enum intake_packet {
	INTAKE_RCPT = 1, /* asker: may this sender mail this recipient? */
	INTAKE_DRAFT,    /* asker: all recipients named; where does the message go? */
	INTAKE_COMMIT,   /* asker: the message is written, my descriptor closed */
	INTAKE_RESET,    /* asker: forget this transaction; no fields, no answer */
	INTAKE_VERDICT,  /* deliver */
	INTAKE_OPEN,     /* deliver: with a descriptor to append to; no fields */
	INTAKE_WATCH,    /* asker: tell me what gets parked from now on; no fields */
	INTAKE_PARKED,   /* deliver, to watchers, with tag 0 */
	INTAKE_SCRATCH,  /* asker: a file without a name, to read and write, for a message
			  * that comes before its recipients (QMTP); answered as DRAFT is,
			  * belongs to no transaction and is nobody's when closed */
	INTAKE_RECORD,   /* asker, with a file to append to: between DRAFT and COMMIT; no
			  * answer */
};

enum intake_verdict_kind {
	INTAKE_YES,   /* RCPT: taken; COMMIT: durable at every recipient */
	INTAKE_LATER, /* 4xx */
	INTAKE_NO,    /* 5xx */
};

/* may_relay: the recipient may be anywhere (by login, address or local user); addresses
 * as mail/address.h has them, an empty sender is the null sender */
#define INTAKE_RCPT_FIELDS(NUMBER, TEXT) NUMBER(may_relay) TEXT(sender) TEXT(recipient)
PACKET_DEFINE(intake_rcpt, INTAKE_RCPT, INTAKE_RCPT_FIELDS)

/* What the Received line says (RFC 5321 4.4) and the size announced, 0 where unknown.
 * protocol: SMTP, ESMTP, ESMTPS, ESMTPSA, ...; empty for a message of this machine (then
 * the line says which user's it is, or is left out for our own bounces: helo "-") */
#define INTAKE_DRAFT_FIELDS(NUMBER, TEXT) \
	NUMBER(size) TEXT(protocol) TEXT(helo) TEXT(remote_ip) TEXT(login) TEXT(session)
PACKET_DEFINE(intake_draft, INTAKE_DRAFT, INTAKE_DRAFT_FIELDS)

/* size: what will be written to it, 0 where unknown */
#define INTAKE_SCRATCH_FIELDS(NUMBER, TEXT) NUMBER(size)
PACKET_DEFINE(intake_scratch, INTAKE_SCRATCH, INTAKE_SCRATCH_FIELDS)

/* bytes: appended (LF line ends); lines: LFs among them; unended: 1 where the last byte
 * was not an LF */
#define INTAKE_COMMIT_FIELDS(NUMBER, TEXT) NUMBER(bytes) NUMBER(lines) NUMBER(unended)
PACKET_DEFINE(intake_commit, INTAKE_COMMIT, INTAKE_COMMIT_FIELDS)

/* line: appended to that file once the message is durable, before the verdict, even where
 * the asker has gone by then. At most 512 bytes, and only from our own programs. */
#define INTAKE_RECORD_FIELDS(NUMBER, TEXT) TEXT(line)
PACKET_DEFINE(intake_record, INTAKE_RECORD, INTAKE_RECORD_FIELDS)

/* status: RFC 3463; text: one line for the SMTP reply, without code and status */
#define INTAKE_VERDICT_FIELDS(NUMBER, TEXT) NUMBER(kind) TEXT(status) TEXT(text)
PACKET_DEFINE(intake_verdict, INTAKE_VERDICT, INTAKE_VERDICT_FIELDS)

#define INTAKE_PARKED_FIELDS(NUMBER, TEXT) TEXT(smarthost)
PACKET_DEFINE(intake_parked, INTAKE_PARKED, INTAKE_PARKED_FIELDS)

#endif
