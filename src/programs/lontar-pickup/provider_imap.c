#include "imap/client.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "mail/wire.h"
#include "net/deflate.h"
#include "programs/lontar-pickup/partial.h"
#include "programs/lontar-pickup/provider.h"
#include "programs/lontar-pickup/remote_mailbox.h"

#define OUTGOING_MAX ((size_t)256 * 1024)
#define UID_TEXT_MAX 400

_Static_assert(IMAP_CLIENT_MESSAGES_MAX == PROVIDER_LISTING_MAX,
	       "one bound for all listings");

struct imap {
	const struct remote_mailbox *mailbox;
	struct imap_client *client;
	const struct provider_hooks *hooks;
	void *ctx;
	struct deflate *deflate; /* once the server agreed */
	struct buf packed;       /* commands, compressed */
	struct partials *partials;
	/* the message that is coming in */
	struct wire_decoder decoder;
	struct buf stored;
	struct buf check; /* the end of the part that is here, fetched anew */
	uint64_t check_left;
	bool is_void; /* it does not continue at the byte that was asked for */
};

/* A uid is one of its folder. */
static void key(const void *engine, size_t message, char key_out[DIGEST_TEXT_MAX])
{
	const struct imap *imap = engine;
	char number[IMAP_UID_TEXT_MAX], uid[UID_TEXT_MAX] = "";

	if (*imap_client_uid(imap->client, message, number))
		snprintf(uid, sizeof(uid), "%s %s", number, imap->mailbox->pickup.folder);
	provider_key_of(span_of(uid), key_out);
}

static const char *key_of(const struct imap *imap, size_t message,
			  char key_out[DIGEST_TEXT_MAX])
{
	key(imap, message, key_out);
	return key_out;
}

static uint64_t octets(const void *engine, size_t message)
{
	return imap_client_octets(((const struct imap *)engine)->client, message);
}

/* Bytes of it that are here. */
static uint64_t here(const struct imap *imap, size_t message)
{
	char key[DIGEST_TEXT_MAX];

	if (!partials_count(imap->partials))
		return 0;
	return partials_bytes(imap->partials, key_of(imap, message, key),
			      octets(imap, message));
}

/* Where it is to go on: what is here last is fetched once more, to be compared. */
static uint64_t from_of(const struct imap *imap, size_t message)
{
	uint64_t has = here(imap, message);

	return has > PARTIAL_CHECK_MAX ? has - PARTIAL_CHECK_MAX : 0;
}

static uint64_t octets_left(const void *engine, size_t message)
{
	const struct imap *imap = engine;
	uint64_t all = octets(imap, message), has = here(imap, message);

	return has < all ? all - has : 0;
}

static enum imap_known knows(void *ctx, size_t message, uint64_t *octets_out)
{
	static const enum imap_known all[] = { [PROVIDER_NEW] = IMAP_NEW,
					       [PROVIDER_FETCHED] = IMAP_FETCHED,
					       [PROVIDER_SIZED] = IMAP_SIZED };
	struct imap *imap = ctx;

	return all[imap->hooks->knows(imap->ctx, message, octets_out)];
}

/* Parts of what is not there any more, or not to be fetched. */
static void sweep(struct imap *imap)
{
	size_t count = imap_client_count(imap->client);

	for (size_t i = partials_count(imap->partials); i-- > 0;) {
		const char *wanted = partials_key(imap->partials, i);
		char key[DIGEST_TEXT_MAX];
		size_t at = 0;

		while (at < count && strcmp(key_of(imap, at, key), wanted) != 0)
			at++;
		if (at == count || seen_find(imap->mailbox->seen, wanted))
			partials_drop(imap->partials, wanted);
	}
}

static void on_listed(void *ctx)
{
	struct imap *imap = ctx;

	sweep(imap);
	imap->hooks->on_listed(imap->ctx);
}

static void tell_stored(struct imap *imap, size_t message, struct span wire)
{
	while (wire.len) {
		struct span piece = wire;

		if (piece.len > PARTIAL_PIECE_MAX)
			piece.len = PARTIAL_PIECE_MAX;
		wire = span_after(wire, piece.len);
		buf_reset(&imap->stored);
		/* It cannot fail, since bare line ends are kept. */
		(void)!wire_decode_chunk(&imap->decoder, piece, &imap->stored);
		if (imap->stored.len)
			imap->hooks->on_piece(imap->ctx, message,
					      buf_span(&imap->stored));
	}
}

/* What is here of it comes first. */
static bool replay(struct imap *imap, size_t message, uint64_t bytes)
{
	char piece[PARTIAL_PIECE_MAX];

	for (uint64_t at = 0; at < bytes;) {
		uint64_t left = bytes - at;
		struct span wire = partials_read(
			imap->partials, at,
			left < sizeof(piece) ? (size_t)left : sizeof(piece), piece);

		if (!wire.len)
			return false;
		tell_stored(imap, message, wire);
		at += wire.len;
	}
	return true;
}

/* False: it does not continue at the byte that was asked for. */
static bool begin(struct imap *imap, const struct imap_piece *piece)
{
	char key[DIGEST_TEXT_MAX];
	uint64_t total = piece->from + piece->bytes;
	uint64_t wanted = from_of(imap, piece->message);

	imap->decoder = (struct wire_decoder){ .keep_bare = true };
	imap->check_left = 0;
	buf_reset(&imap->check);
	partials_end(imap->partials);
	if (piece->ask != IMAP_ASK_MESSAGE)
		return true;
	key_of(imap, piece->message, key);
	if (!wanted && !piece->from) {
		if (key[0] != '-')
			partials_begin(imap->partials, key, octets(imap, piece->message),
				       total);
		return true;
	}
	imap->check_left = here(imap, piece->message) - wanted;
	if (piece->from == wanted && piece->bytes >= imap->check_left &&
	    partials_resume(imap->partials, key, total))
		return true;
	partials_drop(imap->partials, key);
	return false;
}

/* The last bytes that are here, as the server gives them now, must be the same. */
static bool is_same(struct imap *imap, const struct imap_piece *piece)
{
	char bytes[PARTIAL_PIECE_MAX];
	struct span last =
		partials_read(imap->partials, piece->from, imap->check.len, bytes);

	return last.len == imap->check.len &&
	       memcmp(last.at, imap->check.data, last.len) == 0;
}

static bool compare(struct imap *imap, const struct imap_piece *piece, struct span *wire)
{
	struct span part = *wire;

	if (part.len > imap->check_left)
		part.len = (size_t)imap->check_left;
	*wire = span_after(*wire, part.len);
	imap->check_left -= part.len;
	if (!buf_append_span(&imap->check, part))
		return false;
	return imap->check_left ||
	       (is_same(imap, piece) &&
		replay(imap, piece->message, piece->from + imap->check.len));
}

static void on_piece(void *ctx, const struct imap_piece *piece)
{
	struct imap *imap = ctx;
	struct span wire = piece->text;

	if (piece->begins)
		imap->is_void = !begin(imap, piece);
	if (imap->is_void)
		return;
	if (imap->check_left && !compare(imap, piece, &wire)) {
		imap->is_void = true;
		partials_end(imap->partials);
		return;
	}
	partials_add(imap->partials, wire);
	tell_stored(imap, piece->message, wire);
}

/* It may be the part that the server would not give. */
static void give_up_part(struct imap *imap, size_t message)
{
	char key[DIGEST_TEXT_MAX];

	if (partials_count(imap->partials))
		partials_drop(imap->partials, key_of(imap, message, key));
}

static void on_answer(void *ctx, const struct imap_client_answer *answer)
{
	static const enum provider_ask asks[] = { [IMAP_ASK_MESSAGE] = PROVIDER_FETCH,
						  [IMAP_ASK_HEADER] = PROVIDER_HEADER,
						  [IMAP_ASK_IDENTITY] = PROVIDER_IDENTITY,
						  [IMAP_ASK_DELETE] = PROVIDER_DELETE,
						  [IMAP_ASK_QUIT] = PROVIDER_QUIT };
	struct imap *imap = ctx;
	struct provider_answer told = { asks[answer->ask], answer->message, answer->done,
					answer->text };

	if (!answer->done && answer->ask == IMAP_ASK_MESSAGE)
		give_up_part(imap, answer->message);
	if (answer->done && answer->ask == IMAP_ASK_MESSAGE) {
		told.done = !imap->is_void && !imap->check_left;
		if (!told.done)
			told.text = span_of("it is not what was begun before; it is "
					    "fetched anew the next time");
		else if (wire_decode_end(&imap->decoder) == WIRE_BARE_CR)
			imap->hooks->on_piece(imap->ctx, answer->message,
					      (struct span){ "\r", 1 });
	}
	imap->hooks->on_answer(imap->ctx, &told);
}

static void *open_imap(const struct remote_mailbox *mailbox, struct span offer,
		       const struct provider_hooks *hooks, void *ctx)
{
	static const struct imap_client_hooks own = { knows, on_listed, on_piece,
						      on_answer };
	struct imap *imap = must_alloc(sizeof(*imap));
	struct imap_offer told = { .is_known = offer.len > 0 };

	imap_offer_take(&told, span_trim(offer));
	*imap = (struct imap){ .mailbox = mailbox,
			       .hooks = hooks,
			       .ctx = ctx,
			       .packed = BUF_INIT(OUTGOING_MAX),
			       .stored = BUF_INIT(PARTIAL_PIECE_MAX + 1),
			       .check = BUF_INIT(PARTIAL_CHECK_MAX),
			       .partials = partials_open(mailbox->root_fd,
							 mailbox->pickup.name) };
	imap->client = imap_client_new(
		&told, mailbox->pickup.folder,
		mailbox->proof || mailbox->pickup.keep == PICKUP_KEEP_ALWAYS, &own, imap);
	return imap;
}

static void close_imap(void *engine)
{
	struct imap *imap = engine;

	imap_client_free(imap->client);
	deflate_free(imap->deflate);
	partials_close(imap->partials);
	buf_clear(&imap->packed);
	buf_clear(&imap->stored);
	buf_clear(&imap->check);
	free(imap);
}

static struct buf *outgoing(void *engine)
{
	struct imap *imap = engine;
	struct buf *commands = imap_client_commands(imap->client);
	bool packed;

	if (!imap->deflate)
		return commands;
	packed = !commands->len ||
		 deflate_pack(imap->deflate, buf_span(commands), &imap->packed);
	assert(packed);
	buf_reset(commands);
	return &imap->packed;
}

static bool feed(struct imap *imap, struct span *bytes, struct err *err)
{
	if (imap_client_feed(imap->client, bytes))
		return true;
	*err = *imap_client_failure(imap->client);
	return false;
}

static bool receive_packed(struct imap *imap, struct span packed, struct err *err)
{
	struct span plain;

	for (;;) {
		switch (deflate_unpack(imap->deflate, &packed, &plain)) {
		case INFLATED:
			if (!feed(imap, &plain, err))
				return false;
			break;
		case INFLATED_ALL:
			return true;
		case INFLATE_BROKEN:
			return err_temporary(err, "4.5.0",
					     "what the server compressed is broken");
		}
	}
}

static bool receive(void *engine, struct span bytes, struct err *err)
{
	struct imap *imap = engine;

	if (!imap->deflate) {
		if (!feed(imap, &bytes, err))
			return false;
		if (imap_client_is_compressed(imap->client))
			imap->deflate = deflate_new();
	}
	return !imap->deflate || receive_packed(imap, bytes, err);
}

static size_t count(const void *engine)
{
	return imap_client_count(((const struct imap *)engine)->client);
}

static uint64_t listing_bytes(const void *engine)
{
	return imap_client_listing_bytes(((const struct imap *)engine)->client);
}

static bool has_headers(const void *engine)
{
	(void)engine;
	return true;
}

/* The folder and its UIDVALIDITY, as one more thing that was seen. "": it has none. */
static const char *numbering(const struct imap *imap, char key_out[DIGEST_TEXT_MAX])
{
	struct digest *digest;
	char text[UID_TEXT_MAX];

	key_out[0] = '\0';
	if (!imap_client_uidvalidity(imap->client))
		return key_out;
	snprintf(text, sizeof(text), "UIDVALIDITY %" PRIu32 " %s",
		 imap_client_uidvalidity(imap->client), imap->mailbox->pickup.folder);
	digest = digest_new();
	digest_add(digest, span_of(text));
	digest_text(digest, key_out);
	digest_free(digest);
	return key_out;
}

static bool is_renumbered(const void *engine)
{
	const struct imap *imap = engine;
	char key[DIGEST_TEXT_MAX];

	return *numbering(imap, key) && seen_count(imap->mailbox->seen) &&
	       !seen_find(imap->mailbox->seen, key);
}

static bool note_numbers(void *engine, struct err *err)
{
	struct imap *imap = engine;
	struct seen_entry entry = { .kind = SEEN_LEFT,
				    .digest = "-",
				    .when = clock_wall_s(),
				    .is_listed = true };
	struct seen_entry *known;

	if (!*numbering(imap, entry.key))
		return true;
	known = seen_find(imap->mailbox->seen, entry.key);
	if (known)
		known->is_listed = true;
	entry.listed = entry.when;
	return known || seen_add(imap->mailbox->seen, &entry, err);
}

static bool may_ask(const void *engine)
{
	return imap_client_may_ask(((const struct imap *)engine)->client);
}

static void ask(void *engine, enum provider_ask what, size_t message)
{
	static const enum imap_ask asks[] = { [PROVIDER_FETCH] = IMAP_ASK_MESSAGE,
					      [PROVIDER_HEADER] = IMAP_ASK_HEADER,
					      [PROVIDER_IDENTITY] = IMAP_ASK_IDENTITY,
					      [PROVIDER_DELETE] = IMAP_ASK_DELETE,
					      [PROVIDER_QUIT] = IMAP_ASK_QUIT };
	struct imap *imap = engine;

	/* What came last is durable by now. */
	if (what == PROVIDER_QUIT)
		partials_end(imap->partials);
	imap_client_ask(imap->client, asks[what], message,
			what == PROVIDER_FETCH ? from_of(imap, message) : 0);
}

static size_t awaited(const void *engine)
{
	return imap_client_awaited(((const struct imap *)engine)->client);
}

const struct provider_kind provider_imap = {
	.dial = DIAL_IMAP,
	.names = { "IMAP", "IMAPS" },
	.open = open_imap,
	.close = close_imap,
	.outgoing = outgoing,
	.receive = receive,
	.count = count,
	.octets = octets,
	.octets_left = octets_left,
	.key = key,
	.listing_bytes = listing_bytes,
	.has_headers = has_headers,
	.is_renumbered = is_renumbered,
	.note_numbers = note_numbers,
	.may_ask = may_ask,
	.ask = ask,
	.awaited = awaited,
};
