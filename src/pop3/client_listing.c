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

/* A size that is no number is 0: unknown. */
static uint64_t take_octets(struct span line)
{
	uint64_t octets;
	struct span word;

	line = span_trim(line);
	return span_cut(&line, ' ', &word) && number_parse(word, OCTETS_MAX, &octets)
		       ? octets
		       : 0;
}

static struct pop3_listed *add(struct pop3_listing *listing, uint64_t number)
{
	struct pop3_listed *listed;

	if (listing->count == POP3_CLIENT_MESSAGES_MAX)
		return NULL;
	if (listing->count == listing->room) {
		listing->room = listing->room ? listing->room * 2 : 64;
		listing->messages = must_resize(listing->messages, listing->room,
						sizeof(*listing->messages));
	}
	listed = &listing->messages[listing->count++];
	*listed = (struct pop3_listed){ .number = number };
	return listed;
}

static int by_number(const void *one, const void *other)
{
	uint64_t a = ((const struct pop3_listed *)one)->number,
		 b = ((const struct pop3_listed *)other)->number;

	return a < b ? -1 : a > b;
}

static struct pop3_listed *find(const struct pop3_listing *listing, uint64_t number)
{
	struct pop3_listed wanted = { .number = number };

	return listing->sorted ? bsearch(&wanted, listing->messages, listing->sorted,
					 sizeof(*listing->messages), by_number)
			       : NULL;
}

void pop3_listing_size(struct pop3_listing *listing, struct span line)
{
	struct pop3_listed *listed;
	uint64_t number;

	if (!take_number(&line, &number))
		return;
	listed = find(listing, number);
	if (!listed)
		listed = add(listing, number);
	if (listed)
		listed->octets = take_octets(line);
}

void pop3_listing_one_size(struct pop3_listing *listing, size_t message, struct span text)
{
	struct pop3_listed *listed = &listing->messages[message];
	uint64_t number;

	if (take_number(&text, &number) && number == listed->number)
		listed->octets = take_octets(text);
}

/* Said twice of one message: which is it? */
static void merge(struct pop3_listed *kept, const struct pop3_listed *other)
{
	if (kept->uid_len && other->uid_len)
		kept->uid_len = 0;
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
		else
			merge(&listing->messages[kept], &listing->messages[i]);
	listing->sorted = listing->count = kept + 1;
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
	struct pop3_listed *listed;
	uint64_t number;

	if (!take_number(&line, &number))
		return;
	listed = listing->sorted ? find(listing, number) : add(listing, number);
	line = span_trim(line);
	if (!listed || !line.len || line.len > UID_LEN_MAX || !is_visible(line))
		return;
	if (listed->uid_len) {
		merge(listed, listed);
		return;
	}
	listed->uid = listing->uids.len;
	if (buf_append_span(&listing->uids, line))
		listed->uid_len = line.len;
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
