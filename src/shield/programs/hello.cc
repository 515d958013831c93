// The C++ runtime: streams, containers, exceptions, arguments, exit status.
#include <cstdio>
#include <iostream>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  std::map<std::string, int> words;
  for (int i = 0; i < 1000; ++i) words["k" + std::to_string(i)] = i;
  long sum = 0;
  for (const auto& [word, value] : words) sum += value;
  std::vector<int> numbers(1 << 20, 3);
  sum = std::accumulate(numbers.begin(), numbers.end(), sum);
  std::cout << "hello, " << argc - 1 << " arguments, sum " << sum << "\n";
  for (int i = 1; i < argc; ++i) std::cout << argv[i] << "\n";
  try {
    throw std::runtime_error("exceptions work");
  } catch (const std::exception& error) {
    std::cout << error.what() << std::endl;
  }
  std::printf("%.3f %s\n", 1.5, std::getenv("HOME") != nullptr ? "has HOME" : "no HOME");
  return 7;
}
