#include "controller/observer.h"

#include <sys/stat.h>

#include <fstream>

#include "base/log.h"

namespace clemmys::controller {

Observer::Observer(std::string directory) : directory_(std::move(directory)) {
  if (!directory_.empty()) ::mkdir(directory_.c_str(), 0700);
}

void Observer::see(ByteView envelope) {
  if (directory_.empty()) return;
  std::string number = std::to_string(++seen_);
  if (number.size() < 4) number.insert(0, 4 - number.size(), '0');
  std::ofstream file(directory_ + "/" + number + ".envelope", std::ios::binary);
  file.write(reinterpret_cast<const char*>(envelope.data()), static_cast<std::streamsize>(envelope.size()));
  if (file.flush()) return;
  log_warning("cannot write into the folder of observed envelopes: observing ends");
  directory_.clear();
}

}  // namespace clemmys::controller
