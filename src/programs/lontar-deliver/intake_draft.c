#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "deliver/received.h"
#include "programs/lontar-deliver/intake_private.h"

#define TRACE_MAX 4096

/* Only our own programs may say what the Received line says; of anyone else it tells the
 * user that the kernel names. */
static bool compose_trace(const struct client *client, const struct intake_draft *draft,
			  struct buf *trace, struct err *err)
{
	struct received received = { .helo = draft->helo,
				     .remote_ip = draft->remote_ip,
				     .protocol = draft->protocol,
				     .login = draft->login,
				     .session = draft->session,
				     .me = client->intake->router.settings.me,
				     .now = clock_wall_s() };
	char user[32], session[32];

	if (client->ours && span_is(draft->helo, "-"))
		return true;
	if (!client->ours) {
		snprintf(user, sizeof(user), "uid:%u", (unsigned)peer_uid(client->peer));
		received.protocol = (struct span){ "", 0 };
		received.login = span_of(user);
	}
	if (!received.session.len || !client->ours) {
		snprintf(session, sizeof(session), "%" PRIx64, clock_wall_us());
		received.session = span_of(session);
	}
	return received_append(trace, &received) ||
	       err_temporary(err, "4.3.0", "the trace line is too long");
}

/* Mail from a network, that is not fetched. */
static bool find_filter(const struct client *client, struct transaction *transaction,
			const struct intake_draft *draft, struct err *err)
{
	struct intake *intake = client->intake;
	char remote_ip[64], program[256];
	bool fetched = draft->protocol.len >= 4 &&
		       (strncmp(draft->protocol.at, "POP3", 4) == 0 ||
			strncmp(draft->protocol.at, "IMAP", 4) == 0);

	if (!client->ours || fetched || !draft->remote_ip.len ||
	    !packet_text_copy(draft->remote_ip, remote_ip, sizeof(remote_ip)))
		return true;
	if (!filters_find(&intake->filters, &intake->router.settings, remote_ip, program,
			  err))
		return false;
	if (program[0])
		transaction->filter = filter_order_new(program, draft->remote_ip,
						       draft->helo, draft->login);
	return true;
}

int intake_open_draft(const struct client *client, struct transaction *transaction,
		      const struct intake_draft *draft, struct err *err)
{
	AUTO_BUF trace = BUF_INIT(TRACE_MAX);
	int fd;

	if (!transaction || !transaction->delivery->count || transaction->drafted) {
		err_permanent(err, "5.5.1", "recipients first");
		return -1;
	}
	if (!compose_trace(client, draft, &trace, err) ||
	    !find_filter(client, transaction, draft, err))
		return -1;
	/* Our own programs' reports, and what they hand on anew, are nobody's wishes. */
	if (client->ours && span_is(draft->helo, "-"))
		transaction->from_user = false;
	fd = delivery_open(transaction->delivery, client->intake->router.settings.me,
			   buf_span(&trace), draft->size, err);
	transaction->drafted = fd >= 0;
	if (transaction->drafted)
		commit_expect(client->intake->commit);
	return fd;
}
