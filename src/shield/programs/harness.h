// harness.h: one program, run as an ordinary process and inside an enclave. Both see the same files: a
// directory each, which the program knows as /state inside; its name outside is written as /state in the
// output.
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace clemmys::shield {

struct Outcome {
  std::string output;  // standard output and error
  int status = -1;     // as a shell shows it: 128 + number for a signal
  friend bool operator==(const Outcome&, const Outcome&) = default;
};
void PrintTo(const Outcome& outcome, std::ostream* out);

// run gives the outcome of a shell command with this environment and no other.
Outcome run(const std::string& command, const std::string& environment = "");

class Programs : public testing::Test {
 protected:
  Programs();
  ~Programs() override;

  // outside and inside run build/bin/shield_NAME and images/shield_NAME.sgx.
  Outcome outside(const std::string& name, const std::string& arguments = "") const;
  Outcome inside(const std::string& name, const std::string& arguments = "") const;
  // host_command is the command line that runs an image; arguments of the program may follow.
  std::string host_command(const std::string& image, const std::string& options = "") const;
  // write_file puts a file into both directories.
  void write_file(const std::string& name, const std::string& content) const;

  const std::string kBinaries = CLEMMYS_BINARY_DIR;
  std::string directory_;
};

// expect_alike wants a program that succeeded outside, and did the same inside.
inline void expect_alike(const Outcome& inside, const Outcome& outside) {
  EXPECT_EQ(outside.status, 0) << outside.output;
  EXPECT_EQ(inside, outside);
}

}  // namespace clemmys::shield
