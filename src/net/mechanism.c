/*
 * What a server offers is a claim. Several providers list CRAM-MD5 and DIGEST-MD5 and
 * refuse every password that comes that way, since they keep only hashes of passwords.
 *
 * Over TLS the password is safe in transit, so the plainest mechanism comes first: it is
 * the one that every client uses and that the provider therefore keeps working. Without
 * TLS (which an operator must have asked for) a challenge comes first. The mechanism that
 * worked last time goes before all.
 *
 * If one is refused another is tried, three at most. A refusal that is about the password
 * is most often right: providers lock an account after five to ten wrong passwords, and
 * every call logs in. So two of those end the attempt. A token is good for XOAUTH2 only.
 *
 * DIGEST-MD5 is obsolete (RFC 6331), NTLM and GSSAPI belong to a domain and not to a
 * mailbox: they are not spoken.
 */
#include "net/mechanism.h"

#include "base/attr.h"

#define TRIES_MAX           3
#define WRONG_PASSWORDS_MAX 2

static const struct {
	const char *name;
	const char *sasl; /* NULL: no SASL mechanism */
} mechanisms[MECHANISM_COUNT] = {
	[MECHANISM_NONE] = { "", NULL },
	[MECHANISM_PLAIN] = { "plain", "PLAIN" },
	[MECHANISM_PASSWORD] = { "password", NULL },
	[MECHANISM_LOGIN] = { "login", "LOGIN" },
	[MECHANISM_CRAM_MD5] = { "cram-md5", "CRAM-MD5" },
	[MECHANISM_APOP] = { "apop", NULL },
	[MECHANISM_XOAUTH2] = { "xoauth2", "XOAUTH2" },
};

static const enum mechanism over_tls[] = { MECHANISM_PLAIN, MECHANISM_PASSWORD,
					   MECHANISM_LOGIN, MECHANISM_CRAM_MD5,
					   MECHANISM_APOP };
static const enum mechanism in_the_open[] = { MECHANISM_CRAM_MD5, MECHANISM_APOP,
					      MECHANISM_PLAIN, MECHANISM_PASSWORD,
					      MECHANISM_LOGIN };

const char *mechanism_name(enum mechanism mechanism)
{
	return mechanisms[mechanism].name;
}

const char *mechanism_sasl(enum mechanism mechanism)
{
	return mechanisms[mechanism].sasl;
}

enum mechanism mechanism_named(const char *name)
{
	for (int i = MECHANISM_NONE + 1; name && i < MECHANISM_COUNT; i++)
		if (strcasecmp(mechanisms[i].name, name) == 0)
			return (enum mechanism)i;
	return MECHANISM_NONE;
}

static unsigned sasl_bit(struct span word)
{
	for (int i = MECHANISM_NONE + 1; i < MECHANISM_COUNT; i++)
		if (mechanisms[i].sasl && span_is_word(word, mechanisms[i].sasl))
			return MECHANISM_BIT(i);
	return 0;
}

static unsigned sasl_bits(struct span words)
{
	unsigned bits = 0;
	struct span word;

	while (span_cut(&words, ' ', &word))
		bits |= sasl_bit(word);
	return bits;
}

static bool begins(struct span line, const char *with)
{
	return line.len >= strlen(with) && strncasecmp(line.at, with, strlen(with)) == 0;
}

/* "250-AUTH PLAIN LOGIN"; old servers write "AUTH=PLAIN LOGIN". */
static unsigned of_smtp(struct span lines)
{
	unsigned bits = 0;
	struct span line;

	while (span_cut(&lines, '\n', &line)) {
		line = span_after(line, 4);
		if (begins(line, "AUTH ") || begins(line, "AUTH="))
			bits |= sasl_bits(span_after(line, 5));
	}
	return bits;
}

/* RFC 2449 6.2, 6.3. A server that has no CAPA has USER; one whose CAPA names no way at
 * all is asked that way too. */
static unsigned of_pop3(struct span lines, const char *greeting)
{
	const char *mark = strchr(greeting, '<');
	unsigned bits = 0;
	bool has_user = false;
	struct span line;

	while (span_cut(&lines, '\n', &line)) {
		has_user |= span_is_word(line, "USER");
		if (begins(line, "SASL "))
			bits |= sasl_bits(span_after(line, 5));
	}
	if (has_user || !bits)
		bits |= MECHANISM_BIT(MECHANISM_PASSWORD);
	if (mark && strchr(mark, '@') && strchr(mark, '>'))
		bits |= MECHANISM_BIT(MECHANISM_APOP);
	return bits;
}

static unsigned of_imap(struct span words)
{
	unsigned bits = MECHANISM_BIT(MECHANISM_PASSWORD);
	struct span line, word;

	while (span_cut(&words, '\n', &line))
		while (span_cut(&line, ' ', &word)) {
			if (begins(word, "AUTH="))
				bits |= sasl_bit(span_after(word, 5));
			if (span_is_word(word, "LOGINDISABLED"))
				bits &= ~MECHANISM_BIT(MECHANISM_PASSWORD);
		}
	return bits;
}

unsigned mechanisms_offered(enum dial_protocol protocol, struct span offer,
			    const char *greeting)
{
	switch (protocol) {
	case DIAL_SMTP:
		return of_smtp(offer);
	case DIAL_POP3:
		return of_pop3(offer, greeting);
	case DIAL_IMAP:
		return of_imap(offer);
	case DIAL_QMTP:
		break;
	}
	return 0;
}

static bool is_left(const struct mechanism_known *known, enum mechanism mechanism)
{
	return mechanism != MECHANISM_NONE &&
	       (known->offered & ~known->tried & MECHANISM_BIT(mechanism));
}

enum mechanism mechanism_next(const struct mechanism_known *known)
{
	const enum mechanism *order = known->has_tls ? over_tls : in_the_open;
	enum mechanism only = known->is_token ? MECHANISM_XOAUTH2 : known->only;

	if (__builtin_popcount(known->tried) >= TRIES_MAX ||
	    known->wrong_passwords >= WRONG_PASSWORDS_MAX)
		return MECHANISM_NONE;
	if (only != MECHANISM_NONE)
		return is_left(known, only) ? only : MECHANISM_NONE;
	if (known->good != MECHANISM_XOAUTH2 && is_left(known, known->good))
		return known->good;
	for (size_t i = 0; i < LENGTH(over_tls); i++)
		if (is_left(known, order[i]))
			return order[i];
	return MECHANISM_NONE;
}
