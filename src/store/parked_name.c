#include "store/parked_name.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

static uint64_t fact(const char *file, char key, uint64_t otherwise)
{
	uint64_t value = otherwise;

	return maildir_fact(file, key, &value) ? value : otherwise;
}

/* Flags that other Maildir programs may have set mean nothing here. */
static enum parked_state state_of(const char *flags)
{
	if (strchr(flags, PARKED_UNCERTAIN))
		return PARKED_UNCERTAIN;
	if (strchr(flags, PARKED_SENDING))
		return PARKED_SENDING;
	return strchr(flags, PARKED_HELD) ? PARKED_HELD : PARKED_WAITING;
}

bool parked_name_parse(const char *file, struct parked_name *name_out)
{
	struct span id = maildir_id(file);
	uint64_t recipients = fact(file, 'R', 1);

	if (!id.len || id.at[0] == '.' || id.len >= sizeof(name_out->id) || !recipients ||
	    recipients > UINT16_MAX)
		return false;
	*name_out = (struct parked_name){
		.disk_bytes = fact(file, 'S', 0),
		.wire_bytes = fact(file, 'W', 0),
		.recipients = (unsigned)recipients,
		.priority = (unsigned)fact(file, 'P', 0),
		.attempts = (unsigned)fact(file, 'A', 0),
		.not_before = (int64_t)fact(file, 'N', 0),
		.link_up_s = fact(file, 'L', 0),
		.freed = fact(file, 'F', 0) != 0,
		.told = fact(file, 'D', 0) != 0,
		.state = state_of(maildir_flags(file)),
	};
	memcpy(name_out->id, id.at, id.len);
	return true;
}

static void put(char path_out[MAILDIR_NAME_MAX], char key, uint64_t value)
{
	size_t used = strlen(path_out);

	if (value)
		snprintf(path_out + used, MAILDIR_NAME_MAX - used, ",%c=%" PRIu64, key,
			 value);
}

void parked_name_format(const struct parked_name *name, char path_out[MAILDIR_NAME_MAX])
{
	size_t used;

	snprintf(path_out, MAILDIR_NAME_MAX, "%s/%s",
		 name->state == PARKED_WAITING ? "new" : "cur", name->id);
	put(path_out, 'S', name->disk_bytes);
	put(path_out, 'W', name->wire_bytes);
	put(path_out, 'R', name->recipients == 1 ? 0 : name->recipients);
	put(path_out, 'P', name->priority);
	put(path_out, 'A', name->attempts);
	put(path_out, 'N', name->not_before < 0 ? 0 : (uint64_t)name->not_before);
	put(path_out, 'L', name->link_up_s);
	put(path_out, 'F', name->freed);
	put(path_out, 'D', name->told);
	used = strlen(path_out);
	if (name->state != PARKED_WAITING)
		snprintf(path_out + used, MAILDIR_NAME_MAX - used, ":2,%c", name->state);
}

int64_t parked_name_time(const struct parked_name *name)
{
	uint64_t seconds = 0;
	struct span digits = { name->id, strspn(name->id, "0123456789") };

	return number_parse(digits, INT64_MAX, &seconds) ? (int64_t)seconds : 0;
}
