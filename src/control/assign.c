#include "control/assign.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/number.h"
#include "control/map.h"

#define SOURCE     "users/assign"
#define SOURCE_MAX ((size_t)64 * 1024 * 1024)
#define ID_MAX     UINT64_C(4294967294)
#define FIELDS     7 /* each ended by a colon; what follows is ignored */

/* One line of users/assign, borrowed. */
struct row {
	bool is_exact;
	struct span field[FIELDS]; /* local or prefix, user, uid, gid, home, dash, ext */
};

/* user NUL uid NUL gid NUL home NUL dash NUL ext: the cdb's data, from the second on. */
static bool fill(struct assign *out, const struct span *field)
{
	uint64_t uid, gid;
	const struct {
		struct span from;
		char *to;
		size_t room;
	} texts[] = {
		{ field[0], out->user, sizeof(out->user) },
		{ field[3], out->home, sizeof(out->home) },
		{ field[4], out->dash, sizeof(out->dash) },
		{ field[5], out->ext, sizeof(out->ext) },
	};

	if (!number_parse(field[1], ID_MAX, &uid) ||
	    !number_parse(field[2], ID_MAX, &gid))
		return false;
	out->uid = (uid_t)uid;
	out->gid = (gid_t)gid;
	for (size_t i = 0; i < LENGTH(texts); i++) {
		if (texts[i].from.len >= texts[i].room)
			return false;
		memcpy(texts[i].to, texts[i].from.at, texts[i].from.len);
		texts[i].to[texts[i].from.len] = '\0';
	}
	return true;
}

static bool read_record(struct span data, struct assign *out, struct err *err)
{
	struct span field[FIELDS - 1] = { { NULL, 0 } };

	for (size_t i = 0; i < LENGTH(field); i++)
		if (!span_cut(&data, '\0', &field[i]))
			field[i] = (struct span){ "", 0 };
	if (fill(out, field))
		return true;
	return err_temporary(err, "4.3.5",
			     "control/users/cdb is damaged; make it with `lontar "
			     "rebuild`");
}

static enum map_found get(int users_fd, struct span key, struct buf *value,
			  struct err *err)
{
	buf_reset(value);
	return map_get(users_fd, "cdb", key, value, err);
}

/* Appends what follows the prefix. */
static bool append_rest(struct assign *out, const char *rest, struct err *err)
{
	size_t len = strlen(out->ext);

	if (len + strlen(rest) >= sizeof(out->ext))
		return err_permanent(err, "5.1.1", "the address is too long");
	snprintf(out->ext + len, sizeof(out->ext) - len, "%s", rest);
	return true;
}

/* key is "!" and the address in lower case. */
static enum map_found find_prefix(int users_fd, const char *key, size_t *len_out,
				  struct buf *value, struct err *err)
{
	AUTO_BUF marks = BUF_INIT(256);
	enum map_found found = get(users_fd, (struct span){ "", 0 }, &marks, err);

	for (size_t len = strlen(key); found != MAP_FAILED && len > 0; len--) {
		/* Only what ends in one of these letters is anybody's prefix. */
		if (len > 1 && found == MAP_FOUND &&
		    !memchr(marks.data, key[len - 1], marks.len))
			continue;
		*len_out = len;
		switch (get(users_fd, (struct span){ key, len }, value, err)) {
		case MAP_FOUND:
			return MAP_FOUND;
		case MAP_MISSING:
			break;
		case MAP_FAILED:
			return MAP_FAILED;
		}
	}
	return found == MAP_FAILED ? MAP_FAILED : MAP_MISSING;
}

enum assign_found assign_find(int control_fd, const char *local, struct assign *out,
			      struct err *err)
{
	char key[ASSIGN_TEXT_MAX + 2] = "!";
	AUTO_BUF value = BUF_INIT(4096);
	size_t len = strlen(local), taken = len + 1;
	enum map_found found;
	AUTO_FD users_fd = -1;

	if (len >= ASSIGN_TEXT_MAX || strchr(local, '/'))
		return ASSIGN_NO;
	users_fd = file_open_dir(control_fd, "users", err);
	if (users_fd < 0)
		return err->exit_code == EX_NOINPUT ? ASSIGN_NO : ASSIGN_FAILED;
	for (size_t i = 0; i < len; i++)
		key[i + 1] = (char)tolower((unsigned char)local[i]);
	/* With its NUL: an exact one. */
	found = get(users_fd, (struct span){ key, len + 2 }, &value, err);
	if (found == MAP_MISSING)
		found = find_prefix(users_fd, key, &taken, &value, err);
	if (found == MAP_MISSING || (found == MAP_FAILED && err->exit_code == EX_NOINPUT))
		return ASSIGN_NO;
	if (found == MAP_FAILED || !read_record(buf_span(&value), out, err) ||
	    !append_rest(out, local + taken - 1, err))
		return ASSIGN_FAILED;
	return ASSIGN_YES;
}

static bool wrong(struct err *err, unsigned number, const char *what)
{
	return err_exit(err, EX_CONFIG, "control/" SOURCE ":%u: %s", number, what);
}

static bool parse_row(struct span line, unsigned number, struct row *row, struct err *err)
{
	struct span rest = span_after(line, 1);
	struct assign judged;

	*row = (struct row){ .is_exact = line.at[0] == '=' };
	if (line.at[0] != '=' && line.at[0] != '+')
		return wrong(err, number, "begins neither with = nor with +");
	for (size_t i = 0; i < FIELDS; i++)
		if (!span_cut(&rest, ':', &row->field[i]) || !rest.at)
			return wrong(err, number,
				     "needs =local:user:uid:gid:home:dash:ext: with all "
				     "its colons");
	if (!fill(&judged, row->field + 1))
		return wrong(err, number, "uid or gid is no number, or a text too long");
	if (row->field[4].len == 0 || row->field[4].at[0] != '/')
		return wrong(err, number, "its home does not begin with /");
	return true;
}

static bool each_row(struct span text,
		     bool (*each)(void *ctx, const struct row *row, struct err *err),
		     void *ctx, struct err *err)
{
	unsigned number = 0;
	struct span line;
	struct row row;

	if (text.len && memchr(text.at, '\0', text.len))
		return wrong(err, 1, "the file holds a NUL byte");
	while (text.len && span_cut(&text, '\n', &line)) {
		number++;
		if (line.len && line.at[0] == '.')
			return true;
		if (!line.len || !parse_row(line, number, &row, err))
			return line.len ? false : wrong(err, number, "an empty line");
		if (each && !each(ctx, &row, err))
			return false;
	}
	return wrong(err, number + 1, "the last line, a single dot, is missing");
}

struct making {
	struct map_maker *maker;
	bool marks[256];
};

static bool put_row(void *ctx, const struct row *row, struct err *err)
{
	struct making *making = ctx;
	AUTO_BUF key = BUF_INIT(4096);
	AUTO_BUF data = BUF_INIT(8192);
	bool fits = buf_append_byte(&key, '!');

	for (size_t i = 0; fits && i < row->field[0].len; i++)
		fits = buf_append_byte(&key,
				       (char)tolower((unsigned char)row->field[0].at[i]));
	if (row->is_exact)
		fits = fits && buf_append_byte(&key, '\0');
	else if (key.len > 1)
		making->marks[(unsigned char)key.data[key.len - 1]] = true;
	for (size_t i = 1; fits && i < FIELDS; i++)
		fits = (i == 1 || buf_append_byte(&data, '\0')) &&
		       buf_append_span(&data, row->field[i]);
	if (!fits)
		return err_exit(err, EX_CONFIG, "control/" SOURCE ": a line is too long");
	return map_put(making->maker, buf_span(&key), buf_span(&data), err);
}

static bool put_marks(struct making *making, struct err *err)
{
	char marks[256];
	size_t count = 0;

	for (unsigned i = 0; i < LENGTH(making->marks); i++)
		if (making->marks[i])
			marks[count++] = (char)i;
	return map_put(making->maker, (struct span){ "", 0 },
		       (struct span){ marks, count }, err);
}

static bool read_source(int control_fd, struct buf *text, bool *found, struct err *err)
{
	return file_read_if_any(control_fd, SOURCE, text, found, err) ||
	       err_context(err, "control");
}

bool assign_check(int control_fd, struct err *err)
{
	AUTO_BUF text = BUF_INIT(SOURCE_MAX);
	bool found;

	return read_source(control_fd, &text, &found, err) &&
	       (!found || each_row(buf_span(&text), NULL, NULL, err));
}

bool assign_rebuild(int control_fd, struct err *err)
{
	AUTO_BUF text = BUF_INIT(SOURCE_MAX);
	struct making making = { .maker = NULL };
	struct map_source source = { .name = "assign" };
	AUTO_FD users_fd = -1;
	bool found, done;

	if (!read_source(control_fd, &text, &found, err))
		return false;
	if (!found)
		return true;
	source.text = buf_span(&text);
	users_fd = file_open_dir(control_fd, "users", err);
	if (users_fd < 0)
		return false;
	making.maker = map_make(users_fd, "cdb", &source, NULL, err);
	if (!making.maker)
		return false;
	done = each_row(source.text, put_row, &making, err) && put_marks(&making, err);
	if (done)
		return map_finish(making.maker, true, err);
	if (!map_finish(making.maker, false, &(struct err){ 0 }))
		return false;
	return false;
}
