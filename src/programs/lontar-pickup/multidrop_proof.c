#include "programs/lontar-pickup/multidrop_proof.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "mail/header.h"

#define FILE_MAX_BYTES 4096
#define MAILS          2 /* sent: -a to one, the other blind; -b to both */
#define ADDRESSES      2
#define COPIES_MAX     32
#define FIELDS_MAX     32
#define NAME_ROOM      80

/* A field above the trace that holds one address and nothing else. */
struct field {
	char name[NAME_ROOM];
	unsigned position; /* among those of its name */
	unsigned address;  /* which of the two */
};

struct copy {
	unsigned mail;
	struct field fields[FIELDS_MAX];
	size_t count;
};

struct multidrop_proof {
	int root_fd;
	const struct pickup *pickup;
	char token[NAME_ROOM];
	char addresses[ADDRESSES][ADDRESS_MAX];
	struct copy copies[COPIES_MAX];
	size_t count;
};

static const char *path_of(const char *what, const char *name, char path_out[128])
{
	snprintf(path_out, 128, "spool/pickup/_%s.%s", what, name);
	return path_out;
}

static bool put_proof(struct buf *out, const struct pickup *pickup)
{
	return buf_appendf(out, "%s:%" PRIu64 " %s %s\n", pickup->multidrop,
			   pickup->multidrop_position, pickup->host, pickup->user);
}

bool multidrop_proof_is_proved(int root_fd, const struct pickup *pickup, struct err *err)
{
	AUTO_BUF needed = BUF_INIT(FILE_MAX_BYTES);
	AUTO_BUF proof = BUF_INIT(FILE_MAX_BYTES);
	char path[128];
	bool found;

	if (!put_proof(&needed, pickup) ||
	    !file_read_if_any(root_fd, path_of("proof", pickup->name, path), &proof,
			      &found, err))
		return false;
	if (found && strcmp(proof.data, needed.data) == 0)
		return true;
	return err_exit(err, EX_CONFIG,
			"control/pickups/%s: nothing proves yet that the provider writes "
			"each recipient into %s; have it proved with `lontar pickup "
			"--probe %s ADDRESS ADDRESS`",
			pickup->name, pickup->multidrop, pickup->name);
}

static bool take_line(struct span *rest, char *out, size_t room)
{
	struct span line;

	return span_cut(rest, '\n', &line) && line.len && line.len < room &&
	       snprintf(out, room, "%.*s", SPAN_ARG(line)) > 0;
}

struct multidrop_proof *multidrop_proof_open(int root_fd, const struct pickup *pickup,
					     struct err *err)
{
	AUTO_BUF text = BUF_INIT(FILE_MAX_BYTES);
	struct multidrop_proof *proof = must_alloc(sizeof(*proof));
	struct span rest;
	char path[128];
	bool found;

	*proof = (struct multidrop_proof){ .root_fd = root_fd, .pickup = pickup };
	if (!file_read_if_any(root_fd, path_of("probe", pickup->name, path), &text,
			      &found, err)) {
		free(proof);
		return NULL;
	}
	rest = buf_span(&text);
	if (found && take_line(&rest, proof->token, sizeof(proof->token)) &&
	    take_line(&rest, proof->addresses[0], ADDRESS_MAX) &&
	    take_line(&rest, proof->addresses[1], ADDRESS_MAX))
		return proof;
	free(proof);
	err_exit(
		err, EX_NOINPUT,
		"no probe of %s was sent: say `lontar pickup --probe %s ADDRESS ADDRESS`",
		pickup->name, pickup->name);
	return NULL;
}

void multidrop_proof_close(struct multidrop_proof *proof)
{
	free(proof);
}

/* Message-ID: <TOKEN-a@ME> or <TOKEN-b@ME>. */
static bool is_ours(const struct multidrop_proof *proof, struct span header,
		    unsigned *mail_out)
{
	size_t len = strlen(proof->token);
	struct header_field field;
	struct span id;

	if (!header_find(header, "Message-ID", &field))
		return false;
	id = span_trim(field.value);
	if (id.len < len + 4 || id.at[0] != '<' ||
	    memcmp(id.at + 1, proof->token, len) != 0 || id.at[len + 1] != '-' ||
	    id.at[len + 3] != '@')
		return false;
	*mail_out = id.at[len + 2] == 'a' ? 0 : 1;
	return true;
}

static unsigned position_of(const struct copy *copy, struct span name)
{
	unsigned position = 1;

	for (size_t i = 0; i < copy->count; i++)
		position += span_is_word(name, copy->fields[i].name);
	return position;
}

/* Which of the two it names, and nothing besides; ADDRESSES: neither. */
static unsigned named_by(const struct multidrop_proof *proof, struct span value)
{
	char address[ADDRESS_MAX];
	struct err ignored;
	unsigned which = 0;

	value = span_trim(value);
	if (!address_take_path(&value, address, &ignored) || span_trim(value).len)
		return ADDRESSES;
	while (which < ADDRESSES && !address_same(address, proof->addresses[which]))
		which++;
	return which;
}

void multidrop_proof_look(struct multidrop_proof *proof, struct span header)
{
	struct copy *copy = &proof->copies[proof->count];
	struct header_field field;

	if (proof->count == COPIES_MAX || !is_ours(proof, header, &copy->mail))
		return;
	proof->count++;
	copy->count = 0;
	while (header_next(&header, &field) && !span_is_word(field.name, "Received") &&
	       copy->count < FIELDS_MAX) {
		unsigned position = position_of(copy, field.name);
		struct field *kept = &copy->fields[copy->count];

		if (field.name.len >= NAME_ROOM)
			continue;
		copy->count++;
		*kept = (struct field){ .position = position,
					.address = named_by(proof, field.value) };
		snprintf(kept->name, NAME_ROOM, "%.*s", SPAN_ARG(field.name));
	}
}

/* What the field says in this copy; ADDRESSES: nothing to rely on. */
static unsigned said_by(const struct copy *copy, const char *name, uint64_t position)
{
	for (size_t i = 0; i < copy->count; i++)
		if (copy->fields[i].position == position &&
		    span_is_word(span_of(name), copy->fields[i].name))
			return copy->fields[i].address;
	return ADDRESSES;
}

/* Of each mail one copy for each address, and no other copy. */
static bool proves(const struct multidrop_proof *proof, const char *name,
		   uint64_t position)
{
	unsigned counts[MAILS][ADDRESSES] = { { 0 } };

	for (size_t i = 0; i < proof->count; i++) {
		const struct copy *copy = &proof->copies[i];
		unsigned address = said_by(copy, name, position);

		if (address == ADDRESSES || counts[copy->mail][address]++)
			return false;
	}
	return proof->count == (size_t)MAILS * ADDRESSES;
}

static bool find_other(const struct multidrop_proof *proof, struct err *err)
{
	const struct copy *copy = &proof->copies[0];
	const char *name = proof->pickup->name;

	for (size_t i = 0; i < copy->count; i++)
		if (proves(proof, copy->fields[i].name, copy->fields[i].position))
			return err_exit(
				err, EX_CONFIG,
				"control/pickups/%s: %s proves nothing, but %s:%u "
				"does; write multidrop %s:%u",
				name, proof->pickup->multidrop, copy->fields[i].name,
				copy->fields[i].position, copy->fields[i].name,
				copy->fields[i].position);
	return err_exit(
		err, EX_CONFIG,
		"pickup %s: no field of the probe mails names each recipient in a "
		"copy of his own; ask the provider for one mailbox a user",
		name);
}

bool multidrop_proof_judge(struct multidrop_proof *proof, struct err *err)
{
	AUTO_BUF text = BUF_INIT(FILE_MAX_BYTES);
	char path[128];

	if (proof->count < MAILS)
		return err_exit(
			err, EX_TEMPFAIL,
			"pickup %s: %zu copies of the probe mails have arrived so "
			"far; try again later",
			proof->pickup->name, proof->count);
	if (!proves(proof, proof->pickup->multidrop, proof->pickup->multidrop_position))
		return find_other(proof, err);
	if (!put_proof(&text, proof->pickup))
		return err_temporary(err, "4.3.0", "the proof is too long");
	return file_replace(proof->root_fd, path_of("proof", proof->pickup->name, path),
			    text.data, text.len, 0640, err);
}
