// observer.h: writes every envelope that passes through the controller into a folder, as 0001.envelope,
// 0002.envelope, …: all that the untrusted side ever gets to see of it. For demonstrations and tests; anybody
// on the host can do the same, so nothing is weakened by it.
#pragma once

#include <string>

#include "base/bytes.h"

namespace clemmys::controller {

class Observer {
 public:
  // Observer() observes nothing. The folder is made where missing; failures are logged once and end the
  // observation.
  Observer() = default;
  explicit Observer(std::string directory);
  void see(ByteView envelope);

 private:
  std::string directory_;
  std::uint64_t seen_ = 0;
};

}  // namespace clemmys::controller
