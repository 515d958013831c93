// The C++ runtime at large: containers, exceptions through threads and destructors, streams and locales,
// regular expressions, the file system library, random numbers, formatting.
#include <any>
#include <bitset>
#include <charconv>
#include <chrono>
#include <complex>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <list>
#include <locale>
#include <map>
#include <memory_resource>
#include <numeric>
#include <random>
#include <regex>
#include <set>
#include <sstream>
#include <thread>
#include <unordered_map>
#include <variant>

namespace {

void containers() {
  std::mt19937_64 random(42);
  std::map<std::uint64_t, std::string> tree;
  std::unordered_multimap<std::string, int> table;
  std::deque<int> queue;
  std::list<int> list;
  for (int i = 0; i < 50000; ++i) {
    const std::uint64_t key = random() % 10000;
    tree[key] += 'x';
    table.emplace(std::to_string(key % 100), i);
    i % 3 == 0 ? queue.push_front(i) : queue.push_back(i);
    if (i % 7 == 0) list.push_back(static_cast<int>(key));
  }
  list.sort();
  list.unique();
  std::pmr::monotonic_buffer_resource arena;
  std::pmr::vector<std::pmr::string> strings(&arena);
  for (int i = 0; i < 1000; ++i)
    strings.emplace_back("a string that is longer than the small buffer " + std::to_string(i));
  std::size_t longest = 0;
  for (const auto& [key, text] : tree) longest = std::max(longest, text.size());
  std::cout << tree.size() << ' ' << table.count("7") << ' ' << queue.front() << ' ' << list.size() << ' '
            << longest << ' ' << strings.back() << ' ' << std::bitset<12>(1234) << "\n";
}

struct Noisy {
  explicit Noisy(int value) : value_(value) {}
  ~Noisy() { std::cout << "~" << value_ << ' '; }
  int value_;
};

int nested(int depth) {
  const Noisy noisy(depth);
  if (depth == 0) throw std::out_of_range("bottom");
  try {
    return nested(depth - 1);
  } catch (const std::invalid_argument&) {
    return -1;
  }
}

void exceptions() {
  try {
    nested(4);
  } catch (const std::exception& error) {
    std::cout << error.what() << "\n";
  }
  try {
    try {
      (void)std::any_cast<int>(std::any(std::string("x")));
    } catch (...) {
      std::throw_with_nested(std::runtime_error("outer"));
    }
  } catch (const std::exception& outer) {
    try {
      std::rethrow_if_nested(outer);
    } catch (const std::bad_any_cast&) {
      std::cout << outer.what() << " over bad_any_cast\n";
    }
  }
  std::exception_ptr carried;
  std::thread([&carried] {
    try {
      (void)std::vector<int>().at(3);
    } catch (...) {
      carried = std::current_exception();
    }
  }).join();
  try {
    std::rethrow_exception(carried);
  } catch (const std::out_of_range&) {
    std::cout << "from a thread\n";
  }
  try {
    const std::size_t too_much = ~std::size_t{0} / 4;
    std::vector<char> huge(too_much);
    std::cout << huge.size();
  } catch (const std::bad_alloc&) {
    std::cout << "bad_alloc\n";
  }
}

struct Grouping : std::numpunct<char> {
  char do_thousands_sep() const override { return '\''; }
  std::string do_grouping() const override { return "\3"; }
};

void streams() {
  std::ostringstream out;
  out.imbue(std::locale(std::locale::classic(), new Grouping));
  out << 1234567 << ' ' << std::setprecision(12) << std::fixed << 9876543.21 << ' ' << std::hex
      << std::showbase << 255;
  std::cout << out.str() << ' ' << std::locale("C").name() << ' ' << std::locale("POSIX").name();
  try {
    std::cout << std::locale("de_DE.UTF-8").name();
  } catch (const std::runtime_error&) {
    std::cout << " no de_DE";
  }
  std::tm time{};
  std::istringstream("2024-02-29 12:34:56") >> std::get_time(&time, "%Y-%m-%d %H:%M:%S");
  std::cout << ' ' << std::put_time(&time, "%d.%m.%y %T") << ' ' << std::complex<double>(1, -2) << ' '
            << std::quoted("a \"b\"") << "\n";
  double value = 0;
  const std::string_view text = "3.25e2";
  std::from_chars(text.data(), text.data() + text.size(), value);
  std::wstringstream wide;
  wide << L"wide " << 3;
  std::cout << value << ' ' << wide.str().size() << "\n";
}

void expressions() {
  const std::regex word(R"((\w+)@(\w+)\.(com|org))");
  const std::string text = "a@b.com, ccc@ddd.org; none@x.net";
  for (std::sregex_iterator it(text.begin(), text.end(), word), end; it != end; ++it)
    std::cout << (*it)[2] << ' ';
  std::cout << std::regex_replace(text, word, "<$1>") << "\n";
}

void files(const std::string& root) {
  namespace fs = std::filesystem;
  fs::create_directories(root + "/x/y/z");
  for (int i = 0; i < 20; ++i)
    std::ofstream(root + "/x/f" + std::to_string(i)) << std::string(static_cast<std::size_t>(i) * 1000, 'q');
  fs::copy_file(root + "/x/f7", root + "/x/y/copy");
  fs::resize_file(root + "/x/f9", 10);
  fs::last_write_time(root + "/x/f9", fs::file_time_type{});
  std::uintmax_t size = 0, entries = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root + "/x")) {
    ++entries;
    if (entry.is_regular_file()) size += entry.file_size();
  }
  fs::current_path(root + "/x");
  std::error_code error;
  std::cout << entries << ' ' << size << ' ' << fs::exists("f3") << ' '
            << fs::path(fs::current_path()).filename() << ' ' << fs::remove_all(root + "/x/y") << ' '
            << fs::file_size("none", error) << ' ' << error.message() << "\n";
  fs::current_path("/");
  fs::remove_all(root + "/x");
}

}  // namespace

int main(int, char** argv) {
  containers();
  exceptions();
  streams();
  expressions();
  files(argv[1]);
  std::normal_distribution<double> normal;
  std::mt19937 generator(1);
  std::cout << std::setprecision(15)
            << std::accumulate(argv, argv + 1, 0.0,
                               [&](double sum, char*) { return sum + normal(generator); })
            << ' ' << (std::random_device()() != std::random_device()()) << "\n";
  return 0;
}
