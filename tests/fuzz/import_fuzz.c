/* Files of other mailers' queues and homes, whatever they hold: what is read of an
 * envelope is as long as the file at most, and the parsers end. */
#include <assert.h>
#include <stdint.h>

#include "base/buf.h"
#include "import/instructions.h"
#include "import/postfix_file.h"
#include "import/sendmail_file.h"

#define OUT_MAX ((size_t)16 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool put(void *ctx, struct span piece, struct err *err)
{
	if (buf_append_span(ctx, piece))
		return true;
	return err_permanent(err, "", "too much");
}

static void check(struct queued *queued, size_t size)
{
	assert(!queued->sender || strlen(queued->sender) <= size);
	for (size_t i = 0; i < queued->recipients.count; i++)
		assert(strlen(queued->recipients.lines[i]) <= size);
	queued_clear(queued);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span file = { (const char *)data, size };
	AUTO_BUF out = BUF_INIT(OUT_MAX);
	struct queued queued = { .sender = NULL };
	struct instructions done;
	struct err err = { 0 };

	(void)!postfix_file_parse(file, &queued, put, &out, &err);
	check(&queued, size);
	buf_reset(&out);
	if (sendmail_file_parse(file, &queued, &out, &err))
		assert(out.len && out.data[out.len - 1] == '\n');
	check(&queued, size);
	buf_reset(&out);
	(void)!instructions_translate("/var/qmail", file, &out, &done);
	buf_reset(&out);
	(void)!instructions_usual(file, &out);
	return 0;
}
