/*
 * The head of a parked file: "Return-Path: <sender>", then one "Delivered-To: address"
 * line a recipient, then the message (serialmail's convention, with more than one
 * recipient allowed). A recipient is settled by overwriting the first byte of his line,
 * "D" by "x".
 */
#ifndef MAIL_ENVELOPE_H
#define MAIL_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

#define ENVELOPE_RECIPIENTS_MAX 100 /* RFC 5321 4.5.3.1.8: any server takes these */
#define ENVELOPE_MARK_WAITING   'D'
#define ENVELOPE_MARK_SETTLED   'x'

/* qmail's sender of a bounce that could not be delivered: no address, but it is stored as
 * one. On the wire it is the null sender. */
#define ENVELOPE_DOUBLE_BOUNCE "#@[]"

struct envelope_recipient {
	char *address;
	off_t mark; /* offset of the byte that says whether he is settled */
	bool settled;
};

struct envelope {
	char *sender;
	struct envelope_recipient *recipients;
	size_t count;
	off_t body; /* offset of the message's first byte */
};

/* Reads the head of an open parked file that has this many Delivered-To lines. A head
 * that does not parse is a permanent err; the envelope is then as after envelope_clear.
 */
bool envelope_read(int fd, size_t recipients, struct envelope *envelope_out,
		   struct err *err) MUST_USE;
void envelope_clear(struct envelope *envelope);

/* Writes a head, all recipients waiting. */
bool envelope_append(struct buf *out, const char *sender, const char *const *recipients,
		     size_t count) MUST_USE;

#endif
