/*
 * One message on its way to durable: a draft in spool/incoming, then a directory entry at
 * every target. The steps, each a function, are what a commit in groups is made of:
 *
 *   new, add...   who gets it
 *   open          the draft, its head written; a session appends the body
 *   seal          no writer is left and the head still stands; copies are made
 *   [sync each target's file_fd, or the whole file system]
 *   place         every target's name appears
 *   [sync each target's folder_fd, or the whole file system]
 *   free          acknowledged. Before that, undo takes everything back.
 *
 * The draft itself is moved to the first target. Mailboxes share its inode (by hard
 * links; its head then names no recipient, or Bcc would show), other parked targets get
 * copies of their own. What is in spool/incoming when the gateway starts was never
 * acknowledged: incoming_clear.
 */
#ifndef STORE_DELIVERY_H
#define STORE_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "mail/maildir.h"

enum delivery_kind {
	DELIVERY_MAILBOX, /* mail/NAME/Maildir */
	DELIVERY_PARKED,  /* spool/parked/NAME */
};

struct delivery_target {
	enum delivery_kind kind;
	char *name;
	const char **recipients; /* the texts are the delivery's */
	size_t count;
	char id[MAILDIR_UNIQUE_MAX];
	uint64_t wire_bytes;
	int file_fd;   /* its data: the draft or a copy; -1 where an earlier target's is
			  shared */
	int folder_fd; /* once placed: the folder to sync */
	bool placed;
	char path[MAILDIR_NAME_MAX]; /* below folder_fd, once placed */
};

struct delivery {
	int root_fd;
	char *sender;
	struct delivery_target *targets;
	size_t count;
	char **addresses; /* of all recipients; owned */
	size_t address_count;
	char id[MAILDIR_UNIQUE_MAX];
	uint64_t inode;    /* of the draft: the message's number in the log */
	uint64_t bytes;    /* of the message as it came, head of ours not counted */
	unsigned priority; /* for parked names; set before delivery_seal */
	struct buf head;   /* as written in front of the draft */
	size_t trace;      /* where in head the part begins that every copy has */
};

struct delivery *delivery_new(int root_fd, const char *sender);

/* One more recipient. The same mailbox twice is one target; recipients of one smarthost
 * share targets of at most ENVELOPE_RECIPIENTS_MAX. False: it was there already. */
bool delivery_add(struct delivery *delivery, enum delivery_kind kind, const char *name,
		  const char *recipient);
/* One parked file for each domain: each is sent, waits and is tried again by itself. */
bool delivery_add_by_domain(struct delivery *delivery, const char *smarthost,
			    const char *recipient);

/* Makes the draft and writes its head: Return-Path, Delivered-To lines as its first
 * target wants them, then trace (whole header lines, may be empty). Returns a descriptor
 * that only appends, the caller's to pass on and close; -1 and err: 4.3.1 where disk or
 * inodes for `size` bytes are short. host goes into the unique name. */
int delivery_open(struct delivery *delivery, const char *host, struct span trace,
		  uint64_t size, struct err *err) MUST_USE;

/* bytes, lines, unended: what the writer says it appended, see ipc/intake.h. link_up_s:
 * for parked names. False: somebody can still write, or what is there is something else.
 */
bool delivery_seal(struct delivery *delivery, uint64_t bytes, uint64_t lines,
		   bool unended, uint64_t link_up_s, struct err *err) MUST_USE;

/* For a writer who is not trusted to have counted right: counts in the sealed draft. */
bool delivery_recount(const struct delivery *delivery, uint64_t lines, bool unended,
		      struct err *err) MUST_USE;

bool delivery_place(struct delivery *delivery, struct err *err) MUST_USE;

/* All the steps from after seal, alone: sync, place, sync; undone where one fails. */
bool delivery_commit_alone(struct delivery *delivery, struct err *err) MUST_USE;

/* Takes away every name, placed or draft. */
void delivery_undo(struct delivery *delivery);
/* Frees the memory and closes; the files stay where they are. NULL does nothing. */
void delivery_free(struct delivery *delivery);

#endif
