/* How mail is removed: client.h says when. */
#include <inttypes.h>
#include <stdlib.h>

#include "imap/client_state.h"

#define TOGETHER 32 /* so many make a pair of commands worth its bytes */

static int by_place(const void *one, const void *other)
{
	size_t a = *(const size_t *)one, b = *(const size_t *)other;

	return a < b ? -1 : a > b;
}

static void say_batch(struct imap_client *client)
{
	size_t *rest = client->doomed + client->batch_end;
	size_t count = client->doomed_count - client->batch_end;
	AUTO_BUF set = BUF_INIT(IMAP_SET_MAX);

	qsort(rest, count, sizeof(*rest), by_place);
	count = imap_listing_put(&client->listing, rest, count, &set);
	client->batch_begin = client->batch_end;
	client->batch_end += count;
	client->batch_failed = client->batch_failed && !client->offer.uidplus;
	imap_say(client, &(struct imap_asked){ .verb = IMAP_STORE },
		 "UID STORE %s +FLAGS.SILENT (\\Deleted)", set.data);
	if (client->offer.uidplus)
		imap_say(client, &(struct imap_asked){ .verb = IMAP_UID_EXPUNGE },
			 "UID EXPUNGE %s", set.data);
}

static bool is_removing(const struct imap_client *client)
{
	for (size_t i = 0; i < client->count; i++)
		if (client->asked[i].verb >= IMAP_STORE)
			return true;
	return false;
}

static void say_word(struct imap_client *client, enum imap_verb verb, const char *words)
{
	imap_say(client, &(struct imap_asked){ .verb = verb }, "%s", words);
}

void imap_remove(struct imap_client *client)
{
	size_t waiting = client->doomed_count - client->batch_end;
	bool searches = client->doomed_count && !client->offer.uidplus;

	if (client->has_said[IMAP_LOGOUT])
		return;
	if (waiting && !is_removing(client) &&
	    (waiting >= TOGETHER || !imap_client_awaited(client)))
		say_batch(client);
	if (!client->quits || client->batch_end < client->doomed_count)
		return;
	if (searches && is_removing(client))
		return;
	if (searches && !client->has_said[IMAP_SEARCH_DELETED])
		say_word(client, IMAP_SEARCH_DELETED, "UID SEARCH DELETED");
	else
		say_word(client, IMAP_LOGOUT, "LOGOUT"); /* behind the last of them */
}

static void tell(struct imap_client *client, size_t begin, size_t end, bool done,
		 struct span text)
{
	for (size_t i = begin; i < end; i++) {
		struct imap_client_answer answer = { IMAP_ASK_DELETE, client->doomed[i],
						     done, text };

		client->hooks->on_answer(client->ctx, &answer);
	}
}

void imap_remove_answered(struct imap_client *client, enum imap_verb verb, bool ok,
			  struct span text)
{
	struct span others = span_of("mail that somebody else has marked would go too");

	switch (verb) {
	case IMAP_STORE:
		client->batch_failed = client->batch_failed || !ok;
		return;
	case IMAP_UID_EXPUNGE:
		tell(client, client->batch_begin, client->batch_end,
		     ok && !client->batch_failed, text);
		return;
	case IMAP_SEARCH_DELETED:
		if (ok && !client->others_deleted)
			say_word(client, IMAP_EXPUNGE, "EXPUNGE");
		else
			tell(client, 0, client->doomed_count, false, ok ? others : text);
		return;
	default:
		tell(client, 0, client->doomed_count, ok && !client->batch_failed, text);
		return;
	}
}

void imap_remove_others(struct imap_client *client, uint64_t uid)
{
	const struct imap_listed *listed = imap_listing_find(&client->listing, uid);
	size_t place = listed ? (size_t)(listed - client->listing.messages) : 0;

	for (size_t i = 0; listed && i < client->doomed_count; i++)
		if (client->doomed[i] == place)
			return;
	client->others_deleted = true;
}
