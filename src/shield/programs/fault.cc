// Reads an address that is not mapped.
#include <cstdio>

int main() {
  std::printf("before\n");
  std::fflush(stdout);
  return *reinterpret_cast<volatile int*>(64);
}
