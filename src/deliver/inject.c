#include "deliver/inject.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "deliver/received.h"
#include "deliver/route.h"
#include "deliver/urgency.h"
#include "ipc/channel.h"
#include "ipc/intake.h"
#include "link/notes.h"
#include "mail/wire.h"
#include "store/incoming.h"

#define ANSWER_WAIT_MS 120000
#define PIECE_BYTES    (64 * 1024)

/* What was written behind a draft's head. */
struct written {
	uint64_t bytes;
	uint64_t lines;
	bool unended;
};

static bool write_piece(int out, struct span piece, struct written *written,
			struct err *err)
{
	struct span rest = piece;
	const char *end;

	if (!piece.len)
		return true;
	while ((end = memchr(rest.at, '\n', rest.len))) {
		written->lines++;
		rest = span_after(rest, (size_t)(end - rest.at) + 1);
	}
	written->bytes += piece.len;
	written->unended = rest.len > 0;
	return file_write(out, piece.at, piece.len, err);
}

static bool write_message(const struct inject *inject, int out, struct written *written,
			  struct err *err)
{
	char piece[PIECE_BYTES];
	off_t offset = inject->from;
	ssize_t got;

	if (!write_piece(out, inject->head, written, err))
		return false;
	if (inject->text.at)
		return write_piece(out, inject->text, written, err);
	while ((got = pread(inject->fd, piece, sizeof(piece), offset)) > 0) {
		if (!write_piece(out, (struct span){ piece, (size_t)got }, written, err))
			return false;
		offset += got;
	}
	return got == 0 ? true : err_errno(err, "read the message");
}

static uint64_t size_of(const struct inject *inject)
{
	off_t end = inject->text.at ? (off_t)inject->text.len
				    : lseek(inject->fd, 0, SEEK_END) - inject->from;

	return end < 0 ? 0 : inject->head.len + (uint64_t)end;
}

/* Takes the answer to the last ask; yes is true. */
static bool hear(int fd, struct buf *in, int *draft_out, const char *about,
		 struct err *err)
{
	struct intake_verdict verdict;
	struct packet packet;
	char status[sizeof(err->status)];

	if (channel_wait(fd, ANSWER_WAIT_MS, in, draft_out) != CHANNEL_PACKET)
		return err_temporary(err, "4.3.0", "the gateway gave no answer");
	if (!packet_open(&packet, buf_span(in)))
		return err_temporary(err, "4.3.0", "the gateway answered nonsense");
	if (packet.type == INTAKE_OPEN && draft_out && *draft_out >= 0)
		return true;
	if (packet.type != INTAKE_VERDICT || !intake_verdict_get(&packet, &verdict) ||
	    !packet_text_copy(verdict.status, status, sizeof(status)))
		return err_temporary(err, "4.3.0", "the gateway answered nonsense");
	if (verdict.kind == INTAKE_YES)
		return true;
	if (verdict.kind == INTAKE_NO)
		err_permanent(err, status, "%.*s", SPAN_ARG(verdict.text));
	else
		err_temporary(err, status, "%.*s", SPAN_ARG(verdict.text));
	if (verdict.kind == INTAKE_NO && strcmp(status, "5.1.1") == 0)
		err->exit_code = EX_NOUSER;
	return about ? err_context(err, "%s", about) : false;
}

static struct span text_of(const char *text)
{
	return span_of(text ? text : "");
}

static void put_draft(struct buf *packet, const struct inject *inject)
{
	struct intake_draft draft = { .size = size_of(inject),
				      .helo = span_of(inject->bounce ? "-" : ""),
				      .login = text_of(inject->login) };

	if (inject->origin) {
		draft.protocol = text_of(inject->origin->protocol);
		draft.helo = text_of(inject->origin->host);
		draft.remote_ip = text_of(inject->origin->address);
		draft.session = text_of(inject->origin->session);
	}
	intake_draft_put(packet, 1, &draft);
}

static bool through_gateway(int gateway, const struct inject *inject, struct err *err)
{
	AUTO_BUF packet = BUF_INIT(PACKET_MAX);
	AUTO_FD draft = -1;
	struct written written = { 0 };

	for (size_t i = 0; i < inject->count; i++) {
		intake_rcpt_put(&packet, 1,
				&(struct intake_rcpt){ .may_relay = !inject->only_ours,
						       span_of(inject->sender),
						       span_of(inject->recipients[i]) });
		if (!channel_send(gateway, &packet, -1, err) ||
		    !hear(gateway, &packet, NULL, inject->recipients[i], err))
			return false;
	}
	put_draft(&packet, inject);
	if (!channel_send(gateway, &packet, -1, err) ||
	    !hear(gateway, &packet, &draft, NULL, err))
		return false;
	if (draft < 0)
		return err_temporary(err, "4.3.0", "the gateway answered nonsense");
	if (!write_message(inject, draft, &written, err))
		return false;
	file_close(&draft);
	if (inject->record_line.len) {
		intake_record_put(&packet, 1,
				  &(struct intake_record){ inject->record_line });
		if (!channel_send(gateway, &packet, inject->record_fd, err))
			return false;
	}
	intake_commit_put(
		&packet, 1,
		&(struct intake_commit){ written.bytes, written.lines, written.unended });
	return channel_send(gateway, &packet, -1, err) &&
	       hear(gateway, &packet, NULL, NULL, err);
}

static bool write_and_commit(struct delivery *delivery, const struct inject *inject,
			     const struct router *router, int draft, struct err *err)
{
	struct written written = { 0 };
	bool done = write_message(inject, draft, &written, err);

	file_close(&draft);
	if (done && !inject->only_ours && !inject->bounce)
		urgency_decide(delivery, &router->settings, written.bytes);
	if (done)
		done = delivery_seal(delivery, written.bytes, written.lines,
				     written.unended, link_up_seconds(router->root_fd),
				     err);
	if (!done) {
		delivery_undo(delivery);
		return false;
	}
	return delivery_commit_alone(delivery, err);
}

static bool put_trace(struct buf *trace, const struct inject *inject, const char *me)
{
	struct received received = { .login = text_of(inject->login),
				     .session = span_of("direct"),
				     .me = me,
				     .now = clock_wall_s() };

	if (inject->origin) {
		received.protocol = text_of(inject->origin->protocol);
		received.helo = text_of(inject->origin->host);
		received.remote_ip = text_of(inject->origin->address);
		received.session = text_of(inject->origin->session);
	}
	return received_append(trace, &received);
}

/* No gateway runs: the same steps, here. */
static bool directly(int root_fd, struct router *router, const struct inject *inject,
		     struct err *err)
{
	struct delivery *delivery = delivery_new(root_fd, inject->sender);
	AUTO_FD incoming = incoming_use(root_fd, err);
	struct destinations found = { 0 };
	AUTO_BUF trace = BUF_INIT(4096);
	bool done = incoming >= 0;
	int draft = -1;

	for (size_t i = 0; done && i < inject->count; i++) {
		struct route_request request = { .sender = inject->sender,
						 .recipient = inject->recipients[i],
						 .may_relay = !inject->only_ours };

		done = route_recipient(router, &request, &found, err) ||
		       err_context(err, "%s", inject->recipients[i]);
	}
	for (size_t i = 0; done && i < found.count; i++)
		destination_add_to(&found.items[i], delivery);
	if (done && !inject->bounce)
		done = put_trace(&trace, inject, router->settings.me) ||
		       err_temporary(err, "4.3.0", "the trace line is too long");
	if (done)
		draft = delivery_open(delivery, router->settings.me, buf_span(&trace),
				      size_of(inject), err);
	done = done && draft >= 0 &&
	       write_and_commit(delivery, inject, router, draft, err);
	destinations_clear(&found);
	delivery_free(delivery);
	return done;
}

bool inject_message(int root_fd, const struct inject *inject, struct err *err)
{
	AUTO_FD gateway = channel_connect(root_fd, "deliver", err);
	struct router router;
	AUTO_FD control_fd = -1;
	bool done;

	if (!inject->count)
		return err_permanent(err, "5.5.1", "the message has no recipients");
	if (gateway >= 0)
		return through_gateway(gateway, inject, err);
	if (err->exit_code != EX_UNAVAILABLE ||
	    faccessat(root_fd, "spool/incoming", W_OK | X_OK, AT_EACCESS) != 0)
		return err_temporary(err, "4.3.0",
				     "the gateway does not run and the spool is not "
				     "yours to write: start `lontar run`");
	control_fd = file_open_dir(root_fd, "control", err);
	if (control_fd < 0 || !router_open(&router, control_fd, err))
		return false;
	router.root_fd = root_fd;
	done = directly(root_fd, &router, inject, err);
	router_clear(&router);
	return done;
}
