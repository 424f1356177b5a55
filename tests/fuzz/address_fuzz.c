/* What is taken as an address is taken again, unchanged, from how we write it. */
#include <assert.h>
#include <stdint.h>

#include "mail/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char first[ADDRESS_MAX], second[ADDRESS_MAX];
	struct span rest = { (const char *)data, size };
	struct err err = { 0 };
	AUTO_BUF wire = BUF_INIT(ADDRESS_WIRE_MAX + 2);

	if (!address_take_path(&rest, first, &err))
		return 0;
	assert(buf_append_byte(&wire, '<') && address_append(&wire, first) &&
	       buf_append_byte(&wire, '>'));
	rest = buf_span(&wire);
	assert(address_take_path(&rest, second, &err) && !rest.len);
	assert(strcmp(first, second) == 0);
	return 0;
}
