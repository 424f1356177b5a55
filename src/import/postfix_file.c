#include "import/postfix_file.h"

#include "base/number.h"

#define JUMPS_MAX 100000 /* a file that points in a circle must end */

struct reading {
	struct span file;
	size_t at;
	unsigned jumps;
	bool in_message;
	bool ended;
	struct queued *queued;
	bool (*put)(void *ctx, struct span piece, struct err *err);
	void *ctx;
};

static bool torn(struct err *err)
{
	return err_permanent(err, "5.6.0", "it is torn or no queue file");
}

static bool take_record(struct reading *reading, char *type_out, struct span *data_out)
{
	struct span rest = span_after(reading->file, reading->at);
	size_t len = 0, used = 1;
	unsigned shift = 0;

	if (rest.len < 2)
		return false;
	*type_out = rest.at[0];
	for (;; shift += 7) {
		unsigned char byte;

		if (used >= rest.len || shift > 28)
			return false;
		byte = (unsigned char)rest.at[used++];
		len |= (size_t)(byte & 127) << shift;
		if (!(byte & 128))
			break;
	}
	if (len > rest.len - used)
		return false;
	*data_out = (struct span){ rest.at + used, len };
	reading->at += used + len;
	return true;
}

static bool jump(struct reading *reading, struct span data, struct err *err)
{
	uint64_t offset;

	if (!number_parse(span_trim(data), reading->file.len, &offset) ||
	    ++reading->jumps > JUMPS_MAX)
		return torn(err);
	if (offset)
		reading->at = (size_t)offset;
	return true;
}

static bool put_line(struct reading *reading, struct span data, bool ends,
		     struct err *err)
{
	static const struct span line_end = { "\n", 1 };

	return reading->put(reading->ctx, data, err) &&
	       (!ends || reading->put(reading->ctx, line_end, err));
}

static bool take(struct reading *reading, char type, struct span data, struct err *err)
{
	switch (type) {
	case 'p':
		return jump(reading, data, err);
	case 'M':
		reading->in_message = true;
		return true;
	case 'X':
		reading->in_message = false;
		return true;
	case 'E':
		reading->ended = true;
		return true;
	case 'N':
	case 'L':
		return !reading->in_message || put_line(reading, data, type == 'N', err);
	case 'S':
		queued_sender(reading->queued, data);
		return true;
	case 'R':
		queued_recipient(reading->queued, data);
		return true;
	default:
		return true;
	}
}

bool postfix_file_parse(struct span file, struct queued *queued,
			bool (*put)(void *ctx, struct span piece, struct err *err),
			void *ctx, struct err *err)
{
	struct reading reading = {
		.file = file, .queued = queued, .put = put, .ctx = ctx
	};

	while (!reading.ended) {
		struct span data;
		char type;

		if (!take_record(&reading, &type, &data))
			return torn(err);
		if (!take(&reading, type, data, err))
			return false;
	}
	return queued->sender ? true : err_permanent(err, "5.6.0", "it names no sender");
}
