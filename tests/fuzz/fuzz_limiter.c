/* The limiter, played against its model: four bytes are one operation. The first byte says whether there is room to remember
 * everybody. */
#include <stdint.h>

/* Fuzz targets are linked with the server alone. */
#include "tests/unit/limiter_model.c"

#define STEPS_MAX 4000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (!len--)
		return 0;
	struct game *g = game_new(*data % 2 ? GAME_RECORDS : 2 + *data % 16);
	data++;
	for (size_t i = 0; i < STEPS_MAX && len >= 4; i++, data += 4, len -= 4)
		game_step(g, data[0], data[1], data[2], data[3]);
	game_end(g);
	return 0;
}
