#include "kms/state.h"

#include <algorithm>

#include "base/check.h"

namespace clemmys::kms {

std::string action_key(const wire::Action& action) {
  std::string key = action.namespace_name + "/";
  if (!action.package.empty()) key += action.package + "/";
  return key + action.name;
}

std::uint64_t retired_until_unix_ms(const ChainEntry& chain) {
  std::uint64_t until = chain.retired_unix_ms + 60'000;
  for (const wire::ChainStep& step : chain.steps) until += step.timeout_ms;
  return until;
}

Status State::apply(Delta delta) {
  if (delta.revision != revision_ + 1 || delta.unix_ms < unix_ms_)
    return Error{ErrorCode::kCorrupt, "kms.state.revision"};
  for (const ChainId& id : delta.retired) {
    if (!chains_.contains(id)) return Error{ErrorCode::kCorrupt, "kms.state.retired_chain"};
  }
  for (const wire::Action& action : delta.actions) {
    const bool known =
        action.code_id.is_zero() || codes_.contains(action.code_id) ||
        std::ranges::find(delta.codes, action.code_id, &wire::CodeKey::id) != delta.codes.end();
    if (!known) return Error{ErrorCode::kCorrupt, "kms.state.code"};
  }
  revision_ = delta.revision;
  unix_ms_ = delta.unix_ms;
  if (delta.deployment) {
    const Digest policy = delta.deployment->policy;
    deployments_.insert_or_assign(policy, std::move(*delta.deployment));
  }
  for (NamespaceEntry& entry : delta.namespaces) put_namespace(std::move(entry));
  for (wire::User& user : delta.users) put_user(std::move(user));
  for (wire::CodeKey& code : delta.codes) codes_.insert_or_assign(code.id, std::move(code.key));
  for (wire::Action& action : delta.actions) put_action(std::move(action));
  for (ChainEntry& chain : delta.chains) {
    chain.revision = revision_;
    const ChainId id = chain.id;
    touch(Kind::kChain, std::string(as_text(id.view())));
    chains_.insert_or_assign(id, std::move(chain));
  }
  for (const ChainId& id : delta.retired) {
    ChainEntry& chain = chains_.at(id);
    chain.retired_unix_ms = unix_ms_;
    chain.revision = revision_;
    retired_.emplace_back(retired_until_unix_ms(chain), id);
    touch(Kind::kChain, std::string(as_text(id.view())));
  }
  drop_expired();
  return {};
}

void State::put_namespace(NamespaceEntry entry) {
  entry.revision = revision_;
  touch(Kind::kNamespace, entry.name);
  const std::string name = entry.name;
  namespaces_.insert_or_assign(name, std::move(entry));
}

void State::put_user(wire::User user) {
  user.revision = revision_;
  touch(Kind::kUser, user.uuid);
  users_.insert_or_assign(user.uuid, std::move(user));
}

void State::forget_action(const wire::Action& action) {
  const std::string key = action_key(action);
  for (const std::string& component : action.components) {
    const auto users = used_by_.find(component.substr(1));
    if (users == used_by_.end()) continue;
    users->second.erase(key);
    if (users->second.empty()) used_by_.erase(users);
  }
  if (action.function.is_zero()) return;
  functions_.erase(action.function);
  const auto image = images_.find(action.image);
  CHECK(image != images_.end());
  if (--image->second == 0) images_.erase(image);
}

void State::put_action(wire::Action action) {
  const std::string key = action_key(action);
  const auto old = actions_.find(key);
  if (old != actions_.end() && !old->second.deleted) {
    forget_action(old->second);
    if (old->second.code_id != action.code_id) codes_.erase(old->second.code_id);  // destroys the key
  }
  action.revision = revision_;
  if (!action.deleted) {
    for (const std::string& component : action.components) used_by_[component.substr(1)].insert(key);
    if (!action.function.is_zero()) {
      functions_[action.function] = key;
      ++images_[action.image];
    }
  }
  touch(Kind::kAction, key);
  actions_.insert_or_assign(key, std::move(action));
}

void State::drop_expired() {
  const auto expired = std::partition(retired_.begin(), retired_.end(),
                                      [this](const auto& entry) { return entry.first > unix_ms_; });
  for (auto it = expired; it != retired_.end(); ++it) chains_.erase(it->second);  // destroys its secret
  retired_.erase(expired, retired_.end());
}

const Deployment* State::deployment(const Digest& policy) const {
  const auto found = deployments_.find(policy);
  return found == deployments_.end() ? nullptr : &found->second;
}
const NamespaceEntry* State::find_namespace(const std::string& name) const {
  const auto found = namespaces_.find(name);
  return found == namespaces_.end() ? nullptr : &found->second;
}
const wire::Action* State::find_action(const std::string& key) const {
  const auto found = actions_.find(key);
  return found == actions_.end() || found->second.deleted ? nullptr : &found->second;
}
const wire::Action* State::find_function(const FunctionId& function) const {
  const auto found = functions_.find(function);
  return found == functions_.end() ? nullptr : find_action(found->second);
}
const Key* State::find_code(const wire::CodeId& id) const {
  const auto found = codes_.find(id);
  return found == codes_.end() ? nullptr : &found->second;
}
const ChainEntry* State::find_chain(const ChainId& id) const {
  const auto found = chains_.find(id);
  return found == chains_.end() ? nullptr : &found->second;
}

std::vector<std::string> State::containers(const std::string& key) const {
  std::vector<std::string> order;
  std::set<std::string> seen{key};
  std::vector<std::string> frontier{key};
  while (!frontier.empty()) {
    const auto users = used_by_.find(frontier.back());
    frontier.pop_back();
    if (users == used_by_.end()) continue;
    for (const std::string& user : users->second) {
      if (!seen.insert(user).second) continue;
      order.push_back(user);
      frontier.push_back(user);
    }
  }
  return order;
}

}  // namespace clemmys::kms
