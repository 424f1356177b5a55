#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "control/routes.h"
#include "link/note_file.h"
#include "link/usage.h"

#define FOLDER "spool/state/usage"

/* `end` is the last line, and says what `serial`, the first, says: a file that has lost
 * its tail, or is of zeros, is seen. */
struct page {
	uint64_t serial;
	struct usage usage;
	uint64_t end;
};

#define KEY(name, kind, field)                            \
	{                                                 \
		name, kind, offsetof(struct page, field), \
			sizeof(((struct page *)0)->field) \
	}
#define PERIOD(name, i)                                                                 \
	KEY(name, NOTE_TIME, usage.periods[i].first_day),                               \
		KEY(name "_bytes", NOTE_NUMBER, usage.periods[i].used[LINK_BYTES]),     \
		KEY(name "_seconds", NOTE_NUMBER, usage.periods[i].used[LINK_SECONDS]), \
		KEY(name "_money", NOTE_NUMBER, usage.periods[i].used[LINK_MONEY]),     \
		KEY(name "_calls", NOTE_NUMBER, usage.periods[i].used[LINK_CALLS]),     \
		KEY(name "_carried_bytes", NOTE_NUMBER,                                 \
		    usage.periods[i].carried[LINK_BYTES]),                              \
		KEY(name "_carried_seconds", NOTE_NUMBER,                               \
		    usage.periods[i].carried[LINK_SECONDS]),                            \
		KEY(name "_carried_money", NOTE_NUMBER,                                 \
		    usage.periods[i].carried[LINK_MONEY]),                              \
		KEY(name "_carried_calls", NOTE_NUMBER,                                 \
		    usage.periods[i].carried[LINK_CALLS]),                              \
		KEY(name "_ahead_s", NOTE_NUMBER, usage.periods[i].ahead_s)

static const struct note_key keys[] = {
	KEY("serial", NOTE_NUMBER, serial),
	PERIOD("day", LINK_DAY),
	PERIOD("week", LINK_WEEK),
	PERIOD("month", LINK_MONTH),
	KEY("call_since", NOTE_TIME, usage.call.since),
	KEY("call_over", NOTE_FLAG, usage.call.over),
	KEY("call_told", NOTE_FLAG, usage.call.told),
	KEY("call_bytes", NOTE_NUMBER, usage.call.bytes),
	KEY("call_seconds", NOTE_NUMBER, usage.call.seconds),
	KEY("boot_id", NOTE_TEXT, usage.counted.boot_id),
	KEY("counted_ms", NOTE_TIME, usage.counted.ms),
	KEY("has_interface", NOTE_FLAG, usage.counted.has_interface),
	KEY("interface_bytes", NOTE_NUMBER, usage.counted.interface_bytes),
	KEY("end", NOTE_NUMBER, end),
};

#define PATH_ROOM (sizeof(FOLDER) + SMARTHOST_NAME_MAX + 2)

static void path_of(const char *link, uint64_t serial, char path_out[PATH_ROOM])
{
	snprintf(path_out, PATH_ROOM, FOLDER "/%s%s", link, serial % 2 ? "~" : "");
}

void usage_read(int root_fd, const char *link, struct usage *usage_out)
{
	char path[PATH_ROOM];
	bool any = false, whole = false;

	*usage_out = (struct usage){ 0 };
	for (uint64_t i = 0; i < 2; i++) {
		struct page page = { .serial = 0 };

		path_of(link, i, path);
		any = any || faccessat(root_fd, path, F_OK, 0) == 0;
		if (!note_read(root_fd, path, keys, LENGTH(keys), &page) ||
		    !page.serial || page.serial != page.end ||
		    (whole && page.serial < usage_out->serial))
			continue;
		whole = true;
		*usage_out = page.usage;
		usage_out->serial = page.serial;
	}
	usage_out->damaged = any && !whole;
}

bool usage_is_kept(int root_fd, const char *link)
{
	char path[PATH_ROOM];

	for (uint64_t i = 0; i < 2; i++) {
		path_of(link, i, path);
		if (faccessat(root_fd, path, F_OK, 0) == 0)
			return true;
	}
	return false;
}

bool usage_write(int root_fd, const char *link, struct usage *usage, struct err *err)
{
	struct page page = { usage->serial + 1, *usage, usage->serial + 1 };
	char path[PATH_ROOM];

	path_of(link, page.serial, path);
	if (!file_make_dir(root_fd, FOLDER, 0755, err) ||
	    !note_write(root_fd, path, keys, LENGTH(keys), &page, err))
		return false;
	usage->serial = page.serial;
	return true;
}
