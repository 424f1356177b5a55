/* One lontar-local at work: what it is told, and what it says. */
#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "control/routes.h"
#include "deliver/local_user.h"
#include "deliver/qmail_file.h"
#include "ipc/local.h"
#include "ipc/peer.h"
#include "programs/lontar-dispatch/dispatch.h"

#define USUAL_MAX      ((size_t)16 * 1024)
#define MARKS_FILE_MAX ((off_t)4 * 1024 * 1024)
#define SLACK_S        600. /* beyond the time of a program: locks, large mailboxes */
#define TEXT_MAX       1000
/* So that lontar-deliver's and lontar-flush's are others. */
#define DELIVERIES_A_PROCESS 100000

struct run {
	struct message *message;
	size_t recipient;
	struct peer *peer;
	int marks_fd;
	uint64_t delivery;
	ev_timer deadline;
};

static void end(struct run *run, enum outcome_kind kind, const char *status,
		const char *text)
{
	struct message *message = run->message;
	size_t recipient = run->recipient;

	ev_timer_stop(message->dispatch->service->loop, &run->deadline);
	peer_close(run->peer);
	file_close(&run->marks_fd);
	free(run);
	dispatch_ended(message, recipient, kind, status, text);
}

static bool are_marks(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] != '\n' && !isxdigit((unsigned char)text.at[i]))
			return false;
	return text.len && text.at[text.len - 1] == '\n';
}

/* Durable, then answered: only then goes lontar-local on. */
static bool on_mark(struct run *run, struct packet *packet)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct local_mark mark;
	struct stat st;
	struct err err;

	if (!local_mark_get(packet, &mark) || mark.marks.len > LOCAL_MARKS_MAX ||
	    !are_marks(mark.marks) || fstat(run->marks_fd, &st) != 0 ||
	    st.st_size > MARKS_FILE_MAX)
		return false;
	if (!file_write(run->marks_fd, mark.marks.at, mark.marks.len, &err) ||
	    !file_sync(run->marks_fd, "what was done", &err)) {
		log_failure(&err);
		return false;
	}
	packet_begin(&out, LOCAL_MARKED, 0);
	peer_send(run->peer, &out, -1);
	return true;
}

static bool on_result(struct run *run, struct packet *packet)
{
	struct local_result result;
	char status[12], text[TEXT_MAX];

	if (!local_result_get(packet, &result) ||
	    !packet_text_copy(result.status, status, sizeof(status)) ||
	    !packet_text_copy(result.text, text, sizeof(text)))
		return false;
	if (result.verdict == ERR_NONE) {
		snprintf(text, sizeof(text), "did %u+%u+%u\n", (unsigned)result.files,
			 (unsigned)result.forwards, (unsigned)result.programs);
		run_report(run->delivery, "success", text);
		end(run, OUTCOME_DONE, "", "");
	} else if (result.verdict == ERR_PERMANENT) {
		run_report(run->delivery, "failure", text);
		end(run, OUTCOME_NEVER, status, text);
	} else {
		run_report(run->delivery, "deferral", text);
		end(run, OUTCOME_LATER, status, text);
	}
	return true;
}

static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct run *run = ctx;

	(void)peer;
	file_close(&fd);
	if (packet->type == LOCAL_MARK)
		return on_mark(run, packet);
	return packet->type == LOCAL_RESULT && on_result(run, packet);
}

static void lose(struct run *run, const char *text)
{
	run_report(run->delivery, "deferral", text);
	end(run, OUTCOME_LATER, "4.3.0", text);
}

static void on_closed(void *ctx, struct peer *peer)
{
	struct run *run = ctx;

	(void)peer;
	run->peer = NULL;
	lose(run, "the delivery program ended without a word");
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	lose(timer->data, "the delivery took too long");
}

static const struct peer_handler handler = { on_packet, on_closed };

/* What an alias of a virtual domain has become, whose mail is parked under the address
 * that control/aliases knows; anything else is parked under what it became. */
static bool is_alias_of_virtual(const struct settings *settings, const char *address,
				char local_out[ADDRESS_MAX])
{
	struct span local = address_local(address);
	const char *line;
	size_t prefix;

	if (!routes_virtual(settings, address, local_out, ADDRESS_MAX, &line))
		return false;
	prefix = strlen(local_out) - local.len;
	return local.len < prefix || strncasecmp(local.at, local_out, prefix) != 0;
}

/* Who he is now; his mail may have waited since before a change. */
static bool find_user(const struct message *message, const char *address,
		      struct local_user *user, struct err *err)
{
	const struct dispatch *dispatch = message->dispatch;
	struct local_search search = { .root_fd = dispatch->root_fd,
				       .control_fd = dispatch->control_fd };
	char local[ADDRESS_MAX];

	if (!is_alias_of_virtual(&dispatch->settings, address, local))
		snprintf(local, sizeof(local), "%.*s", SPAN_ARG(address_local(address)));
	return local_user_find(&search, local, user, err);
}

/* What counts without a .qmail file. An account's mailbox has its place; and a file of
 * comments, as `lontar init` writes it, says nothing. */
static bool read_usual(const struct dispatch *dispatch, const struct local_user *user,
		       struct buf *out, struct err *err)
{
	struct qmail_file file = { .count = 0 };
	bool found;

	if (user->kind == LOCAL_SYSTEM) {
		if (!file_read_if_any(dispatch->control_fd, "defaultdelivery", out,
				      &found, err) ||
		    !qmail_file_parse(buf_span(out), false, &file, err))
			return err_context(err, "control/defaultdelivery");
		if (!file.count)
			buf_reset(out);
		qmail_file_clear(&file);
	}
	return out->len || buf_append_text(out, "./Maildir/\n") ||
	       err_temporary(err, "4.3.5", "control/defaultdelivery is too long");
}

/* As the master wants to be asked. */
static bool format_order(const struct local_user *user, const char *address,
			 char name_out[256])
{
	struct span local = address_local(address);
	int len = user->kind == LOCAL_SYSTEM
			  ? snprintf(name_out, 256, "system:%.*s", SPAN_ARG(local))
			  : snprintf(name_out, 256, "%s:%s",
				     user->kind == LOCAL_ALIAS ? "alias" : "account",
				     user->name);

	return len < 256;
}

/* A descriptor of the parked file that can only be read, whoever gets it. */
static int open_to_read(int fd, struct err *err)
{
	char path[40];
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDONLY | O_CLOEXEC);
	if (again < 0)
		err_errno(err, "open it to read");
	return again;
}

static bool send_order(struct run *run, const struct local_user *user,
		       const struct buf *usual, struct err *err)
{
	const struct message *message = run->message;
	const struct dispatch *dispatch = message->dispatch;
	AUTO_FD file_fd = open_to_read(message->fd, err);
	AUTO_FD marks_fd = file_fd < 0 ? -1 : open_to_read(run->marks_fd, err);
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct stat st;

	if (marks_fd < 0)
		return false;
	if (fstat(message->fd, &st) != 0)
		return err_errno(err, "look at it");
	local_deliver_put(
		&out, 0,
		&(struct local_deliver){
			.kind = user->kind,
			.body = (uint64_t)message->envelope.body,
			.bytes = (uint64_t)(st.st_size - message->envelope.body),
			.timeout_s = dispatch->settings.timeoutlocal_s,
			.sender = span_of(message->envelope.sender),
			.recipient = span_of(
				message->envelope.recipients[run->recipient].address),
			.user = span_of(user->name),
			.home = span_of(user->home),
			.dash = span_of(user->dash),
			.ext = span_of(user->ext),
			.me = span_of(dispatch->settings.me),
			.instructions = buf_span(usual) });
	peer_send(run->peer, &out, file_fd);
	packet_begin(&out, LOCAL_DONE_BEFORE, 0);
	peer_send(run->peer, &out, marks_fd);
	return true;
}

uint64_t run_announce(struct dispatch *dispatch, uint64_t inode, const char *address)
{
	uint64_t number =
		(uint64_t)getpid() * DELIVERIES_A_PROCESS + ++dispatch->deliveries;
	char token[ADDRESS_MAX];

	log_info("starting delivery %" PRIu64 ": msg %" PRIu64 " to local %s", number,
		 inode, log_token(address, token, sizeof(token)));
	dispatch_log_status(dispatch);
	return number;
}

void run_report(uint64_t number, const char *how, const char *text)
{
	char token[TEXT_MAX];

	log_info("delivery %" PRIu64 ": %s: %s", number, how,
		 log_token(text, token, sizeof(token)));
}

static void begin(struct run *run)
{
	struct dispatch *dispatch = run->message->dispatch;
	const char *address = run->message->envelope.recipients[run->recipient].address;

	run->delivery = run_announce(dispatch, run->message->inode, address);
	ev_timer_init(&run->deadline, on_deadline,
		      (double)dispatch->settings.timeoutlocal_s * 2 + SLACK_S, 0.);
	run->deadline.data = run;
	ev_timer_start(dispatch->service->loop, &run->deadline);
}

bool run_start(struct message *message, size_t recipient, struct err *err)
{
	struct dispatch *dispatch = message->dispatch;
	const char *address = message->envelope.recipients[recipient].address;
	AUTO_BUF usual = BUF_INIT(USUAL_MAX);
	struct local_user user;
	char order[256];
	struct run *run;
	int pair[2];

	if (!find_user(message, address, &user, err) ||
	    !read_usual(dispatch, &user, &usual, err))
		return false;
	if (!format_order(&user, address, order))
		return err_permanent(err, "5.1.1", "the address is too long");
	run = must_alloc(sizeof(*run));
	run->message = message;
	run->recipient = recipient;
	run->marks_fd = marks_open(message, recipient, err);
	if (run->marks_fd < 0 || !file_socketpair(pair, err)) {
		file_close(&run->marks_fd);
		free(run);
		return false;
	}
	run->peer = peer_open(dispatch->service->loop, pair[0], &handler, run);
	if (!send_order(run, &user, &usual, err)) {
		close(pair[1]);
		peer_close(run->peer);
		file_close(&run->marks_fd);
		free(run);
		return false;
	}
	service_start(dispatch->service, "local", order, pair[1]);
	begin(run);
	return true;
}
