#include "send/queue.h"

#include <string.h>

#define UNSYNCED_MAX 32
#define FIRST_MAX    1000 /* listed before the first is sent: the link waits for it */

bool queue_sync(struct queue *queue, struct err *err)
{
	if (!queue->unsynced)
		return true;
	if (!parked_sync(queue->parked, err))
		return false;
	queue->unsynced = 0;
	return true;
}

static bool changed(struct queue *queue, struct err *err)
{
	return ++queue->unsynced < UNSYNCED_MAX || queue_sync(queue, err);
}

bool queue_rename(struct queue *queue, struct parked_name *name,
		  const struct parked_name *to, struct err *err)
{
	return parked_rename(queue->parked, name, to, err) && changed(queue, err);
}

bool queue_remove(struct queue *queue, const struct parked_name *name, struct err *err)
{
	return parked_remove(queue->parked, name, err) && changed(queue, err);
}

struct any {
	const struct order_rules *rules;
	bool found;
};

static bool find_any(void *ctx, const struct parked_name *name)
{
	struct any *any = ctx;

	any->found =
		order_is_due(name, any->rules) && order_fits(name, &any->rules->limits);
	return !any->found;
}

bool queue_has_any(struct queue *queue, const struct order_rules *rules, bool *any_out,
		   struct err *err)
{
	struct any any = { rules, false };

	if (!parked_each(queue->parked, find_any, &any, err))
		return false;
	*any_out = any.found;
	return true;
}

struct loading {
	struct queue *queue;
	const struct order_rules *rules;
	bool (*busy)(void *ctx, const char *id);
	void *ctx;
	struct order_pick pick;
	struct parked_list crashed;
	size_t most; /* due ones; then the listing ends */
};

static bool load_one(void *ctx, const struct parked_name *name)
{
	struct loading *loading = ctx;
	struct parked_list *crashed = &loading->crashed;

	if (loading->busy(loading->ctx, name->id) ||
	    queue_has_marked(loading->queue, name->id))
		return true;
	if (name->state == PARKED_SENDING && !loading->queue->recovered) {
		crashed->names = must_resize(crashed->names, crashed->count + 1,
					     sizeof(*crashed->names));
		crashed->names[crashed->count++] = *name;
	} else if (!order_is_due(name, loading->rules)) {
		return true;
	} else if (!order_fits(name, &loading->rules->limits)) {
		loading->queue->kept++;
	} else {
		loading->queue->left_bytes += name->wire_bytes;
		if (!order_pick_add(&loading->pick, name))
			loading->queue->beyond++;
	}
	return loading->pick.count < loading->most;
}

static bool recover(struct queue *queue, const struct loading *loading, struct err *err)
{
	bool done = true;

	for (size_t i = 0; done && i < loading->crashed.count; i++) {
		struct parked_name *name = &loading->crashed.names[i], to = *name;

		to.state = PARKED_UNCERTAIN;
		to.not_before =
			loading->rules->now + (int64_t)loading->rules->uncertainwait_s;
		done = queue_rename(queue, name, &to, err);
	}
	queue->recovered = done && queue_sync(queue, err);
	return queue->recovered;
}

bool queue_load(struct queue *queue, const struct order_rules *rules,
		bool (*busy)(void *ctx, const char *id), void *ctx, struct err *err)
{
	struct loading loading = {
		.queue = queue,
		.rules = rules,
		.busy = busy,
		.ctx = ctx,
		.pick = { .most = QUEUE_LIST_MAX, .now = rules->now },
		.most = queue->listed ? SIZE_MAX : FIRST_MAX,
	};
	bool loaded;

	queue_clear(queue);
	for (size_t i = queue->batch_next; i < queue->batch_count; i++)
		queue->left_bytes += queue->batch[i].wire_bytes;
	loaded = parked_each(queue->parked, load_one, &loading, err);
	queue->partial = loaded && loading.pick.count >= loading.most;
	/* At least one: what is not known yet is asked for when the list is used up. */
	queue->beyond += queue->partial;
	if (loaded && !queue->partial && !queue->recovered)
		loaded = recover(queue, &loading, err);
	queue->listed = true;
	queue->list.count = loading.pick.count;
	queue->list.names = order_pick_take(&loading.pick);
	parked_list_clear(&loading.crashed);
	return loaded;
}

void queue_clear(struct queue *queue)
{
	parked_list_clear(&queue->list);
	queue->next = queue->beyond = queue->kept = 0;
	queue->left_bytes = 0;
}

bool queue_is_short(const struct queue *queue)
{
	return queue->beyond && queue->next == queue->list.count &&
	       queue->batch_next == queue->batch_count;
}

size_t queue_left(const struct queue *queue)
{
	return queue->list.count - queue->next + queue->beyond + queue->batch_count -
	       queue->batch_next;
}

const struct parked_name *queue_peek(const struct queue *queue)
{
	if (queue->batch_next < queue->batch_count)
		return &queue->batch[queue->batch_next];
	return queue->next < queue->list.count ? &queue->list.names[queue->next] : NULL;
}

/* One that is gone, or that another hand renamed, is left out: the next listing tells. */
static bool fill_batch(struct queue *queue, size_t ahead, struct err *err)
{
	queue->batch_next = queue->batch_count = 0;
	while (queue->batch_count < ahead && queue->batch_count < QUEUE_BATCH_MAX &&
	       queue->next < queue->list.count) {
		struct parked_name name = queue->list.names[queue->next++], to = name;

		to.state = PARKED_SENDING;
		if (parked_rename(queue->parked, &name, &to, err))
			queue->batch[queue->batch_count++] = name;
		else if (err->exit_code == EX_NOINPUT)
			queue->left_bytes -= name.wire_bytes;
		else
			return false;
	}
	queue->unsynced++;
	return queue_sync(queue, err);
}

bool queue_take(struct queue *queue, size_t ahead, struct parked_name *name_out,
		struct err *err)
{
	if (queue->batch_next == queue->batch_count && !fill_batch(queue, ahead, err))
		return false;
	if (queue->batch_next == queue->batch_count)
		return err_exit(err, EX_NOINPUT, "the messages are gone");
	*name_out = queue->batch[queue->batch_next++];
	queue->left_bytes -= name_out->wire_bytes;
	return true;
}

static bool wait_again(struct queue *queue, struct parked_name *name, struct err *err)
{
	struct parked_name to = *name;

	to.state = PARKED_WAITING;
	return queue_rename(queue, name, &to, err);
}

bool queue_pass(struct queue *queue, struct err *err)
{
	bool marked = queue->batch_next < queue->batch_count;
	struct parked_name *name = marked ? &queue->batch[queue->batch_next++]
					  : &queue->list.names[queue->next++];

	queue->left_bytes -= name->wire_bytes;
	queue->kept++;
	return !marked || wait_again(queue, name, err);
}

bool queue_give_back(struct queue *queue, struct err *err)
{
	for (; queue->batch_next < queue->batch_count; queue->batch_next++)
		if (!wait_again(queue, &queue->batch[queue->batch_next], err))
			return false;
	return true;
}

bool queue_has_marked(const struct queue *queue, const char *id)
{
	for (size_t i = queue->batch_next; i < queue->batch_count; i++)
		if (strcmp(queue->batch[i].id, id) == 0)
			return true;
	return false;
}
