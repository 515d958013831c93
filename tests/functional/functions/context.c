/* context.c: context.cc as a WASI module. */
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  printf(
      "{\"name\":\"%s\",\"namespace\":\"%s\",\"version\":\"%s\",\"activation\":\"%s\",\"deadline\":\"%s\"}\n",
      getenv("__OW_ACTION_NAME"), getenv("__OW_NAMESPACE"), getenv("__OW_ACTION_VERSION"),
      getenv("__OW_ACTIVATION_ID"), getenv("__OW_DEADLINE"));
  return 0;
}
