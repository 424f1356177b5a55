#include "net/login.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

#include "base/base64.h"

#define RESPONSE_MAX ((size_t)16384)
#define LINE_SMTP    12288 /* RFC 4954 4 */
#define LINE_POP3    255   /* RFC 5034 4, with the line end */
#define HEX_MAX      (2 * EVP_MAX_MD_SIZE + 1)

static const char *to_hex(const unsigned char *bytes, size_t len, char out[HEX_MAX])
{
	for (size_t i = 0; i < len; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	return out;
}

static void wipe(struct buf *secret)
{
	if (secret->room)
		explicit_bzero(secret->data, secret->room);
	buf_clear(secret);
}

/* message = [authzid] NUL authcid NUL passwd (RFC 4616 2) */
static bool plain(const struct login *login, struct buf *out)
{
	return buf_append_byte(out, '\0') && buf_append_text(out, login->user) &&
	       buf_append_byte(out, '\0') && buf_append_text(out, login->secret);
}

static bool xoauth2(const struct login *login, struct buf *out)
{
	return buf_appendf(out, "user=%s\001auth=Bearer %s\001\001", login->user,
			   login->secret);
}

/* user SP hex of HMAC-MD5(password, challenge) (RFC 2195 2) */
static bool cram_md5(const struct login *login, struct span challenge, struct buf *out)
{
	AUTO_BUF text = BUF_INIT(RESPONSE_MAX);
	unsigned char digest[EVP_MAX_MD_SIZE];
	char hex[HEX_MAX] = "";
	unsigned len = 0;

	if (!base64_decode(challenge, &text) ||
	    !HMAC(EVP_md5(), login->secret, (int)strlen(login->secret),
		  (const unsigned char *)text.data, text.len, digest, &len))
		return false;
	return buf_appendf(out, "%s %s", login->user, to_hex(digest, len, hex));
}

/* What answers this challenge, before it is put in Base64. */
static bool respond(const struct login *login, struct span challenge, struct buf *out)
{
	switch (login->mechanism) {
	case MECHANISM_PLAIN:
		return login->step == 0 && plain(login, out);
	case MECHANISM_LOGIN:
		return login->step < 2 &&
		       buf_append_text(out, login->step ? login->secret : login->user);
	case MECHANISM_CRAM_MD5:
		return login->step == 0 && cram_md5(login, challenge, out);
	case MECHANISM_XOAUTH2:
		/* The second challenge is the reason of a refusal, which follows once it
		 * is answered with nothing. */
		return login->step == 1 || (login->step == 0 && xoauth2(login, out));
	default:
		return false;
	}
}

/* One that cannot be answered is cancelled with "*": a refusal follows. */
static bool answer(struct login *login, struct span challenge, struct buf *out)
{
	struct buf response = BUF_INIT(RESPONSE_MAX);
	bool done;

	if (respond(login, challenge, &response))
		done = base64_encode(buf_span(&response), out);
	else
		done = buf_append_byte(out, '*');
	wipe(&response);
	login->step++;
	return done && buf_append_text(out, "\r\n");
}

/* "" if the server is to ask for the response: when the command would be too long with
 * it, or the mechanism has none. */
static bool initial_response(struct login *login, size_t room, struct buf *out)
{
	struct buf response = BUF_INIT(RESPONSE_MAX), text = BUF_INIT(2 * RESPONSE_MAX);
	bool done = true;

	if ((login->mechanism == MECHANISM_PLAIN ||
	     login->mechanism == MECHANISM_XOAUTH2) &&
	    respond(login, (struct span){ "", 0 }, &response) &&
	    base64_encode(buf_span(&response), &text) && text.len < room) {
		done = buf_append_byte(out, ' ') && buf_append_span(out, buf_span(&text));
		login->step++;
	}
	wipe(&response);
	wipe(&text);
	return done;
}

static bool begin_sasl(struct login *login, struct buf *out)
{
	static const char *const verbs[] = { [DIAL_SMTP] = "AUTH",
					     [DIAL_POP3] = "AUTH",
					     [DIAL_IMAP] = LOGIN_TAG " AUTHENTICATE" };
	size_t line_max = login->protocol == DIAL_POP3 ? LINE_POP3 : LINE_SMTP;
	size_t begin = out->len;

	if (!buf_appendf(out, "%s %s", verbs[login->protocol],
			 mechanism_sasl(login->mechanism)))
		return false;
	if ((login->protocol != DIAL_IMAP || login->has_initial) &&
	    !initial_response(login, line_max - (out->len - begin) - 2, out))
		return false;
	return buf_append_text(out, "\r\n");
}

/* quoted = DQUOTE *QUOTED-CHAR DQUOTE (RFC 3501 9) */
static bool append_quoted(struct buf *out, const char *text)
{
	if (!buf_append_byte(out, '"'))
		return false;
	for (; *text; text++)
		if (((*text == '"' || *text == '\\') && !buf_append_byte(out, '\\')) ||
		    !buf_append_byte(out, *text))
			return false;
	return buf_append_byte(out, '"');
}

static bool begin_password(const struct login *login, struct buf *out)
{
	if (login->protocol == DIAL_POP3)
		return buf_appendf(out, "USER %s\r\n", login->user);
	return buf_append_text(out, LOGIN_TAG " LOGIN ") &&
	       append_quoted(out, login->user) && buf_append_byte(out, ' ') &&
	       append_quoted(out, login->secret) && buf_append_text(out, "\r\n");
}

/* digest = MD5(timestamp password), the timestamp with its brackets (RFC 1939 7) */
static bool begin_apop(const struct login *login, struct buf *out)
{
	const char *mark = strchr(login->greeting, '<');
	const char *end = mark ? strchr(mark, '>') : NULL;
	struct buf text = BUF_INIT(RESPONSE_MAX);
	unsigned char digest[EVP_MAX_MD_SIZE];
	char hex[HEX_MAX] = "";
	unsigned len = 0;
	bool done = end && buf_append(&text, mark, (size_t)(end - mark) + 1) &&
		    buf_append_text(&text, login->secret) &&
		    EVP_Digest(text.data, text.len, digest, &len, EVP_md5(), NULL);

	wipe(&text);
	return done &&
	       buf_appendf(out, "APOP %s %s\r\n", login->user, to_hex(digest, len, hex));
}

bool login_begin(struct login *login, struct buf *out)
{
	login->step = 0;
	if (login->mechanism == MECHANISM_PASSWORD)
		return begin_password(login, out);
	if (login->mechanism == MECHANISM_APOP)
		return begin_apop(login, out);
	return begin_sasl(login, out);
}

static enum login_state on_challenge(struct login *login, struct span line,
				     size_t mark_len, struct buf *out)
{
	return answer(login, span_trim(span_after(line, mark_len)), out) ? LOGIN_GOES_ON
									 : LOGIN_REFUSED;
}

static enum login_state on_smtp(struct login *login, struct span line, struct buf *out)
{
	if (line.len > 3 && line.at[3] == '-')
		return LOGIN_GOES_ON; /* the last line of the reply decides */
	if (line.len >= 3 && strncmp(line.at, "334", 3) == 0)
		return on_challenge(login, line, 3, out);
	return line.len && line.at[0] == '2' ? LOGIN_IN : LOGIN_REFUSED;
}

static enum login_state on_pop3(struct login *login, struct span line, struct buf *out)
{
	if (line.len >= 3 && strncasecmp(line.at, "+OK", 3) == 0) {
		if (login->mechanism != MECHANISM_PASSWORD || login->step++)
			return LOGIN_IN;
		return buf_appendf(out, "PASS %s\r\n", login->secret) ? LOGIN_GOES_ON
								      : LOGIN_REFUSED;
	}
	return line.len && line.at[0] == '+' ? on_challenge(login, line, 1, out)
					     : LOGIN_REFUSED;
}

/* What has neither our tag nor "+" is no answer to the login, but for a farewell. */
static enum login_state on_imap(struct login *login, struct span line, struct buf *out)
{
	struct span rest = line, tag, word;

	if (line.len && line.at[0] == '+')
		return on_challenge(login, line, 1, out);
	if (!span_cut(&rest, ' ', &tag) || !span_cut(&rest, ' ', &word))
		return LOGIN_GOES_ON;
	if (span_is(tag, "*"))
		return span_is_word(word, "BYE") ? LOGIN_REFUSED : LOGIN_GOES_ON;
	if (!span_is(tag, LOGIN_TAG))
		return LOGIN_GOES_ON;
	return span_is_word(word, "OK") ? LOGIN_IN : LOGIN_REFUSED;
}

enum login_state login_hear(struct login *login, struct span line, struct buf *out)
{
	if (login->protocol == DIAL_SMTP)
		return on_smtp(login, line, out);
	return login->protocol == DIAL_POP3 ? on_pop3(login, line, out)
					    : on_imap(login, line, out);
}
