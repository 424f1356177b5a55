/*
 * The client's side of QMTP: pure, with the messages and results of smtp/client.h. There
 * is nothing to wait for: packages follow each other, up to a bounded amount in doubt,
 * and an answer for each recipient comes back in order. A message travels with CR LF line
 * ends, as it is measured for SMTP.
 *
 * An answer has no code: what it says of itself ("(#5.1.1)") is its status.
 */
#ifndef QMTP_CLIENT_H
#define QMTP_CLIENT_H

#include "smtp/client.h"

struct qmtp_client;
struct qmtp_client *qmtp_client_new(void);
void qmtp_client_free(struct qmtp_client *client); /* NULL does nothing */

/* As smtp_client_set_window and the functions that follow it. */
void qmtp_client_set_window(struct qmtp_client *client, size_t messages, uint64_t bytes);
bool qmtp_client_may_start(const struct qmtp_client *client, uint64_t wire_bytes);
void qmtp_client_start(struct qmtp_client *client,
		       const struct smtp_client_message *message);
struct buf *qmtp_client_commands(struct qmtp_client *client);
void *qmtp_client_body(const struct qmtp_client *client);
void qmtp_client_body_done(struct qmtp_client *client);
bool qmtp_client_feed(struct qmtp_client *client, struct span bytes);
const struct err *qmtp_client_failure(const struct qmtp_client *client);
struct smtp_client_result *qmtp_client_take(struct qmtp_client *client);
/* The connection has ended, however that was: every message without a result gets one. */
void qmtp_client_abandon(struct qmtp_client *client);

#endif
