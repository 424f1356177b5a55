/* One parked message of the office's, open. */
#ifndef TESTS_DELIVER_PARKED_MAIL_H
#define TESTS_DELIVER_PARKED_MAIL_H

#include "office.h"

#include "store/delivery.h"
#include "store/parked.h"

static const char parked_mail_text[] = "Subject: far away\nMessage-ID: <m1@x>\n\nhello\n";

/* For x@ and y@abroad.example. */
static inline void parked_mail_make(const char *sender)
{
	struct delivery *delivery = delivery_new(office_fd, sender);
	struct err err = { 0 };
	int draft;

	delivery_add(delivery, DELIVERY_PARKED, "isp", "x@abroad.example");
	delivery_add(delivery, DELIVERY_PARKED, "isp", "y@abroad.example");
	draft = delivery_open(delivery, "gw", span_of(""), 0, &err);
	assert_true(file_write(draft, parked_mail_text, strlen(parked_mail_text), &err));
	close(draft);
	assert_true(delivery_seal(delivery, strlen(parked_mail_text), 4, false, 0, &err));
	assert_true(delivery_commit_alone(delivery, &err));
	delivery_free(delivery);
}

/* False where nothing is parked. */
static inline bool parked_mail_find(struct parked *parked, struct parked_name *name_out)
{
	struct parked_list list;
	struct err err;
	bool found;

	assert_true(parked_list(parked, &list, &err));
	found = list.count > 0;
	if (found)
		*name_out = list.names[0];
	parked_list_clear(&list);
	return found;
}

#endif
