/* A hostile server against the IMAP client engine: every ask has at most one answer,
 * nothing is said of a message that is not listed, pieces stay within their literal,
 * memory stays bounded. */
#include <assert.h>
#include <stdint.h>

#include "imap/client.h"

#define ASKED_MAX 40

struct watched {
	struct imap_client *client;
	bool listed;
	bool quit;
	size_t asked;
	size_t answered;
	uint64_t left; /* of the literal */
};

static enum imap_known knows(void *ctx, size_t message, uint64_t *octets_out)
{
	struct watched *watched = ctx;
	char text[IMAP_UID_TEXT_MAX];

	assert(!watched->listed && message < imap_client_count(watched->client));
	imap_client_uid(watched->client, message, text);
	*octets_out = 9;
	return (enum imap_known)(message % 3);
}

static void on_listed(void *ctx)
{
	struct watched *watched = ctx;

	assert(!watched->listed);
	assert(imap_client_count(watched->client) <= IMAP_CLIENT_MESSAGES_MAX);
	watched->listed = true;
}

static void on_piece(void *ctx, const struct imap_piece *piece)
{
	struct watched *watched = ctx;

	assert(watched->listed && piece->message < imap_client_count(watched->client));
	if (piece->begins)
		watched->left = piece->bytes;
	else
		assert(piece->text.len && piece->text.len <= watched->left);
	watched->left -= piece->text.len;
}

static void on_answer(void *ctx, const struct imap_client_answer *answer)
{
	struct watched *watched = ctx;

	assert(watched->answered++ < watched->asked);
	assert(answer->ask == IMAP_ASK_QUIT ||
	       answer->message < imap_client_count(watched->client));
}

static const struct imap_client_hooks hooks = { knows, on_listed, on_piece, on_answer };

/* Each message is removed at most once. */
static void ask(struct watched *watched)
{
	static const enum imap_ask asks[] = { IMAP_ASK_MESSAGE, IMAP_ASK_DELETE,
					      IMAP_ASK_HEADER, IMAP_ASK_IDENTITY };
	size_t count = imap_client_count(watched->client);

	while (imap_client_may_ask(watched->client)) {
		size_t asked = watched->asked;

		watched->asked++;
		if (asked / 4 >= count || asked == ASKED_MAX) {
			imap_client_ask(watched->client, IMAP_ASK_QUIT, 0, 0);
			return;
		}
		imap_client_ask(watched->client, asks[asked % 4], asked / 4,
				asked % 2 ? 100 : 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct watched watched = { 0 };
	struct imap_offer offer = { 0 };
	bool goes_on = true;

	if (!size)
		return 0;
	offer = (struct imap_offer){ .is_known = data[0] & 1,
				     .compress = data[0] & 2,
				     .uidplus = data[0] & 4,
				     .esearch = data[0] & 8 };
	watched.client = imap_client_new(&offer, "INBOX", false, &hooks, &watched);
	data++;
	size--;
	while (goes_on && size) {
		/* Answers come in pieces of a size that the input chooses. */
		size_t piece = 1 + data[0] % 64;
		struct buf *commands = imap_client_commands(watched.client);
		struct span bytes;

		piece = piece < size ? piece : size;
		bytes = (struct span){ (const char *)data, piece };
		buf_consume(commands, commands->len);
		goes_on = imap_client_feed(watched.client, &bytes);
		data += piece - (goes_on ? bytes.len : 0);
		size -= piece - (goes_on ? bytes.len : 0);
		ask(&watched);
	}
	imap_client_free(watched.client);
	return 0;
}
