#include "control/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool is_mapped(const struct network *network)
{
	return memcmp(network->address, mapped, sizeof(mapped)) == 0;
}

static bool parse_address(struct span text, struct network *out)
{
	char plain[NETWORK_TEXT_MAX];
	const char *zone = text.len ? memchr(text.at, '%', text.len) : NULL;

	if (zone)
		text.len = (size_t)(zone - text.at);
	if (!text.len || text.len >= sizeof(plain))
		return false;
	memcpy(plain, text.at, text.len);
	plain[text.len] = '\0';
	if (inet_pton(AF_INET6, plain, out->address) == 1)
		return true;
	memcpy(out->address, mapped, sizeof(mapped));
	return inet_pton(AF_INET, plain, out->address + sizeof(mapped)) == 1;
}

static bool bit_is_set(const struct network *network, unsigned bit)
{
	return network->address[bit / 8] & (0x80 >> bit % 8);
}

bool network_parse(struct span text, struct network *network_out)
{
	bool is_v4 = !memchr(text.at, ':', text.len);
	struct span address;
	uint64_t bits;

	if (!span_cut(&text, '/', &address) || !parse_address(address, network_out))
		return false;
	network_out->bits = 128;
	if (!text.at)
		return true;
	if (!number_parse(text, is_v4 ? 32 : 128, &bits))
		return false;
	network_out->bits = (unsigned)bits + (is_v4 ? 96 : 0);
	for (unsigned bit = network_out->bits; bit < 128; bit++)
		if (bit_is_set(network_out, bit))
			return false;
	return true;
}

bool network_has(const struct network *network, const struct network *address)
{
	/* ::/0 is for IPv6 only: nobody means all of IPv4 by it. */
	if (network->bits < 96 && is_mapped(address))
		return false;
	for (unsigned bit = 0; bit < network->bits; bit++)
		if (bit_is_set(network, bit) != bit_is_set(address, bit))
			return false;
	return true;
}

const char *network_format_address(const struct network *address,
				   char text_out[NETWORK_TEXT_MAX])
{
	bool is_v4 = is_mapped(address);

	if (!inet_ntop(is_v4 ? AF_INET : AF_INET6, address->address + (is_v4 ? 12 : 0),
		       text_out, NETWORK_TEXT_MAX))
		text_out[0] = '\0';
	return text_out;
}
