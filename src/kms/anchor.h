// anchor.h: remembers the hash of the journal's newest record outside the journal, so that an old journal is
// noticed. Invariant: the anchor is moved after the record is durable and before anyone gets an answer that
// depends on it.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"

namespace clemmys::kms {

class Anchor {
 public:
  virtual ~Anchor() = default;
  // read gives the anchored hash; all zero before the first advance.
  virtual Result<Digest> read() = 0;
  // advance moves the anchor from `expected` to `next`, durably. kConflict when it is no longer at
  // `expected`: another instance works on the same state, and this one must stop.
  virtual Status advance(const Digest& expected, const Digest& next) = 0;
  // name tells people and logs what freshness rests on.
  virtual std::string_view name() const = 0;
};

// insecure_file_anchor keeps the hash in folder/anchor. The host can roll it back together with the journal:
// it protects against accidents and against half-restored backups only. For development.
std::unique_ptr<Anchor> insecure_file_anchor(std::string folder);

}  // namespace clemmys::kms
