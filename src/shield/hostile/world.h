// world.h: the table of lies. A Subject is one call that leaves the enclave: how the program makes it, what
// an honest host answers, and the ways to lie about it. Each lie either ends the process at one named check,
// or is contained: the program sees nothing that Linux could not have given. hostile_test.cc runs all of
// them, and the lies that need no row of their own (answers out of range, an error with content, ones
// everywhere).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "shield/forwarded.h"
#include "shield/testing/fake_host.h"

namespace clemmys::shield::hostile {

// World is a program (its memory, and descriptors 4 to 9) with a host that is honest but for one call.
class World {
 public:
  World();
  // buffer gives the program `size` bytes, filled with `text`; everything around them must stay as it is.
  std::uint64_t buffer(std::uint64_t size, std::string_view text = {});
  template <typename T>
  std::uint64_t value(const T& initial) {
    return buffer(sizeof initial, {reinterpret_cast<const char*>(&initial), sizeof initial});
  }
  template <typename T>
  T read(std::uint64_t address) const {
    return host_read<T>(address);
  }
  // allow_overrun: a check is off, and what then is written is part of the proof.
  void allow_overrun() { overrun_allowed_ = true; }
  // kept_inside is whether nothing was written beyond what buffer gave.
  bool kept_inside() const;
  const std::array<std::uint8_t, 8192>& memory() const { return memory_; }

  FakeHost host;
  std::uint64_t file = 0, epoll = 0, event = 0, timer = 0, socket = 0, unix_socket = 0;  // descriptors
  std::uint64_t token = 0, out = 0, out2 = 0;  // of epoll; where the call under test writes

 private:
  alignas(64) std::array<std::uint8_t, 8192> memory_{};
  std::array<bool, 8192> given_{};
  std::uint64_t used_ = 256;
  bool overrun_allowed_ = false;
};

using Answer = std::function<std::int64_t(World&, const HostCall&)>;

struct Lie {
  const char* what;
  Answer answer;
  const char* site = nullptr;                                // the check that ends the process
  std::function<bool(World&, std::int64_t)> contained = {};  // or what holds afterwards; gets the result
};

enum class Errors : std::uint8_t { kPassedOn, kStop, kIgnored };

struct Subject {
  std::string name;
  std::uint64_t number;
  std::uint64_t value_max;  // the largest possible answer
  std::function<std::int64_t(World&)> act;
  Answer honest;
  std::vector<Lie> lies = {};
  Errors errors = Errors::kPassedOn;
};

// subject takes the name from the one list.
Subject subject(std::uint64_t number, std::uint64_t value_max, std::function<std::int64_t(World&)> act,
                Answer honest, std::vector<Lie> lies = {}, Errors errors = Errors::kPassedOn);
Subject subject(OwnCall number, std::uint64_t value_max, std::function<std::int64_t(World&)> act,
                Answer honest, std::vector<Lie> lies = {}, Errors errors = Errors::kPassedOn);

inline Answer says(std::int64_t result) {
  return [result](World&, const HostCall&) { return result; };
}
// writes puts a value where argument `argument` points, then says `result`.
template <typename T>
Answer writes(int argument, const T& value, std::int64_t result) {
  return [=](World&, const HostCall& call) {
    host_write(call.arguments[argument], value);
    return result;
  };
}

std::vector<Subject> descriptor_subjects();
std::vector<Subject> file_subjects();
std::vector<Subject> socket_subjects();
std::vector<Subject> event_subjects();
std::vector<Subject> time_subjects();
std::vector<Subject> own_call_subjects();
std::vector<Subject> variant_subjects();
// subjects is all of them.
const std::vector<Subject>& subjects();

// honest_stat and stat_lies are a struct stat where argument `argument` points (files.cc).
Answer honest_stat(int argument);
std::vector<Lie> stat_lies(int argument);

}  // namespace clemmys::shield::hostile
