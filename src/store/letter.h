/* A message on its way into one user's mailbox: the lines put in front of it, and where
 * the rest is read from. */
#ifndef STORE_LETTER_H
#define STORE_LETTER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/span.h"

struct letter {
	struct span head; /* Return-Path and Delivered-To, whole lines */
	int fd;           /* the message, read with pread only */
	off_t body;       /* where in fd it begins */
	uint64_t bytes;   /* of it, from there */
};

#endif
