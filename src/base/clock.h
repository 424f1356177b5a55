/* Time: the wall clock (may jump), the monotonic clock (never does), and how mail and
 * people write it. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_TEXT_MAX 40 /* room for any text that this module writes */

int64_t clock_wall_s(void);
int64_t clock_wall_us(void);
int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_us(void);

/* RFC 5322 3.3, in UTC: "Sun, 22 Nov 2026 12:30:01 +0000". */
const char *clock_format_rfc5322(int64_t wall_s, char text_out[CLOCK_TEXT_MAX]);
/* RFC 3339, in UTC: "2026-11-22T12:30:01Z". */
const char *clock_format_rfc3339(int64_t wall_s, char text_out[CLOCK_TEXT_MAX]);
/* "3 s", "12 min", "5 h 10 min", "3 d 4 h": for people. */
const char *clock_format_duration(int64_t seconds, char text_out[CLOCK_TEXT_MAX]);

/* What a clock on the wall shows, by TZ or the system's zone as it is at this moment. */
void clock_local(int64_t wall_s, struct tm *tm_out);
/* The same for people, as short as it is clear from `now` on: "02:00", "Mon 02:00",
 * "1 Dec 02:00". */
const char *clock_format_local(int64_t wall_s, int64_t now,
			       char text_out[CLOCK_TEXT_MAX]);

/* True if `now_s` cannot be right: it is more than a day before this program was built,
 * or before `newest_s`, the time of something that exists already (0: nothing known). */
bool clock_is_doubtful(int64_t now_s, int64_t newest_s);
/* The same for the wall clock and the folders of a root, whose times say when the gateway
 * last worked with a clock. Costs four system calls. A folder that cannot be looked at
 * says nothing. */
bool clock_in_doubt(int root_fd);

/* The kernel's id of this boot; the empty string where it cannot be read. Borrowed. */
const char *clock_boot_id(char text_out[CLOCK_TEXT_MAX]);

#endif
