#include "kms/sessions.h"

namespace clemmys::kms {

Status Sessions::add(Session session, std::uint64_t now_unix_ms) {
  if (index_.size() >= size_max_) {
    if (now_unix_ms - order_.back().used_unix_ms < kIdleMs)
      return Error{ErrorCode::kExhausted, "kms.sessions.full"};
    end(SessionId(order_.back().cipher.session()));
  }
  session.used_unix_ms = now_unix_ms;
  const SessionId id = session.cipher.session();
  order_.push_front(std::move(session));
  index_[id] = order_.begin();
  return {};
}

Session* Sessions::use(const SessionId& id, std::uint64_t now_unix_ms) {
  const auto found = index_.find(id);
  if (found == index_.end()) return nullptr;
  order_.splice(order_.begin(), order_, found->second);
  found->second->used_unix_ms = now_unix_ms;
  return &*found->second;
}

void Sessions::end(const SessionId& id) {
  const auto found = index_.find(id);
  if (found == index_.end()) return;
  order_.erase(found->second);
  index_.erase(found);
}

}  // namespace clemmys::kms
