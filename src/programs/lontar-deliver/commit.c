#include "programs/lontar-deliver/commit.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "ipc/peer.h"
#include "programs/lontar-deliver/syncer.h"

#define SYNCFS_SLOW_MS \
	200 /* a neighbour writes much: his bytes are not ours to wait for */
#define GATHER_MAX_S    0.005
#define SYNCFS_RETRY_MS 60000 /* and then it is tried again */

/* Of asks; those between are one message's data. */
#define SYSTEM_TAG 0
#define FOLDER_TAG UINT32_MAX

struct item {
	struct item *next;
	struct delivery *delivery;
	void (*done)(void *ctx, const struct err *err);
	void *ctx;
	uint32_t tag; /* of its asks in this round */
	int failed;   /* errno of the first sync that failed in this round */
};

struct list {
	struct item *first, **last;
	unsigned count;
};

struct commit {
	int root_fd;
	int syncer_fd;
	pid_t syncer_pid;
	struct peer *syncer;
	struct list sealed;   /* wait for the next round */
	struct list placed;   /* likewise, their folders to sync */
	struct list syncing;  /* in this round: data */
	struct list closing;  /* in this round: folders */
	unsigned outstanding; /* asks without an answer */
	bool can_syncfs;
	int64_t syncfs_from_ms; /* not before */
	struct ev_loop *loop;
	ev_tstamp began;  /* this round */
	ev_timer gather;  /* active: the next one waits for company, */
	unsigned company; /* and begins when so many are sealed and none is being written
			   */
	unsigned expected;
};

static void list_init(struct list *list)
{
	list->first = NULL;
	list->last = &list->first;
	list->count = 0;
}

static void list_add(struct list *list, struct item *item)
{
	item->next = NULL;
	*list->last = item;
	list->last = &item->next;
	list->count++;
}

static void list_move(struct list *to, struct list *from)
{
	list_init(to);
	if (from->first)
		*to = *from;
	list_init(from);
}

static void ask(struct commit *commit, unsigned type, uint32_t tag, int fd)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	packet_begin(&out, type, tag);
	peer_send(commit->syncer, &out, fd);
	commit->outstanding++;
}

static unsigned count_asks(const struct commit *commit)
{
	unsigned asks = 0;

	for (const struct item *item = commit->syncing.first; item; item = item->next)
		for (size_t i = 0; i < item->delivery->count; i++)
			asks += item->delivery->targets[i].file_fd >= 0;
	for (const struct item *item = commit->closing.first; item; item = item->next)
		asks += (unsigned)item->delivery->count;
	return asks;
}

struct folder {
	dev_t device;
	ino_t inode;
	int fd;
};

static int compare_folders(const void *one, const void *other)
{
	const struct folder *a = one, *b = other;

	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	return (a->inode > b->inode) - (a->inode < b->inode);
}

/* Each once: a second sync would only find it done, but a busy smarthost's folder would
 * be asked for once a message. */
static void ask_folders(struct commit *commit)
{
	struct folder *folders = NULL;
	size_t count = 0;

	for (const struct item *item = commit->closing.first; item; item = item->next) {
		folders = must_resize(folders, count + item->delivery->count,
				      sizeof(*folders));
		for (size_t i = 0; i < item->delivery->count; i++) {
			int fd = item->delivery->targets[i].folder_fd;
			struct stat st;

			if (fstat(fd, &st) == 0)
				folders[count++] =
					(struct folder){ st.st_dev, st.st_ino, fd };
			else
				ask(commit, SYNCER_FOLDER, FOLDER_TAG, fd);
		}
	}
	if (count)
		qsort(folders, count, sizeof(*folders), compare_folders);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || compare_folders(&folders[i - 1], &folders[i]) != 0)
			ask(commit, SYNCER_FOLDER, FOLDER_TAG, folders[i].fd);
	free(folders);
}

static void ask_each(struct commit *commit)
{
	uint32_t tag = SYSTEM_TAG;

	for (struct item *item = commit->syncing.first; item; item = item->next) {
		item->tag = ++tag;
		for (size_t i = 0; i < item->delivery->count; i++)
			if (item->delivery->targets[i].file_fd >= 0)
				ask(commit, SYNCER_FILE, tag,
				    item->delivery->targets[i].file_fd);
	}
	ask_folders(commit);
}

static void ask_system(struct commit *commit)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	packet_begin(&out, SYNCER_WRITE, SYSTEM_TAG);
	for (struct item *item = commit->syncing.first; item; item = item->next)
		for (size_t i = 0; i < item->delivery->count; i++)
			if (item->delivery->targets[i].file_fd >= 0)
				peer_send(commit->syncer, &out,
					  item->delivery->targets[i].file_fd);
	ask(commit, SYNCER_SYSTEM, SYSTEM_TAG, commit->root_fd);
}

static void start_round(struct commit *commit)
{
	unsigned asks;

	if (commit->outstanding || (!commit->sealed.first && !commit->placed.first))
		return;
	if (ev_is_active(&commit->gather) &&
	    (commit->sealed.count < commit->company || commit->expected))
		return;
	ev_timer_stop(commit->loop, &commit->gather);
	commit->began = ev_time();
	list_move(&commit->syncing, &commit->sealed);
	list_move(&commit->closing, &commit->placed);
	asks = count_asks(commit);
	if (asks > 1 && commit->can_syncfs &&
	    clock_monotonic_ms() >= commit->syncfs_from_ms)
		ask_system(commit);
	else
		ask_each(commit);
}

static void finish(struct item *item, const struct err *err)
{
	if (err)
		delivery_undo(item->delivery);
	item->done(item->ctx, err);
	free(item);
}

static bool sync_went_well(const struct item *item, struct err *err)
{
	if (!item->failed)
		return true;
	errno = item->failed;
	return err_errno(err, "sync the disk");
}

static void on_gather(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	start_round(watcher->data);
}

/* Clients that were just told 250 often send their next message at once, and what is
 * being written is soon complete. A round that waits for these, a few milliseconds at
 * most, makes one group of what would be two: fewer flushes for the disk, and a client
 * who is alone never waits. */
static void gather(struct commit *commit, unsigned acknowledged)
{
	ev_tstamp wait = 2 * (ev_time() - commit->began);

	if (acknowledged < 2) {
		start_round(commit);
		return;
	}
	commit->company = acknowledged;
	ev_timer_set(&commit->gather, wait < GATHER_MAX_S ? wait : GATHER_MAX_S, 0.);
	ev_timer_start(commit->loop, &commit->gather);
	start_round(commit);
}

static void finish_round(struct commit *commit)
{
	struct list syncing, closing;
	struct item *item, *next;
	struct err err;

	list_move(&syncing, &commit->syncing);
	list_move(&closing, &commit->closing);
	log_hold();
	for (item = closing.first; item; item = next) {
		next = item->next;
		finish(item, sync_went_well(item, &err) ? NULL : &err);
	}
	for (item = syncing.first; item; item = next) {
		next = item->next;
		if (sync_went_well(item, &err) && delivery_place(item->delivery, &err))
			list_add(&commit->placed, item);
		else
			finish(item, &err);
	}
	log_release();
	gather(commit, closing.count);
}

/* A folder asked for once stands for others of the round: its failure is theirs. */
static void mark_failed(struct commit *commit, uint32_t tag, int number)
{
	for (struct item *item = commit->syncing.first; item; item = item->next)
		if (tag == SYSTEM_TAG || tag == item->tag)
			item->failed = number;
	for (struct item *item = commit->closing.first; item; item = item->next)
		if (tag == SYSTEM_TAG || tag == FOLDER_TAG)
			item->failed = number;
}

static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct commit *commit = ctx;
	struct syncer_done done;

	(void)peer;
	file_close(&fd);
	if (packet->type != SYNCER_DONE || !syncer_done_get(packet, &done))
		return false;
	if (done.number)
		mark_failed(commit, packet->tag, (int)done.number);
	if (packet->tag == SYSTEM_TAG && done.took_ms > SYNCFS_SLOW_MS)
		commit->syncfs_from_ms = clock_monotonic_ms() + SYNCFS_RETRY_MS;
	if (--commit->outstanding == 0)
		finish_round(commit);
	return true;
}

static void on_closed(void *ctx, struct peer *peer)
{
	(void)ctx;
	(void)peer;
	log_error("the process that syncs the disk has ended: starting again");
	exit(EX_TEMPFAIL);
}

static const struct peer_handler handler = { on_packet, on_closed };

static bool knows_syncfs(int root_fd)
{
	struct statfs fs;

	if (fstatfs(root_fd, &fs) != 0)
		return false;
	return fs.f_type == EXT4_SUPER_MAGIC || fs.f_type == XFS_SUPER_MAGIC ||
	       fs.f_type == BTRFS_SUPER_MAGIC;
}

struct commit *commit_new(int root_fd, struct err *err)
{
	struct commit *commit = must_alloc(sizeof(*commit));

	commit->root_fd = root_fd;
	commit->can_syncfs = knows_syncfs(root_fd);
	list_init(&commit->sealed);
	list_init(&commit->placed);
	list_init(&commit->syncing);
	list_init(&commit->closing);
	commit->syncer_fd = syncer_start(&commit->syncer_pid, err);
	if (commit->syncer_fd >= 0)
		return commit;
	free(commit);
	return NULL;
}

void commit_attach(struct commit *commit, struct ev_loop *loop)
{
	commit->loop = loop;
	ev_timer_init(&commit->gather, on_gather, 0., 0.);
	commit->gather.data = commit;
	commit->syncer = peer_open(loop, commit->syncer_fd, &handler, commit);
	/* Our own child, who reads all: a round of many targets is no reason to end. */
	peer_limit(commit->syncer, SIZE_MAX);
}

void commit_close(struct commit *commit)
{
	peer_close(commit->syncer);
	while (waitpid(commit->syncer_pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(commit);
}

void commit_expect(struct commit *commit)
{
	commit->expected++;
}

void commit_forget(struct commit *commit)
{
	commit->expected--;
}

void commit_add(struct commit *commit, struct delivery *delivery,
		void (*done)(void *ctx, const struct err *err), void *ctx)
{
	struct item *item = must_alloc(sizeof(*item));

	*item = (struct item){ .delivery = delivery, .done = done, .ctx = ctx };
	commit->expected--;
	list_add(&commit->sealed, item);
	start_round(commit);
}

bool commit_is_idle(const struct commit *commit)
{
	return !commit->outstanding && !commit->sealed.first && !commit->placed.first;
}
