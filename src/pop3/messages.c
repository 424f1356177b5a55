#include "pop3/messages.h"

#include <stdlib.h>

void pop3_messages_init(struct pop3_messages *messages)
{
	*messages = (struct pop3_messages){ .uids = BUF_INIT((size_t)POP3_MESSAGES_MAX *
							     POP3_UID_MAX) };
}

void pop3_messages_clear(struct pop3_messages *messages)
{
	free(messages->all);
	buf_clear(&messages->uids);
	pop3_messages_init(messages);
}

static bool uid_is_valid(struct span uid)
{
	if (uid.len < 1 || uid.len > POP3_UID_MAX)
		return false;
	for (size_t i = 0; i < uid.len; i++)
		if (uid.at[i] < 0x21 || uid.at[i] > 0x7e)
			return false;
	return true;
}

bool pop3_messages_add(struct pop3_messages *messages, uint64_t octets, struct span uid)
{
	size_t uid_at = messages->uids.len;

	if (messages->count == POP3_MESSAGES_MAX || !uid_is_valid(uid) ||
	    !buf_append_span(&messages->uids, uid))
		return false;
	if (messages->count == messages->room) {
		messages->room = messages->room ? messages->room * 2 : 64;
		messages->all = must_resize(messages->all, messages->room,
					    sizeof(*messages->all));
	}
	messages->all[messages->count++] = (struct pop3_message){
		.octets = octets, .uid_at = (uint32_t)uid_at, .uid_len = (uint8_t)uid.len
	};
	messages->unmarked++;
	messages->unmarked_octets += octets;
	return true;
}

struct span pop3_messages_uid(const struct pop3_messages *messages, size_t index)
{
	const struct pop3_message *message = &messages->all[index];

	return (struct span){ messages->uids.data + message->uid_at, message->uid_len };
}

void pop3_messages_mark(struct pop3_messages *messages, size_t index)
{
	struct pop3_message *message = &messages->all[index];

	if (message->marked)
		return;
	message->marked = true;
	messages->unmarked--;
	messages->unmarked_octets -= message->octets;
}

void pop3_messages_unmark_all(struct pop3_messages *messages)
{
	for (size_t i = 0; i < messages->count; i++) {
		struct pop3_message *message = &messages->all[i];

		if (!message->marked)
			continue;
		message->marked = false;
		messages->unmarked++;
		messages->unmarked_octets += message->octets;
	}
}
