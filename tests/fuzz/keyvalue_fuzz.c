/* A file of keys and values: whatever it holds, what was read can be freed, and a file
 * that is refused says why, with its line. The same bytes as lists, listeners and relays.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "control/keyvalue.h"
#include "control/listen.h"
#include "control/network.h"
#include "control/relay.h"
#include "control/smarthost.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct all {
	char *text;
	unsigned word;
	uint64_t number;
	uint64_t bytes;
	uint64_t seconds;
	uint16_t port;
	struct settings_list names;
	struct settings_list repeated;
};

static const char *const words[] = { "none", "try", NULL };
static const struct keyvalue_key keys[] = {
	{ "text", KEYVALUE_TEXT, offsetof(struct all, text), NULL, 0 },
	{ "word", KEYVALUE_WORD, offsetof(struct all, word), words, 0 },
	{ "number", KEYVALUE_NUMBER, offsetof(struct all, number), NULL, 1000 },
	{ "bytes", KEYVALUE_BYTES, offsetof(struct all, bytes), NULL, INT64_MAX },
	{ "seconds", KEYVALUE_SECONDS, offsetof(struct all, seconds), NULL, 86400 },
	{ "port", KEYVALUE_PORT, offsetof(struct all, port), NULL, 0 },
	{ "names", KEYVALUE_NAMES, offsetof(struct all, names), NULL, 0 },
	{ "repeated", KEYVALUE_REPEATED, offsetof(struct all, repeated), NULL, 0 },
	{ .name = NULL },
};

static void keys_and_values(struct span text)
{
	struct all all = { 0 };
	struct err err = { 0 };

	if (keyvalue_parse("links/x", text, keys, &all, &err)) {
		assert(all.word < 2 && all.number <= 1000 && all.seconds <= 86400);
		for (size_t i = 0; i < all.names.count; i++)
			assert(all.names.lines[i][0]);
	} else {
		assert(strncmp(err.text, "control/links/x:", 16) == 0);
	}
	keyvalue_clear(keys, &all);
}

static void lists(struct span text)
{
	struct settings_list list = { .keyed = true };
	struct listen listen;
	struct err err = { 0 };

	if (settings_list_parse(&list, "x", text, &err)) {
		for (size_t i = 0; i < list.count; i++) {
			const char *colon = strchr(list.lines[i], ':');
			struct span key = { list.lines[i],
					    colon ? (size_t)(colon - list.lines[i]) : 0 };

			assert(!colon || settings_list_find(&list, key));
		}
		settings_list_clear(&list);
	}
	if (listen_parse(text, &listen, &err))
		listen_clear(&listen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	AUTO_BUF plain = BUF_INIT(size);
	struct network network, again;
	struct relay relay;
	struct err err = { 0 };
	char shown[NETWORK_TEXT_MAX];

	keys_and_values(text);
	lists(text);
	assert(buf_append_span(&plain, text));
	if (relay_parse(plain.data, &relay, &err))
		assert(smarthost_name_is_valid(relay.smarthost) && relay.host[0]);
	if (network_parse(text, &network) && network.bits == 128) {
		network_format_address(&network, shown);
		assert(network_parse(span_of(shown), &again));
		assert(network_has(&network, &again));
	}
	return 0;
}
