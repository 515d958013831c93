// view.h: the gateway's picture of users, namespaces, actions and chains, as the KMS last told it. A Snapshot
// never changes: the KMS thread builds the next one and swaps it in; workers keep a pointer and look at a
// version number per request.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "wire/definitions.h"

namespace clemmys::gateway {

// GatewayChain is a chain with the receipt key of each step, which is derived once.
struct GatewayChain : wire::Chain {
  std::vector<Key> receipt_keys;
};

using ActionPointer = std::shared_ptr<const wire::Action>;
using ChainPointer = std::shared_ptr<const GatewayChain>;
using CodeKeyPointer = std::shared_ptr<const wire::CodeKey>;
using NamespacePointer = std::shared_ptr<const wire::Namespace>;

class Snapshot {
 public:
  std::uint64_t revision() const { return revision_; }
  // user of a uuid, or null.
  const wire::User* user(std::string_view uuid) const;
  NamespacePointer find_namespace(std::string_view name) const;
  ActionPointer action(std::string_view namespace_name, std::string_view package,
                       std::string_view name) const;
  // actions of a namespace, newest change first, as OpenWhisk lists them.
  std::vector<ActionPointer> actions(std::string_view namespace_name) const;
  // code_key is null for code that no current action has.
  CodeKeyPointer code_key(const wire::CodeId& id) const;
  // chain is null for unknown and retired ones; who holds a pointer may go on opening answers with it.
  ChainPointer chain(const ChainId& id) const;

 private:
  friend class View;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  template <typename T>
  using ByName = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

  std::uint64_t revision_ = 0;
  ByName<std::shared_ptr<const wire::User>> users_;
  ByName<NamespacePointer> namespaces_;
  std::map<std::string, ActionPointer, std::less<>> actions_;  // by "namespace/package/name"
  std::map<ChainId, ChainPointer> chains_;
  std::map<wire::CodeId, CodeKeyPointer> codes_;
};

class View {
 public:
  View();
  // apply adds what changed. kCorrupt: it contradicts itself, nothing was changed. kConflict: it is older
  // than what we have.
  Status apply(wire::View changes);
  std::shared_ptr<const Snapshot> snapshot() const;
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::atomic<std::uint64_t> version_{1};
};

// ViewReader is one worker's pointer to the newest snapshot.
class ViewReader {
 public:
  explicit ViewReader(const View& view) : view_(view) {}
  std::shared_ptr<const Snapshot> get();

 private:
  const View& view_;
  std::uint64_t version_ = 0;
  std::shared_ptr<const Snapshot> snapshot_;
};

}  // namespace clemmys::gateway
