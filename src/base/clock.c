/*
 * When is a clock no clock? A board without a battery boots in 1970, or at the time of
 * its last shutdown, and the right time comes seconds to hours later over the very link
 * that it is to be used for. Until then no certificate can be judged: each is "not yet
 * valid". So the clock is asked for its alibi: it may not be earlier than the day on
 * which this program was built, nor earlier than the folders that the gateway has written
 * to. A day of grace keeps a clock that was set back by hours, and two machines that
 * disagree, from being suspected. A clock that runs ahead cannot be told from a right
 * one.
 */
#include "base/clock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"

#define DAY_S INT64_C(86400)

/* Seconds of the newest change to the source; make tells. Who compiles without make
 * knows at least that it is not earlier than the project. */
#ifndef BUILD_TIME
#define BUILD_TIME INT64_C(1735689600)
#endif

/* Day and month names are the protocol's, whatever the locale. */
static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

int64_t clock_wall_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_wall_s(void)
{
	return clock_wall_us() / 1000000;
}

int64_t clock_monotonic_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_monotonic_ms(void)
{
	return clock_monotonic_us() / 1000;
}

const char *clock_format_rfc5322(int64_t wall_s, char text_out[CLOCK_TEXT_MAX])
{
	time_t when = (time_t)wall_s;
	struct tm tm;

	gmtime_r(&when, &tm);
	snprintf(text_out, CLOCK_TEXT_MAX, "%.3s, %d %.3s %d %02d:%02d:%02d +0000",
		 &days[3L * tm.tm_wday], tm.tm_mday, &months[3L * tm.tm_mon],
		 tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
	return text_out;
}

const char *clock_format_rfc3339(int64_t wall_s, char text_out[CLOCK_TEXT_MAX])
{
	time_t when = (time_t)wall_s;
	struct tm tm;

	gmtime_r(&when, &tm);
	strftime(text_out, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text_out;
}

void clock_local(int64_t wall_s, struct tm *tm_out)
{
	time_t when = (time_t)wall_s;

	/* A boat's zone changes while we run, and localtime_r does not look again. */
	tzset();
	localtime_r(&when, tm_out);
}

const char *clock_format_local(int64_t wall_s, int64_t now, char text_out[CLOCK_TEXT_MAX])
{
	struct tm tm;

	clock_local(wall_s, &tm);
	if (wall_s >= now && wall_s < now + DAY_S)
		snprintf(text_out, CLOCK_TEXT_MAX, "%02d:%02d", tm.tm_hour, tm.tm_min);
	else if (wall_s >= now && wall_s < now + 6 * DAY_S)
		snprintf(text_out, CLOCK_TEXT_MAX, "%.3s %02d:%02d",
			 &days[3L * tm.tm_wday], tm.tm_hour, tm.tm_min);
	else
		snprintf(text_out, CLOCK_TEXT_MAX, "%d %.3s %02d:%02d", tm.tm_mday,
			 &months[3L * tm.tm_mon], tm.tm_hour, tm.tm_min);
	return text_out;
}

const char *clock_format_duration(int64_t seconds, char text_out[CLOCK_TEXT_MAX])
{
	int64_t minutes = seconds / 60, hours = minutes / 60, whole_days = hours / 24;

	if (seconds < 60)
		snprintf(text_out, CLOCK_TEXT_MAX, "%" PRId64 " s",
			 seconds < 0 ? 0 : seconds);
	else if (hours < 1)
		snprintf(text_out, CLOCK_TEXT_MAX, "%" PRId64 " min", minutes);
	else if (whole_days < 1)
		snprintf(text_out, CLOCK_TEXT_MAX, "%" PRId64 " h %" PRId64 " min", hours,
			 minutes % 60);
	else
		snprintf(text_out, CLOCK_TEXT_MAX, "%" PRId64 " d %" PRId64 " h",
			 whole_days, hours % 24);
	return text_out;
}

bool clock_is_doubtful(int64_t now_s, int64_t newest_s)
{
	int64_t known_s = newest_s > BUILD_TIME ? newest_s : BUILD_TIME;

	return now_s < known_s - DAY_S;
}

bool clock_in_doubt(int root_fd)
{
	static const char *const folders[] = { "control", "spool/incoming",
					       "spool/parked", "spool/state" };
	int64_t newest_s = 0;
	struct stat folder;

	for (size_t i = 0; i < LENGTH(folders); i++)
		if (fstatat(root_fd, folders[i], &folder, 0) == 0 &&
		    folder.st_mtime > newest_s)
			newest_s = folder.st_mtime;
	return clock_is_doubtful(clock_wall_s(), newest_s);
}

const char *clock_boot_id(char text_out[CLOCK_TEXT_MAX])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, text_out, CLOCK_TEXT_MAX - 1);

	if (fd >= 0)
		close(fd);
	text_out[got > 0 ? got : 0] = '\0';
	text_out[strcspn(text_out, "\n")] = '\0';
	return text_out;
}
