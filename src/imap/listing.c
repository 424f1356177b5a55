#include "imap/listing.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/number.h"
#include "imap/client.h"

void imap_listing_clear(struct imap_listing *listing)
{
	free(listing->messages);
	*listing = (struct imap_listing){ 0 };
}

static void add(struct imap_listing *listing, uint64_t uid)
{
	if (listing->count == listing->room) {
		listing->room = listing->room ? listing->room * 2 : 64;
		listing->messages = must_resize(listing->messages, listing->room,
						sizeof(*listing->messages));
	}
	listing->messages[listing->count++] =
		(struct imap_listed){ .uid = (uint32_t)uid };
}

static bool parse_uid(struct span text, uint64_t *uid_out)
{
	return number_parse(text, UINT32_MAX, uid_out) && *uid_out;
}

void imap_listing_add_numbers(struct imap_listing *listing, struct span numbers)
{
	struct span word;
	uint64_t uid;

	while (span_cut(&numbers, ' ', &word) &&
	       listing->count < IMAP_CLIENT_MESSAGES_MAX)
		if (parse_uid(word, &uid))
			add(listing, uid);
}

void imap_listing_add_set(struct imap_listing *listing, struct span set)
{
	struct span piece, from;
	uint64_t first, last;

	while (span_cut(&set, ',', &piece)) {
		if (!span_cut(&piece, ':', &from) || !parse_uid(from, &first))
			continue;
		last = first;
		if (piece.at && !parse_uid(piece, &last))
			continue;
		if (last < first) {
			uint64_t swap = first;

			first = last;
			last = swap;
		}
		while (first <= last && listing->count < IMAP_CLIENT_MESSAGES_MAX)
			add(listing, first++);
	}
}

static int by_uid(const void *one, const void *other)
{
	uint32_t a = ((const struct imap_listed *)one)->uid,
		 b = ((const struct imap_listed *)other)->uid;

	return a < b ? -1 : a > b;
}

void imap_listing_sort(struct imap_listing *listing)
{
	size_t kept = 0;

	if (!listing->count)
		return;
	qsort(listing->messages, listing->count, sizeof(*listing->messages), by_uid);
	for (size_t i = 1; i < listing->count; i++)
		if (listing->messages[i].uid != listing->messages[kept].uid)
			listing->messages[++kept] = listing->messages[i];
	listing->count = kept + 1;
}

struct imap_listed *imap_listing_find(struct imap_listing *listing, uint64_t uid)
{
	struct imap_listed wanted = { .uid = (uint32_t)uid };

	if (!listing->count || uid > UINT32_MAX)
		return NULL;
	return bsearch(&wanted, listing->messages, listing->count, sizeof(wanted),
		       by_uid);
}

void imap_listing_settle(struct imap_listing *listing)
{
	size_t kept = 0;

	for (size_t i = 0; i < listing->count; i++) {
		const struct imap_listed *listed = &listing->messages[i];

		if (!listed->needs_size ||
		    (listed->is_sized && (listed->is_fetched || !listed->is_deleted)))
			listing->messages[kept++] = *listed;
	}
	listing->count = kept;
}

/* "7", or "7:9"; room for both numbers is there. */
#define RANGE_MAX 24

static void put_range(const struct imap_listing *listing, size_t first, size_t last,
		      struct buf *out)
{
	const char *comma = out->len ? "," : "";
	uint32_t from = listing->messages[first].uid, to = listing->messages[last].uid;

	if (!(from == to ? buf_appendf(out, "%s%" PRIu32, comma, from)
			 : buf_appendf(out, "%s%" PRIu32 ":%" PRIu32, comma, from, to)))
		abort();
}

static bool has_room(const struct buf *out)
{
	return out->max - out->len >= RANGE_MAX;
}

void imap_listing_put_unsized(const struct imap_listing *listing, struct buf *out,
			      size_t *next_out)
{
	size_t at = *next_out, last;

	while (at < listing->count && has_room(out)) {
		if (!listing->messages[at].needs_size) {
			at++;
			continue;
		}
		last = at;
		while (last + 1 < listing->count &&
		       listing->messages[last + 1].needs_size)
			last++;
		put_range(listing, at, last, out);
		at = last + 1;
	}
	while (at < listing->count && !listing->messages[at].needs_size)
		at++;
	*next_out = at;
}

size_t imap_listing_put(const struct imap_listing *listing, const size_t *places,
			size_t count, struct buf *out)
{
	const struct imap_listed *messages = listing->messages;
	size_t at = 0, last;

	while (at < count && has_room(out)) {
		last = at;
		while (last + 1 < count &&
		       messages[places[last + 1]].uid == messages[places[last]].uid + 1)
			last++;
		put_range(listing, places[at], places[last], out);
		at = last + 1;
	}
	return at;
}
