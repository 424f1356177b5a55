#include "deliver/queue_exit.h"

#include <stddef.h>

static const struct {
	unsigned exit_code;
	const char *status;
	const char *text;
} known[] = {
	{ QUEUE_EXIT_TOO_LONG, "5.1.3", "an address is too long" },
	{ 115, "5.1.3", "an address is too long" },
	{ QUEUE_EXIT_REFUSED, "5.7.1", "the message is refused here" },
	{ QUEUE_EXIT_MEMORY, "4.3.0", "out of memory" },
	{ QUEUE_EXIT_TIMEOUT, "4.3.0", "it took too long to look at the message" },
	{ QUEUE_EXIT_WRITE, "4.3.0", "the message cannot be written now" },
	{ QUEUE_EXIT_READ, "4.3.0", "the message cannot be read now" },
	{ QUEUE_EXIT_SETTINGS, "4.3.5", "settings cannot be read now" },
	{ 56, "4.3.0", "a network cannot be reached now" },
	{ QUEUE_EXIT_LATER, "4.7.1", "the message is not taken now" },
	{ 72, "4.4.1", "a server does not answer" },
	{ 73, "4.4.1", "a server refuses the connection" },
	{ 74, "4.4.2", "a server hung up" },
	{ QUEUE_EXIT_BUG, "4.3.0", "a fault in the filter" },
	{ QUEUE_EXIT_ENVELOPE, "4.3.0", "the filter does not understand the envelope" },
	{ QUEUE_EXIT_NO_START, "4.3.5", "the filter cannot be started" },
};

bool queue_exit_verdict(unsigned exit_code, const char *text, struct err *err)
{
	bool final = (exit_code >= 11 && exit_code <= 40) || exit_code == 115;
	const char *status = final ? "5.7.1" : "4.3.0";
	const char *words = final ? "the message is refused here"
				  : "the message cannot be looked at now";

	if (exit_code == 0)
		return true;
	for (size_t i = 0; i < LENGTH(known); i++)
		if (known[i].exit_code == exit_code) {
			status = known[i].status;
			words = known[i].text;
		}
	/* Its own words, where they begin with a letter as a delivery's report does. */
	if (text[0] == 'D' || text[0] == 'Z') {
		final = text[0] == 'D';
		status = final ? "5.7.1" : "4.7.1";
		words = text + 1;
	}
	return final ? err_permanent(err, status, "%s", words)
		     : err_temporary(err, status, "%s", words);
}
