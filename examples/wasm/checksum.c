// checksum.c: a WASI command in C: the CRC-32 of the request, and the request itself.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t crc32(const unsigned char* data, size_t size) {
  uint32_t sum = 0xffffffffu;
  for (size_t i = 0; i < size; ++i) {
    sum ^= data[i];
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ (sum & 1 ? 0xedb88320u : 0);
  }
  return ~sum;
}

int main(int count, char** arguments) {
  unsigned char* request = NULL;
  size_t size = 0, room = 0, got = 0;
  do {
    size += got;
    if (size == room) request = realloc(request, room = room * 2 + 4096);
    if (request == NULL) return 1;
    got = fread(request + size, 1, room - size, stdin);
  } while (got > 0);
  fprintf(stderr, "%s: %zu bytes\n", count > 0 ? arguments[0] : "?", size);  // for the sealed log
  printf("{\"crc32\":\"%08x\",\"of\":%.*s}\n", crc32(request, size), (int)size, (const char*)request);
  return 0;
}
