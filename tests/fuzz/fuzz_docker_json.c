/* The decoders of the Engine's answers. The first byte chooses the decoder. */
#include <assert.h>
#include <string.h>

#include "engine/docker_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_version(const struct docker_engine_version *v)
{
	char api[DOCKER_API_BYTES];

	if (docker_api_choose(v, api, NULL) == 0)
		assert(strncmp(api, "1.4", 3) == 0 && strlen(api) == 4);
}

static void check_list(const struct docker_container *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert(strlen(list[i].id) == 64 && docker_name_valid(list[i].name));
		assert(list[i].state[0] && list[i].label_count <= DOCKER_LABELS_MAX);
		for (size_t l = 0; l < list[i].label_count; l++)
			assert(docker_container_label(&list[i], list[i].labels[l].name));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data + 1;
	struct docker_doc doc = {0};
	struct docker_engine_version version;
	struct docker_info info;
	struct docker_event event;
	const struct docker_container *list;
	const char *id;
	char message[64];
	size_t count;

	if (!len--)
		return 0;
	switch (data[0] % 7) {
	case 0:
		if (docker_decode_version(text, len, &doc, &version, NULL) == 0)
			check_version(&version);
		break;
	case 1:
		if (docker_decode_info(text, len, "runsc", &doc, &info, NULL) == 0)
			assert(info.runtime_path && info.runtime_args &&
			       info.memory_total_bytes >= 0);
		break;
	case 2:
		if (docker_decode_image(text, len, &doc, &id, NULL) == 0)
			assert(strlen(id) == 71);
		break;
	case 3:
		if (docker_decode_created(text, len, &doc, &id, NULL) == 0)
			assert(strlen(id) == 64 && docker_name_valid(id));
		break;
	case 4:
		if (docker_decode_list(text, len, "p.", &doc, &list, &count, NULL) == 0)
			check_list(list, count);
		break;
	case 5:
		if (docker_decode_event(text, len, &doc, &event, NULL) == 1)
			assert(docker_name_valid(event.name));
		break;
	default:
		docker_decode_message(text, len, message, sizeof(message));
		assert(strlen(message) < sizeof(message));
	}
	docker_doc_finish(&doc);
	return 0;
}
