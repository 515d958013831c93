// memory.h: the four functions that a compiler may call, without vector registers.
#pragma once

#include <stddef.h>

extern "C" {
void* memcpy(void* target, const void* source, size_t size);
void* memmove(void* target, const void* source, size_t size);
void* memset(void* target, int value, size_t size);
int memcmp(const void* left, const void* right, size_t size);
size_t strlen(const char* text);
}
