// view.cc: State::view, the part of the state that gateways may hold.
#include <algorithm>

#include "kms/state.h"
#include "wire/envelope.h"

namespace clemmys::kms {
namespace {

wire::Chain with_keys(const ChainEntry& entry) {
  wire::Chain chain;
  chain.id = entry.id;
  chain.namespace_id = entry.namespace_id;
  chain.namespace_name = entry.namespace_name;
  chain.digest = entry.digest;
  chain.steps = entry.steps;
  chain.revision = entry.revision;
  chain.retired_unix_ms = entry.retired_unix_ms;
  const auto steps = static_cast<std::uint16_t>(entry.steps.size());
  chain.first_edge = wire::edge_key(entry.secret, entry.digest, 0);
  chain.last_edge = wire::edge_key(entry.secret, entry.digest, steps);
  for (std::uint16_t i = 0; i < steps; ++i) {
    chain.return_keys.push_back(wire::return_key(entry.secret, entry.digest, i));
  }
  return chain;
}

}  // namespace

bool State::is_locked(const std::string& namespace_name, const Digest& policy) const {
  const NamespaceEntry* entry = find_namespace(namespace_name);
  return entry == nullptr || entry->policy != policy;
}

wire::View State::view(std::uint64_t since, const Digest& policy, std::uint64_t now_unix_ms) const {
  wire::View view;
  view.revision = revision_;
  const auto first = std::upper_bound(
      touched_.begin(), touched_.end(), since,
      [](std::uint64_t revision, const Touched& entry) { return revision < entry.revision; });
  for (auto it = first; it != touched_.end(); ++it) {
    // An entity that changed again later is given once, where it changed last.
    switch (it->kind) {
      case Kind::kNamespace: {
        const NamespaceEntry& entry = namespaces_.at(it->key);
        if (entry.revision != it->revision || is_locked(entry.name, policy)) break;
        view.namespaces.push_back({entry.id, entry.name, entry.record_key.copy(), entry.revision});
        break;
      }
      case Kind::kUser: {
        const wire::User& user = users_.at(it->key);
        if (user.revision != it->revision || is_locked(user.namespace_name, policy)) break;
        if (!user.deleted || since != 0) view.users.push_back(user);
        break;
      }
      case Kind::kAction: {
        const wire::Action& action = actions_.at(it->key);
        if (action.revision != it->revision || is_locked(action.namespace_name, policy)) break;
        if (const Key* key = find_code(action.code_id); key != nullptr && !action.deleted)
          view.codes.push_back({action.code_id, key->copy()});
        if (!action.deleted || since != 0) view.actions.push_back(action);
        break;
      }
      case Kind::kChain: {
        const auto chain = chains_.find(*ChainId::from(as_bytes(it->key)));
        if (chain == chains_.end() || chain->second.revision != it->revision) break;
        if (is_locked(chain->second.namespace_name, policy)) break;
        if (chain->second.retired_unix_ms != 0 && retired_until_unix_ms(chain->second) <= now_unix_ms) break;
        view.chains.push_back(with_keys(chain->second));
        break;
      }
    }
  }
  return view;
}

}  // namespace clemmys::kms
