// state.h: what the KMS knows: namespaces, users, actions, sequences, chains. It changes by apply(delta)
// alone, so that replaying the journal gives exactly this state. No clock, no randomness, no I/O. Threads:
// one. Invariants: a chain in `chains()` is current or retired; an action's `chain` is current or zero; every
// current chain's functions belong to current actions.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kms/delta.h"

namespace clemmys::kms {

// action_key is an action's full name: "namespace/[package/]name".
std::string action_key(const wire::Action& action);

// retired_until is when nothing sealed for a retired chain can still be under way: all its steps' time-outs,
// one after the other, and a minute.
std::uint64_t retired_until_unix_ms(const ChainEntry& chain);

class State {
 public:
  // apply is all or nothing for the caller that stops on error: kCorrupt means a journal that this program
  // did not write.
  Status apply(Delta delta);

  std::uint64_t revision() const { return revision_; }
  std::uint64_t unix_ms() const { return unix_ms_; }  // of the last delta

  const Deployment* deployment(const Digest& policy) const;
  const NamespaceEntry* find_namespace(const std::string& name) const;
  // find_action gives current actions only, never deleted ones.
  const wire::Action* find_action(const std::string& key) const;
  const wire::Action* find_function(const FunctionId& function) const;
  const ChainEntry* find_chain(const ChainId& id) const;
  // find_code gives the key of a current script's code.
  const Key* find_code(const wire::CodeId& id) const;
  // image_is_deployed: some current action runs exactly this image.
  bool image_is_deployed(const Measurement& image) const { return images_.contains(image); }
  // containers gives every sequence that contains `key`, directly or through others, outer ones after inner
  // ones where possible.
  std::vector<std::string> containers(const std::string& key) const;
  std::size_t action_count() const { return functions_.size(); }

  // view gives all that changed after `since`, without namespaces that are locked under `policy` and without
  // chains whose time passed at now_unix_ms. Chain keys are derived here.
  wire::View view(std::uint64_t since, const Digest& policy, std::uint64_t now_unix_ms) const;

 private:
  enum class Kind : std::uint8_t { kNamespace, kUser, kAction, kChain };
  struct Touched {
    std::uint64_t revision;
    Kind kind;
    std::string key;  // a chain's id as 16 raw characters
  };
  void put_namespace(NamespaceEntry entry);
  void put_user(wire::User user);
  void put_action(wire::Action action);
  void forget_action(const wire::Action& action);
  void touch(Kind kind, std::string key) { touched_.push_back({revision_, kind, std::move(key)}); }
  void drop_expired();
  bool is_locked(const std::string& namespace_name, const Digest& policy) const;

  std::uint64_t revision_ = 0, unix_ms_ = 0;
  std::map<Digest, Deployment> deployments_;
  std::map<std::string, NamespaceEntry> namespaces_;
  std::map<std::string, wire::User> users_;      // by uuid
  std::map<std::string, wire::Action> actions_;  // by full name; deleted ones stay as tombstones
  std::map<FunctionId, std::string> functions_;
  std::map<Measurement, std::size_t> images_;
  std::map<wire::CodeId, Key>
      codes_;  // each of one current action, which keeps it while its code stays the same
  std::map<std::string, std::set<std::string>> used_by_;  // component → sequences that name it
  std::map<ChainId, ChainEntry> chains_;
  std::vector<std::pair<std::uint64_t, ChainId>> retired_;  // (until, chain)
  std::vector<Touched> touched_;                            // by revision, ascending
};

}  // namespace clemmys::kms
