// words.cc: a WASI command in C++: how often each word is in the request, and the request itself.
#include <cctype>
#include <cstdio>
#include <map>
#include <string>

int main() {
  std::string request;
  char buffer[4096];
  for (std::size_t got; (got = fread(buffer, 1, sizeof buffer, stdin)) > 0;) request.append(buffer, got);
  std::map<std::string, int> counts;
  std::string word;
  for (const char letter : request + " ") {
    if (std::isalpha(static_cast<unsigned char>(letter))) {
      word += letter;
    } else if (!word.empty()) {
      ++counts[word];
      word.clear();
    }
  }
  std::string answer;
  for (const auto& [text, times] : counts)
    answer += (answer.empty() ? "\"" : ",\"") + text + "\":" + std::to_string(times);
  std::printf("%zu words that differ\n", counts.size());  // not the last line: for the sealed log
  std::printf("{\"words\":{%s},\"of\":%s}\n", answer.c_str(), request.c_str());
}
