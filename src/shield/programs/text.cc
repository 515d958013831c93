// Regular expressions and JSON: PCRE2 with its just-in-time compiler refused, RE2, std::regex, Boost.JSON and
// XPath over one body of text. With argument "time", milliseconds of each on standard error.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <pcre2.h>
#include <re2/re2.h>

#include <boost/json/src.hpp>
#include <chrono>
#include <cstdio>
#include <regex>
#include <string>

namespace {

bool timed;

template <typename Work>
void measure(const char* name, Work work) {
  const auto begin = std::chrono::steady_clock::now();
  const unsigned long result = work();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  std::printf("%s %lu\n", name, result);
  if (timed) std::fprintf(stderr, "%s %.1f ms\n", name, took.count());
}

std::string make_text() {
  std::string text;
  unsigned state = 99;
  for (int i = 0; i < 40000; ++i) {
    state = state * 1664525 + 1013904223;
    text += "user" + std::to_string(state >> 22) + "@host" + std::to_string(state >> 28) +
            ".example.org visited 10." + std::to_string(state % 256) + ".0." + std::to_string(state >> 24) +
            "\n";
  }
  return text;
}

unsigned long with_pcre2(const std::string& text) {
  int error;
  PCRE2_SIZE offset;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>("(\\w+)@(host1[0-5]?)\\.(?=ex)"),
                                   PCRE2_ZERO_TERMINATED, 0, &error, &offset, nullptr);
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // executable memory is refused: the interpreter runs
  pcre2_match_data* data = pcre2_match_data_create_from_pattern(code, nullptr);
  unsigned long count = 0;
  for (std::size_t at = 0;
       pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at, 0, data, nullptr) > 0;
       ++count)
    at = pcre2_get_ovector_pointer(data)[1];
  pcre2_match_data_free(data);
  pcre2_code_free(code);
  return count;
}

unsigned long with_re2(const std::string& text) {
  re2::StringPiece rest(text);
  const re2::RE2 pattern("10\\.(\\d+)\\.0\\.(\\d+)");
  unsigned long sum = 0;
  int a, b;
  while (re2::RE2::FindAndConsume(&rest, pattern, &a, &b)) sum += static_cast<unsigned long>(a * b);
  return sum;
}

unsigned long with_std(const std::string& text) {
  const std::regex pattern("user(\\d+)@");
  unsigned long sum = 0;
  for (std::sregex_iterator it(text.begin(), text.begin() + 200'000, pattern), end; it != end; ++it)
    sum += std::stoul((*it)[1]);
  return sum;
}

unsigned long with_json() {
  boost::json::array list;
  for (int i = 0; i < 30000; ++i)
    list.push_back({{"id", i},
                    {"name", "n\u00e9" + std::to_string(i)},
                    {"tags", {1.5 * i, nullptr, true}},
                    {"sub", {{"x", -i}}}});
  const std::string text = boost::json::serialize(list);
  const boost::json::value back = boost::json::parse(text);
  unsigned long sum = text.size();
  for (const auto& entry : back.as_array())
    sum += entry.at("name").as_string().size() + (entry.at_pointer("/tags/2").as_bool() ? 1 : 0);
  return back == list ? sum : 0;
}

unsigned long with_xml() {
  std::string text = "<r>";
  for (int i = 0; i < 5000; ++i)
    text += "<i n='" + std::to_string(i) + "'><v>" + std::to_string(i * 3) + "</v></i>";
  xmlDocPtr document =
      xmlReadMemory((text + "</r>").c_str(), static_cast<int>(text.size() + 4), nullptr, nullptr, 0);
  xmlXPathContextPtr context = xmlXPathNewContext(document);
  xmlXPathObjectPtr result = xmlXPathEvalExpression(BAD_CAST "sum(//i[@n > 4000]/v)", context);
  const auto sum = static_cast<unsigned long>(result->floatval);
  xmlXPathFreeObject(result);
  xmlXPathFreeContext(context);
  xmlFreeDoc(document);
  return sum;
}

}  // namespace

int main(int argc, char**) {
  timed = argc > 1;
  const std::string text = make_text();
  measure("pcre2", [&] { return with_pcre2(text); });
  measure("re2", [&] { return with_re2(text); });
  measure("std::regex", [&] { return with_std(text); });
  measure("boost.json", with_json);
  measure("libxml2", with_xml);
  return 0;
}
