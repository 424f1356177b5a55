/* What is composed is a header that needs nothing more, names no Bcc, and whose
 * recipients are addresses; the body is a tail of what came in. */
#include <assert.h>
#include <stdint.h>

#include "mail/header.h"
#include "mail/submission.h"
#include "mail/typed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct span composed, const struct submission *submission)
{
	struct header_field field;
	char again[ADDRESS_MAX];
	struct err err = { 0 };
	struct span rest;

	assert(!header_find(composed, "Bcc", &field));
	assert(header_find(composed, "Date", &field) ||
	       header_find(composed, "Resent-Date", &field));
	while (header_next(&composed, &field))
		continue;
	assert(composed.len && composed.at[0] == '\n');
	for (size_t i = 0; i < submission->count; i++) {
		AUTO_BUF wire = BUF_INIT(ADDRESS_WIRE_MAX);

		assert(address_append(&wire, submission->recipients[i]));
		rest = buf_span(&wire);
		assert(address_take_path(&rest, again, &err) && !rest.len);
		assert(strcmp(again, submission->recipients[i]) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct submission submission = {
		.qualifier = { "office.example", "office.example", "example" },
		.me = "gw.office.example",
		.unique = "1.M2P3Q4.gw",
		.author = "ann@office.example",
		.header_recipients = true,
	};
	struct typed_decoder decoder = { .dot_ends = true };
	AUTO_BUF text = BUF_INIT(size + 2);
	AUTO_BUF out = BUF_INIT(size * 100 + 1000);
	struct err err = { 0 };
	struct span message;

	assert(typed_decode(&decoder, (struct span){ (const char *)data, size }, &text));
	assert(typed_finish(&decoder, &text) && text.len <= size);
	message = buf_span(&text);
	if (submission_compose(&submission, &message, &out, &err)) {
		assert(message.at + message.len == text.data + text.len);
		check(buf_span(&out), &submission);
	}
	submission_clear(&submission);
	return 0;
}
