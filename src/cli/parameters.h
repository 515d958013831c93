// parameters.h: `-p KEY VALUE` and `--param-file FILE`, shared by deploy and invoke. A value that is JSON is
// taken as such, any other one as text: what OpenWhisk's own command line does.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace CLI {
class App;
}

namespace clemmys::cli {

struct Parameters {
  std::vector<std::pair<std::string, std::string>> pairs;
  std::string file;

  void add_to(CLI::App& command);
  bool empty() const { return pairs.empty() && file.empty(); }
  // merge gives one object; pairs win over the file, later pairs over earlier ones.
  Result<boost::json::object> merge() const;
};

}  // namespace clemmys::cli
