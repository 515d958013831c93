// defining.h: a client that changes definitions all the time, whatever happens to the platform, and what it
// was told: sequences and actions that come, change and go, and namespaces with a user each. A change that
// was acknowledged must hold; one that was not may have happened or not.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "platform.h"

namespace clemmys::testing {

class Defining {
 public:
  explicit Defining(const Platform& platform);
  ~Defining() { end(); }
  void end();
  // changes that were acknowledged until now.
  int changes() const { return changes_; }
  // problems are acknowledged changes that do not hold. After end().
  std::vector<std::string> problems() const;
  std::string summary() const;

 private:
  // until_acknowledged asks for a change until it is; false: end() came first.
  bool until_acknowledged(const std::function<bool(Client&)>& asked);
  void change_action(const std::string& name, int wanted);
  // define makes an action and a sequence; `more`: deletes the action again, and makes a namespace.
  void define(const std::string& name, bool more);

  const Platform& platform_;
  std::atomic<bool> ending_ = false;
  std::atomic<int> changes_ = 0;
  // By name of an action: what it may be now, as a round of its definition; kGone for none.
  std::map<std::string, std::set<int>> actions_;
  std::set<std::string> sequences_;
  std::map<std::string, std::string> namespaces_;  // and the key of its owner
  std::thread thread_;
};

}  // namespace clemmys::testing
