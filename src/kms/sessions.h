// sessions.h: the table of established sessions, bounded. A full table gives up the session that was idle
// longest, but none that was used within the last minute: then new ones are refused. A session that was given
// up must attest again.
#pragma once

#include <list>
#include <map>
#include <optional>

#include "wire/code.h"
#include "wire/session.h"

namespace clemmys::kms {

// Assignment binds a function's session for life to one function revision and one invoking namespace.
struct Assignment {
  FunctionId function;
  NamespaceId namespace_id;
  bool operator==(const Assignment&) const = default;
};

struct Session {
  wire::Role role = wire::Role::kFunction;
  Measurement measurement;
  wire::SessionCipher cipher;
  std::optional<Assignment> assignment;  // functions, after their first keys
  std::uint64_t known_revision = 0;      // gateways: of the last view sent
  std::uint64_t used_unix_ms = 0;
  std::list<wire::CodeKey> new_codes;  // gateways: made, and not deployed yet; newest last
};

class Sessions {
 public:
  static constexpr std::size_t kSizeMaxDefault = 16'384;
  static constexpr std::uint64_t kIdleMs = 60'000;

  explicit Sessions(std::size_t size_max = kSizeMaxDefault) : size_max_(size_max) {}
  // add is kExhausted when the table is full of sessions in use.
  Status add(Session session, std::uint64_t now_unix_ms);
  // use finds a session and marks it as used; the pointer is valid until the next add or end. nullptr:
  // unknown.
  Session* use(const SessionId& id, std::uint64_t now_unix_ms);
  void end(const SessionId& id);
  std::size_t size() const { return index_.size(); }

 private:
  std::size_t size_max_;
  std::list<Session> order_;  // the most recently used first
  std::map<SessionId, std::list<Session>::iterator> index_;
};

}  // namespace clemmys::kms
