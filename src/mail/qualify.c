#include "mail/qualify.h"

#include <stdio.h>
#include <string.h>

#include "mail/header.h"

/* What stands behind an address when it is whole: appended to its first len - cut
 * bytes. */
struct completion {
	size_t cut;
	const char *mark;
	const char *host;
};

static struct completion complete(const struct qualifier *qualifier, const char *address)
{
	const char *domain = address_domain(address);
	size_t len = strlen(domain);

	if (!len)
		return (struct completion){ 0, "@", qualifier->host };
	if (domain[len - 1] == '+')
		return (struct completion){ 1, ".", qualifier->plus };
	if (strchr(domain, '.') || domain[0] == '[' ||
	    strcasecmp(domain, "localhost") == 0)
		return (struct completion){ 0, "", "" };
	return (struct completion){ 0, ".", qualifier->domain };
}

bool qualify_address(const struct qualifier *qualifier, const char *address,
		     char address_out[ADDRESS_MAX], struct err *err)
{
	struct completion completion = complete(qualifier, address);
	size_t keep = strlen(address) - completion.cut;
	int len;

	if (strcasecmp(address_domain(address), "localhost") == 0) {
		keep = address_local(address).len;
		completion = (struct completion){ 0, "@", qualifier->host };
	}
	len = snprintf(address_out, ADDRESS_MAX, "%.*s%s%s", (int)keep, address,
		       completion.mark, completion.host);
	if (len < 0 || len >= ADDRESS_MAX)
		return err_permanent(err, "5.1.3", "an address is too long");
	return true;
}

struct copying {
	const struct qualifier *qualifier;
	struct span value;
	size_t copied; /* of value */
	struct buf *out;
};

static bool no_room(struct err *err)
{
	return err_permanent(err, "5.3.4", "the header is too large");
}

static bool copy_whole(void *ctx, const char *address, struct span place, struct err *err)
{
	struct copying *copying = ctx;
	struct completion completion = complete(copying->qualifier, address);
	size_t end = (size_t)(place.at - copying->value.at) + place.len;
	struct span before = { copying->value.at + copying->copied,
			       end - copying->copied };

	/* A "+" that is quoted, or in a comment, is not the host's last byte. */
	if (completion.cut && copying->value.at[end - 1] != '+')
		return err_permanent(err, "5.1.3", "a host may not end in \"+\" here");
	before.len -= completion.cut;
	if (!buf_append_span(copying->out, before) ||
	    !buf_append_text(copying->out, completion.mark) ||
	    !buf_append_text(copying->out, completion.host))
		return no_room(err);
	copying->copied = end;
	return true;
}

bool qualify_list(const struct qualifier *qualifier, struct span value, struct buf *out,
		  struct err *err)
{
	struct copying copying = { qualifier, value, 0, out };
	size_t len = out->len;

	if (header_addresses_at(value, copy_whole, &copying, err) &&
	    (buf_append_span(out, span_after(value, copying.copied)) || no_room(err)))
		return true;
	buf_cut(out, len);
	return false;
}
