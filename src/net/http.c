#include "net/http.h"

#include <curl/curl.h>
#include <string.h>

#define FORM_MAX ((size_t)128 * 1024)

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
	struct buf *answer = ctx;

	return buf_append(answer, bytes, size * count) ? size * count : 0;
}

bool http_form_append(struct buf *out, const struct http_field *fields)
{
	const char *mark = "";
	bool fits = true;

	for (; fits && fields->name; fields++) {
		char *value;

		if (!fields->value)
			continue;
		value = curl_easy_escape(NULL, fields->value, 0);
		fits = value && buf_appendf(out, "%s%s=%s", mark, fields->name, value);
		mark = "&";
		if (value)
			explicit_bzero(value, strlen(value));
		curl_free(value);
	}
	return fits;
}

char *http_form_find(struct span form, const char *name)
{
	struct span field, key;
	char *decoded, *value = NULL;
	int len;

	while (span_cut(&form, '&', &field)) {
		if (!span_cut(&field, '=', &key) || !span_is(key, name) || !field.at ||
		    !field.len)
			continue;
		decoded = curl_easy_unescape(NULL, field.at, (int)field.len, &len);
		if (decoded && strlen(decoded) == (size_t)len)
			value = must_copy(decoded);
		curl_free(decoded);
		return value;
	}
	return NULL;
}

static void set_up(CURL *curl, const char *url, const char *cafile,
		   const struct buf *form, struct buf *answer)
{
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)HTTP_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form->data);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)form->len);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	if (cafile)
		curl_easy_setopt(curl, CURLOPT_CAINFO, cafile);
}

bool http_post(const char *url, const char *cafile, const struct http_field *fields,
	       struct buf *answer, long *status_out, struct err *err)
{
	AUTO_BUF form = BUF_INIT(FORM_MAX);
	CURLcode code = CURLE_FAILED_INIT;
	struct curl_slist *headers;
	CURL *curl;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	curl = curl_easy_init();
	headers = curl_slist_append(NULL, "Accept: application/json");
	/* One piece, so that no secret is left behind in memory that was moved. */
	if (curl && headers && buf_reserve(&form, FORM_MAX) &&
	    http_form_append(&form, fields)) {
		set_up(curl, url, cafile, &form, answer);
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		code = curl_easy_perform(curl);
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status_out);
	}
	if (form.len)
		explicit_bzero(form.data, form.len);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	if (code == CURLE_OK)
		return true;
	return err_temporary(err, "4.4.1", "%s: %s", url, curl_easy_strerror(code));
}
