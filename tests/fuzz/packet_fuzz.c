/* Whatever another program sends: a packet is read within its bytes or found bad, and
 * what is read can be written again and means the same. */
#include <assert.h>
#include <stdint.h>

#include "ipc/auth.h"
#include "ipc/intake.h"
#include "ipc/link.h"
#include "ipc/mailbox.h"
#include "ipc/master.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads as NAME; what was good is put, and must come out byte for byte. */
#define TRY(name)                                                                \
	do {                                                                     \
		struct packet packet, again;                                     \
		struct name read, reread;                                        \
		char text[16];                                                   \
                                                                                 \
		if (!packet_open(&packet, bytes) || !name##_get(&packet, &read)) \
			break;                                                   \
		name##_put(&out, packet.tag, &read);                             \
		assert(out.len == size);                                         \
		assert(packet_open(&again, buf_span(&out)));                     \
		assert(name##_get(&again, &reread));                             \
		assert(memcmp(out.data + 4, data + 4, size - 4) == 0);           \
		(void)packet_text_copy(bytes, text, sizeof(text));               \
	} while (0)

/* Numbers and texts in any order, as MAILBOX_LISTING has them. */
static void walk(struct span bytes)
{
	struct packet packet;

	if (!packet_open(&packet, bytes))
		return;
	while (!packet.bad && !packet_end(&packet)) {
		struct span text;

		(void)packet_get_number(&packet);
		text = packet_get_text(&packet);
		assert(packet.bad || (text.at >= bytes.at &&
				      text.at + text.len <= bytes.at + bytes.len));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = { (const char *)data, size };
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	if (size > PACKET_MAX)
		return 0;
	TRY(auth_hello);
	TRY(auth_permit);
	TRY(auth_login);
	TRY(auth_result);
	TRY(intake_rcpt);
	TRY(intake_draft);
	TRY(intake_commit);
	TRY(intake_verdict);
	TRY(link_event);
	TRY(link_act);
	TRY(link_progress);
	TRY(mailbox_failed);
	TRY(master_listener);
	TRY(master_start);
	TRY(master_ended);
	walk(bytes);
	return 0;
}
