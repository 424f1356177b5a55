/* One delivery: to whom, what, and what of it has been done. */
#ifndef PROGRAMS_LONTAR_LOCAL_JOB_H
#define PROGRAMS_LONTAR_LOCAL_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "deliver/local_user.h"
#include "deliver/qmail_environment.h"
#include "deliver/qmail_find.h"
#include "mail/address.h"
#include "programs/lontar-local/marks.h"
#include "store/letter.h"

struct job {
	struct local_user user;
	char sender[ADDRESS_MAX];
	char new_sender[ADDRESS_MAX];
	char recipient[ADDRESS_MAX]; /* local@host */
	char local[ADDRESS_MAX];
	char host[ADDRESS_MAX];
	char me[256];
	char home[1024]; /* absolute */
	char root[1024]; /* likewise */
	struct buf instructions;
	uint64_t timeout_s;
	int root_fd, home_fd;
	struct letter letter; /* its head: Return-Path and Delivered-To */
	struct buf head;
	int runner_fd;  /* who runs programs (runner.h); -1: we do */
	int program_fd; /* the message alone, for programs; -1 until one wants it */
	struct marks marks;
	bool verp;
	bool is_usual; /* no .qmail file says otherwise */
	const char *rest;
	uint64_t files, forwards, programs;
};

/* Receives the order on PRIVATE_FD, becomes at home there. */
bool job_receive(struct job *job, struct err *err) MUST_USE;

/* Permanent 5.4.6: the message has been here before. */
bool job_is_no_loop(const struct job *job, struct err *err) MUST_USE;

/* What control/aliases says of the recipient. False: nothing; else it has been done, or
 * *done_out is false, with err. */
bool job_alias(struct job *job, bool *done_out, struct err *err) MUST_USE;

/* Does the lines in order, forwards last and together. True: all is done. */
bool job_do(struct job *job, const struct qmail_file *file, struct err *err) MUST_USE;

/* Forwards to those before line `until` that have not been told yet. */
bool job_forward(struct job *job, const struct qmail_file *file, size_t until,
		 struct err *err) MUST_USE;

#endif
