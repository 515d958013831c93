// What the command line says to whoever mistook it: without a platform.
#include <gtest/gtest.h>

#include "command_line.h"

namespace clemmys::testing {
namespace {

// says: the command line is refused, with this text.
void says(const std::string& arguments, const std::string& text) {
  const Ran ran = run(arguments);
  EXPECT_EQ(ran.status, 2) << arguments;
  EXPECT_NE(ran.output.find(text), std::string::npos) << arguments << ": " << ran.output;
}

TEST(Usage, AGroupAloneShowsItsCommands) {
  for (const char* group : {"trust", "namespace", "sequence", "enclave", "envelope", "--json trust"})
    says(group, "Subcommands:");
  says("", "Subcommands:");
}

TEST(Usage, AWordThatIsNoCommandIsNamed) {
  says("frobnicate", "clemmys: there is no command 'frobnicate'");
  says("action list", "clemmys: there is no command 'action'");
  says("sequence list", "clemmys sequence: there is no command 'list'");
}

TEST(Usage, AParameterIsTwoWords) {
  says("invoke hello -p name=Ada", "-p name 'Ada'");
  says("invoke hello -p name=Ada -p size 3", "-p name 'Ada'");
  says("invoke hello -p name Ada Bob", "not expected: Bob");
}

TEST(Usage, AFileOfAnotherKindIsSentToItsCommand) {
  const Folder folder;
  const std::string c = folder.write("a.c", ""), rust = folder.write("a.rs", ""),
                    module = folder.path + "/a.wasm";
  for (const char* command : {"build ", "deploy ", "run --local "}) {
    says(command + c, "clang-19 --target=wasm32-wasi -O2 " + c + " -o " + module);
    says(command + rust, "rustc --target wasm32-wasi -O " + rust);
    says(command + folder.write("a.txt", ""), "no source of a function");
  }
  const std::string script = folder.write("a.js", ""), image = folder.write("a.sgx", "");
  says("build " + script, "clemmys deploy " + script);
  says("build " + image, "clemmys deploy " + image);
}

}  // namespace
}  // namespace clemmys::testing
