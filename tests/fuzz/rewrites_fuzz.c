/* control/rewrites: what is found is an address; a header that is rewritten keeps its
 * fields, and every list in it that could be read can still be. */
#include <assert.h>
#include <stdint.h>

#include "control/rewrites.h"
#include "mail/header.h"
#include "mail/header_rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool take(void *ctx, const char *address, struct err *err)
{
	(void)ctx;
	(void)address;
	(void)err;
	return true;
}

static bool exchange(const void *ctx, const char *address, char address_out[ADDRESS_MAX])
{
	const struct rewrites *rewrites = ctx;
	bool found = rewrites_leaving(rewrites, "isp", address, address_out);

	if (!found && rewrites_coming(rewrites, address, address_out))
		found = true;
	if (!found && address_domain(address)[0] && address_local(address).len < 100) {
		memcpy(address_out, "some body@isp.example", 22);
		found = true;
	}
	assert(!found || address_is_valid(address_out));
	return found;
}

static void check(struct span before, struct span after)
{
	struct header_field one, other;
	struct err err;

	while (header_next(&before, &one)) {
		assert(header_next(&after, &other));
		assert(one.name.len == other.name.len);
		assert(memcmp(one.name.at, other.name.at, one.name.len) == 0);
		if (header_addresses(one.value, take, NULL, &err))
			assert(header_addresses(other.value, take, NULL, &err));
	}
	assert(before.len == after.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span all = { (const char *)data, size }, settings;
	AUTO_BUF out = BUF_INIT(size * 30 + 1000);
	struct rewrites rewrites = { 0 };
	struct err err = { 0 };

	if (!size || !span_cut(&all, '\0', &settings))
		return 0;
	if (!all.at)
		all = settings;
	if (!rewrites_parse(settings, &rewrites, &err))
		assert(err.kind != ERR_NONE);
	if (header_rewrite(all, exchange, &rewrites, &out))
		check(all, buf_span(&out));
	rewrites_clear(&rewrites);
	return 0;
}
