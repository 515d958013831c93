// A function that does wrong what the request names.
#include <clemmys/function.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using clemmys::Request;
using clemmys::Response;

constexpr std::size_t kMib = 1u << 20;
std::vector<char*> kept;  // what is never freed

Response done(const std::string& text = "returned") { return Response::json("{\"" + text + "\":true}"); }

Response loop(const Request&) {
  for (volatile std::uint64_t i = 0;; i = i + 1) {
  }
}

Response allocate(const Request&) {
  for (;;) {
    kept.push_back(new char[kMib]);
    std::memset(kept.back(), 1, kMib);
  }
}

Response allocate_and_drop(const Request&) {
  std::vector<std::vector<char>> all;
  for (;;) all.emplace_back(kMib, 'x');
}

Response threads(const Request&) {
  for (;;) std::thread([] { std::this_thread::sleep_for(std::chrono::hours(1)); }).detach();
}

// processes tries what only a process with more rights could do, and answers what worked.
Response processes(const Request&) {
  std::string worked;
  char name[] = "/bin/true";
  char* const arguments[] = {name, nullptr};
  if (fork() >= 0) worked += "fork ";
  if (execv(name, arguments) == 0) worked += "exec ";
  if (socket(AF_INET, SOCK_STREAM, 0) >= 0) worked += "internet ";
  if (socket(AF_UNIX, SOCK_STREAM, 0) >= 0) worked += "unix ";
  if (open("/etc/passwd", O_RDONLY) >= 0) worked += "read ";
  if (open("/tmp/clemmys-escape", O_CREAT | O_WRONLY, 0600) >= 0) worked += "write ";
  return Response::json("{\"worked\":\"" + worked + "\"}");
}

Response flood_log(const Request&) {
  const std::string line(1'000, 'l');
  for (int i = 0; i < 20'000; ++i) clemmys::log(line);
  return done();
}

Response flood_stdout(const Request&) {
  const std::string line(1'000, 'o');
  for (int i = 0; i < 20'000; ++i) {
    std::printf("%s\n", line.c_str());
    (void)!write(1, line.data(), line.size());
    (void)!write(2, line.data(), line.size());
  }
  return done();
}

Response write_garbage(const Request&) {
  std::string garbage(64 * 1024, 'g');
  (void)!write(3, garbage.data(), garbage.size());
  return done();
}

Response write_long_frame(const Request&) {
  const unsigned char head[] = {0xff, 0xff, 0xff, 0x7f, 12};
  (void)!write(3, head, sizeof head);
  for (;;) pause();
}

Response write_second_output(const Request&) {
  const unsigned char frame[] = {1, 0, 0, 0, 12, 1, 0, 0, 0, 12};  // two empty outputs
  (void)!write(3, frame, sizeof frame);
  return done();
}

// flood_kms asks the KMS for sessions, one after the other.
Response flood_kms(const Request&) {
  const unsigned char hello[] = {2, 0, 0, 0, 11, 2};
  for (int i = 0; i < 100; ++i) {
    (void)!write(3, hello, sizeof hello);
    char answer[256];
    (void)!read(3, answer, sizeof answer);
  }
  return done();
}

Response close_link(const Request&) {
  close(3);
  return done();
}

Response crash(const Request&) {
  volatile int* nothing = nullptr;
  *nothing = 1;
  return done();
}

volatile int sink = 0;
int recurse(int depth) {
  volatile char frame[1024];
  frame[depth % 1024] = static_cast<char>(depth);
  sink = frame[0];
  if (depth < 0) return 0;
  return recurse(depth + 1) + frame[depth % 1024];
}

const std::map<std::string, Response (*)(const Request&)> kWays = {
    {"nothing", [](const Request&) { return done(); }},
    {"loop", loop},
    {"allocate", allocate},
    {"allocate_and_drop", allocate_and_drop},
    {"threads", threads},
    {"processes", processes},
    {"flood_log", flood_log},
    {"flood_stdout", flood_stdout},
    {"write_garbage", write_garbage},
    {"write_long_frame", write_long_frame},
    {"write_second_output", write_second_output},
    {"flood_kms", flood_kms},
    {"close_link", close_link},
    {"crash", crash},
    {"exit", [](const Request&) -> Response { std::exit(0); }},
    {"abort", [](const Request&) -> Response { std::abort(); }},
    {"raise", [](const Request&) { return raise(SIGKILL), done(); }},
    {"throw", [](const Request&) -> Response { throw std::runtime_error("thrown on purpose"); }},
    {"throw_number", [](const Request&) -> Response { throw 5; }},
    {"recurse", [](const Request&) { return done(std::to_string(recurse(0))); }},
    {"sleep", [](const Request&) { return std::this_thread::sleep_for(std::chrono::seconds(30)), done(); }},
    {"large_answer",
     [](const Request&) { return Response::json("{\"x\":\"" + std::string(49 * kMib, 'x') + "\"}"); }},
    {"no_object", [](const Request&) { return Response::json("7"); }},
    {"no_json", [](const Request&) { return Response::json("{\"x\":"); }},
};

}  // namespace

int main() {
  return clemmys::serve([](const Request& request) -> clemmys::Result<Response> {
    const std::string body(request.json());
    for (const auto& [name, way] : kWays) {
      if (body.find("\"" + name + "\"") != std::string::npos) return way(request);
    }
    return clemmys::fail("unknown");
  });
}
