/* Fields are pieces of the message, one behind the other; an address of a list is one. */
#include <assert.h>
#include <stdint.h>

#include "mail/header.h"
#include "mail/priority.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool check(void *ctx, const char *address, struct err *err)
{
	AUTO_BUF wire = BUF_INIT(ADDRESS_WIRE_MAX);
	char again[ADDRESS_MAX];
	struct span rest;

	(void)ctx;
	assert(*address && strlen(address) < ADDRESS_MAX);
	if (!*address_domain(address))
		return true;
	assert(address_append(&wire, address));
	rest = buf_span(&wire);
	assert(address_take_path(&rest, again, err) && strcmp(address, again) == 0);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span message = { (const char *)data, size }, rest = message;
	struct header_field field;
	struct err err = { 0 };
	size_t sum = 0;

	(void)header_addresses(message, check, NULL, &err);
	assert(priority_asked(message) <= PRIORITY_URGENT);
	while (header_next(&rest, &field)) {
		AUTO_BUF value = BUF_INIT(size);

		assert(field.whole.at == message.at + sum && field.name.len);
		sum += field.whole.len;
		assert(header_unfold(field.value, &value));
		(void)header_addresses(field.value, check, NULL, &err);
	}
	assert(rest.len == size - sum);
	return 0;
}
