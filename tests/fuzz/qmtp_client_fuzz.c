/* A hostile server against the QMTP client engine: every message has one result in the
 * end, and nothing is accepted that was not answered so. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "qmtp/client.h"

#define MESSAGES 6

static const char *const recipients[] = { "a@far.example", "b c@far.example" };

static void take_all(struct qmtp_client *client, const unsigned *results)
{
	struct smtp_client_result *result;

	while ((result = qmtp_client_take(client))) {
		unsigned *count = result->tag;

		assert(count >= results && count < results + MESSAGES && ++*count == 1);
		smtp_client_result_free(result);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned results[MESSAGES] = { 0 };
	struct qmtp_client *client = qmtp_client_new();
	size_t started = 0;

	qmtp_client_set_window(client, 3, 10000);
	while (size) {
		size_t piece = 1 + data[0] % 32;

		if (started < MESSAGES && qmtp_client_may_start(client, 400)) {
			qmtp_client_start(client, &(struct smtp_client_message){
							  .tag = &results[started],
							  .sender = "",
							  .recipients = recipients,
							  .count = 1 + started % 2,
							  .wire_bytes = 400 });
			started++;
			if (qmtp_client_body(client) && data[0] & 64)
				qmtp_client_body_done(client);
			buf_reset(qmtp_client_commands(client));
		}
		if (piece > size)
			piece = size;
		if (!qmtp_client_feed(client, (struct span){ (const char *)data, piece }))
			break;
		data += piece;
		size -= piece;
		take_all(client, results);
	}
	assert(!qmtp_client_failure(client) || !qmtp_client_may_start(client, 1));
	qmtp_client_abandon(client);
	take_all(client, results);
	for (size_t i = 0; i < MESSAGES; i++)
		assert(results[i] == (i < started));
	qmtp_client_free(client);
	return 0;
}
