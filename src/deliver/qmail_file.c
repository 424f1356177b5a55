#include "deliver/qmail_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mail/address.h"

static bool wrong(struct err *err, unsigned number, const char *what)
{
	return err_temporary(err, "4.3.5", "line %u: %s", number, what);
}

static void add(struct qmail_file *file, enum qmail_kind kind, unsigned number,
		struct span text)
{
	struct qmail_line *line;

	/* A doubling array: a list may have ten thousand lines. */
	if ((file->count & (file->count - 1)) == 0)
		file->lines = must_resize(file->lines, file->count ? file->count * 2 : 1,
					  sizeof(*file->lines));
	line = &file->lines[file->count++];
	*line = (struct qmail_line){ kind, number, must_alloc(text.len + 1) };
	memcpy(line->text, text.at, text.len);
}

static bool add_forward(struct qmail_file *file, unsigned number, struct span text,
			struct err *err)
{
	char address[ADDRESS_MAX];
	struct err why;

	if (!address_take_path(&text, address, &why) || !address[0] || text.len)
		return wrong(err, number,
			     "not one mail address to forward to (name@host, with no "
			     "comment); mend the line");
	add(file, QMAIL_FORWARD, number, span_of(address));
	return true;
}

static struct span without_trailing_blanks(struct span line)
{
	while (line.len && strchr(" \t\r", line.at[line.len - 1]))
		line.len--;
	return line;
}

static bool take_line(struct qmail_file *file, unsigned number, struct span line,
		      bool *forward_only, struct err *err)
{
	bool is_folder = line.at[line.len - 1] == '/';

	switch (line.at[0]) {
	case '#':
		return true;
	case '+':
		if (span_is(line, "+list"))
			*forward_only = true;
		return true;
	case '&':
		return add_forward(file, number, span_after(line, 1), err);
	case '|':
	case '.':
	case '/':
		break;
	default:
		return add_forward(file, number, line, err);
	}
	if (*forward_only)
		return wrong(err, number,
			     "only addresses may stand in a list (its file has the x "
			     "bit or a +list line)");
	if (line.at[0] == '|')
		add(file, QMAIL_PROGRAM, number, span_after(line, 1));
	else
		add(file, is_folder ? QMAIL_MAILDIR : QMAIL_MBOX, number, line);
	return true;
}

bool qmail_file_parse(struct span text, bool forward_only, struct qmail_file *file_out,
		      struct err *err)
{
	unsigned number = 0;
	struct span line;
	bool fine = true;

	*file_out = (struct qmail_file){ 0 };
	if (text.len && memchr(text.at, '\0', text.len))
		return err_temporary(err, "4.3.5", "it holds a NUL byte: no text file");
	while (fine && text.len && span_cut(&text, '\n', &line)) {
		line = without_trailing_blanks(line);
		number++;
		if (line.len)
			fine = take_line(file_out, number, line, &forward_only, err);
		else if (number == 1)
			fine = wrong(err, number, "blank; take it out");
	}
	if (!fine)
		qmail_file_clear(file_out);
	return fine;
}

void qmail_file_clear(struct qmail_file *file)
{
	for (size_t i = 0; i < file->count; i++)
		free(file->lines[i].text);
	free(file->lines);
	*file = (struct qmail_file){ 0 };
}
