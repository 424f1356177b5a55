/* The login over the connection that libcurl has made. */
#include "base/buf.h"
#include "net/dial_private.h"

#define READ_BYTES 4096

static void watch(struct dial *dial)
{
	ev_io_stop(dial->loop, &dial->login_io);
	ev_io_set(&dial->login_io, dial->try.fd,
		  EV_READ | (dial->login_out.len ? EV_WRITE : 0));
	ev_io_start(dial->loop, &dial->login_io);
}

void dial_login_stop(struct dial *dial)
{
	ev_io_stop(dial->loop, &dial->login_io);
	if (dial->login_out.room)
		explicit_bzero(dial->login_out.data, dial->login_out.room);
	buf_reset(&dial->login_out);
	if (!dial->ended)
		buf_reset(&dial->login_in);
}

/* Only what is refused for good is a reason to try another mechanism: a server that says
 * "later" says so about all of them. 535 is about the password, and so is a refusal
 * without a code. */
static void on_refused(struct dial *dial)
{
	struct mechanism_known *choice = &dial->choice;
	unsigned code = dial->try.said.code;

	choice->tried |= MECHANISM_BIT(dial->try.login.mechanism);
	choice->wrong_passwords += code == 535 || !code;
	if (!dial_said_is_final(dial) || mechanism_next(choice) == MECHANISM_NONE)
		dial_fail_refused(dial);
	else
		dial->events->again(dial);
}

/* What the server says to the login, for the failure and for IMAP's capabilities. */
static void note(struct dial *dial, struct span line)
{
	if (dial->protocol == DIAL_IMAP)
		dial_hear_imap(dial, line);
	else if (dial->protocol == DIAL_POP3)
		said_words(&dial->try.said, line, line.len && line.at[0] == '-');
	else if (!said_smtp(&dial->try.said, line))
		dial->try.said.is_refusal = true;
}

/* True: it goes on. */
static bool hear_line(struct dial *dial, struct span line)
{
	note(dial, line);
	switch (login_hear(&dial->try.login, line, &dial->login_out)) {
	case LOGIN_GOES_ON:
		return true;
	case LOGIN_IN:
		dial->events->finished(dial, NULL);
		return false;
	case LOGIN_REFUSED:
		on_refused(dial);
		return false;
	}
	return false;
}

/* The line is taken off the buffer before it is heard: what stays there when the login is
 * done is the beginning of the conversation. */
static bool hear(struct dial *dial)
{
	struct buf *in = &dial->login_in;
	const char *end;

	while ((end = memchr(in->data, '\n', in->len))) {
		AUTO_BUF line = BUF_INIT(in->max);
		size_t len = (size_t)(end - in->data) + 1;

		if (!buf_append(&line, in->data, len))
			return false;
		buf_consume(in, len);
		if (!hear_line(dial, span_trim(buf_span(&line))))
			return false;
	}
	return true;
}

static bool receive(struct dial *dial)
{
	char bytes[READ_BYTES];
	size_t got = 0;

	for (;;) {
		CURLcode code = curl_easy_recv(dial->easy, bytes, sizeof(bytes), &got);

		if (code == CURLE_AGAIN)
			return true;
		if (code != CURLE_OK || !got ||
		    !buf_append(&dial->login_in, bytes, got)) {
			dial_fail(dial, CURLE_RECV_ERROR);
			return false;
		}
		if (!hear(dial))
			return false;
	}
}

static bool transmit(struct dial *dial)
{
	struct buf *out = &dial->login_out;
	size_t moved = 0;

	while (out->len) {
		CURLcode code = curl_easy_send(dial->easy, out->data, out->len, &moved);

		if (code == CURLE_AGAIN)
			break;
		if (code != CURLE_OK) {
			dial_fail(dial, CURLE_SEND_ERROR);
			return false;
		}
		buf_consume(out, moved);
	}
	watch(dial);
	return true;
}

static void on_io(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct dial *dial = watcher->data;

	(void)loop;
	(void)events;
	if (receive(dial))
		(void)!transmit(dial);
}

static bool has_word(struct span lines, const char *wanted)
{
	struct span line, word;

	while (span_cut(&lines, '\n', &line))
		while (span_cut(&line, ' ', &word))
			if (span_is_word(word, wanted))
				return true;
	return false;
}

void dial_log_in(struct dial *dial)
{
	struct mechanism_known *choice = &dial->choice;
	struct span offer = buf_span(&dial->offer);
	struct login *login = &dial->try.login;

	choice->has_tls = dial->try.has_tls;
	choice->offered = mechanisms_offered(dial->protocol, offer, dial->try.greeting);
	*login = (struct login){ .protocol = dial->protocol,
				 .mechanism = mechanism_next(choice),
				 .user = dial->user,
				 .secret = dial->secret,
				 .greeting = dial->try.greeting,
				 .has_initial = has_word(offer, "SASL-IR") };
	if (login->mechanism == MECHANISM_NONE) {
		dial_fail_missing(dial, DIAL_AT_AUTH,
				  "offers no login that we can do: see user and auth in "
				  "its file in control/");
		return;
	}
	dial_enter(dial, DIAL_AT_AUTH);
	ev_io_init(&dial->login_io, on_io, dial->try.fd, EV_READ);
	dial->login_io.data = dial;
	if (!login_begin(login, &dial->login_out))
		dial_fail(dial, CURLE_LOGIN_DENIED);
	else
		(void)!transmit(dial);
}
