/* The messages that were refused in unclear words: they are put aside until it is known
 * what was meant. Their files stay open and marked as being sent. */
#include <string.h>

#include "send/run_private.h"

void run_put_aside(struct run *run, struct outgoing *message,
		   struct smtp_client_result *result)
{
	message->result = result;
	message->next = run->suspended;
	run->suspended = message;
	run->suspended_count++;
}

struct outgoing *run_take_suspended(struct run *run,
				    struct smtp_client_result **result_out)
{
	struct outgoing *message = run->suspended;

	run->suspended = message->next;
	run->suspended_count--;
	*result_out = message->result;
	message->next = NULL;
	message->result = NULL;
	return message;
}

bool run_has_suspended(const struct run *run, const char *id)
{
	for (const struct outgoing *at = run->suspended; at; at = at->next)
		if (strcmp(at->name.id, id) == 0)
			return true;
	return false;
}
