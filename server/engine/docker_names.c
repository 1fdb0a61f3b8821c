#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/docker_codec.h"

#define IMAGE_MAX     256
#define OUR_API_MAJOR 1
#define OUR_API_MIN   40
#define OUR_API_MAX   47
#define ALNUM         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* --- names --- */

bool docker_name_valid(const char *name)
{
	size_t len = strnlen(name, DOCKER_NAME_MAX);

	return len && len < DOCKER_NAME_MAX && strchr(ALNUM, name[0]) &&
	       strspn(name, ALNUM "_.-") == len;
}

bool docker_image_valid(const char *image)
{
	size_t len = strnlen(image, IMAGE_MAX);

	return len && len < IMAGE_MAX && strchr(ALNUM, image[0]) &&
	       strspn(image, ALNUM "_.-:/@") == len && !strstr(image, "..") && !strstr(image, "//");
}

/* --- API versions --- */

static bool number(const char **p, unsigned *out)
{
	size_t digits = strspn(*p, "0123456789");

	if (digits < 1 || digits > 3)
		return false;
	*out = (unsigned)strtoul(*p, NULL, 10);
	*p += digits;
	return true;
}

static bool api_parse(const char *text, unsigned *major, unsigned *minor)
{
	return number(&text, major) && *text++ == '.' && number(&text, minor) && !*text;
}

bool docker_api_valid(const char *api)
{
	unsigned major, minor;

	return api_parse(api, &major, &minor);
}

int docker_api_choose(const struct docker_engine_version *engine, char api[DOCKER_API_BYTES],
		      struct err *err)
{
	unsigned max_major, max, min_major, min;

	if (!api_parse(engine->api, &max_major, &max) ||
	    !api_parse(engine->api_min, &min_major, &min))
		return err_set(err, ERR_UPSTREAM, 0, "unreadable answer: API version");
	unsigned choice = max_major > OUR_API_MAJOR || max > OUR_API_MAX ? OUR_API_MAX : max;
	if (max_major < OUR_API_MAJOR || min_major > OUR_API_MAJOR || choice < OUR_API_MIN ||
	    (min_major == OUR_API_MAJOR && choice < min))
		return err_set(err, ERR_INPUT, 0,
			       "the Engine offers API %s to %s, this program needs %d.%d to %d.%d",
			       engine->api_min, engine->api, OUR_API_MAJOR, OUR_API_MIN,
			       OUR_API_MAJOR, OUR_API_MAX);
	snprintf(api, DOCKER_API_BYTES, "%d.%u", OUR_API_MAJOR, choice);
	return 0;
}
