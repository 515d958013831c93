// fake_controller_server.h: for tests: a controller on a Unix socket whose functions are FakeFunctions of
// one-step chains.
#pragma once

#include <memory>
#include <string>

#include "gateway/testing/test_world.h"

namespace clemmys::gateway::testing {

class FakeControllerServer {
 public:
  // Chains are looked up in `view`; `handler` runs on the server's threads.
  FakeControllerServer(std::string socket_path, const View& view, FakeHandler handler);
  ~FakeControllerServer();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace clemmys::gateway::testing
