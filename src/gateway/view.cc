#include "gateway/view.h"

#include <algorithm>

#include "wire/envelope.h"

namespace clemmys::gateway {
namespace {

std::string action_key(std::string_view namespace_name, std::string_view package, std::string_view name) {
  std::string key;
  key.reserve(namespace_name.size() + package.size() + name.size() + 2);
  return key.append(namespace_name).append("/").append(package).append("/").append(name);
}

Status check_chain(const wire::Chain& chain) {
  const bool consistent = !chain.steps.empty() && chain.return_keys.size() == chain.steps.size() &&
                          chain.digest == wire::chain_digest(chain.namespace_id, chain.steps);
  if (!consistent) return Error{ErrorCode::kCorrupt, "gateway.view.chain"};
  return {};
}

}  // namespace

const wire::User* Snapshot::user(std::string_view uuid) const {
  auto found = users_.find(uuid);
  return found == users_.end() ? nullptr : found->second.get();
}
NamespacePointer Snapshot::find_namespace(std::string_view name) const {
  auto found = namespaces_.find(name);
  return found == namespaces_.end() ? nullptr : found->second;
}
ActionPointer Snapshot::action(std::string_view namespace_name, std::string_view package,
                               std::string_view name) const {
  auto found = actions_.find(action_key(namespace_name, package, name));
  return found == actions_.end() ? nullptr : found->second;
}
std::vector<ActionPointer> Snapshot::actions(std::string_view namespace_name) const {
  const std::string prefix = std::string(namespace_name) + "/";
  std::vector<ActionPointer> result;
  for (auto at = actions_.lower_bound(prefix); at != actions_.end() && at->first.starts_with(prefix); ++at)
    result.push_back(at->second);
  std::ranges::sort(result, std::ranges::greater(),
                    [](const ActionPointer& a) { return a->updated_unix_ms; });
  return result;
}
CodeKeyPointer Snapshot::code_key(const wire::CodeId& id) const {
  auto found = codes_.find(id);
  return found == codes_.end() ? nullptr : found->second;
}
ChainPointer Snapshot::chain(const ChainId& id) const {
  auto found = chains_.find(id);
  return found == chains_.end() ? nullptr : found->second;
}

View::View() : snapshot_(std::make_shared<Snapshot>()) {}

Status View::apply(wire::View changes) {
  auto next = std::make_shared<Snapshot>(*snapshot());
  if (changes.revision < next->revision_) return Error{ErrorCode::kConflict, "gateway.view.older"};
  const bool empty = changes.namespaces.empty() && changes.users.empty() && changes.actions.empty() &&
                     changes.chains.empty();
  if (empty && changes.revision == next->revision_) return {};
  next->revision_ = changes.revision;

  for (wire::Namespace& entry : changes.namespaces) {
    std::string name = entry.name;
    next->namespaces_[std::move(name)] = std::make_shared<wire::Namespace>(std::move(entry));
  }
  for (wire::User& user : changes.users) {
    std::string uuid = user.uuid;
    if (user.deleted) {
      next->users_.erase(uuid);
    } else {
      next->users_[std::move(uuid)] = std::make_shared<wire::User>(std::move(user));
    }
  }
  for (wire::Action& action : changes.actions) {
    std::string key = action_key(action.namespace_name, action.package, action.name);
    if (const auto old = next->actions_.find(key); old != next->actions_.end())
      next->codes_.erase(old->second->code_id);  // what is still used comes again below
    if (action.deleted) {
      next->actions_.erase(key);
    } else {
      next->actions_[std::move(key)] = std::make_shared<wire::Action>(std::move(action));
    }
  }
  for (wire::CodeKey& code : changes.codes)
    next->codes_[code.id] = std::make_shared<wire::CodeKey>(std::move(code));
  for (wire::Chain& chain : changes.chains) {
    const ChainId id = chain.id;
    if (chain.retired_unix_ms != 0) {
      next->chains_.erase(id);
    } else {
      TRY(check_chain(chain));
      auto kept = std::make_shared<GatewayChain>(std::move(chain));
      for (const Key& key : kept->return_keys) kept->receipt_keys.push_back(wire::receipt_key(key));
      next->chains_[id] = std::move(kept);
    }
  }
  const std::lock_guard lock(mutex_);
  snapshot_ = std::move(next);
  version_.fetch_add(1, std::memory_order_release);
  return {};
}

std::shared_ptr<const Snapshot> View::snapshot() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

std::shared_ptr<const Snapshot> ViewReader::get() {
  if (const std::uint64_t version = view_.version(); version != version_) {
    snapshot_ = view_.snapshot();
    version_ = version;
  }
  return snapshot_;
}

}  // namespace clemmys::gateway
