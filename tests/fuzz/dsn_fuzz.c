/* A notification keeps its structure whatever it quotes: short lines, no controls, three
 * parts. */
#include <assert.h>
#include <stdint.h>

#include "mail/dsn.h"
#include "mail/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct span rest)
{
	static const char mark[] = "boundary=\"";
	struct header_field field;
	const char *boundary;
	size_t parts = 0, len;
	struct span line;

	assert(header_find(rest, "Content-Type", &field));
	boundary = memmem(field.value.at, field.value.len, mark, sizeof(mark) - 1);
	assert(boundary);
	boundary += sizeof(mark) - 1;
	len = strcspn(boundary, "\"");
	while (span_cut(&rest, '\n', &line)) {
		assert(line.len <= 998);
		for (size_t i = 0; i < line.len; i++)
			assert((unsigned char)line.at[i] >= 32 || line.at[i] == '\t');
		parts += line.len >= len + 2 && memcmp(line.at, "--", 2) == 0 &&
			 memcmp(line.at + 2, boundary, len) == 0;
	}
	assert(parts == 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF out = BUF_INIT(1000000);
	AUTO_BUF text = BUF_INIT(size + 1);
	struct dsn_recipient recipient = { .address = "bob@far.example" };
	struct dsn dsn = { .me = "here.example",
			   .from = "MAILER-DAEMON@here.example",
			   .to = "ann@here.example",
			   .original_id = "1.M2P3Q4.here",
			   .recipients = &recipient,
			   .count = 1 };

	assert(buf_append(&text, data, size));
	recipient.reply = recipient.remote_host = recipient.status = text.data;
	dsn.original_header = buf_span(&text);
	assert(dsn_append(&out, &dsn));
	check(buf_span(&out));
	buf_reset(&out);
	dsn.action = DSN_DELAYED;
	recipient.why = text.data;
	assert(dsn_append(&out, &dsn));
	check(buf_span(&out));
	return 0;
}
