#include "pop3/client_listing.h"

#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "pop3/client.h"

#define NUMBER_MAX  UINT32_MAX
#define OCTETS_MAX  ((uint64_t)1 << 50)
#define UID_LEN_MAX 255 /* RFC 1939 says 70 */

static bool take_number(struct span *line, uint64_t *number_out)
{
	struct span word;

	*line = span_trim(*line);
	return span_cut(line, ' ', &word) && line->at &&
	       number_parse(word, NUMBER_MAX, number_out) && *number_out;
}

void pop3_listing_size(struct pop3_listing *listing, struct span line)
{
	struct pop3_listed listed = { 0 };
	struct span word;

	if (!take_number(&line, &listed.number) ||
	    listing->count == POP3_CLIENT_MESSAGES_MAX)
		return;
	/* A size that is no number is 0: unknown. */
	line = span_trim(line);
	if (!span_cut(&line, ' ', &word) ||
	    !number_parse(word, OCTETS_MAX, &listed.octets))
		listed.octets = 0;
	if (listing->count == listing->room) {
		listing->room = listing->room ? listing->room * 2 : 64;
		listing->messages = must_resize(listing->messages, listing->room,
						sizeof(*listing->messages));
	}
	listing->messages[listing->count++] = listed;
}

static int by_number(const void *one, const void *other)
{
	uint64_t a = ((const struct pop3_listed *)one)->number,
		 b = ((const struct pop3_listed *)other)->number;

	return a < b ? -1 : a > b;
}

void pop3_listing_sort(struct pop3_listing *listing)
{
	size_t kept = 0;

	if (!listing->count)
		return;
	qsort(listing->messages, listing->count, sizeof(*listing->messages), by_number);
	for (size_t i = 1; i < listing->count; i++)
		if (listing->messages[i].number != listing->messages[kept].number)
			listing->messages[++kept] = listing->messages[i];
	listing->count = kept + 1;
}

static bool is_visible(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] < '!' || text.at[i] > '~')
			return false;
	return true;
}

void pop3_listing_uid(struct pop3_listing *listing, struct span line)
{
	struct pop3_listed wanted = { 0 }, *found;

	if (!listing->count || !take_number(&line, &wanted.number))
		return;
	line = span_trim(line);
	if (!line.len || line.len > UID_LEN_MAX || !is_visible(line))
		return;
	found = bsearch(&wanted, listing->messages, listing->count,
			sizeof(*listing->messages), by_number);
	if (!found)
		return;
	/* Said twice of one message: which is it? */
	if (found->uid_len) {
		found->uid_len = 0;
		return;
	}
	wanted.uid = listing->uids.len;
	if (!buf_append_span(&listing->uids, line))
		return;
	found->uid = wanted.uid;
	found->uid_len = line.len;
}

/* A listed message and where its uid's text is, for sorting. */
struct pair {
	struct pop3_listed *listed;
	struct span uid;
};

static int by_uid(const void *one, const void *other)
{
	const struct pair *a = one, *b = other;
	size_t len = a->uid.len < b->uid.len ? a->uid.len : b->uid.len;
	int order = memcmp(a->uid.at, b->uid.at, len);

	if (order)
		return order;
	return a->uid.len < b->uid.len ? -1 : a->uid.len > b->uid.len;
}

void pop3_listing_settle(struct pop3_listing *listing)
{
	struct pair *pairs = must_alloc((listing->count + 1) * sizeof(*pairs));
	size_t count = 0;

	for (size_t i = 0; i < listing->count; i++) {
		struct pop3_listed *listed = &listing->messages[i];

		if (listed->uid_len)
			pairs[count++] =
				(struct pair){ listed,
					       { listing->uids.data + listed->uid,
						 listed->uid_len } };
	}
	if (count)
		qsort(pairs, count, sizeof(*pairs), by_uid);
	for (size_t i = 1; i < count; i++)
		if (by_uid(&pairs[i - 1], &pairs[i]) == 0)
			pairs[i - 1].listed->uid_len = pairs[i].listed->uid_len = 0;
	free(pairs);
}

void pop3_listing_clear(struct pop3_listing *listing)
{
	free(listing->messages);
	buf_clear(&listing->uids);
	*listing = (struct pop3_listing){ 0 };
}
