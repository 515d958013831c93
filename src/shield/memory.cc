#include "shield/memory.h"

extern "C" {

void* memcpy(void* target, const void* source, size_t size) {
  void* to = target;
  asm volatile("rep movsb" : "+D"(to), "+S"(source), "+c"(size) : : "memory");
  return target;
}

void* memmove(void* target, const void* source, size_t size) {
  if (static_cast<char*>(target) <= source || static_cast<const char*>(source) + size <= target) {
    return memcpy(target, source, size);
  }
  void* to = static_cast<char*>(target) + size - 1;
  const void* from = static_cast<const char*>(source) + size - 1;
  asm volatile("std; rep movsb; cld" : "+D"(to), "+S"(from), "+c"(size) : : "memory", "cc");
  return target;
}

void* memset(void* target, int value, size_t size) {
  void* to = target;
  asm volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
  return target;
}

int memcmp(const void* left, const void* right, size_t size) {
  auto* a = static_cast<const unsigned char*>(left);
  auto* b = static_cast<const unsigned char*>(right);
  for (size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return a[i] - b[i];
  }
  return 0;
}

size_t strlen(const char* text) {
  size_t size = 0;
  while (text[size] != 0) ++size;
  return size;
}
}
