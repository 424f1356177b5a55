#include "mail/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "mail/utf8.h"

#define DOMAIN_MAX 255 /* RFC 5321 4.5.3.1.2 */
#define LABEL_MAX  63  /* RFC 1035 2.3.4 */

static bool is_atext(char c)
{
	return (unsigned char)c >= 128 || isalnum((unsigned char)c) ||
	       (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool refuse(struct err *err, const char *why)
{
	return err_permanent(err, "5.1.3", "%s", why);
}

static bool starts_with(struct span rest, char mark)
{
	return rest.len && rest.at[0] == mark;
}

static bool put(struct buf *address, char byte, struct err *err)
{
	if (!buf_append_byte(address, byte))
		return refuse(err, "the address is too long");
	return true;
}

/* Quoted-string = DQUOTE *QcontentSMTP DQUOTE */
static bool take_quoted(struct span *rest, struct buf *address, struct err *err)
{
	*rest = span_after(*rest, 1);
	while (rest->len && !starts_with(*rest, '"')) {
		if (starts_with(*rest, '\\'))
			*rest = span_after(*rest, 1);
		if (!rest->len || (unsigned char)rest->at[0] < 32 || rest->at[0] == 127)
			return refuse(err, "a control character in the address");
		if (!put(address, rest->at[0], err))
			return false;
		*rest = span_after(*rest, 1);
	}
	if (!rest->len)
		return refuse(err, "a quote in the address is not closed");
	*rest = span_after(*rest, 1);
	return true;
}

/* Local-part = Dot-string / Quoted-string; dots may stand anywhere, as some phones of
 * Japan have them, and are quoted where they leave again. */
static bool take_local(struct span *rest, struct buf *address, struct err *err)
{
	if (starts_with(*rest, '"'))
		return take_quoted(rest, address, err);
	while (rest->len && (is_atext(rest->at[0]) || rest->at[0] == '.')) {
		if (!put(address, rest->at[0], err))
			return false;
		*rest = span_after(*rest, 1);
	}
	return true;
}

static struct span take_domain(struct span *rest)
{
	struct span domain = *rest;
	size_t len = 0;

	if (starts_with(*rest, '[')) {
		while (len < rest->len && rest->at[len] != ']')
			len++;
		len += len < rest->len;
	} else {
		while (len < rest->len &&
		       (is_atext(rest->at[len]) || rest->at[len] == '.'))
			len++;
	}
	domain.len = len;
	*rest = span_after(*rest, len);
	return domain;
}

/* A-d-l = At-domain *( "," At-domain ) ":", to be ignored (RFC 5321 4.1.1.3) */
static bool skip_route(struct span *rest, struct err *err)
{
	while (starts_with(*rest, '@')) {
		*rest = span_after(*rest, 1);
		if (!address_domain_is_valid(take_domain(rest)))
			return refuse(err, "a wrong domain in the source route");
		if (starts_with(*rest, ':')) {
			*rest = span_after(*rest, 1);
			return true;
		}
		if (!starts_with(*rest, ','))
			break;
		*rest = span_after(*rest, 1);
	}
	return refuse(err, "the source route has no end");
}

/* Mailbox = Local-part "@" ( Domain / address-literal ) */
static bool take_mailbox(struct span *rest, struct buf *address, struct err *err)
{
	struct span domain;

	if (!take_local(rest, address, err))
		return false;
	if (!address->len)
		return refuse(err, "there is nothing in front of the \"@\"");
	if (!starts_with(*rest, '@')) {
		/* Unquoted, this "@" would pass for one that divides. */
		if (memchr(address->data, '@', address->len))
			return refuse(err, "the address has no domain");
		return true;
	}
	*rest = span_after(*rest, 1);
	domain = take_domain(rest);
	if (!address_domain_is_valid(domain))
		return refuse(err, "the domain of the address is wrong");
	if (!buf_append_byte(address, '@') || !buf_append_span(address, domain))
		return refuse(err, "the address is too long");
	return true;
}

static bool take_bracketed(struct span *rest, struct buf *address, struct err *err)
{
	*rest = span_after(*rest, 1);
	if (starts_with(*rest, '@') && !skip_route(rest, err))
		return false;
	if (!starts_with(*rest, '>') && !take_mailbox(rest, address, err))
		return false;
	if (!starts_with(*rest, '>'))
		return refuse(err, "the address is not one, or its \">\" is missing");
	*rest = span_after(*rest, 1);
	return true;
}

static bool take_bare(struct span *rest, struct buf *address, struct err *err)
{
	if (!take_mailbox(rest, address, err))
		return false;
	if (rest->len && rest->at[0] != ' ' && rest->at[0] != '\t')
		return refuse(err, "this is no address");
	return true;
}

bool address_take_path(struct span *rest, char address_out[ADDRESS_MAX], struct err *err)
{
	AUTO_BUF address = BUF_INIT(ADDRESS_MAX - 1);
	struct span left = *rest;
	bool taken;

	while (starts_with(left, ' ') || starts_with(left, '\t'))
		left = span_after(left, 1);
	if (starts_with(left, '<'))
		taken = take_bracketed(&left, &address, err);
	else
		taken = take_bare(&left, &address, err);
	if (!taken)
		return false;
	if (!utf8_is_text(buf_span(&address)))
		return refuse(err, "the address is not UTF-8");
	memcpy(address_out, address.data, address.len + 1);
	*rest = left;
	return true;
}

/* Dot-string = Atom *("." Atom) */
static bool is_dot_string(struct span local)
{
	bool in_atom = false;

	for (size_t i = 0; i < local.len; i++) {
		if (local.at[i] == '.' ? !in_atom : !is_atext(local.at[i]))
			return false;
		in_atom = local.at[i] != '.';
	}
	return in_atom;
}

bool address_append(struct buf *out, const char *address)
{
	struct span local = address_local(address);
	size_t len = out->len;
	bool fits;

	if (!*address)
		return true;
	if (is_dot_string(local))
		return buf_append_text(out, address);
	fits = buf_append_byte(out, '"');
	for (size_t i = 0; fits && i < local.len; i++) {
		if (local.at[i] == '"' || local.at[i] == '\\')
			fits = buf_append_byte(out, '\\');
		fits = fits && buf_append_byte(out, local.at[i]);
	}
	fits = fits && buf_append_byte(out, '"') &&
	       buf_append_text(out, address + local.len);
	if (!fits)
		buf_cut(out, len);
	return fits;
}

bool address_is_valid(const char *address)
{
	AUTO_BUF path = BUF_INIT(ADDRESS_WIRE_MAX + 2);
	char again[ADDRESS_MAX];
	struct span rest;
	struct err ignored;

	if (!buf_append_byte(&path, '<') || !address_append(&path, address) ||
	    !buf_append_byte(&path, '>'))
		return false;
	rest = buf_span(&path);
	return address_take_path(&rest, again, &ignored) && !rest.len &&
	       strcmp(again, address) == 0;
}

const char *address_domain(const char *address)
{
	const char *at = strrchr(address, '@');

	return at ? at + 1 : address + strlen(address);
}

struct span address_local(const char *address)
{
	const char *at = strrchr(address, '@');

	return (struct span){ address, at ? (size_t)(at - address) : strlen(address) };
}

bool address_is_utf8(const char *address)
{
	for (; *address; address++)
		if ((unsigned char)*address >= 128)
			return true;
	return false;
}

bool address_same(const char *one, const char *other)
{
	return strcasecmp(one, other) == 0;
}

/* address-literal, of the two kinds that exist (RFC 5321 4.1.3) */
static bool literal_is_valid(struct span domain)
{
	static const char six[] = "IPv6:";
	char text[INET6_ADDRSTRLEN];
	unsigned char binary[sizeof(struct in6_addr)];
	int family = AF_INET;

	if (domain.len < 3 || domain.at[domain.len - 1] != ']')
		return false;
	domain = (struct span){ domain.at + 1, domain.len - 2 };
	if (domain.len > strlen(six) && strncasecmp(domain.at, six, strlen(six)) == 0) {
		domain = span_after(domain, strlen(six));
		family = AF_INET6;
	}
	if (domain.len >= sizeof(text) || memchr(domain.at, '\0', domain.len))
		return false;
	memcpy(text, domain.at, domain.len);
	text[domain.len] = '\0';
	return inet_pton(family, text, binary) == 1;
}

/* sub-domain, with the underscores that machines of offices have, and U-labels. */
static bool label_is_valid(struct span label)
{
	if (!label.len || label.len > LABEL_MAX || label.at[0] == '-' ||
	    label.at[label.len - 1] == '-')
		return false;
	for (size_t i = 0; i < label.len; i++)
		if ((unsigned char)label.at[i] < 128 &&
		    !isalnum((unsigned char)label.at[i]) && label.at[i] != '-' &&
		    label.at[i] != '_')
			return false;
	return true;
}

bool address_domain_is_valid(struct span domain)
{
	struct span rest = domain, label;

	if (!domain.len || domain.len > DOMAIN_MAX)
		return false;
	if (domain.at[0] == '[')
		return literal_is_valid(domain);
	while (span_cut(&rest, '.', &label))
		if (!label_is_valid(label))
			return false;
	return utf8_is_text(domain);
}
