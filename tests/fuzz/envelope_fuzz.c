/* A head that is read is written again the same but for its settled marks. */
#include <assert.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "mail/address.h"
#include "mail/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *recipients[ENVELOPE_RECIPIENTS_MAX];
	AUTO_BUF head = BUF_INIT((ENVELOPE_RECIPIENTS_MAX + 1) * (ADDRESS_WIRE_MAX + 16));
	AUTO_FD fd = memfd_create("envelope", MFD_CLOEXEC);
	struct envelope envelope, again;
	struct err err = { 0 };

	if (!size)
		return 0;
	assert(fd >= 0 && file_write(fd, data + 1, size - 1, &err));
	if (!envelope_read(fd, data[0], &envelope, &err))
		return 0;
	for (size_t i = 0; i < envelope.count; i++)
		recipients[i] = envelope.recipients[i].address;
	assert(envelope_append(&head, envelope.sender, recipients, envelope.count));
	assert(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	assert(file_write(fd, head.data, head.len, &err));
	assert(envelope_read(fd, data[0], &again, &err));
	assert(again.count == envelope.count && again.body == (off_t)head.len);
	assert(strcmp(again.sender, envelope.sender) == 0);
	for (size_t i = 0; i < envelope.count; i++)
		assert(strcmp(again.recipients[i].address,
			      envelope.recipients[i].address) == 0);
	envelope_clear(&envelope);
	envelope_clear(&again);
	return 0;
}
