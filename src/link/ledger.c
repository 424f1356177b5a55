#include "link/ledger.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"

void ledger_open(struct ledger *ledger, int root_fd, const char *link)
{
	*ledger = (struct ledger){ .root_fd = root_fd };
	snprintf(ledger->link, sizeof(ledger->link), "%s", link);
	usage_read(root_fd, link, &ledger->usage);
}

static bool read_counter(const char *interface, const char *name, uint64_t *out)
{
	AUTO_BUF text = BUF_INIT(64);
	struct err ignored;
	char path[96];

	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/%s", interface, name);
	return file_read(AT_FDCWD, path, &text, &ignored) &&
	       number_parse(span_trim(buf_span(&text)), UINT64_MAX, out);
}

static bool read_interface(const struct linkfile *file, const struct link_note *note,
			   uint64_t *bytes_out)
{
	const char *name = note->interface[0] ? note->interface : file->interface;
	uint64_t received, sent;

	if (!name || strchr(name, '/') || strlen(name) >= sizeof(note->interface) ||
	    !read_counter(name, "rx_bytes", &received) ||
	    !read_counter(name, "tx_bytes", &sent))
		return false;
	*bytes_out = received + sent;
	return true;
}

/* Since the last count; what was there before the first is not known. An interface that
 * was made anew begins at 0. */
static uint64_t count_interface(struct ledger *ledger, const struct linkfile *file,
				const struct link_note *note)
{
	struct usage_counted *counted = &ledger->usage.counted;
	uint64_t before = counted->interface_bytes, bytes;
	bool was_counted = counted->has_interface;

	counted->has_interface = read_interface(file, note, &bytes);
	if (!counted->has_interface)
		return 0;
	counted->interface_bytes = bytes;
	if (!was_counted)
		return 0;
	return bytes >= before ? bytes - before : bytes;
}

/* Seconds since the last count, under the same boot. */
static uint64_t count_time(struct ledger *ledger)
{
	struct usage_counted *counted = &ledger->usage.counted;
	int64_t now_ms = clock_monotonic_ms();
	char boot_id[CLOCK_TEXT_MAX];
	int64_t passed_s;

	clock_boot_id(boot_id);
	if (strcmp(counted->boot_id, boot_id) != 0 || counted->ms > now_ms) {
		*counted = (struct usage_counted){ .ms = now_ms };
		snprintf(counted->boot_id, sizeof(counted->boot_id), "%s", boot_id);
	}
	passed_s = (now_ms - counted->ms) / 1000;
	counted->ms += passed_s * 1000;
	return (uint64_t)passed_s;
}

/* A call that began when nobody counted has lasted as long as the clock says, and no
 * longer than the machine has run. */
static uint64_t lasted(const struct link_note *note, int64_t now)
{
	int64_t runs = clock_monotonic_ms() / 1000, seconds = now - note->since;

	if (seconds < 0)
		return 0;
	return (uint64_t)(seconds < runs ? seconds : runs);
}

void ledger_count(struct ledger *ledger, const struct linkfile *file,
		  const struct link_note *note, int64_t now)
{
	struct usage *usage = &ledger->usage;
	uint64_t seconds = count_time(ledger), bytes;

	usage_pass(usage, file, now, seconds);
	if (!note->up) {
		ledger->changed = ledger->changed || !usage->call.over;
		usage->call.over = true;
		usage->counted.has_interface = false;
		return;
	}
	if (usage->call.over || usage->call.since != note->since) {
		usage_begin_call(usage, file, now, note->since);
		usage->counted.has_interface = false;
		ledger->changed = true;
		seconds = lasted(note, now);
	}
	bytes = count_interface(ledger, file, note);
	if (!bytes && !seconds)
		return;
	usage_set_call(usage, file, now, usage->call.bytes + bytes,
		       usage->call.seconds + seconds);
	ledger->changed = true;
}

void ledger_add(struct ledger *ledger, const struct linkfile *file, int64_t now,
		uint64_t bytes)
{
	struct usage *usage = &ledger->usage;

	if (!bytes || usage->counted.has_interface || usage->call.told)
		return;
	usage_set_call(usage, file, now, usage->call.bytes + bytes, usage->call.seconds);
	ledger->changed = true;
}

void ledger_correct(struct ledger *ledger, const struct linkfile *file, int64_t now,
		    const struct link_call *told)
{
	struct usage *usage = &ledger->usage;

	if (!usage->call.since)
		return;
	usage_set_call(usage, file, now,
		       told->has_bytes ? told->bytes : usage->call.bytes,
		       told->has_seconds ? told->seconds : usage->call.seconds);
	usage->call.told = usage->call.told || told->has_bytes;
	ledger->changed = true;
}

bool ledger_write(struct ledger *ledger, struct err *err)
{
	if (!ledger->changed)
		return true;
	if (ledger->usage.serial && !usage_is_kept(ledger->root_fd, ledger->link)) {
		struct usage anew = { .call = ledger->usage.call,
				      .counted = ledger->usage.counted };

		ledger->usage = anew;
	}
	/* A disk that is full now is tried again a second later. */
	ledger->written_ms = clock_monotonic_ms();
	if (!usage_write(ledger->root_fd, ledger->link, &ledger->usage, err))
		return err_context(err, "count what link %s uses", ledger->link);
	ledger->changed = false;
	return true;
}
