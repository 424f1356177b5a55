#include "net/deflate.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#define RAW_BITS     (-15) /* RFC 4978 3: no header, the largest window */
#define MEMORY_LEVEL 8
#define PIECE_BYTES  16384

struct deflate {
	z_stream out;
	z_stream in;
	bool is_broken;
	bool is_ended; /* the peer has nothing more to say */
	unsigned char piece[PIECE_BYTES];
};

static void *give_memory(void *ctx, unsigned count, unsigned bytes_each)
{
	(void)ctx;
	return must_alloc((size_t)count * bytes_each);
}

static void take_memory(void *ctx, void *at)
{
	(void)ctx;
	free(at);
}

struct deflate *deflate_new(void)
{
	struct deflate *both = must_alloc(sizeof(*both));
	int made;

	both->out.zalloc = both->in.zalloc = give_memory;
	both->out.zfree = both->in.zfree = take_memory;
	made = deflateInit2(&both->out, Z_DEFAULT_COMPRESSION, Z_DEFLATED, RAW_BITS,
			    MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
	assert(made == Z_OK);
	made = inflateInit2(&both->in, RAW_BITS);
	assert(made == Z_OK);
	return both;
}

void deflate_free(struct deflate *both)
{
	if (!both)
		return;
	(void)deflateEnd(&both->out);
	(void)inflateEnd(&both->in);
	free(both);
}

bool deflate_pack(struct deflate *both, struct span plain, struct buf *out)
{
	z_stream *stream = &both->out;

	stream->next_in = (unsigned char *)(uintptr_t)plain.at;
	stream->avail_in = (unsigned)plain.len;
	do {
		stream->next_out = both->piece;
		stream->avail_out = PIECE_BYTES;
		(void)deflate(stream, Z_SYNC_FLUSH); /* fails only without room */
		if (!buf_append(out, both->piece, PIECE_BYTES - stream->avail_out))
			return false;
	} while (stream->avail_in || !stream->avail_out);
	return true;
}

enum inflated deflate_unpack(struct deflate *both, struct span *packed,
			     struct span *piece_out)
{
	z_stream *stream = &both->in;
	int state;

	if (both->is_broken || (both->is_ended && packed->len))
		return INFLATE_BROKEN;
	if (both->is_ended)
		return INFLATED_ALL;
	stream->next_in = (unsigned char *)(uintptr_t)packed->at;
	stream->avail_in = (unsigned)packed->len;
	stream->next_out = both->piece;
	stream->avail_out = PIECE_BYTES;
	state = inflate(stream, Z_SYNC_FLUSH);
	*packed = span_after(*packed, packed->len - stream->avail_in);
	*piece_out = (struct span){ (const char *)both->piece,
				    PIECE_BYTES - stream->avail_out };
	/* Z_BUF_ERROR: nothing more to be had from what is here. */
	both->is_ended = state == Z_STREAM_END;
	both->is_broken = !both->is_ended && state != Z_OK && state != Z_BUF_ERROR;
	if (piece_out->len)
		return INFLATED;
	return both->is_broken ? INFLATE_BROKEN : INFLATED_ALL;
}
