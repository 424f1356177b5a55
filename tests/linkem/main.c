/*
 * linkem: a bad link between two network namespaces.
 *
 *   linkem LEFT RIGHT [key=value...]
 *
 * makes a TUN device "link0" in each of the two namespaces (names of `ip netns`) and
 * carries packets between them, slowly. Addresses: 10.77.0.1 left, 10.77.0.2 right,
 * fd77::1 and fd77::2, MTU 1500. Left to right is "up". Settings, at start or later on
 * stdin, one a line:
 *
 *   rate_up=BITS/s rate_down=BITS/s   0: no limit
 *   delay_us=N                        one way
 *   queue_bytes=N                     what may wait for the rate, each direction
 *   loss=PER_MILLION reorder=PER_MILLION
 *   seed=N                            begins the chances anew; the n-th packet of a
 *                                     direction then has the same fate again
 *   drop_at=N                         carrier off once so many bytes have gone up
 *   largest=BYTES                     larger packets vanish without a word (0: none):
 *                                     a path-MTU black hole
 *   forget_ms=N                       a NAT on the way: after so long without a packet
 *                                     it lets only new TCP connections through (0: ever)
 *   carrier=0|1                       off: what is under way is lost too
 *   counters                          answered by one line of counters
 *
 * Says "ready" on stdout, and "carrier off" whenever it drops by itself. Ends when stdin
 * closes. Needs root.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PACKET_MAX 2048
#define NSEC       INT64_C(1000000000)

struct packet {
	int64_t due_ns;
	uint64_t order; /* among those due at the same time */
	size_t len;
	unsigned char bytes[PACKET_MAX];
};

/* One direction: packets wait for the rate, then travel for the delay. A heap by due time
 * holds both; `free_at_ns` is when the rate's turn comes for the next one. */
struct direction {
	int from_fd, to_fd;
	uint64_t rate_bps;
	int64_t free_at_ns;
	struct packet **heap;
	size_t count, room;
	uint64_t order;
	uint64_t random;
	uint64_t bytes, packets, dropped, lost;
};

static struct {
	struct direction up, down;
	int64_t delay_ns;
	uint64_t queue_bytes;
	uint64_t loss_ppm, reorder_ppm;
	uint64_t drop_at;
	uint64_t largest;
	int64_t forget_ns, heard_ns;
	bool forgotten;
	bool carrier;
} emulated = { .queue_bytes = 64000, .carrier = true };

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NSEC + now.tv_nsec;
}

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "linkem: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* splitmix64: near seeds have nothing in common. */
static uint64_t random_next(struct direction *way)
{
	uint64_t value = way->random += UINT64_C(0x9e3779b97f4a7c15);

	value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	return value ^ value >> 31;
}

static bool chance(struct direction *way, uint64_t per_million)
{
	return random_next(way) % 1000000 < per_million;
}

static void set_seed(uint64_t seed)
{
	emulated.up.random = seed * 2;
	emulated.up.random = random_next(&emulated.up);
	emulated.down.random = seed * 2 + 1;
	emulated.down.random = random_next(&emulated.down);
}

static bool before(const struct packet *one, const struct packet *other)
{
	if (one->due_ns != other->due_ns)
		return one->due_ns < other->due_ns;
	return one->order < other->order;
}

static void heap_put(struct direction *way, struct packet *packet)
{
	size_t at = way->count++;

	if (way->count > way->room) {
		way->room = way->room ? way->room * 2 : 256;
		way->heap = reallocarray(way->heap, way->room, sizeof(struct packet *));
		if (!way->heap)
			fail("memory");
	}
	while (at > 0 && before(packet, way->heap[(at - 1) / 2])) {
		way->heap[at] = way->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	way->heap[at] = packet;
}

static struct packet *heap_take(struct direction *way)
{
	struct packet *first = way->heap[0], *moved = way->heap[--way->count];
	size_t at = 0;

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= way->count)
			break;
		if (child + 1 < way->count &&
		    before(way->heap[child + 1], way->heap[child]))
			child++;
		if (!before(way->heap[child], moved))
			break;
		way->heap[at] = way->heap[child];
		at = child;
	}
	way->heap[at] = moved;
	return first;
}

static void forget_all(struct direction *way)
{
	while (way->count)
		free(way->heap[--way->count]);
	way->free_at_ns = 0;
}

static void set_carrier(bool on)
{
	int value = on;

	emulated.carrier = on;
	forget_all(&emulated.up);
	forget_all(&emulated.down);
	if (ioctl(emulated.up.from_fd, TUNSETCARRIER, &value) != 0 ||
	    ioctl(emulated.down.from_fd, TUNSETCARRIER, &value) != 0)
		fail("carrier");
}

static int64_t time_on_wire(const struct direction *way, size_t len)
{
	return way->rate_bps
		       ? (int64_t)((uint64_t)len * 8 * (uint64_t)NSEC / way->rate_bps)
		       : 0;
}

/* What the kernel says to all on a link by itself (RFC 4861, 3810): nobody needs it on a
 * TUN device, and it would blur the counts. */
static bool is_chatter(const struct packet *packet)
{
	return packet->len >= 40 && packet->bytes[0] >> 4 == 6 &&
	       packet->bytes[24] == 0xff && packet->bytes[25] == 0x02;
}

/* A SYN of TCP over IPv4, which a NAT makes a new entry for. */
static bool is_new_connection(const struct packet *packet)
{
	size_t header = (size_t)(packet->bytes[0] & 15) * 4;

	return packet->bytes[0] >> 4 == 4 && packet->len > header + 13 &&
	       packet->bytes[9] == 6 && (packet->bytes[header + 13] & 0x12) == 0x02;
}

/* The NAT knows what this packet belongs to. */
static bool is_known(const struct packet *packet, int64_t now)
{
	if (!emulated.forget_ns)
		return true;
	if (emulated.heard_ns && now - emulated.heard_ns > emulated.forget_ns)
		emulated.forgotten = true;
	if (is_new_connection(packet))
		emulated.forgotten = false;
	emulated.heard_ns = now;
	return !emulated.forgotten;
}

/* A packet has come out of a namespace. */
static void accept_packet(struct direction *way, const struct packet *read)
{
	int64_t now = now_ns(), begin = way->free_at_ns > now ? way->free_at_ns : now;
	int64_t room_ns = time_on_wire(way, emulated.queue_bytes);
	struct packet *packet;

	if (!emulated.carrier || is_chatter(read) || !is_known(read, now))
		return;
	if (way->rate_bps && begin - now > room_ns) {
		way->dropped++;
		return;
	}
	way->free_at_ns = begin + time_on_wire(way, read->len);
	way->bytes += read->len;
	way->packets++;
	if (chance(way, emulated.loss_ppm) ||
	    (emulated.largest && read->len > emulated.largest)) {
		way->lost++;
		return;
	}
	packet = malloc(sizeof(*packet));
	if (!packet)
		fail("memory");
	packet->len = read->len;
	memcpy(packet->bytes, read->bytes, read->len);
	packet->order = ++way->order;
	packet->due_ns = way->free_at_ns + emulated.delay_ns;
	/* Late by four packets' time, so that the next ones overtake it. */
	if (chance(way, emulated.reorder_ppm))
		packet->due_ns += 4 * time_on_wire(way, 1500) + emulated.delay_ns / 20;
	heap_put(way, packet);
	if (way == &emulated.up && emulated.drop_at && way->bytes >= emulated.drop_at) {
		emulated.drop_at = 0;
		set_carrier(false);
		printf("carrier off\n");
		fflush(stdout);
	}
}

static void take_in(struct direction *way)
{
	struct packet packet;
	ssize_t got;

	for (int turn = 0; turn < 64; turn++) {
		got = read(way->from_fd, packet.bytes, sizeof(packet.bytes));
		if (got <= 0)
			return;
		packet.len = (size_t)got;
		accept_packet(way, &packet);
	}
}

static void let_out(struct direction *way)
{
	int64_t now = now_ns();

	while (way->count && way->heap[0]->due_ns <= now) {
		struct packet *packet = heap_take(way);
		ssize_t ignored = write(way->to_fd, packet->bytes, packet->len);

		(void)ignored;
		free(packet);
	}
}

static void print_counters(void)
{
	printf("counters up_bytes=%" PRIu64 " up_packets=%" PRIu64 " up_dropped=%" PRIu64
	       " up_lost=%" PRIu64 " down_bytes=%" PRIu64 " down_packets=%" PRIu64
	       " down_dropped=%" PRIu64 " down_lost=%" PRIu64 "\n",
	       emulated.up.bytes, emulated.up.packets, emulated.up.dropped,
	       emulated.up.lost, emulated.down.bytes, emulated.down.packets,
	       emulated.down.dropped, emulated.down.lost);
	fflush(stdout);
}

static void set(const char *line)
{
	const char *equal = strchr(line, '=');
	uint64_t value = equal ? strtoull(equal + 1, NULL, 10) : 0;
	size_t len = equal ? (size_t)(equal - line) : strlen(line);

#define IS(name) (len == strlen(name) && strncmp(line, name, len) == 0)
	if (IS("counters"))
		print_counters();
	else if (IS("rate_up"))
		emulated.up.rate_bps = value;
	else if (IS("rate_down"))
		emulated.down.rate_bps = value;
	else if (IS("delay_us"))
		emulated.delay_ns = (int64_t)value * 1000;
	else if (IS("queue_bytes"))
		emulated.queue_bytes = value;
	else if (IS("loss"))
		emulated.loss_ppm = value;
	else if (IS("reorder"))
		emulated.reorder_ppm = value;
	else if (IS("seed"))
		set_seed(value);
	else if (IS("drop_at"))
		emulated.drop_at = value ? emulated.up.bytes + value : 0;
	else if (IS("largest"))
		emulated.largest = value;
	else if (IS("forget_ms"))
		emulated.forget_ns = (int64_t)value * 1000000;
	else if (IS("carrier"))
		set_carrier(value != 0);
	else {
		fprintf(stderr, "linkem: unknown setting: %s\n", line);
		exit(1);
	}
#undef IS
}

static void run_ip(const char *command)
{
	if (system(command) != 0) {
		fprintf(stderr, "linkem: failed: %s\n", command);
		exit(1);
	}
}

/* The TUN device's descriptor keeps working from outside of its namespace. */
static int open_tun(const char *namespace, const char *own, const char *other)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	char command[512], path[128];
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there, fd;

	snprintf(path, sizeof(path), "/run/netns/%s", namespace);
	there = open(path, O_RDONLY | O_CLOEXEC);
	if (home < 0 || there < 0 || setns(there, CLONE_NEWNET) != 0)
		fail(path);
	snprintf(request.ifr_name, IFNAMSIZ, "link0");
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0)
		fail("/dev/net/tun");
	snprintf(
		command, sizeof(command),
		"ip link set lo up && ip addr add 10.77.0.%s peer 10.77.0.%s dev link0 && "
		"ip -6 addr add fd77::%s/64 dev link0 nodad && "
		"ip link set link0 mtu 1500 txqueuelen 10000 up",
		own, other, own);
	run_ip(command);
	if (setns(home, CLONE_NEWNET) != 0)
		fail("back home");
	close(there);
	close(home);
	return fd;
}

/* False when stdin has closed. */
static bool take_commands(void)
{
	static char text[4096];
	static size_t used;
	ssize_t got = read(STDIN_FILENO, text + used, sizeof(text) - used - 1);
	char *end;

	if (got <= 0)
		return false;
	used += (size_t)got;
	text[used] = '\0';
	while ((end = strchr(text, '\n'))) {
		*end = '\0';
		set(text);
		used -= (size_t)(end + 1 - text);
		memmove(text, end + 1, used + 1);
	}
	return used < sizeof(text) - 1;
}

static struct timespec until_next(void)
{
	int64_t due = INT64_MAX, wait = NSEC, now = now_ns();

	if (emulated.up.count)
		due = emulated.up.heap[0]->due_ns;
	if (emulated.down.count && emulated.down.heap[0]->due_ns < due)
		due = emulated.down.heap[0]->due_ns;
	if (due != INT64_MAX)
		wait = due > now ? due - now : 0;
	return (struct timespec){ wait / NSEC, wait % NSEC };
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: linkem LEFT RIGHT [key=value...]\n");
		return 64;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	set_seed(1);
	emulated.up.from_fd = emulated.down.to_fd = open_tun(argv[1], "1", "2");
	emulated.down.from_fd = emulated.up.to_fd = open_tun(argv[2], "2", "1");
	for (int i = 3; i < argc; i++)
		set(argv[i]);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		struct pollfd ready[] = { { emulated.up.from_fd, POLLIN, 0 },
					  { emulated.down.from_fd, POLLIN, 0 },
					  { STDIN_FILENO, POLLIN, 0 } };
		struct timespec wait = until_next();

		if (ppoll(ready, 3, &wait, NULL) < 0 && errno != EINTR)
			fail("poll");
		let_out(&emulated.up);
		let_out(&emulated.down);
		if (ready[0].revents)
			take_in(&emulated.up);
		if (ready[1].revents)
			take_in(&emulated.down);
		if (ready[2].revents && !take_commands())
			return 0;
	}
}
