/* gone.c: in a library of its own, which is not where the loader looks. */
#include <stdint.h>

int32_t from_library(void);

int32_t from_library(void)
{
	return 0;
}
