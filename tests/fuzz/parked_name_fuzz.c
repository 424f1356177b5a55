/* Whatever another program calls a file in a Maildir: a name that is taken for a parked
 * file's is written so that it is read back the same. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "store/parked_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char file[MAILDIR_NAME_MAX], path[MAILDIR_NAME_MAX], again[MAILDIR_NAME_MAX];
	struct parked_name name;

	if (size >= sizeof(file))
		return 0;
	memcpy(file, data, size);
	file[size] = '\0';
	if (strchr(file, '/') || !parked_name_parse(file, &name))
		return 0;
	assert(name.recipients && name.id[0] && name.id[0] != '.');
	assert(parked_name_time(&name) >= 0);
	parked_name_format(&name, path);
	assert(parked_name_parse(path + strlen("new/"), &name));
	parked_name_format(&name, again);
	assert(strcmp(path, again) == 0);
	return 0;
}
