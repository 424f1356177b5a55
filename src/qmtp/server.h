/*
 * The server's side of QMTP (packages one behind the other: message, sender, recipients;
 * an answer for each recipient) and of QMQP (one package, one answer for all), as a pure
 * engine with the events of smtp/server.h, so that one program serves all three:
 *
 * Since the message comes before those it is for, it needs a place of its own first
 * (ASK_SCRATCH, then BODY any number of times); then come ASK_RECIPIENT for each,
 * ASK_DRAFT, for which the program copies the message behind its envelope, and
 * ASK_COMMIT. RESET may come instead of the last two.
 *
 * Line ends: a message says in its first byte whether its lines end with LF or CR LF.
 */
#ifndef QMTP_SERVER_H
#define QMTP_SERVER_H

#include "smtp/server.h"

struct qmtp_policy {
	bool is_qmqp;
	bool may_relay;     /* this client may mail anyone */
	uint64_t databytes; /* largest message, as it is stored; 0: no limit */
};

struct qmtp_server;
struct qmtp_server *qmtp_server_new(const struct qmtp_policy *policy) MUST_USE;
void qmtp_server_free(struct qmtp_server *server);

/* As smtp_server_next and its kin. */
const struct smtp_event *qmtp_server_next(struct qmtp_server *server, struct buf *input);
void qmtp_server_answer(struct qmtp_server *server, const struct smtp_verdict *verdict);
void qmtp_server_spoil(struct qmtp_server *server, const struct smtp_verdict *verdict);
/* Ends the session: nothing can be said, so that the client keeps what has no answer. */
void qmtp_server_expel(struct qmtp_server *server);
struct buf *qmtp_server_output(struct qmtp_server *server);

#endif
