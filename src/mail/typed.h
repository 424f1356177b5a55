/*
 * A message as a program of this machine pipes it into `sendmail`: lines that end in LF
 * or in CR LF (however many CRs), and, unless it was told otherwise, an end that is a
 * lone dot. What is stored has LF line ends and nothing else is changed: NULs and bare
 * CRs stay.
 */
#ifndef MAIL_TYPED_H
#define MAIL_TYPED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"

/* Valid when zeroed but for dot_ends. */
struct typed_decoder {
	bool dot_ends;
	bool ended;        /* by its dot */
	unsigned position; /* within CR LF . CR LF */
	size_t held_crs;   /* not stored until it is known what follows */
};

/* Appends what is decoded; after the end nothing more. False: past out's ceiling. */
bool typed_decode(struct typed_decoder *decoder, struct span piece,
		  struct buf *out) MUST_USE;
/* The input has ended: what was waiting for its next byte. */
bool typed_finish(struct typed_decoder *decoder, struct buf *out) MUST_USE;

#endif
