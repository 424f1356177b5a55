#include "net/http.h"

#include <curl/curl.h>
#include <string.h>

#define FORM_MAX ((size_t)128 * 1024)

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
	struct buf *answer = ctx;

	return buf_append(answer, bytes, size * count) ? size * count : 0;
}

static bool put_form(CURL *curl, const struct http_field *fields, struct buf *form)
{
	bool fits = true;

	for (; fits && fields->name; fields++) {
		char *value;

		if (!fields->value)
			continue;
		value = curl_easy_escape(curl, fields->value, 0);
		fits = value && buf_appendf(form, "%s%s=%s", form->len ? "&" : "",
					    fields->name, value);
		if (value)
			explicit_bzero(value, strlen(value));
		curl_free(value);
	}
	return fits;
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
	    put_form(curl, fields, &form)) {
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
