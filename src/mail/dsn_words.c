#include "mail/dsn_words.h"

#include <string.h>

#include "base/attr.h"

/* By what follows the class; a subject alone ("7.") stands for all its details, and
 * stands behind them. */
static const struct {
	const char *detail;
	const char *words;
} meanings[] = {
	{ "1.1", "There is no mailbox of that name. Please check how the part in front "
		 "of the @ is spelt." },
	{ "1.2", "There is no such mail domain. Please check how the part behind the @ "
		 "is spelt." },
	{ "1.3", "The address is not written as a mail address has to be." },
	{ "1.6", "The mailbox has moved, and nobody knows where to." },
	{ "1.7", "Your own address, as it stands in the message, was not accepted." },
	{ "1.8", "Your own address, as it stands in the message, was not accepted." },
	{ "1.10", "That domain says that it takes no mail at all." },
	{ "1.", "The address was not accepted. Please check how it is spelt." },
	{ "2.1", "The mailbox exists, but it is closed at present." },
	{ "2.2",
	  "The mailbox is full. Its owner has to make room before you try again." },
	{ "2.3", "The message is larger than this mailbox takes. Please send it in "
		 "parts, or without the large attachments." },
	{ "2.", "Something is wrong with that mailbox." },
	{ "3.4", "The message is larger than the other side takes. Please send it in "
		 "parts, or without the large attachments." },
	{ "3.", "The mail system of the other side has a fault." },
	{ "4.6", "The message goes round in a circle between mail servers. Please tell "
		 "your postmaster." },
	{ "4.7", "It could not be handed over in all the time that it was tried." },
	{ "4.", "The mail server of the other side could not be used." },
	{ "5.3", "The message had too many recipients at once." },
	{ "5.", "The two mail servers did not understand each other. Please tell your "
		"postmaster." },
	{ "6.7", "The other side cannot handle addresses with such letters." },
	{ "6.", "The other side cannot handle a message of this kind." },
	{ "7.1", "You are not allowed to send mail to this address, or the message was "
		 "taken for unwanted mail." },
	{ "7.", "The other side refused the message for its safety rules, for example "
		"because it took it for unwanted mail." },
};

const char *dsn_words(const char *status)
{
	const char *detail = strchr(status, '.');

	for (size_t i = 0; detail && i < LENGTH(meanings); i++) {
		size_t len = strlen(meanings[i].detail);

		if (strncmp(detail + 1, meanings[i].detail, len) == 0 &&
		    (meanings[i].detail[len - 1] == '.' || !detail[1 + len]))
			return meanings[i].words;
	}
	return "The other side did not accept the message.";
}
