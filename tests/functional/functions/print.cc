// print.cc: prints by every way a program has.
#include <clemmys/function.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

int main() {
  return clemmys::serve([](const clemmys::Request&) -> clemmys::Result<clemmys::Response> {
    clemmys::log("by clemmys log");
    std::printf("by printf\n");
    std::cout << "by cout" << std::endl;
    std::cerr << "by cerr" << std::endl;
    constexpr char kText[] = "by write\n";
    if (write(STDERR_FILENO, kText, sizeof kText - 1) >= 0)
      return clemmys::fail("the host's stderr is open to a function");
    return clemmys::Response::json("{}");
  });
}
