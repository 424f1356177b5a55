/* One message of another system's queue: what its envelope says. */
#ifndef IMPORT_QUEUED_H
#define IMPORT_QUEUED_H

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"
#include "control/settings_list.h"

struct queued {       /* valid when zeroed */
	char *sender; /* NULL: none was seen */
	struct settings_list recipients;
};

/* Of several senders the first counts. */
void queued_sender(struct queued *queued, struct span sender);
void queued_recipient(struct queued *queued, struct span recipient);
void queued_clear(struct queued *queued);

/* A file without a name, for a message that is put together. -1 and err. */
int queued_file(struct err *err) MUST_USE;

#endif
