#include "defining.h"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>

namespace clemmys::testing {

namespace json = boost::json;

namespace {

constexpr int kGone = 0, kLast = 2;
constexpr int kInvoked = 5;  // of those that are there are called in the end: code and keys are theirs
constexpr int kEach = 5;     // of so many names one is deleted again, and one gets a namespace

json::object definition(int round) {
  const std::string code = "function main() { return {round: " + std::to_string(round) + "}; }";
  return {{"exec", json::object{{"kind", "nodejs:20"}, {"code", code}}},
          {"annotations", json::array{json::object{{"key", "round"}, {"value", round}}}}};
}

// round_of an action as the platform describes it; kGone where there is none, -1 for another answer.
int round_of(const Answer& answer) {
  if (answer.status == 404) return kGone;
  if (answer.status != 200) return -1;
  for (const json::value& annotation : json::parse(answer.body).at("annotations").as_array()) {
    if (annotation.at("key") == "round") return annotation.at("value").to_number<int>();
  }
  return -1;
}

// is_sequence: the platform describes it with these components; it writes the namespace's name for "_".
bool is_sequence(const Answer& answer) {
  if (answer.status != 200) return false;
  const json::value described = json::parse(answer.body);
  const json::object& exec = described.at("exec").as_object();
  const json::value* shown = exec.if_contains("components");
  if (exec.at("kind") != "sequence" || shown == nullptr) return false;
  const std::string owner = "/" + std::string(described.at("namespace").as_string()) + "/";
  return *shown == json::value{owner + "step0", owner + "step1"};
}

}  // namespace

Defining::Defining(const Platform& platform) : platform_(platform) {
  thread_ = std::thread([this] {
    for (int number = 0; !ending_; ++number) define("made" + std::to_string(number), number % kEach == 0);
  });
}

void Defining::end() {
  ending_ = true;
  if (thread_.joinable()) thread_.join();
}

bool Defining::until_acknowledged(const std::function<bool(Client&)>& asked) {
  Client client = platform_.client();
  while (!ending_) {
    try {
      if (asked(client)) {
        ++changes_;
        return true;
      }
    } catch (const std::exception&) {  // a connection that broke, or the operator's to the key service
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

// change_action: one that is asked for again because the first answer was lost may find it done.
void Defining::change_action(const std::string& name, int wanted) {
  std::set<int>& may_be = actions_[name];
  may_be.insert(wanted);
  const std::string path = "actions/" + name;
  const bool done = until_acknowledged([&](Client& client) {
    if (wanted != kGone)
      return client.api("PUT", path + "?overwrite=true", json::serialize(definition(wanted))).status == 200;
    const unsigned status = client.api("DELETE", path).status;
    return status == 200 || status == 404;
  });
  if (done) may_be = {wanted};
}

void Defining::define(const std::string& name, bool more) {
  actions_[name] = {kGone};
  change_action(name, 1);
  change_action(name, kLast);
  if (more) change_action(name, kGone);
  const json::array components{"/_/step0", "/_/step1"};
  const json::object sequence{{"exec", json::object{{"kind", "sequence"}, {"components", components}}}};
  if (until_acknowledged([&](Client& client) {
        return client.api("PUT", "actions/row-" + name + "?overwrite=true", json::serialize(sequence))
                   .status == 200;
      }))
    sequences_.insert("row-" + name);
  // A name is the operator's once: an attempt whose answer was lost is not repeated under it.
  int attempt = 0;
  if (more) {
    until_acknowledged([&](Client&) {
      const std::string owned = name + "-" + std::to_string(attempt++);
      namespaces_[owned] = platform_.add_namespace(owned);
      return true;
    });
  }
}

std::vector<std::string> Defining::problems() const {
  std::vector<std::string> found;
  Client client = platform_.client();
  int invoked = 0;
  for (const auto& [name, may_be] : actions_) {
    const int round = round_of(client.api("GET", "actions/" + name));
    if (!may_be.contains(round)) found.push_back(name + " is that of round " + std::to_string(round));
    if (may_be != std::set{kLast} || invoked == kInvoked) continue;
    ++invoked;
    const Answer answer = client.api("POST", "actions/" + name + "?blocking=true&result=true", "{}");
    if (answer.body != R"({"round":2})") found.push_back(name + " answers " + answer.body);
  }
  for (const std::string& name : sequences_) {
    const Answer answer = client.api("GET", "actions/" + name);
    if (!is_sequence(answer)) found.push_back(name + " is not as it was made: " + answer.body);
  }
  for (const auto& [name, key] : namespaces_) {
    Client owner = platform_.client_of(key);
    if (owner.api("GET", "actions").status != 200) found.push_back("the user of " + name + " is gone");
  }
  return found;
}

std::string Defining::summary() const {
  const auto sure = std::ranges::count_if(actions_, [](const auto& each) { return each.second.size() == 1; });
  return std::to_string(changes_) + " changes of " + std::to_string(actions_.size()) + " actions (" +
         std::to_string(sure) + " with a known end), " + std::to_string(sequences_.size()) +
         " sequences and " + std::to_string(namespaces_.size()) + " namespaces";
}

}  // namespace clemmys::testing
